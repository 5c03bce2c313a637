package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/claimshare/claimshare/network/launch"
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
				return &exitError{exitUsage, err}
			}
			if chaincode == testChaincode {
				made = made.WithTestChaincode()
			}
			dir, err := o.stateDir()
			if err != nil {
				return err
			}
			began := time.Now()
			network, err := launch.Up(command.Context(), made, dir, o.progress())
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
			return nil
		},
	}
	command.Flags().StringVar(&profile, "profile", topology.DevelopmentProfile, strings.Join(topology.ProfileNames(), " or "))
	chaincodeFlag(command, &chaincode)
	return command
}
