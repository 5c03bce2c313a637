package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/claimshare/claimshare/network/programs"
)

var exitNames = map[int]string{
	exitFailed: "failed", exitUsage: "usage", exitNotRunning: "not-running", exitInterrupted: "interrupted",
}

// fail prints err, which came of a command, and answers the exit code. With
// --output json it is the last line of standard error.
func (o *options) fail(command *cobra.Command, err error) int {
	coded := &exitError{code: exitFailed, err: err}
	errors.As(err, &coded)
	line := ""
	if coded.code == exitUsage {
		line = command.UseLine()
		if command.HasSubCommands() {
			line = command.CommandPath() + " COMMAND"
		}
	}
	if o.output == outputJSON {
		var doc struct {
			Error struct {
				Name     string `json:"name"`
				ExitCode int    `json:"exitCode"`
				Message  string `json:"message"`
				Advice   string `json:"advice,omitempty"`
				Usage    string `json:"usage,omitempty"`
			} `json:"error"`
		}
		doc.Error.Name, doc.Error.ExitCode, doc.Error.Message = exitNames[coded.code], coded.code, err.Error()
		doc.Error.Advice, doc.Error.Usage = coded.advice, line
		_ = json.NewEncoder(o.stderr).Encode(doc) // nobody is left to tell
		return coded.code
	}
	fmt.Fprintf(o.stderr, "claimshare-network: %v\n", err)
	if line != "" {
		fmt.Fprintf(o.stderr, "usage: %s\n", line)
	}
	if coded.advice != "" {
		fmt.Fprintf(o.stderr, "what to do: %s\n", coded.advice)
	}
	return coded.code
}

func noSuchCommand(root *cobra.Command, word string) error {
	root.SuggestionsMinimumDistance = 2
	if meant := root.SuggestionsFor(word); len(meant) > 0 {
		return usage("there is no command %q: did you mean %s?", word, strings.Join(meant, " or "))
	}
	var names []string
	for _, command := range root.Commands() {
		if command.IsAvailableCommand() {
			names = append(names, command.Name())
		}
	}
	return usage("there is no command %q, but %s", word, strings.Join(names, ", "))
}

// asksForJSON reads --output from arguments that may be wrong otherwise.
func asksForJSON(args []string) bool {
	answer, last := false, ""
	for _, arg := range args {
		switch flag, value, given := strings.Cut(arg, "="); {
		case arg == "--":
			return answer
		case last == "--output" || last == "-o":
			answer = arg == outputJSON
		case given && (flag == "--output" || flag == "-o"):
			answer = value == outputJSON
		case arg == "-o"+outputJSON:
			answer = true
		}
		last = arg
	}
	return answer
}

// versionFlag lets --version tell which program this is.
func (o *options) versionFlag(root *cobra.Command) error {
	version := struct {
		Version  string `json:"version"`
		Revision string `json:"revision,omitempty"`
		Go       string `json:"go"`
		Fabric   string `json:"fabric"`
	}{Version: "(unknown)", Fabric: programs.FabricVersion}
	if info, ok := debug.ReadBuildInfo(); ok {
		version.Version, version.Go = info.Main.Version, info.GoVersion
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				version.Revision = setting.Value
			}
		}
	}
	text := fmt.Sprintf("claimshare-network  %s\nbuilt with          %s\nHyperledger Fabric  %s\n", version.Version, version.Go, version.Fabric)
	if o.output == outputJSON {
		var b strings.Builder
		if err := writeJSON(&b, version); err != nil {
			return err
		}
		text = b.String()
	}
	root.Flags().Bool("version", false, "show the version")
	root.Version = version.Version
	root.SetVersionTemplate(text)
	return nil
}
