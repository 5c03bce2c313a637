package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/claimshare/claimshare/network/programs"
)

func newBuild(o *options) *cobra.Command {
	var chaincode string
	command := &cobra.Command{
		Use:   "build",
		Short: "Build what a network runs, without starting one",
		Long: `Build Hyperledger Fabric, the chaincode and the supervisor into the cache.
Other commands do this as needed; the first time takes a minute or two. All
checkouts of this user share the cache; ` + programs.CacheVariable + ` moves it.`,
		Args: noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			program, err := chaincodeProgram(chaincode)
			if err != nil {
				return err
			}
			checkout, err := programs.Checkout()
			if err != nil {
				return err
			}
			set, err := programs.Build(command.Context(), checkout, program, o.progress(command.Context()))
			if err != nil {
				return err
			}
			if o.output == outputJSON {
				return writeJSON(o.stdout, set)
			}
			cache, err := programs.CacheDir()
			if err != nil {
				return err
			}
			fmt.Fprintf(o.stdout, "every program is built, in %s\n", cache)
			return nil
		},
	}
	chaincodeFlag(command, &chaincode)
	return command
}

const (
	claimshareChaincode = "claimshare"
	testChaincode       = "test"
)

func chaincodeFlag(command *cobra.Command, value *string) {
	command.Flags().StringVar(value, "chaincode", claimshareChaincode, `what the peers run: claimshare, or test (stores and reads bytes)`)
}

func chaincodeProgram(flag string) (string, error) {
	switch flag {
	case claimshareChaincode:
		return programs.ClaimShareChaincode, nil
	case testChaincode:
		return programs.TestChaincode, nil
	}
	return "", usage("unknown chaincode %q: use %s or %s", flag, claimshareChaincode, testChaincode)
}
