package command

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// arguments are a command's positional arguments, by name.
func arguments(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch takes := list(names); {
		case len(args) == len(names):
			return nil
		case len(names) == 0:
			return usage("%s takes no arguments, but got %s", title(c), strings.Join(args, " "))
		case len(args) > len(names):
			return usage("%s takes %s, and nothing more: what is %q?", title(c), takes, args[len(names)])
		case len(names) == 1:
			return usage("%s needs %s", title(c), takes)
		default:
			return usage("%s needs %s: there is no %s", title(c), takes, list(names[len(args):]))
		}
	}
}

// needed marks flags without which a command means nothing. Each is a name and
// what it takes: "params FILE".
func needed(c *cobra.Command, flags ...string) *cobra.Command {
	var names []string
	for i, flag := range flags {
		name, _, _ := strings.Cut(flag, " ")
		if err := c.MarkFlagRequired(name); err != nil {
			panic(err) // a flag that the caller does not define
		}
		names, flags[i] = append(names, name), "--"+flag
	}
	word, rest, _ := strings.Cut(c.Use, " ")
	c.Use = strings.Join(append(append([]string{word}, flags...), rest), " ")
	also(c, func() error {
		var missing []string
		for _, name := range names {
			if !c.Flags().Changed(name) {
				missing = append(missing, "--"+name)
			}
		}
		if len(missing) > 0 {
			return usage("%s needs %s", title(c), list(missing))
		}
		return nil
	})
	return c
}

// oneOfFlags says that at most one of two flags can be given.
func oneOfFlags(c *cobra.Command, one, other string) {
	c.MarkFlagsMutuallyExclusive(one, other) // for completion
	also(c, func() error {
		if c.Flags().Changed(one) && c.Flags().Changed(other) {
			return usage("use --%s or --%s, not both", one, other)
		}
		return nil
	})
}

// also adds a check of the command line, ahead of cobra's own.
func also(c *cobra.Command, check func() error) {
	before := c.Args
	c.Args = func(c *cobra.Command, args []string) error {
		if err := before(c, args); err != nil {
			return err
		}
		return check()
	}
}

// noSuchCommand is the answer to a word that is no command of c; "" when there
// was none.
func noSuchCommand(c *cobra.Command, word string) error {
	var names []string
	for _, below := range c.Commands() {
		if below.IsAvailableCommand() {
			names = append(names, below.Name())
		}
	}
	if word == "" {
		return usage("%s needs one of its commands: %s", title(c), list(names))
	}
	no := fmt.Sprintf("%s has no command %q", title(c), word)
	if !c.HasParent() {
		no = fmt.Sprintf("there is no command %q", word)
	}
	c.SuggestionsMinimumDistance = 2
	if meant := c.SuggestionsFor(word); len(meant) > 0 {
		return usage("%s: did you mean %s?", no, strings.Join(meant, " or "))
	}
	return usage("%s, but %s", no, list(names))
}

// title is the command without the program's name, which stands before every
// message.
func title(c *cobra.Command) string {
	return strings.TrimPrefix(c.CommandPath(), c.Root().Name()+" ")
}

func list(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}

// asksForJSON reads --output from arguments that may be wrong otherwise.
func asksForJSON(args []string) bool {
	answer, last := false, ""
	for _, arg := range args {
		switch flag, value, given := strings.Cut(arg, "="); {
		case arg == "--":
			return answer
		case last == "--output" || last == "-o":
			answer = arg == "json"
		case given && (flag == "--output" || flag == "-o"):
			answer = value == "json"
		case arg == "-ojson":
			answer = true
		}
		last = arg
	}
	return answer
}

// usageLine is how the command is written.
func usageLine(c *cobra.Command) string {
	if c.HasSubCommands() {
		return fmt.Sprintf("%s COMMAND", c.CommandPath())
	}
	return c.UseLine()
}
