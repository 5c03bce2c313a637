package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/network/launch"
	"github.com/claimshare/claimshare/network/programs"
	"github.com/claimshare/claimshare/network/topology"
)

func newUp(o *options) *cobra.Command {
	var profile, chaincode string
	command := &cobra.Command{
		Use:   "up",
		Short: "Start the network and leave it running",
		Long: `Start the network and leave it running under a supervisor that restarts what
dies. A network that was stopped goes on with the ledgers it had.`,
		Args: noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			made, err := topology.Profile(profile)
			if err != nil {
				return usage("%w", err)
			}
			if _, err := chaincodeProgram(chaincode); err != nil {
				return err
			}
			if chaincode == testChaincode {
				made = made.WithTestChaincode()
			}
			dir, err := o.stateDir()
			if err != nil {
				return err
			}
			began := time.Now()
			network, err := launch.Up(command.Context(), made, dir, o.progress(command.Context()))
			if errors.Is(err, launch.ErrRunning) {
				return &exitError{exitFailed, err, fmt.Sprintf("%s shows it, %s stops it", o.invocation("status"), o.stopping(dir))}
			}
			if err != nil {
				return err
			}
			status, err := network.Status()
			if err != nil {
				return err
			}
			if o.output == outputJSON {
				return writeJSON(o.stdout, status)
			}
			fmt.Fprintf(o.stdout, "the network is up after %s: channel %s, chaincode %s\n",
				time.Since(began).Round(100*time.Millisecond), made.Channel, made.Chaincode.Name)
			var names []string
			for _, who := range made.Identities() {
				names = append(names, who.Name)
			}
			fmt.Fprintf(o.stdout, "connection files for %s are in %s/connections\n", strings.Join(names, ", "), dir)
			fmt.Fprintf(o.stdout, "see it: %s    stop it: %s\n", o.invocation("status"), o.stopping(dir))
			if isNew(command.Context(), network) {
				fmt.Fprintln(o.stdout, "its ledger is empty until a system manager sets it up with claimshare node setup: docs/network.md#first-steps")
			}
			return nil
		},
	}
	command.Flags().StringVar(&profile, "profile", topology.DevelopmentProfile, strings.Join(topology.ProfileNames(), " or "))
	chaincodeFlag(command, &chaincode)
	return command
}

// isNew says whether the network's ledger certainly waits for its system
// manager.
func isNew(ctx context.Context, network *launch.Network) bool {
	identities := network.Topology().Identities()
	if len(identities) == 0 {
		return false
	}
	connection, err := ledger.LoadConnection(network.ConnectionFile(identities[0].Name))
	if err != nil {
		return false
	}
	l, err := ledger.Dial(connection)
	if err != nil {
		return false
	}
	defer func() { _ = l.Close() }()
	const patience = 10 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err = client.OpenChain(ctx, l)
	return errors.Is(err, record.ErrNotInitialised)
}

// invocation is how the user can call this program for the same network.
func (o *options) invocation(command string) string {
	program := filepath.Base(os.Args[0])
	if path, err := filepath.Abs(os.Args[0]); err == nil && !strings.Contains(path, "/go-build") { // go run removes it
		if program = short(path); strings.Contains(os.Args[0], "/") && !strings.Contains(program, "/") {
			program = "./" + program
		}
	}
	if o.dir == "" {
		return program + " " + command
	}
	return program + " " + command + " --dir " + short(o.dir)
}

// stopping is how to stop the network in dir.
func (o *options) stopping(dir string) string {
	if checkout, err := programs.Checkout(); err == nil && dir == filepath.Join(checkout, ".run") {
		return "make network-down"
	}
	return o.invocation("down")
}

// short is a path below the working directory relative to it.
func short(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	below, err := filepath.Rel(here, path)
	if err != nil || strings.HasPrefix(below, "..") {
		return path
	}
	return below
}
