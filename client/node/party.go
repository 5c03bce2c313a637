package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/listener"
	"github.com/claimshare/claimshare/client/mirror"
	"github.com/claimshare/claimshare/client/store"
)

// party is the SDK's side of a node: the party's database, its view of the
// ledger, and the one type of the SDK that its role makes of them.
type party struct {
	config *Config
	log    *slog.Logger
	role   record.Role
	watch  *watch

	store    store.Store
	ledger   *ledger.Ledger
	chain    *client.Chain
	copied   *mirror.Channel // the copy of it in the store; proxies
	view     *client.Chain   // the ledger in that copy
	keys     *client.Keys
	listener *listener.Listener

	member    *client.Member    // insurers and repair shops
	proxy     *client.Proxy     // proxies
	authority *client.Authority // the authority

	recorded chan struct{} // something is to be submitted
	ended    chan struct{} // a consent may have ended
	erased   chan struct{} // a record is to be destroyed
	erasures erasures
}

// openParty opens everything that the configuration names, and asks the ledger
// whether the keys are the party's.
func openParty(ctx context.Context, config *Config, w *watch) (p *party, err error) {
	log := w.log
	role, err := config.role()
	if err != nil {
		return nil, err
	}
	opened := &party{config: config, log: log, role: role, watch: w, recorded: make(chan struct{}, 1), ended: make(chan struct{}, 1), erased: make(chan struct{}, 1)}
	p = opened
	defer func() {
		if err != nil { // p is nil by now, after a return of nil
			p, err = nil, errors.Join(err, opened.close())
		}
	}()
	if p.keys, err = config.partyKeys(); err != nil {
		return nil, err
	}
	if p.store, err = openStore(ctx, config, p.keys); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	// What a crash, or a reader, has kept from being scrubbed.
	if s, ok := p.store.(interface{ Scrub(context.Context) error }); ok {
		if err := s.Scrub(ctx); err != nil {
			log.Warn("what was deleted before may still be in the database's log", "error", err.Error())
		}
	}
	points := newPoints(config)
	p.store = w.metrics.Store(points.store(p.store))
	connection, err := config.Fabric()
	if err != nil {
		return nil, err
	}
	// The journal outlives a crash: what was endorsed is sent again, not anew.
	if p.ledger, err = ledger.Dial(connection, ledger.WithJournal(points.journal(p.store.Journal())), ledger.WithLogger(log), ledger.WithRetried(w.metrics.Retried)); err != nil {
		return nil, err
	}
	w.opened(p)
	err = p.patiently(ctx, "read the deployment's parameters from the ledger", func(ctx context.Context) (err error) {
		p.chain, err = client.OpenChain(ctx, w.metrics.Channel(p.ledger, log))
		return err
	})
	if err != nil {
		return nil, err
	}
	p.listener = listener.New(p.store, connection.Chaincode, listener.WithLogger(log), listener.WithHandler(p.follow))
	return p, p.identify(ctx)
}

// identify makes sure that the ledger knows these keys for this role and this
// certificate, and makes the SDK's type for it.
func (p *party) identify(ctx context.Context) error {
	me, err := p.chain.Party(ctx, p.keys.ID())
	if errors.Is(err, record.ErrPartyUnknown) {
		return fmt.Errorf("%w: the ledger does not know %s: enrol this node first", ErrConfig, p.keys.ID())
	}
	if err != nil {
		return err
	}
	certificate, err := p.ledger.Connection().Certificate()
	if err != nil {
		return err
	}
	if err := (certified{p.ledger.Connection().MSPID, certificate.Subject.String()}).is(me, p.role); err != nil {
		return err
	}
	switch p.role {
	case record.RoleProxy:
		p.openProxy()
	case record.RoleAuthority:
		master, err := p.config.masterKey()
		if err != nil {
			return err
		}
		if p.authority, err = client.NewAuthority(p.chain, master); err != nil {
			return err
		}
	default:
		p.member = client.NewMember(p.chain, p.keys, p.store)
	}
	return nil
}

// close ends the connection and the database.
func (p *party) close() error {
	var all []error
	if p.ledger != nil {
		all = append(all, p.ledger.Close())
	}
	if p.store != nil {
		all = append(all, p.store.Close())
	}
	return errors.Join(all...)
}

func (p *party) id() record.PartyID { return p.keys.ID() }

// nudge wakes a loop, without waiting for it.
func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
