package story

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

func (t *tale) refuse(ctx context.Context, s *Scene) error {
	w, err := t.claimWish()
	if err != nil {
		return err
	}
	// One consent that is about to expire, and one that will be revoked: made
	// first, so that the wait is short.
	brief := w
	brief.valid = 4 * time.Second
	expiring, found, err := t.agree(ctx, brief)
	if err != nil {
		return err
	}
	expires := time.Now().Add(brief.valid)

	if err := t.wrongEvidence(ctx, s, w); err != nil {
		return err
	}
	none := record.ConsentID{1}
	if _, err := rand.Read(none[:]); err != nil {
		return err
	}
	_, err = t.release(ctx, w.requester, none, found, w.holder)
	if err := s.refused("withoutConsent", "the insurer asks without a consent", err, record.ErrConsentUnknown); err != nil {
		return err
	}

	otherLabel := where(t.repairs, func(x issued) bool {
		return x.owner == w.owner && x.issuer == w.holder && x.label != w.label
	})
	if err := expect(len(otherLabel) > 0, "the claimant has no record under another label"); err != nil {
		return err
	}
	_, err = t.release(ctx, w.requester, t.claim.consent, []record.RecordID{otherLabel[0].id}, w.holder)
	if err := s.refused("otherLabel", "it asks for last year's repairs under the consent for "+w.label, err, record.ErrConsentScope); err != nil {
		return err
	}

	other := t.insurers[0]
	_, err = t.release(ctx, other, t.claim.consent, found, w.holder)
	if err := s.refused("otherInsurer", other.title+" uses the other insurer's consent", err, client.ErrRequester); err != nil {
		return err
	}
	if err := t.intercept(ctx, s, other); err != nil {
		return err
	}
	if err := t.revoke(ctx, s, w); err != nil {
		return err
	}

	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Until(expires) + time.Second):
	}
	_, err = t.release(ctx, w.requester, expiring, found, w.holder)
	return s.refused("expired", "a consent of four seconds is used after five", err, record.ErrConsentExpired)
}

// wrongEvidence shows the system manager somebody else's δ.
func (t *tale) wrongEvidence(ctx context.Context, s *Scene, w wish) error {
	request, err := t.request(ctx, w)
	if err != nil {
		return err
	}
	p, err := t.grant(ctx, w, request)
	if err != nil {
		return err
	}
	if p.ToManager.Evidence, err = pseudonym.NewEvidence(); err != nil {
		return err
	}
	_, err = t.authority.Approve(ctx, p.ToManager, w.holder.member)
	return s.refused("wrongEvidence", "a consent is shown with a made-up secret of the policy", err, client.ErrEvidence)
}

// intercept gives the other insurer everything that went to the right one.
func (t *tale) intercept(ctx context.Context, s *Scene, thief *organisation) error {
	h := t.claim.handovers[0]
	_, err := thief.member.Receive(ctx, h, t.claim.holder.member, ignore)
	if err := s.refused("intercepted", "having stolen the re-encrypted record, it calls it its own", err, client.ErrNotOurs); err != nil {
		return err
	}
	rc, err := pre.ParseReencrypted(h.Reencrypted)
	if err != nil {
		return err
	}
	consent, err := thief.chain.Consent(ctx, t.claim.consent)
	if err != nil {
		return err
	}
	rec, err := thief.chain.Record(ctx, h.Delivery.Statement.Record)
	if err != nil {
		return err
	}
	delegator, err := pre.ParseScopedPublicKey(consent.OwnerKey.Key[:])
	if err != nil {
		return err
	}
	d := pre.Delegation{Delegator: delegator, Consent: consent.Consent, Commitment: consent.PayloadToken}
	info := pre.RecordInfo{RecordID: rec.ID, Kind: byte(rec.Kind), OwnerPID: t.claim.owner.party.PID, IssuerPID: t.claim.holder.party.PID}
	err = thief.keys.Scoped.OpenReencrypted(t.manager.Parameters(), d, nil, rc, info, discard{}, empty{})
	return s.refused("interceptedKey", "it tries to decrypt the stolen record with its own key", err, pre.ErrToken)
}

func (t *tale) revoke(ctx context.Context, s *Scene, w wish) error {
	consent, found, err := t.agree(ctx, w)
	if err != nil {
		return err
	}
	if _, _, _, err := t.read(ctx, w, consent, found[:1]); err != nil {
		return err
	}
	statement, signature, err := w.owner.wallet.Revoke(ctx, consent)
	if err != nil {
		return err
	}
	revocation, err := t.manager.CarryRevocation(ctx, statement, signature)
	if err != nil {
		return err
	}
	s.done("the policyholder revokes another consent", "effective at once, transaction %s", short(revocation.Tx.String()))
	_, err = t.release(ctx, w.requester, consent, found, w.holder)
	if err := s.refused("revoked", "the insurer uses it after the revocation", err, record.ErrConsentRevoked); err != nil {
		return err
	}
	if _, err := t.proxyDB.Token(ctx, consent); err == nil {
		return fmt.Errorf("%w: the proxy kept the key of a revoked consent", ErrStory)
	} else if err := s.refused("tokenDestroyed", "the proxy has destroyed the re-encryption key", err, store.ErrDestroyed); err != nil {
		return err
	}
	return nil
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

type empty struct{}

func (empty) Read([]byte) (int, error) { return 0, fmt.Errorf("nothing to read") }
