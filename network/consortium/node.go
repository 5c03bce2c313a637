package consortium

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"
	"go.yaml.in/yaml/v3"
	"google.golang.org/grpc"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/node"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/network/launch"
	"github.com/claimshare/claimshare/network/topology"
)

// Node is one organisation's node.
type Node struct {
	Identity string // name of its certificate in the network
	Title    string // as people call it
	MSP      string
	Role     record.Role
	Party    record.PartyID
	PID      string

	Dir    string // everything of the node's
	Config string // its configuration file
	Log    string // what it wrote

	Store    string // its database: an SQLite file, or the URL of a PostgreSQL database
	Payloads string // folder of its large payloads

	Parties  string // host:port for other nodes
	Wallets  string // host:port for wallets
	Metrics  string // host:port for metrics and health
	Operator string // path of the socket
	Server   launch.ServerFiles

	connection *grpc.ClientConn
	Ask        nodev1.OperatorServiceClient // on the operator socket
}

// roleOf tells what an identity of the network is in ClaimShare; zero for those
// that run no node.
func roleOf(who topology.IdentityOf) record.Role {
	switch {
	case who.Role == topology.AuthorityRole:
		return record.RoleAuthority
	case who.Role == topology.ProxyRole:
		return record.RoleProxy
	case who.Name != who.Organization.Name: // a second identity, for paper mode
		return 0
	case who.Organization.Kind == topology.Insurer:
		return record.RoleInsurer
	case who.Organization.Kind == topology.RepairShop:
		return record.RoleRepairShop
	}
	return 0
}

// socketFolder is a folder for sockets: dir, or a temporary one when that has so
// long a name that paths in it are too long for sockets.
func socketFolder(dir string) (string, error) {
	const longest = 80 // 107 less the longest name of an identity
	if len(dir) <= longest {
		return dir, nil
	}
	return os.MkdirTemp("", "claimshare-sockets-*")
}

// prepare writes everything that a node needs before it is enrolled.
func prepare(ctx context.Context, network *launch.Network, dir, sockets string, who topology.IdentityOf, options Options, taken map[string]bool) (*Node, error) {
	n := &Node{
		Identity: who.Name, Title: who.Organization.Title, MSP: who.Organization.MSPID, Role: roleOf(who),
		Dir: filepath.Join(dir, who.Name), Operator: filepath.Join(sockets, who.Name+".sock"),
	}
	n.Config, n.Log = filepath.Join(n.Dir, "node.yaml"), filepath.Join(n.Dir, "node.log")
	if err := os.MkdirAll(n.Dir, 0o700); err != nil {
		return nil, err
	}
	var err error
	if n.Server, err = network.ServerFiles(who.Name); err != nil {
		return nil, err
	}
	for _, address := range []*string{&n.Parties, &n.Wallets, &n.Metrics} {
		if *address, err = launch.FreeAddress(taken); err != nil {
			return nil, err
		}
		taken[*address] = true
	}
	if err := writeIdentity(filepath.Join(n.Dir, "identity.txt")); err != nil {
		return nil, err
	}
	n.Store = filepath.Join(cmp.Or(options.Data[who.Name], n.Dir), "party.sqlite")
	n.Payloads = n.Store + ".payloads"
	if options.Database != nil {
		if n.Store, err = database(ctx, n.Dir, options.Database); err != nil {
			return nil, fmt.Errorf("make the database of %s: %w", who.Name, err)
		}
	}
	config := node.Config{
		Name: who.Name, Role: n.Role.String(), Connection: network.ConnectionFile(who.Name), Store: n.Store, Payloads: n.Payloads, Keys: "party.key",
		IdentityFile: "identity.txt", Directory: filepath.Join(dir, "directory.yaml"), Parties: node.Listen{Address: n.Parties},
		Wallets:  node.WalletListen{Address: n.Wallets, Certificate: n.Server.Certificate, Key: n.Server.Key},
		Operator: n.Operator, Metrics: node.MetricsListen{Address: n.Metrics},
	}
	switch n.Role {
	case record.RoleAuthority:
		config.Master = "master.key"
		config.Wallets.Enrolments = options.Enrolments
	case record.RoleInsurer, record.RoleRepairShop:
		config.Submit = options.Submit
	}
	raw, err := yaml.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("write the configuration of %s: %w", who.Name, err)
	}
	return n, os.WriteFile(n.Config, raw, 0o600)
}

// database has a database made, puts its password into a file, and answers a URL
// that names the file: a configuration may hold no password.
func database(ctx context.Context, dir string, make func(context.Context) (string, error)) (string, error) {
	address, err := make(ctx)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", errors.New("it is not a URL") // the error would repeat the password
	}
	secret, _ := u.User.Password()
	file := filepath.Join(dir, "pgpass")
	line := strings.Join([]string{u.Hostname(), u.Port(), strings.TrimPrefix(u.Path, "/"), u.User.Username(), secret}, ":")
	if err := os.WriteFile(file, []byte(line+"\n"), 0o600); err != nil {
		return "", err
	}
	u.User = url.User(u.User.Username())
	query := u.Query()
	query.Set("passfile", file)
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// writeIdentity makes the age identity that unlocks a node's key files.
func writeIdentity(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(identity.String()+"\n"), 0o600)
}

// dial connects to the operator socket.
func (n *Node) dial() (err error) {
	if n.connection, err = node.DialOperator(n.Operator); err != nil {
		return fmt.Errorf("operator socket of %s: %w", n.Identity, err)
	}
	n.Ask = nodev1.NewOperatorServiceClient(n.connection)
	return nil
}

func (n *Node) close() error {
	if n.connection == nil {
		return nil
	}
	err := n.connection.Close()
	n.connection = nil
	return err
}
