package story

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/keyfile"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/wallet"
	"github.com/claimshare/claimshare/crypto/pre"
)

func (t *tale) refuse(ctx context.Context, s *Scene) error {
	w, err := t.claimWish()
	if err != nil {
		return err
	}
	// One consent that is about to expire, made first, so that the wait is short.
	brief := w
	brief.valid = 8 * time.Second
	expiring, err := t.agree(ctx, brief)
	if err != nil {
		return err
	}
	if err := t.wrongEvidence(ctx, s, w); err != nil {
		return err
	}
	if err := t.outOfScope(ctx, s, w); err != nil {
		return err
	}
	if err := t.intercept(ctx, s, t.insurers[0]); err != nil {
		return err
	}
	if err := t.revoke(ctx, s, w); err != nil {
		return err
	}
	if err := pause(ctx, time.Until(time.Unix(expiring.Statement.Expiry+1, 0))); err != nil {
		return err
	}
	asking, err := t.programOf(ctx, w.requester.Node)
	if err != nil {
		return err
	}
	err = asking.demand(ctx, t.nodes.Proxy(), expiring.Statement.Consent, t.claim.records...)
	return s.refused("expired", "a consent of eight seconds is used after nine", err, record.ErrConsentExpired)
}

// outOfScope asks the proxy for what no consent is for. The insurers' own nodes
// would not even ask.
func (t *tale) outOfScope(ctx context.Context, s *Scene, w wish) error {
	asking, err := t.programOf(ctx, w.requester.Node)
	if err != nil {
		return err
	}
	proxy := t.nodes.Proxy()
	var none record.ConsentID
	if _, err := rand.Read(none[:]); err != nil {
		return err
	}
	err = asking.demand(ctx, proxy, none, t.claim.records...)
	if err := s.refused("withoutConsent", "the insurer asks without a consent", err, record.ErrConsentUnknown); err != nil {
		return err
	}
	otherLabel := where(t.repairs, func(x issued) bool {
		return x.owner == w.owner && x.issuer == w.holder && x.label != w.label
	})
	if err := expect(len(otherLabel) > 0, "the claimant has no record under another label"); err != nil {
		return err
	}
	err = asking.demand(ctx, proxy, t.claim.consent, otherLabel[0].id)
	if err := s.refused("otherLabel", "it asks for last year's repairs under the consent for "+w.label, err, record.ErrConsentScope); err != nil {
		return err
	}
	other, err := t.programOf(ctx, t.insurers[0].Node)
	if err != nil {
		return err
	}
	err = other.demand(ctx, proxy, t.claim.consent, t.claim.records...)
	return s.refused("otherInsurer", t.insurers[0].title()+" uses the other insurer's consent", err, client.ErrRequester)
}

// wrongEvidence shows the system manager a made-up δ, from a copy of the owner's
// wallet.
func (t *tale) wrongEvidence(ctx context.Context, s *Scene, w wish) (err error) {
	request, err := t.request(ctx, w)
	if err != nil {
		return err
	}
	path, err := w.owner.falsify(w.policy.id)
	if err != nil {
		return fmt.Errorf("falsify a wallet: %w", err)
	}
	defer func() { err = errors.Join(err, os.Remove(path)) }()
	copied, err := wallet.Open(path, w.owner.lock)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, copied.Close()) }()
	draft, err := w.draft(ctx, copied, request)
	if err != nil {
		return err
	}
	err = copied.Grant(ctx, draft)
	return s.refused("wrongEvidence", "a consent is shown with a made-up secret of the policy", err, client.ErrEvidence)
}

// falsify makes a copy of the wallet's file with a made-up δ of a policy.
func (h *holder) falsify(policy record.RecordID) (path string, err error) {
	plain, err := h.unlock()
	if err != nil {
		return "", err
	}
	content := map[string]json.RawMessage{}
	evidence := map[string]string{}
	if err := json.Unmarshal(plain, &content); err != nil {
		return "", err
	}
	if err := json.Unmarshal(content["evidence"], &evidence); err != nil {
		return "", err
	}
	var made [32]byte
	if _, err := rand.Read(made[:]); err != nil {
		return "", err
	}
	if _, known := evidence[policy.String()]; !known {
		return "", errors.New("the wallet does not know this policy")
	}
	evidence[policy.String()] = hex.EncodeToString(made[:])
	if content["evidence"], err = json.Marshal(evidence); err != nil {
		return "", err
	}
	if plain, err = json.Marshal(content); err != nil {
		return "", err
	}
	var sealed bytes.Buffer
	if err := keyfile.Seal(&sealed, plain, h.lock.Recipient); err != nil {
		return "", err
	}
	path = h.path + "-falsified"
	return path, os.WriteFile(path, sealed.Bytes(), 0o600)
}

// intercept gives the other insurer everything that went to the right one.
func (t *tale) intercept(ctx context.Context, s *Scene, thief *organisation) error {
	p, err := t.programOf(ctx, thief.Node)
	if err != nil {
		return err
	}
	var stolen *store.Received
	err = peek(ctx, t.insurers[1].Node, func(db store.Store) (err error) {
		stolen, err = db.Received(ctx, t.claim.releases[0])
		return err
	})
	if err != nil {
		return err
	}
	_, err = p.nodes.Holder(stolen.Holder).SendPayload(ctx, client.PayloadOrder{AsOf: p.chain.Seen(), Release: stolen.Release}, io.Discard)
	if err := s.refused("intercepted", "having stolen the re-encrypted record, it asks the shop for the payload", err, record.ErrNotReceiver); err != nil {
		return err
	}
	rc, err := pre.ParseReencrypted(stolen.Reencrypted)
	if err != nil {
		return err
	}
	consent, err := p.chain.Consent(ctx, t.claim.consent)
	if err != nil {
		return err
	}
	delegator, err := pre.ParseScopedPublicKey(consent.OwnerKey.Key[:])
	if err != nil {
		return err
	}
	d := pre.Delegation{Delegator: delegator, Consent: consent.Consent, Commitment: consent.PayloadToken}
	info := pre.RecordInfo{RecordID: stolen.RecordID, Kind: byte(stolen.Kind), OwnerPID: stolen.OwnerPID, IssuerPID: stolen.IssuerPID}
	err = p.keys.Scoped.OpenReencrypted(t.look.Parameters(), d, nil, rc, info, discard{}, empty{})
	return s.refused("interceptedKey", "it tries to decrypt the stolen record with its own key", err, pre.ErrToken)
}

func (t *tale) revoke(ctx context.Context, s *Scene, w wish) error {
	draft, err := t.agree(ctx, w)
	if err != nil {
		return err
	}
	id := draft.Statement.Consent
	seen, err := t.read(ctx, w, id, t.claim.records[0])
	if err != nil {
		return err
	}
	if err := w.owner.wallet.Revoke(ctx, id); err != nil {
		return err
	}
	if err := t.catchUp(ctx); err != nil {
		return err
	}
	consent, err := t.look.Consent(ctx, id)
	if err != nil {
		return err
	}
	s.done("the policyholder revokes another consent", "effective at once, transaction %s", short(consent.RevokeTx.String()))
	asking, err := t.programOf(ctx, w.requester.Node)
	if err != nil {
		return err
	}
	err = asking.demand(ctx, t.nodes.Proxy(), id, seen.records...)
	if err := s.refused("revoked", "the insurer uses it after the revocation", err, record.ErrConsentRevoked); err != nil {
		return err
	}
	return s.refused("tokenDestroyed", "the proxy has destroyed the re-encryption key", t.tokenOf(ctx, id), store.ErrDestroyed)
}

// tokenOf looks for a consent's re-encryption key in the proxy's database.
func (t *tale) tokenOf(ctx context.Context, id record.ConsentID) error {
	return peek(ctx, t.nodes.Proxy(), func(db store.Store) error {
		_, err := db.Token(ctx, id)
		return err
	})
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

type empty struct{}

func (empty) Read([]byte) (int, error) { return 0, fmt.Errorf("nothing to read") }
