package client

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"sync"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/crypto/pre"
)

// tokens are a proxy's re-encryption keys: in its database, and those that were
// used last ready for use in memory. What is destroyed is forgotten first. Go
// does not overwrite memory that was let go: until the collector has used it
// again, a copy of the whole memory would show a destroyed key.
type tokens struct {
	stored store.Tokens

	mu        sync.Mutex
	ready     map[record.ConsentID]*ready
	destroyed uint64                     // how often something was destroyed
	open      map[record.ConsentID]error // why those are destroyed that could not be, or not in every place
}

// ready is the key of one consent after its check.
type ready struct {
	grant   []byte // what the owner signed
	convert convert
}

// convert re-encrypts under one consent.
type convert func(*pre.VerifiedCapsule) ([]byte, error)

// maxReady bounds the keys in memory; one has about a kilobyte.
const maxReady = 1000

// destroy forgets a key and destroys it in the database. What fails is tried again by
// [tokens.finish].
func (t *tokens) destroy(ctx context.Context, id record.ConsentID, reason error) error {
	t.mu.Lock()
	delete(t.ready, id)
	t.destroyed++
	t.mu.Unlock()
	err := t.stored.DestroyToken(ctx, id, reason.Error())
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		delete(t.open, id)
		return nil
	}
	if t.open == nil {
		t.open = map[record.ConsentID]error{}
	}
	t.open[id] = reason
	return err
}

// finish destroys what could not be destroyed before, or may still be in old pages of
// the database: of that the list of live keys does not know.
func (t *tokens) finish(ctx context.Context) error {
	t.mu.Lock()
	open := maps.Clone(t.open)
	t.mu.Unlock()
	for id, reason := range open {
		if err := t.destroy(ctx, id, reason); err != nil {
			return err
		}
	}
	return nil
}

// find is the key of a consent if it is in memory, and how often something was
// destroyed before.
func (t *tokens) find(id record.ConsentID) (*ready, uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ready[id], t.destroyed
}

// keep has a key in memory, unless something was destroyed since it was read
// from the database: it might be that one.
func (t *tokens) keep(id record.ConsentID, r *ready, destroyed uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if destroyed != t.destroyed {
		return
	}
	if t.ready == nil || len(t.ready) >= maxReady {
		t.ready = map[record.ConsentID]*ready{}
	}
	t.ready[id] = r
}

// converter is the re-encryption under one consent. It returns [ErrStatement]
// when the key was accepted under another one, and the errors of
// [store.Tokens.Token] and [pre.Token.Verify].
func (p *Proxy) converter(ctx context.Context, consent *record.Consent) (convert, error) {
	r, destroyed := p.kept.find(consent.Consent)
	if r == nil {
		kept, err := p.kept.stored.Token(ctx, consent.Consent)
		if err != nil {
			return nil, err
		}
		r = &ready{grant: kept.Grant}
		if err := r.under(consent); err != nil { // before anything is made of it
			return nil, err
		}
		if r.convert, err = conversion(p.chain.params, consent, kept.PayloadToken); err != nil {
			return nil, err
		}
		p.kept.keep(consent.Consent, r, destroyed)
	}
	if err := r.under(consent); err != nil {
		return nil, err
	}
	return r.convert, nil
}

// under makes sure that the key was accepted under this very consent.
func (r *ready) under(consent *record.Consent) error {
	if !bytes.Equal(r.grant, consent.Statement().Encode()) {
		return fmt.Errorf("%w: the consent is not the one that the key was accepted under", ErrStatement)
	}
	return nil
}

// conversion checks an encoded key and is the re-encryption with it.
func conversion(params *pre.Parameters, consent *record.Consent, encoded []byte) (convert, error) {
	if consent.OwnerKey.Mode == record.ModePaper {
		owner, receiver, err := paperKeys(consent)
		if err != nil {
			return nil, err
		}
		rk, err := pre.ParsePaperReencryptionKey(owner, receiver, encoded)
		if err != nil {
			return nil, err
		}
		return func(v *pre.VerifiedCapsule) ([]byte, error) {
			c, err := rk.Reencrypt(v)
			if err != nil {
				return nil, err
			}
			return c.Bytes(), nil
		}, nil
	}
	token, err := pre.ParseToken(encoded)
	if err != nil {
		return nil, err
	}
	verified, err := token.Verify(params, consent.PayloadToken)
	if err != nil {
		return nil, err
	}
	return func(v *pre.VerifiedCapsule) ([]byte, error) {
		rc, err := pre.Reencrypt(verified, v)
		if err != nil {
			return nil, err
		}
		return rc.Bytes(), nil
	}, nil
}
