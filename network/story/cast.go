package story

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"
	"golang.org/x/sync/errgroup"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/keyfile"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/node"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/sqlite"
	"github.com/claimshare/claimshare/client/wallet"
	"github.com/claimshare/claimshare/client/walletauth"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/crypto/pseudonym"
	"github.com/claimshare/claimshare/network/claims"
	"github.com/claimshare/claimshare/network/consortium"
	"github.com/claimshare/claimshare/network/launch"
)

// Folders of the parties' files in a network's directory.
const (
	Parties = consortium.Folder // a folder for each node
	Wallets = "wallets"         // a file for each policyholder
)

// workers is how many wallets and clerks are busy at once.
const workers = 16

// organisation is an insurer or a repair shop, at its node's operator socket.
type organisation struct{ claims.Clerk }

func (o *organisation) id() record.PartyID { return o.Node.Party }
func (o *organisation) title() string      { return o.Node.Title }

// holder is a policyholder with a wallet.
type holder struct {
	identity string // who it really is, known to the system manager alone
	pid      string
	path     string // of the wallet's file
	lock     wallet.Lock
	wallet   *wallet.Wallet
}

func (h *holder) id() record.PartyID { return h.wallet.ID() }

// cast is everybody in the story.
type cast struct {
	network *launch.Network
	dir     string                          // of the wallets
	secret  func(name string, value []byte) // may be called by several at once

	nodes    *consortium.Consortium
	insurers []*organisation
	shops    []*organisation
	holders  []*holder

	// look is the ledger as the system manager's certificate sees it: it is how
	// the story knows what has happened.
	look     *client.Chain
	looking  *ledger.Ledger
	programs map[string]*program
}

// assemble clears the stage; nobody is registered yet.
func assemble(network *launch.Network) (*cast, error) {
	c := &cast{network: network, dir: filepath.Join(network.Dir(), Wallets), programs: map[string]*program{}}
	// A story is told from its beginning: what an earlier one left is gone.
	for _, dir := range []string{c.dir, filepath.Join(network.Dir(), Parties)} {
		if err := os.RemoveAll(dir); err != nil {
			return nil, fmt.Errorf("clear the parties' files: %w", err)
		}
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make a folder for the wallets: %w", err)
	}
	return c, nil
}

// found starts the organisations' nodes and opens the ledger to look at.
func (c *cast) found(ctx context.Context, logLevel string) (err error) {
	c.nodes, err = consortium.Found(ctx, c.network, consortium.Options{
		System: "ClaimShare demonstration", Submit: node.SubmitAuthority, LogLevel: logLevel, Secret: c.secret, Enrolments: 1000,
	}, nil)
	if err != nil {
		return err
	}
	for _, n := range c.nodes.Nodes() {
		o := &organisation{claims.Clerk{Node: n}}
		switch n.Role {
		case record.RoleInsurer:
			c.insurers = append(c.insurers, o)
		case record.RoleRepairShop:
			c.shops = append(c.shops, o)
		}
		if _, err := c.keysOf(n); err != nil {
			return err
		}
	}
	connection, err := ledger.LoadConnection(c.network.ConnectionFile(c.nodes.Authority().Identity))
	if err != nil {
		return err
	}
	if c.looking, err = ledger.Dial(connection); err != nil {
		return err
	}
	if c.look, err = client.OpenChain(ctx, c.looking); err != nil {
		return err
	}
	return expect(len(c.insurers) == 2 && len(c.shops) == 2, "the story needs two insurers and two repair shops")
}

// close ends wallets, connections and nodes.
func (c *cast) close(ctx context.Context) error {
	var all []error
	for _, h := range c.holders {
		if h != nil {
			all = append(all, h.wallet.Close())
		}
	}
	for _, p := range c.programs {
		all = append(all, p.close())
	}
	if c.looking != nil {
		all = append(all, c.looking.Close())
	}
	if c.nodes != nil {
		all = append(all, c.nodes.Stop(ctx))
	}
	return errors.Join(all...)
}

func (c *cast) organisations() []*organisation {
	return append(append([]*organisation{}, c.insurers...), c.shops...)
}

// keysOf unlocks a node's key file.
func (c *cast) keysOf(n *consortium.Node) (*client.Keys, error) {
	raw, err := os.ReadFile(filepath.Join(n.Dir, "identity.txt"))
	if err != nil {
		return nil, err
	}
	text := string(raw[:max(len(raw)-1, 0)]) // without the end of the line
	identity, err := age.ParseX25519Identity(text)
	if err != nil {
		return nil, err
	}
	contents, err := keyfile.Open(filepath.Join(n.Dir, "party.key"), identity)
	if err != nil {
		return nil, err
	}
	keys := &client.Keys{PID: pseudonym.PID(n.PID), Signing: contents.Party.Signing}
	c.secret("age identity of "+n.Identity, []byte(text))
	c.secret("signing key of "+n.Identity, keys.Signing.Bytes())
	if scoped, ok := contents.Party.Encryption.(*pre.ScopedSecretKey); ok {
		keys.Scoped = scoped
		c.secret("encryption key of "+n.Identity, scoped.Bytes())
	}
	return keys, nil
}

// invite has the system manager's people make a one-time code; for an
// organisation's party, msp is the organisation.
func (c *cast) invite(ctx context.Context, role record.Role, identity, msp string) (walletauth.Code, string, error) {
	invited, err := c.nodes.Authority().Ask.Invite(ctx, &nodev1.InviteRequest{
		Role: role.String(), Identity: identity, Msp: msp, LifetimeSeconds: int64(time.Hour.Seconds()),
	})
	if err != nil {
		return walletauth.Code{}, "", fmt.Errorf("invite: %w", err)
	}
	c.secret("one-time code", []byte(invited.Code))
	code, err := walletauth.ParseCode(invited.Code)
	return code, invited.Pid, err
}

// joinHolder has a policyholder enrol with a new wallet. The wallet's file is
// locked with an age key that is kept nowhere: a passphrase would take a second
// and 256 MiB of memory every time, for each of them.
func (c *cast) joinHolder(ctx context.Context, identity, name string) (*holder, error) {
	code, pid, err := c.invite(ctx, record.RolePolicyholder, identity, "")
	if err != nil {
		return nil, err
	}
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	authority := c.nodes.Authority()
	root, err := os.ReadFile(authority.Server.Authority)
	if err != nil {
		return nil, err
	}
	h := &holder{identity: identity, pid: pid, path: filepath.Join(c.dir, name+".wallet"), lock: wallet.Lock{Recipient: key.Recipient(), Identity: key}}
	h.wallet, err = wallet.Enrol(ctx, h.path, h.lock, wallet.Invitation{Code: code, Address: authority.Wallets, Authority: root})
	if err != nil {
		return nil, err
	}
	c.secret("age identity of a wallet", []byte(key.String()))
	return h, c.revealWallet(h)
}

// inside is what the story looks at in a wallet's file.
type inside struct {
	Keys []string `json:"keys"` // seeds, in hexadecimal
}

// unlock decrypts a wallet's file.
func (h *holder) unlock() ([]byte, error) {
	sealed, err := os.ReadFile(h.path)
	if err != nil {
		return nil, err
	}
	return keyfile.Unseal(sealed, h.lock.Identity)
}

// revealWallet names the secrets in a wallet's file.
func (c *cast) revealWallet(h *holder) error {
	plain, err := h.unlock()
	if err != nil {
		return err
	}
	var in inside
	if err := json.Unmarshal(plain, &in); err != nil {
		return fmt.Errorf("read a wallet: %w", err)
	}
	for _, text := range in.Keys {
		seed, err := seedOf(text)
		if err != nil {
			return err
		}
		if err := c.reveal(seed, h.pid, pre.ModeScoped); err != nil {
			return err
		}
	}
	return nil
}

// peek looks into a node's database beside the node.
func peek(ctx context.Context, n *consortium.Node, use func(store.Store) error) (err error) {
	db, err := sqlite.Open(ctx, database(n))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return use(db)
}

// database is the path of a node's database.
func database(n *consortium.Node) string { return filepath.Join(n.Dir, "party.sqlite") }

// catchUp waits until every node's peer has what any of them has: peers commit
// at slightly different times.
func (c *cast) catchUp(ctx context.Context) error {
	if c.nodes == nil {
		return nil
	}
	latest, err := c.height(ctx, func(a, b uint64) uint64 { return max(a, b) })
	for err == nil {
		var slowest uint64
		if slowest, err = c.height(ctx, func(a, b uint64) uint64 { return min(a, b) }); err != nil || slowest >= latest {
			break
		}
		err = pause(ctx, glance)
	}
	return err
}

// height is a number of blocks that the nodes' peers have.
func (c *cast) height(ctx context.Context, choose func(a, b uint64) uint64) (uint64, error) {
	var chosen uint64
	for i, n := range c.nodes.Nodes() {
		s, err := n.Ask.Status(ctx, &nodev1.StatusRequest{Strict: true})
		if err != nil {
			return 0, fmt.Errorf("status of %s: %w", n.Identity, err)
		}
		if i == 0 {
			chosen = s.PeerHeight
		}
		chosen = choose(chosen, s.PeerHeight)
	}
	return chosen, nil
}

// glance is between two looks at something that takes its time.
const glance = 50 * time.Millisecond

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
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
