// Program claimshare-package makes what an operator deploys on a Fabric network
// of their own: the chaincode as a vendored Go package and as a package for the
// chaincode as a service. docs/deploy.md says how to use them.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/keyfile"
	"github.com/claimshare/claimshare/network/pack"
	"github.com/claimshare/claimshare/network/programs"
	"github.com/claimshare/claimshare/network/progress"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newRoot().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "claimshare-package:", err)
		os.Exit(1)
	}
}

// options are the flags of the command.
type options struct {
	out, system   string
	name, version string
	connection    pack.Connection
}

func newRoot() *cobra.Command {
	var o options
	root := &cobra.Command{
		Use:           "claimshare-package",
		Short:         "Make the chaincode's packages for a Fabric network of your own.",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(command *cobra.Command, _ []string) error {
			return o.make(command.Context(), command.OutOrStdout(), command.ErrOrStderr())
		},
	}
	flags := root.Flags()
	flags.StringVar(&o.out, "out", filepath.Join(".build", "package"), "folder for what is made")
	flags.StringVar(&o.system, "system", "", "system.json: who the system managers are (default: the checkout's placeholder)")
	flags.StringVar(&o.name, "name", "claimshare", "the chaincode's name on the channel")
	flags.StringVar(&o.version, "version", "1.0", "the chaincode's version on the channel")
	flags.StringVar(&o.connection.Address, "address", "", "where a peer finds the service (default: {{.peername}}_NAME_ccaas:9999, as deployCCAAS has it)")
	flags.BoolVar(&o.connection.TLS, "tls", false, "the service has a certificate, which each peer checks against its {{.root_cert}}")
	flags.BoolVar(&o.connection.ClientAuth, "client-auth", false, "with --tls: each peer shows its {{.client_cert}}")
	root.AddCommand(newSystem(), newSetup())
	return root
}

// names are what Fabric takes as a chaincode's name and version.
var names = regexp.MustCompile(`^[A-Za-z0-9]+([_.+-][A-Za-z0-9]+)*$`)

func (o options) make(ctx context.Context, stdout, stderr io.Writer) error {
	if !names.MatchString(o.name) || !names.MatchString(o.version) {
		return fmt.Errorf("name %q and version %q: use letters, digits, and single dots or dashes between them", o.name, o.version)
	}
	checkout, err := programs.Checkout()
	if err != nil {
		return err
	}
	out, err := filepath.Abs(o.out)
	if err != nil {
		return err
	}
	var system []byte
	if o.system != "" {
		if system, err = os.ReadFile(o.system); err != nil {
			return err
		}
	}
	label := o.name + "_" + o.version
	source := filepath.Join(out, "source")
	if err := pack.Source(ctx, checkout, source, system); err != nil {
		return err
	}
	fabric, err := programs.Fabric(ctx, checkout, progress.Printer(stderr))
	if err != nil {
		return err
	}
	golang := filepath.Join(out, label+".golang.tar.gz")
	golangID, err := pack.Golang(ctx, fabric, source, label, golang)
	if err != nil {
		return err
	}
	if o.connection.Address == "" {
		o.connection.Address = "{{.peername}}_" + o.name + "_ccaas:9999"
	}
	archive, serviceID, err := pack.Service(label, o.connection)
	if err != nil {
		return err
	}
	service := filepath.Join(out, label+".ccaas.tar.gz")
	if err := os.WriteFile(service, archive, 0o644); err != nil {
		return err
	}
	managers, err := pack.Managers(filepath.Join(source, "system.json"))
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "source       %s\nGo package   %s\n  id         %s\nservice      %s\n  id         %s\n  address    %s\nmanagers     %s\n",
		source, golang, golangID, service, serviceID, o.connection.Address, strings.Join(managers, "\n             "))
	fmt.Fprint(stdout, oneOfThree)
	if o.system == "" {
		fmt.Fprint(stderr, placeholderWarning)
	}
	return nil
}

const oneOfThree = `
You need one of the three: the folder for the scripts of fabric-samples, the Go
package for your peers to compile, or the service package and a service of yours.
docs/deploy.md goes through each.
`

const placeholderWarning = `
Warning: no system.json was given, so the Go package has the placeholder. On your
network nobody is the system manager above: the chaincode would install and run,
but nobody could ever set the ledger up. Make a system.json of your own, for
example in the folder of the checkout with

    go run ./network/cmd/claimshare-package system Org1MSP=cert.pem > system.json

and pack again with make package SYSTEM=system.json.
`

func newSystem() *cobra.Command {
	var threshold int
	system := &cobra.Command{
		Use:   "system MSP=CERTIFICATE...",
		Short: "Print a system.json in which the holders of these certificates are the system managers.",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, certificates []string) error {
			if threshold < 1 {
				return errors.New("the threshold must be at least 1")
			}
			raw, err := pack.System(threshold, certificates)
			if err != nil {
				return err
			}
			_, err = command.OutOrStdout().Write(raw)
			return err
		},
	}
	system.Flags().IntVar(&threshold, "threshold", 1, "how many agencies (MSPs) must agree on a decision of the agencies")
	return system
}

func newSetup() *cobra.Command {
	return &cobra.Command{
		Use:   "setup PARAMETERS",
		Short: "Print the argument with which registry:InitSystem sets the ledger up with these parameters.",
		Args:  cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, files []string) error {
			params, err := keyfile.ReadParameters(files[0])
			if err != nil {
				return err
			}
			setup := record.Setup{Parameters: params.Bytes(), RecordWindow: record.DefaultRecordWindow, ClockSkew: record.DefaultClockSkew}
			fmt.Fprintln(command.OutOrStdout(), record.EncodeText(setup.Encode()))
			return nil
		},
	}
}
