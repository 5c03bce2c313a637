package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/claimshare/claimshare/network/launch"
)

func newDown(o *options) *cobra.Command {
	var purge bool
	command := &cobra.Command{
		Use:   "down",
		Short: "Stop the network and wait until it is gone",
		Long: `Stop the network and wait until every process is gone. The ledgers and keys
stay for the next up, unless --purge removes them.`,
		Args: noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			network, err := o.open()
			if errors.Is(err, launch.ErrNoNetwork) {
				return o.sayDown("there is no network to stop", false)
			}
			if err != nil {
				return err
			}
			if err := network.Down(command.Context()); err != nil {
				return err
			}
			if !purge {
				return o.sayDown("the network is down", false)
			}
			if err := network.Remove(); err != nil {
				return err
			}
			return o.sayDown("the network is down and its state removed", true)
		},
	}
	command.Flags().BoolVar(&purge, "purge", false, "also remove the ledgers, keys and logs")
	return command
}

func (o *options) sayDown(sentence string, removed bool) error {
	if o.output == outputJSON {
		return writeJSON(o.stdout, map[string]any{"condition": launch.Stopped, "removed": removed})
	}
	_, err := fmt.Fprintln(o.stdout, sentence)
	return err
}
