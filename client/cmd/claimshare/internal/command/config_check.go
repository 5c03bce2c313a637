package command

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/keyfile"
	"github.com/claimshare/claimshare/client/node"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/postgres"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
)

func (a *app) configCheck() *cobra.Command {
	var sources func() node.Sources
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "check",
		Short: "Say what keeps a node from working, and what to do",
		Long: `Read everything that a node's configuration names as "node run" would, without
starting it, and say what is wrong and what to do: files and their modes, keys,
certificates, the directory, addresses, the database, the peers, and whether the
ledger knows the party. Nothing is changed. A node that runs may be checked. The
exit code is 30 when there is a problem.` + precedence,
		Example: `  claimshare config check --config insurer.yaml`,
		Args:    cobra.NoArgs,
		RunE: a.action(func(ctx context.Context, _ []string) error {
			e := &examination{patient: patient{now: time.Now(), timeout: timeout}, diagnosis: &diagnosis{Healthy: true}}
			e.examine(ctx, sources())
			if err := a.print(e.diagnosis); err != nil {
				return err
			}
			if !e.Healthy {
				return fmt.Errorf("%w: %d", errUnhealthy, e.Problems)
			}
			return nil
		}),
	}
	c.Flags().DurationVar(&timeout, "timeout", 10*time.Second, "how long to wait for each answer of network or database")
	c, sources = configured(c)
	return c
}

// examination is a look at everything that a configuration names.
type examination struct {
	patient
	*diagnosis
	config *node.Config

	party   record.PartyID // zero when its keys cannot be opened
	running *nodev1.StatusResponse
}

func (e *examination) examine(ctx context.Context, sources node.Sources) {
	settings, err := sources.Read()
	if err == nil {
		e.config, err = settings.Config, settings.Config.Validate()
	}
	if err != nil {
		e.add("config", sources.File, problem, err.Error(), `correct it; docs/configuration.md lists the fields, and "claimshare config show" says where values come from`)
		return
	}
	e.ok("config", sources.File, "%s %q", e.config.Role, e.config.Name)
	examineClock(e.diagnosis, e.now)
	e.keys()
	e.operator(ctx)
	e.database(ctx)
	e.directory()
	e.addresses()
	e.wallets()
	e.ledger(ctx)
}

// keys looks at the key files and at what opens them.
func (e *examination) keys() {
	if err := e.config.CheckUnlock(); err != nil {
		e.add("unlock", "", problem, err.Error(), unlockAdvice(err))
		return // nothing can be opened
	}
	party, err := e.config.CheckKeys()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.add("keys", "", warning, e.config.Keys+" is not there yet", `have the authority give a code, and run "claimshare node enrol"; the authority itself runs "claimshare node setup"`)
	case err != nil:
		e.add("keys", "", problem, err.Error(), unlockAdvice(err))
	default:
		e.party = party
		e.ok("keys", e.config.Keys, "of party %s", party)
	}
	if e.config.Master == "" {
		return
	}
	if err := e.config.CheckMaster(); err != nil {
		e.add("master", "", problem, err.Error(), unlockAdvice(err))
		return
	}
	e.ok("master", e.config.Master, "the master key")
}

func unlockAdvice(err error) string {
	switch {
	case errors.Is(err, keyfile.ErrPermissions):
		return "make it private (chmod 600), as the node's user; when others may have read it, also make new keys"
	case errors.Is(err, keyfile.ErrLocked):
		return "name the passphraseFile or identityFile with which the file was locked"
	case errors.Is(err, fs.ErrNotExist):
		return "correct the name, or make the file: docs/nodes.md"
	case errors.Is(err, fs.ErrPermission):
		return "run this as the node's user, and have that user own the file"
	}
	return "check that it is the right file, or restore it from a backup"
}

// operator looks for the operator socket, and whether this node runs.
func (e *examination) operator(ctx context.Context) {
	socket := e.config.Operator
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	if probe, err := net.Dial("unix", socket); err == nil {
		_ = probe.Close()
		connection, err := node.DialOperator(socket)
		if err == nil {
			defer func() { _ = connection.Close() }()
			e.running, err = nodev1.NewOperatorServiceClient(connection).Status(ctx, &nodev1.StatusRequest{})
		}
		switch {
		case err != nil:
			e.add("operator", socket, problem, "something listens there that does not answer as a node: "+err.Error(), "end it, or choose another path")
		case e.party != (record.PartyID{}) && e.running.GetParty() != e.party.String():
			e.running = nil
			e.add("operator", socket, problem, "another party's node listens there", "give each node an operator socket of its own")
		default:
			e.ok("operator", socket, "the node runs")
		}
		return
	} else if errors.Is(err, fs.ErrPermission) {
		e.add("operator", socket, problem, err.Error(), "run this as the node's user")
		return
	}
	if err := writable(filepath.Dir(socket)); err != nil {
		e.add("operator", socket, problem, err.Error(), "make the folder, and have the node's user own it")
		return
	}
	e.ok("operator", socket, "the node does not run")
}

// writable says whether files can be made in a folder.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".claimshare-check-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// database looks at the store and at the folder beside it.
func (e *examination) database(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	if e.config.PostgreSQL() {
		e.postgreSQL(ctx)
	} else if _, err := os.Stat(e.config.Store); errors.Is(err, fs.ErrNotExist) {
		e.willBeMade("store", e.config.Store)
	} else {
		examineStore(ctx, e.diagnosis, e.config.Store)
	}
	if info, err := os.Stat(e.config.Payloads); errors.Is(err, fs.ErrNotExist) {
		e.willBeMade("payloads", e.config.Payloads)
	} else if err == nil && !info.IsDir() {
		e.add("payloads", e.config.Payloads, problem, "it is no folder", "name a folder")
	} else if err := errors.Join(err, writable(e.config.Payloads)); err != nil {
		e.add("payloads", "", problem, err.Error(), "have the node's user own the folder")
	} else {
		e.ok("payloads", e.config.Payloads, "there, and files can be made in it")
	}
}

// willBeMade looks at something that a node makes when it starts.
func (e *examination) willBeMade(check, path string) {
	dir := filepath.Dir(path)
	for { // the node makes folders too
		_, err := os.Stat(dir)
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	if err := writable(dir); err != nil {
		e.add(check, path, problem, "it is not there, and cannot be made: "+err.Error(), "correct the name, or have the node's user own the folder")
		return
	}
	e.ok(check, path, "not there yet: the node makes it")
}

func (e *examination) postgreSQL(ctx context.Context) {
	name := e.config.StoreName()
	if verified, err := postgres.Verified(e.config.Store); err == nil && !verified {
		e.add("store TLS", name, warning, "the server is on another machine, and its certificate is not verified: who is on the way can be the server",
			"add sslmode=verify-full to the URL, and sslrootcert=FILE with who issued the server's certificate")
	}
	summary, err := postgres.Check(ctx, e.config.Store)
	var why string // in one line
	if err != nil {
		why = strings.Join(strings.Fields(err.Error()), " ")
	}
	switch {
	case err == nil && summary.Schema == 0:
		e.ok("store", name, "the server answers; the database is empty: the node fills it")
	case err == nil:
		e.ok("store", name, "the server answers, schema version %d, %s", summary.Schema, counted(summary.Records, "record"))
	case errors.Is(err, store.ErrNewer):
		e.add("store", name, problem, why, "use the version of the program that wrote it, or a later one")
	case databaseAdvice(err) != "":
		e.add("store", name, problem, why, databaseAdvice(err))
	default:
		e.add("store", name, problem, why, "correct the URL, or have the server's administrator let this user use this database")
	}
}

func (e *examination) directory() {
	nodes, err := node.CheckDirectory(e.config.Directory)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.add("directory", "", problem, err.Error(), "make it; it may be empty until the other nodes' addresses are known")
	case err != nil:
		e.add("directory", "", problem, err.Error(), "correct it: docs/nodes.md shows its form")
	case nodes == 0:
		e.add("directory", e.config.Directory, warning, "it lists no nodes", "add the other nodes when their addresses are known")
	default:
		e.ok("directory", e.config.Directory, "%d nodes", nodes)
	}
}

// addresses looks whether the node can listen where it should.
func (e *examination) addresses() {
	for _, listener := range []struct{ check, address string }{
		{"parties", e.config.Parties.Address}, {"wallets", e.config.Wallets.Address}, {"metrics", e.config.Metrics.Address},
	} {
		if listener.address == "" {
			continue
		}
		e.address(listener.check, listener.address)
	}
}

func (e *examination) address(check, address string) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		e.add(check, address, problem, "it is no host:port: "+err.Error(), "write host:port, 0.0.0.0:7051 for all of this machine's addresses")
		return
	}
	err = node.CheckAddress(address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE) && e.running != nil:
		e.ok(check, address, "taken while this node runs")
	case errors.Is(err, syscall.EADDRINUSE):
		e.add(check, address, problem, "another program listens there", "end it, or choose another port")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		e.add(check, address, problem, err.Error(), "name an address of this machine, or 0.0.0.0")
	case errors.Is(err, fs.ErrPermission):
		e.add(check, address, problem, err.Error(), "choose a port of 1024 or more, or let the node's user listen on it (CAP_NET_BIND_SERVICE)")
	case err != nil:
		e.add(check, address, problem, err.Error(), "correct the address")
	case e.running != nil && port != "0":
		e.add(check, address, warning, "the node runs and does not listen there", "restart it, to have it use this configuration")
	default:
		e.ok(check, address, "free")
	}
}

// wallets looks at the certificate for wallets.
func (e *examination) wallets() {
	w := e.config.Wallets
	if w.Address == "" {
		return
	}
	if err := keyfile.CheckPrivate(w.Key); err != nil {
		e.add("wallets", "", problem, err.Error(), unlockAdvice(err))
		return
	}
	pair, err := tls.LoadX509KeyPair(w.Certificate, w.Key)
	if err != nil {
		e.add("wallets", w.Certificate, problem, err.Error(), "name a PEM certificate and the key that was made with it")
		return
	}
	e.examineCertificate(e.diagnosis, w.Certificate, pair.Leaf)
	if len(pair.Leaf.DNSNames)+len(pair.Leaf.IPAddresses) == 0 {
		e.add("wallets", w.Certificate, problem, "the certificate names no host", "have one issued for the host name or IP address by which wallets call")
		return
	}
	var names []string
	names = append(names, pair.Leaf.DNSNames...)
	for _, ip := range pair.Leaf.IPAddresses {
		names = append(names, ip.String())
	}
	e.ok("wallets", w.Certificate, "for %s", strings.Join(names, ", "))
}

// ledger looks at the connection to Fabric, and asks the ledger for the party.
func (e *examination) ledger(ctx context.Context) {
	connection, err := e.config.Fabric()
	if err != nil {
		e.add("connection", "", problem, err.Error(), "correct the file or the variables: docs/configuration.md#connection-to-fabric")
		return
	}
	before := e.Problems
	from := e.config.Connection
	if from == "" {
		from = "environment"
	}
	e.examineLedger(ctx, e.diagnosis, from, connection, nil)
	if e.party == (record.PartyID{}) {
		return
	}
	if e.Problems > before {
		e.add("party", e.party.String(), skipped, "not asked for: first the problems above", "")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	if err := e.config.CheckParty(ctx, e.party); err != nil {
		e.add("party", "", problem, err.Error(), "use keys, role and certificate of the same party; a new one is enrolled first: docs/nodes.md")
		return
	}
	e.ok("party", e.party.String(), "the ledger knows it by this role and certificate")
}
