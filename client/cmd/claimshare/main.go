// Command claimshare seals and opens records, keeps keys and parameters, and
// says what is wrong with a set-up: see "claimshare help" and docs/cli.md.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/claimshare/claimshare/client/cmd/claimshare/internal/command"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	return command.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}
