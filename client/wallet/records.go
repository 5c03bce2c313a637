package wallet

import (
	"context"
	"fmt"
	"io"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/document"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

// Records is the owner's records as the ledger lists them.
func (w *Wallet) Records(ctx context.Context) ([]record.Record, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, err := w.session(ctx)
	if err != nil {
		return nil, err
	}
	return w.records(ctx, s)
}

// records is what the gateway lists, each of which must carry the owner's own
// signature: what it says of their kinds, labels and issuers is then so.
func (w *Wallet) records(ctx context.Context, s *session) ([]record.Record, error) {
	all, err := s.chain.RecordsOf(ctx, w.ID())
	if err != nil {
		return nil, err
	}
	for i := range all {
		if err := s.owner.Own(&all[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", s.gate.current().Name, err)
		}
	}
	return all, nil
}

// Opened is a record of the owner's that was fetched, checked and opened.
type Opened struct {
	Record   record.Record
	Issuer   *record.Party
	Document *document.Document
}

// Read fetches one of the owner's records from its holder, checks it against the
// owner's own signature and the issuer's, and opens it, also when it was sealed
// under a former key. Its attachments come into the new directory dir, or are
// only checked when dir is empty.
//
// It answers record.ErrRecordUnknown, [ErrDisagree], and the errors of
// [client.Owner.Read].
func (w *Wallet) Read(ctx context.Context, id record.RecordID, dir string) (*Opened, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, err := w.session(ctx)
	if err != nil {
		return nil, err
	}
	listed, err := s.chain.Record(ctx, id)
	if err != nil {
		return nil, err
	}
	return w.read(ctx, s, listed, dir)
}

func (w *Wallet) read(ctx context.Context, s *session, listed *record.Record, dir string) (*Opened, error) {
	issuer, err := w.confirm(ctx, s, listed.Issuer)
	if err != nil {
		return nil, err
	}
	h, err := w.holding(listed.Issuer, listed.ID)
	if err != nil {
		return nil, err
	}
	capsule, err := h.capsule(ctx)
	if err != nil {
		return nil, err
	}
	payload, err := h.payload(ctx, listed.PayloadSize)
	if err != nil {
		return nil, err
	}
	defer payload.close()
	o := &Opened{Issuer: issuer}
	checked, err := s.owner.Read(ctx, listed.Version(), capsule, payload, func(plaintext io.Reader) (err error) {
		o.Document, err = unpack(plaintext, dir)
		return err
	})
	if err != nil {
		return nil, err
	}
	o.Record = *checked
	if err := issued(s, issuer, checked); err != nil {
		return nil, err
	}
	if o.Document.Kind() != checked.Kind {
		return nil, fmt.Errorf("%w: the document is a %s, the record says %s", client.ErrStatement, o.Document.Kind(), checked.Kind)
	}
	return o, w.checkEvidence(s, o)
}

// issued checks the issuer's signature with the keys that were confirmed: a
// gateway could name others when it is asked again.
func issued(s *session, issuer *record.Party, r *record.Record) error {
	keys := issuer.KeysAt(r.IssuerVersion)
	if keys == nil {
		return fmt.Errorf("%w: party %s has no key version %d", client.ErrSignature, issuer.ID, r.IssuerVersion)
	}
	key, err := bls.ParsePublicKey(keys.Signing[:])
	if err == nil {
		err = bls.Verify(key, bls.RoleIssuer, r.Statement().Hash(s.chain.Context()), bls.Signature(r.IssuerSignature))
	}
	if err != nil {
		return fmt.Errorf("%w: by %s: %w", client.ErrSignature, issuer.ID, err)
	}
	return nil
}

// checkEvidence keeps δ of a policy that was read.
func (w *Wallet) checkEvidence(s *session, o *Opened) error {
	policy, ok := o.Document.Policy()
	if !ok {
		return nil
	}
	delta, err := policy.Delta()
	if err != nil || !delta.Opens(o.Record.Evidence, s.params().ID(), o.Record.ID, w.c.PID) {
		return client.ErrEvidence
	}
	return w.noteEvidence(o.Record.ID, o.Document)
}

// evidence is δ of one of the owner's policies: of the wallet's file, or of the
// policy, read again.
func (w *Wallet) evidence(ctx context.Context, s *session, policy *record.Record) (pseudonym.Evidence, error) {
	if delta, ok := w.c.Evidence[policy.ID]; ok {
		return pseudonym.Evidence(delta), nil
	}
	if _, err := w.read(ctx, s, policy, ""); err != nil {
		return pseudonym.Evidence{}, fmt.Errorf("policy %s: %w", policy.ID, err)
	}
	return pseudonym.Evidence(w.c.Evidence[policy.ID]), nil
}
