// Package command is the claimshare command line: one file per noun, and
// beside them exit.go with the table of exit codes, output.go with the two
// forms of every answer, and secrets.go, where passphrases come from.
//
// No secret is ever an argument, and none is ever printed.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/claimshare/claimshare/client/wire/trace"
)

// app is one run of the program.
type app struct {
	in     io.Reader
	out    io.Writer
	err    io.Writer
	output string // text or json

	// started says that flags and arguments were accepted: what fails before
	// is the user's command line.
	started bool
	// scryptWork is age's work factor; zero is age's own choice. Tests lower it.
	scryptWork int
}

// Run runs the program and answers its exit code.
func Run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	return (&app{in: in, out: out, err: errOut}).run(ctx, args)
}

func (a *app) run(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	if asksForJSON(args) {
		a.output = "json"
	}
	if err := a.versionFlag(root); err != nil {
		return a.fail(root, err)
	}
	c, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK.Code
	}
	var word string
	switch n, _ := fmt.Sscanf(err.Error(), "unknown command %q for", &word); {
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		err = errInterrupted
	case n == 1 && !a.started:
		err = noSuchCommand(c, word)
	case !a.started && !errors.Is(err, errUsage):
		err = usage("%w", err)
	}
	return a.fail(c, err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "claimshare",
		Short: "Share insurance policies and repair records with the policyholder's consent",
		Long: `claimshare encrypts policies and repair records so that only the policyholder
can read them, and so that a proxy that cannot read them can re-encrypt them for
whom the policyholder names.

"params", "keys" and "record" work on files, without a network: anyone can use
the encryption. "doctor" says what is wrong with a set-up and what to do.`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.PersistentFlags().StringVarP(&a.output, "output", "o", "text", "form of the answer: text or json")
	_ = root.RegisterFlagCompletionFunc("output", oneOf("text", "json"))
	root.AddCommand(
		group("params", "The public parameters of a deployment", a.paramsNew(), a.paramsShow()),
		group("keys", "A party's keys", a.keysNew(), a.keysShow()),
		group("record", "Sealed records, as files", a.recordSeal(), a.recordOpen(), a.recordVerify(), a.recordInspect()),
		a.node(),
		a.nodeStatus(),
		a.config(),
		a.wallet(),
		a.audit(),
		a.backup(),
		a.restore(),
		a.doctor(),
		a.version(),
		&cobra.Command{Use: "exit-codes", Short: "What each exit code means", Long: exitTable()},
	)
	return root
}

// group is a command that only has commands below it.
func group(name, short string, below ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use:   name,
		Short: short,
		Args:  func(c *cobra.Command, args []string) error { return noSuchCommand(c, append(args, "")[0]) },
		Run:   func(*cobra.Command, []string) {}, // so that Args is asked
	}
	c.AddCommand(below...)
	return c
}

// action wraps what a command does.
func (a *app) action(do func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		if a.output != "text" && a.output != "json" {
			return usage("--output is text or json, not %q", a.output)
		}
		a.started = true
		return do(trace.Ensure(c.Context()), args)
	}
}

// oneOf completes a flag that takes one of a few words.
func oneOf(words ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(slices.Clone(words), cobra.ShellCompDirectiveNoFileComp)
}
