package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/claimshare/claimshare/network/launch"
)

func newStatus(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show the network's processes",
		Long: `Show the network's processes. The exit code is 0 while the network runs and 3
when it does not.`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			network, err := o.open()
			if errors.Is(err, launch.ErrNoNetwork) {
				return &exitError{code: exitNotRunning, err: err}
			}
			if err != nil {
				return err
			}
			status, err := network.Status()
			if err != nil {
				return err
			}
			if o.output == outputJSON {
				err = writeJSON(o.stdout, status)
			} else {
				err = writeStatus(o.stdout, status)
			}
			if err == nil && status.Condition != launch.Running {
				return &exitError{code: exitNotRunning, err: explain(status.Condition)}
			}
			return err
		},
	}
}

func explain(condition launch.Condition) error {
	switch condition {
	case launch.Crashed:
		return errors.New("the supervisor was killed and every process with it: `up` goes on with the ledgers as they are, `down --purge` removes them")
	case launch.Incomplete:
		return errors.New("an `up` was stopped before the network was ready: `up` starts afresh")
	}
	return errors.New("the network does not run: `up` starts it")
}
