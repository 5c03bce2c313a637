package command

import (
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/claimshare/claimshare/client/keyfile"
	"github.com/claimshare/claimshare/crypto/pre"
)

func (a *app) paramsNew() *cobra.Command {
	var (
		system string
		l      lock
	)
	c := &cobra.Command{
		Use:   "new NAME",
		Short: "Make a new system: its master key and its public parameters",
		Long: `Make a new system, as its system manager.

NAME.key is the master key, encrypted: it issues and traces pseudo-identities
and opens search trapdoors. NAME.params.json are the public parameters, which
everybody needs. Neither file is ever overwritten.`,
		Example: `  claimshare params new authority --system "Claims of Ruritania"`,
		Args:    arguments("NAME"),
		RunE: a.action(func(ctx context.Context, args []string) error {
			return a.newParams(ctx, args[0], system, l)
		}),
	}
	c.Flags().StringVar(&system, "system", "", "public name of the system, 1 to 64 bytes")
	l.flags(c)
	return needed(c, "system TITLE")
}

func (a *app) newParams(ctx context.Context, name, system string, l lock) error {
	keyPath, paramsPath := name+".key", name+".params.json"
	if err := absent(keyPath, paramsPath); err != nil {
		return err
	}
	master, err := pre.GenerateMasterKey()
	if err != nil {
		return err
	}
	params, err := pre.NewParameters(system, master.PublicKey())
	if err != nil {
		return usage("--system: %w", err)
	}
	recipients, err := a.recipientsFor(ctx, l)
	if err != nil {
		return err
	}
	contents := &keyfile.Contents{Created: time.Now(), System: &keyfile.System{Name: system, Master: master}}
	if err := keyfile.Create(keyPath, contents, recipients...); err != nil {
		return err
	}
	if err := keyfile.WriteParameters(paramsPath, params); err != nil {
		return errors.Join(err, os.Remove(keyPath))
	}
	return a.print(append(describe(params),
		field{"keyFile", "master key", keyPath}, field{"paramsFile", "parameters", paramsPath}))
}

func (a *app) paramsShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show FILE",
		Short: "Check and show a parameters file",
		Args:  arguments("FILE"),
		RunE: a.action(func(_ context.Context, args []string) error {
			params, err := named{"params show", args[0]}.parameters()
			if err != nil {
				return err
			}
			return a.print(describe(params))
		}),
	}
}

func describe(p *pre.Parameters) answer {
	id := p.ID()
	return answer{
		{"systemName", "system", p.SystemName()},
		{"paramsId", "parameters id", hex.EncodeToString(id[:])},
		{"masterPublicKey", "master public key", hex.EncodeToString(p.MasterPublicKey())},
	}
}

// absent answers fs.ErrExist when one of the files is there: said before any
// work is done, and said again by whoever creates them.
func absent(paths ...string) error {
	for _, path := range paths {
		if _, err := os.Lstat(path); err == nil {
			return &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
		}
	}
	return nil
}
