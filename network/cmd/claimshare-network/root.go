package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/claimshare/claimshare/network/launch"
	"github.com/claimshare/claimshare/network/programs"
	"github.com/claimshare/claimshare/network/progress"
)

// Exit codes.
const (
	exitFailed      = 1 // it did not work; standard error says why
	exitUsage       = 2 // the command line makes no sense
	exitNotRunning  = 3 // status: there is no network, or it does not run
	exitInterrupted = 130
)

// options are the flags that all commands share.
type options struct {
	dir    string
	output string
	stdout io.Writer
	stderr io.Writer
}

// exitError carries an exit code that is not the usual one, or advice.
type exitError struct {
	code   int
	err    error
	advice string
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...), "add --help to the command"}
}

func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o := &options{stdout: stdout, stderr: stderr}
	root := newRoot(o)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	if asksForJSON(args) {
		o.output = outputJSON
	}
	if err := o.versionFlag(root); err != nil {
		return o.fail(root, err)
	}
	command, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	var word string
	switch n, _ := fmt.Sscanf(err.Error(), "unknown command %q for", &word); {
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		err = &exitError{code: exitInterrupted, err: errInterrupted}
	case n == 1:
		err = noSuchCommand(root, word)
	}
	return o.fail(command, err)
}

var errInterrupted = errors.New("stopped; nothing is left running")

func newRoot(o *options) *cobra.Command {
	root := &cobra.Command{
		Use:   "claimshare-network",
		Short: "Run a ClaimShare network on this machine",
		Long: `Run a ClaimShare network on this machine: real Hyperledger Fabric orderers and
peers with the ClaimShare chaincode, as plain processes, without containers.
All state of a network is in one directory.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if o.output != outputText && o.output != outputJSON {
				return usage("--output %q: use %s or %s", o.output, outputText, outputJSON)
			}
			return nil
		},
	}
	root.PersistentFlags().StringVar(&o.dir, "dir", "", "state directory (default: .run in the checkout)")
	root.PersistentFlags().StringVarP(&o.output, "output", "o", outputText, "text or json")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage("%w", err) })
	root.AddCommand(newBuild(o), newUp(o), newStatus(o), newDown(o), newDemo(o), newBench(o))
	return root
}

// stateDir is the directory that --dir names, or the checkout's.
func (o *options) stateDir() (string, error) {
	if o.dir != "" {
		return filepath.Abs(o.dir)
	}
	checkout, err := programs.Checkout()
	if err != nil {
		return "", fmt.Errorf("%w; or name the state directory with --dir", err)
	}
	return filepath.Join(checkout, ".run"), nil
}

func (o *options) open() (*launch.Network, error) {
	dir, err := o.stateDir()
	if err != nil {
		return nil, err
	}
	return launch.Open(dir)
}

// progress goes to standard error, so that standard output is the result alone.
// What ends because the user interrupts it has not failed.
func (o *options) progress(ctx context.Context) progress.Func {
	show := progress.Printer(o.stderr)
	return func(event progress.Event) {
		if event.State == progress.Failed && ctx.Err() != nil {
			event.State = progress.Stopped
		}
		show(event)
	}
}

func noArguments(command *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("%s takes no arguments, but got %s", command.Name(), strings.Join(args, " "))
	}
	return nil
}
