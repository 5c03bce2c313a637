package story

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/sqlite"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/network/launch"
)

// Parties is the folder of the parties' databases in a network's directory.
const Parties = "parties"

// workers is how many things a party does at once.
const workers = 16

// organisation is a member of the network: an insurer or a repair shop.
type organisation struct {
	identity string // name of its certificate in the network
	title    string
	role     record.Role
	database string // path of its SQLite file

	keys   *client.Keys
	chain  *client.Chain
	store  store.Store
	member *client.Member
	party  *record.Party
}

// holder is a policyholder with a wallet.
type holder struct {
	identity string // who it really is, known to the system manager alone
	keys     *client.Keys
	wallet   *client.Owner
	party    *record.Party
}

// cast is everybody in the story.
type cast struct {
	network *launch.Network
	dir     string // of the parties' databases
	ledgers []*ledger.Ledger
	secret  func(name string, value []byte) // may be called by several at once

	master    *pre.MasterKey
	manager   *client.Chain // the system manager's view of the ledger
	authority *client.Authority

	insurers []*organisation
	shops    []*organisation
	proxy    *client.Proxy
	proxyDB  store.Store
	holders  []*holder
}

// assemble prepares the parties; nobody is registered yet.
func assemble(network *launch.Network) (*cast, error) {
	c := &cast{network: network, dir: filepath.Join(network.Dir(), Parties)}
	// A story is told from its beginning: what an earlier one left is gone.
	if err := os.RemoveAll(c.dir); err != nil {
		return nil, fmt.Errorf("clear the parties' databases: %w", err)
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make a folder for the parties' databases: %w", err)
	}
	for _, who := range network.Topology().Identities() {
		o := &organisation{identity: who.Name, title: who.Organization.Title}
		switch {
		case who.Name == who.Organization.Name && who.Organization.Kind == "insurer":
			o.role = record.RoleInsurer
			c.insurers = append(c.insurers, o)
		case who.Name == who.Organization.Name && who.Organization.Kind == "repair-shop":
			o.role = record.RoleRepairShop
			c.shops = append(c.shops, o)
		}
	}
	return c, expect(len(c.insurers) == 2 && len(c.shops) == 2, "the story needs two insurers and two repair shops")
}

// close ends connections and databases.
func (c *cast) close() error {
	var all []error
	for _, l := range c.ledgers {
		all = append(all, l.Close())
	}
	for _, o := range c.organisations() {
		if o.store != nil {
			all = append(all, o.store.Close())
		}
	}
	if c.proxyDB != nil {
		all = append(all, c.proxyDB.Close())
	}
	return errors.Join(all...)
}

func (c *cast) organisations() []*organisation {
	return append(append([]*organisation{}, c.insurers...), c.shops...)
}

// dial connects to the ledger with one of the network's certificates, and tells
// the MSP and subject under which the ledger knows it.
func (c *cast) dial(identity string, options ...ledger.Option) (l *ledger.Ledger, msp, subject string, err error) {
	connection, err := ledger.LoadConnection(c.network.ConnectionFile(identity))
	if err != nil {
		return nil, "", "", err
	}
	certificate, err := connection.Certificate()
	if err != nil {
		return nil, "", "", err
	}
	if l, err = ledger.Dial(connection, options...); err != nil {
		return nil, "", "", err
	}
	c.ledgers = append(c.ledgers, l)
	return l, connection.MSPID, certificate.Subject.String(), nil
}

// initialise draws the master key and sets the ledger up.
func (c *cast) initialise(ctx context.Context) error {
	var err error
	if c.master, err = pre.GenerateMasterKey(); err != nil {
		return err
	}
	c.secret("master key", c.master.Bytes())
	params, err := pre.NewParameters("ClaimShare demonstration", c.master.PublicKey())
	if err != nil {
		return err
	}
	l, _, _, err := c.dial("authority")
	if err != nil {
		return err
	}
	if c.manager, err = client.Initialise(ctx, l, params); err != nil {
		return err
	}
	c.authority, err = client.NewAuthority(c.manager, c.master)
	return err
}

// enrol has the system manager issue a pseudo-identity, derives fresh keys for
// it and registers it.
func (c *cast) enrol(ctx context.Context, role record.Role, identity, msp, subject string, mode pre.Mode) (*client.Keys, *record.Party, error) {
	pid, err := c.authority.Enrol(role, identity)
	if err != nil {
		return nil, nil, err
	}
	var seed [32]byte
	if _, err := rand.Read(seed[:]); err != nil {
		return nil, nil, err
	}
	keys, err := client.DeriveKeys(seed, pid, mode)
	if err != nil {
		return nil, nil, err
	}
	c.secret("seed of a "+role.String(), seed[:])
	c.secret("signing key of a "+role.String(), keys.Signing.Bytes())
	switch mode {
	case pre.ModeScoped:
		c.secret("encryption key of a "+role.String(), keys.Scoped.Bytes())
	case pre.ModePaper:
		c.secret("paper-mode key of a "+role.String(), keys.Paper.Bytes())
	}
	registration, err := keys.Apply(c.manager.Parameters(), role, msp, subject)
	if err != nil {
		return nil, nil, err
	}
	party, err := c.authority.Register(ctx, registration)
	if err != nil {
		return nil, nil, fmt.Errorf("register %s: %w", role, err)
	}
	return keys, party, nil
}

// join enrols an organisation and opens its database.
func (c *cast) join(ctx context.Context, o *organisation, mode pre.Mode) error {
	var err error
	o.database = filepath.Join(c.dir, o.identity+".sqlite")
	if o.store, err = sqlite.Open(ctx, o.database); err != nil {
		return err
	}
	// The journal outlives a crash: what was endorsed is sent again, not anew.
	l, msp, subject, err := c.dial(o.identity, ledger.WithJournal(o.store.Journal()))
	if err != nil {
		return err
	}
	if o.keys, o.party, err = c.enrol(ctx, o.role, o.title, msp, subject, mode); err != nil {
		return err
	}
	o.chain = c.manager.As(l)
	o.member = client.NewMember(o.chain, o.keys, o.store)
	return nil
}

// joinProxy enrols the proxy.
func (c *cast) joinProxy(ctx context.Context) error {
	l, msp, subject, err := c.dial("proxy")
	if err != nil {
		return err
	}
	keys, _, err := c.enrol(ctx, record.RoleProxy, "Re-encryption proxy", msp, subject, 0)
	if err != nil {
		return err
	}
	if c.proxyDB, err = sqlite.Open(ctx, filepath.Join(c.dir, "proxy.sqlite")); err != nil {
		return err
	}
	c.proxy = client.NewProxy(c.manager.As(l), keys, c.proxyDB)
	return nil
}

// joinHolder enrols a policyholder, who reads the ledger through its insurer.
func (c *cast) joinHolder(ctx context.Context, identity string, through *organisation, mode pre.Mode) (*holder, error) {
	keys, party, err := c.enrol(ctx, record.RolePolicyholder, identity, "", "", mode)
	if err != nil {
		return nil, err
	}
	return &holder{identity: identity, keys: keys, party: party, wallet: client.NewOwner(through.chain, keys)}, nil
}

// catchUp waits until every peer has what any party has seen: peers commit at
// slightly different times.
func (c *cast) catchUp(ctx context.Context) error {
	chains := []*client.Chain{}
	if c.manager != nil {
		chains = append(chains, c.manager)
	}
	for _, o := range c.organisations() {
		if o.chain != nil {
			chains = append(chains, o.chain)
		}
	}
	var latest uint64
	for _, chain := range chains {
		latest = max(latest, chain.Seen())
	}
	for _, chain := range chains {
		if err := chain.Await(ctx, latest); err != nil {
			return err
		}
	}
	return nil
}

// each runs work for the indexes 0 to n-1, several at a time.
func each(ctx context.Context, n int, work func(context.Context, int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(workers)
	for i := range n {
		group.Go(func() error { return work(ctx, i) })
	}
	return group.Wait()
}
