package command

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/node"
	"github.com/claimshare/claimshare/client/wallet"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
)

func (a *app) node() *cobra.Command {
	return group("node", "One organisation's node: the authority, an insurer, a repair shop or a proxy",
		a.nodeSetUp(), a.nodeEnrol(), a.nodeRun(), a.nodeInvite(), a.nodeAllowRotation(), a.nodeIssue(), a.nodeAsk(),
		a.nodeConsents(), a.nodeFetch(), a.nodeRead(), a.nodeErase(), a.nodeDispute(), a.nodeResolve(), a.nodeTrace(),
		a.nodeSuspend(), a.nodeExpel(), a.nodeReinstate(), a.nodeDecide())
}

// configFlag adds --config, which every node command needs.
func configFlag(c *cobra.Command, path *string) *cobra.Command {
	c.Flags().StringVar(path, "config", "", "the node's configuration file")
	return needed(c, "config FILE")
}

func (a *app) nodeSetUp() *cobra.Command {
	var sources func() node.Sources
	c := &cobra.Command{
		Use:   "setup",
		Short: "Set a new deployment up, as its authority",
		Long: `Set a new deployment up: put the parameters that follow from the master key on
the ledger, make the authority's own keys, and register them. What is done
already stays as it is.` + precedence,
		Args: cobra.NoArgs,
		RunE: a.action(func(ctx context.Context, _ []string) error {
			loaded, err := sources().Load()
			if err != nil {
				return err
			}
			party, err := node.SetUp(ctx, loaded)
			if err != nil {
				return err
			}
			return a.print(describeParty(party))
		}),
	}
	c, sources = configured(c)
	return c
}

func describeParty(p *record.Party) answer {
	return answer{{"party", "party", p.ID.String()}, {"pid", "pseudo-identity", p.PID}, {"role", "role", p.Role.String()},
		{"msp", "organisation", p.MSP}, {"subject", "certificate", p.Subject}}
}

func (a *app) nodeEnrol() *cobra.Command {
	var authority, ca, codeFile string
	var sources func() node.Sources
	c := &cobra.Command{
		Use:   "enrol",
		Short: "Enrol a node with the one-time code that the authority gave",
		Long: `Enrol a node: make its keys for the pseudo-identity that the code stands for,
and have the authority register them. The code is asked for on the terminal, or
read from a file. With the same code this may be run again after any failure.` + precedence,
		Args: cobra.NoArgs,
		RunE: a.action(func(ctx context.Context, _ []string) error {
			loaded, err := sources().Load()
			if err != nil {
				return err
			}
			code, err := a.code(ctx, codeFile)
			if err != nil {
				return err
			}
			connection, err := dialTLS(authority, ca)
			if err != nil {
				return err
			}
			defer connection.Close()
			party, err := node.Enrol(ctx, loaded, nodev1.NewEnrolmentServiceClient(connection), code)
			if err != nil {
				return enrolling(authority, err)
			}
			return a.print(describeParty(party))
		}),
	}
	c.Flags().StringVar(&authority, "authority", "", "host:port where the authority's node listens for wallets")
	c.Flags().StringVar(&ca, "ca", "", "PEM file with the authority that issued that node's certificate")
	c.Flags().StringVar(&codeFile, "code-file", "", "file whose first line is the code (default: ask)")
	c, sources = configured(c)
	return needed(needed(c, "authority HOST:PORT"), "ca FILE")
}

// code reads a one-time code from a file, or asks for it.
func (a *app) code(ctx context.Context, file string) (string, error) {
	if file != "" {
		line, err := readPassphrase(file)
		return string(line), err
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return "", refuse(errPassphrase, "name a file that holds it with --code-file", "there is no terminal to ask for the code")
	}
	defer tty.Close()
	line, err := ask(ctx, tty, "One-time code: ")
	return string(line), err
}

// dialTLS connects to a wallet listener.
func dialTLS(address, ca string) (*grpc.ClientConn, error) {
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, refuse(errKind, "name a PEM file with certificates", "%s holds no certificate", ca)
	}
	return grpc.NewClient("dns:///"+address, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13})))
}

func (a *app) nodeRun() *cobra.Command {
	var sources func() node.Sources
	c := &cobra.Command{
		Use:   "run",
		Short: "Run a node until it is told to stop",
		Long: `Run a node. It follows the ledger, listens for other parties' nodes, for wallets
and on the operator socket, and writes a log, one JSON object a line, to standard
error. SIGTERM and Ctrl-C let calls in progress end; a second one does not. SIGHUP
has it read certificates, keys and directory again.` + precedence,
		Args: cobra.NoArgs,
		RunE: a.action(func(ctx context.Context, _ []string) error {
			loaded, err := sources().Load()
			if err != nil {
				return err
			}
			log, err := loaded.Logger(a.err)
			if err != nil {
				return err
			}
			err = node.Run(ctx, loaded, log, func(s node.Serving) error {
				return a.print(answer{{"party", "party", s.Party.String()}, {"parties", "parties", s.Parties}, {"wallets", "wallets", s.Wallets}, {"operator", "operator", loaded.Operator}, {"metrics", "metrics", s.Metrics}})
			})
			if errors.Is(err, context.Canceled) && ctx.Err() != nil {
				return nil
			}
			return running(loaded, err)
		}),
	}
	c, sources = configured(c)
	return c
}

// running is the error of a node that does not come up.
func running(config *node.Config, err error) error {
	switch {
	case errors.Is(err, node.ErrRunning):
		return refuse(node.ErrConfig, `there is nothing to do: "claimshare status" says how it is; to start it anew, end that process first`, "%w", err)
	case errors.Is(err, node.ErrNoKeys) && config.Role == record.RoleAuthority.String():
		return refuse(node.ErrConfig, `run "claimshare node setup" first, or name the right file`, "%w", err)
	case errors.Is(err, node.ErrNoKeys):
		return refuse(node.ErrConfig, `run "claimshare node enrol" first, with the code that the system manager gives, or name the right file`, "%w", err)
	}
	return err
}

func operatorOf(config string) (nodev1.OperatorServiceClient, *grpc.ClientConn, error) {
	loaded, err := node.LoadConfig(config)
	if err != nil {
		return nil, nil, err
	}
	if err := listens(config, loaded.Operator); err != nil {
		return nil, nil, err
	}
	connection, err := node.DialOperator(loaded.Operator)
	if err != nil {
		return nil, nil, fmt.Errorf("operator socket %s: %w", loaded.Operator, err)
	}
	return nodev1.NewOperatorServiceClient(connection), connection, nil
}

// listens says whether a node listens on an operator socket, and otherwise what
// to do.
func listens(config, socket string) error {
	probe, err := net.Dial("unix", socket)
	switch {
	case err == nil:
		return probe.Close()
	case errors.Is(err, fs.ErrPermission):
		return refuse(wallet.ErrUnreachable, "run it as the user that runs the node", "operator socket: %w", err)
	}
	return refuse(wallet.ErrUnreachable, "start the node: claimshare node run --config "+config, "the node does not run: %w", err)
}
