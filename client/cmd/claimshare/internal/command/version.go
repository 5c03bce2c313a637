package command

import (
	"bytes"
	"context"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func (a *app) version() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the version of this program",
		Args:  arguments(),
		RunE: a.action(func(context.Context, []string) error {
			return a.print(buildVersion())
		}),
	}
}

// versionFlag makes --version print what the command prints.
func (a *app) versionFlag(root *cobra.Command) error {
	var b bytes.Buffer
	if err := (&app{out: &b, output: a.output}).print(buildVersion()); err != nil {
		return err
	}
	root.Flags().Bool("version", false, "show the version, as the command does")
	root.Version = "set"
	root.SetVersionTemplate(b.String())
	return nil
}

func buildVersion() answer {
	out := answer{{"version", "claimshare", "(unknown)"}}
	if info, ok := debug.ReadBuildInfo(); ok {
		out[0].value = info.Main.Version
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				out = append(out, field{"revision", "revision", s.Value})
			case "vcs.time":
				out = append(out, field{"revisionTime", "of", s.Value})
			case "vcs.modified":
				out = append(out, field{"modified", "modified", s.Value})
			}
		}
	}
	return append(out, field{"go", "built with", runtime.Version()},
		field{"platform", "for", runtime.GOOS + "/" + runtime.GOARCH},
		field{"cryptography", "cryptography", "ClaimShare-v1-BN254"})
}
