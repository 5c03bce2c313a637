package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/claimshare/claimshare/network/launch"
	"github.com/claimshare/claimshare/network/programs"
	"github.com/claimshare/claimshare/network/story"
	"github.com/claimshare/claimshare/network/topology"
)

func newDemo(o *options) *cobra.Command {
	command := &cobra.Command{
		Use:   "demo",
		Short: "Play ClaimShare's whole story on a network of its own",
		Long: `Start a network and a node for each organisation, play the whole story on them
with an invented data set, and stop them again. With --output json it prints one
document with every scene's facts. Ledgers, databases, wallets and logs stay in
the state directory, to be looked at, until the next demo or make clean.`,
		Args: noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			dir := o.dir
			if dir == "" {
				checkout, err := programs.Checkout()
				if err != nil {
					return fmt.Errorf("%w; or name the state directory with --dir", err)
				}
				dir = filepath.Join(checkout, ".demo")
			}
			return o.demo(command.Context(), dir)
		},
	}
	// The flag of the root, with the demo's own directory.
	command.Flags().StringVar(&o.dir, "dir", "", "state directory (default: .demo in the checkout)")
	return command
}

func (o *options) demo(ctx context.Context, dir string) (err error) {
	if err := clearDemo(dir); err != nil {
		return err
	}
	if err := o.buildNodes(ctx); err != nil {
		return err
	}
	began := time.Now()
	network, err := launch.Hold(ctx, topology.Development(), dir, o.progress(ctx))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, network.Down(context.WithoutCancel(ctx))) }()
	up := time.Since(began)
	ctx, stop := whileRunning(ctx, network)
	defer stop()

	printer := story.NewPrinter(o.stdout, coloured(o.stdout))
	show := printer.Scene
	if o.output == outputJSON {
		show = func(s *story.Scene) { fmt.Fprintf(o.stderr, "scene %2d  %-14s %5.1f s\n", s.Number, s.Name, s.Seconds) }
	}
	if o.output != outputJSON {
		printer.Begin()
	}
	report, err := story.Run(ctx, network, story.Watch{Scene: show})
	if died := context.Cause(ctx); errors.Is(died, errNetworkDied) {
		return died
	}
	if o.output == outputJSON && report != nil { // also what was played before an error
		err = errors.Join(err, report.WriteJSON(o.stdout))
	}
	if errors.Is(err, story.ErrStory) {
		return fmt.Errorf("%w\nThis should not happen: please report it. Logs are in %s and in the folders of %s", err, filepath.Join(network.Dir(), "logs"), filepath.Join(network.Dir(), story.Parties))
	}
	if err != nil || o.output == outputJSON {
		return err
	}
	printer.End(report, up)
	fmt.Fprintf(o.stdout, "Ledgers, logs, databases and wallets are in %s until the next demo or make clean.\n", network.Dir())
	return nil
}

// buildNodes builds the program that the nodes run, which would otherwise happen
// in the middle of the story.
func (o *options) buildNodes(ctx context.Context) error {
	checkout, err := programs.Checkout()
	if err != nil {
		return err
	}
	_, err = programs.ClaimShare(ctx, checkout, o.progress(ctx))
	return err
}

var errNetworkDied = errors.New("the network died in the middle of the demo (was its supervisor killed?); nothing of it is left: run the demo again")

// whileRunning ends the returned context when the network does, so that nobody
// waits for peers that will not come back.
func whileRunning(ctx context.Context, network *launch.Network) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if status, err := network.Status(); err == nil && status.Condition != launch.Running {
				cancel(errNetworkDied)
				return
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}

// clearDemo removes what an earlier demo left, which includes a network that a
// crash left behind.
func clearDemo(dir string) error {
	network, err := launch.Open(dir)
	if errors.Is(err, launch.ErrNoNetwork) {
		return nil
	}
	if err != nil {
		return err
	}
	if status, err := network.Status(); err == nil && status.Condition == launch.Running {
		return fmt.Errorf("a demo is running in %s: wait for it, or stop it with `claimshare-network down --dir %s`", dir, dir)
	}
	for _, folder := range []string{story.Parties, story.Wallets} {
		if err := os.RemoveAll(filepath.Join(network.Dir(), folder)); err != nil {
			return err
		}
	}
	return network.Remove()
}

// coloured says whether w is a terminal whose user has not opted out.
func coloured(w io.Writer) bool {
	file, ok := w.(*os.File)
	_, refused := os.LookupEnv("NO_COLOR")
	return ok && !refused && term.IsTerminal(int(file.Fd()))
}
