package pre

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestProofOfReencryption(t *testing.T) {
	w := newWorld(t, "proof")
	c, _ := w.seal(t, "r", []byte("record"))
	token, err := w.owner.DelegateReencryption(w.p, "r", w.consent, w.insurer.PublicKey())
	require.NoError(t, err)
	d := Delegation{w.owner.PublicKey(), w.consent, token.Commitment(w.p)}
	vt, err := token.Verify(w.p, d.Commitment)
	require.NoError(t, err)
	vc, err := c.Verify(w.p, w.owner.PublicKey())
	require.NoError(t, err)
	rc, err := Reencrypt(vt, vc)
	require.NoError(t, err)
	proof, err := ProveReencryption(w.p, vt, vc)
	require.NoError(t, err)
	proof, err = ParseReencryptionProof(proof.Bytes())
	require.NoError(t, err)
	require.NoError(t, proof.Verify(w.p, d, w.insurer.PublicKey(), rc))

	wrongA := *rc
	wrongA.a.Square(&rc.a)
	require.ErrorIs(t, proof.Verify(w.p, d, w.insurer.PublicKey(), &wrongA), ErrReencryption, "a wrong A has no proof")
	require.ErrorIs(t, proof.Verify(w.p, d, w.other.PublicKey(), rc), ErrToken, "another receiver's token")
	otherConsent := d
	otherConsent.Consent[0]++
	require.ErrorIs(t, proof.Verify(w.p, otherConsent, w.insurer.PublicKey(), rc), ErrToken)
	for _, change := range []func(*ReencryptionProof){
		func(p *ReencryptionProof) { p.c[3]++ },
		func(p *ReencryptionProof) { p.z.Add(&p.z, &p.z) },
	} {
		bad := *proof
		change(&bad)
		require.ErrorIs(t, bad.Verify(w.p, d, w.insurer.PublicKey(), rc), ErrReencryption)
	}
	bad := *proof
	bad.vk.Square(&bad.vk)
	require.ErrorIs(t, bad.Verify(w.p, d, w.insurer.PublicKey(), rc), ErrToken)

	// A proof for one capsule says nothing of another's.
	c2, _ := w.seal(t, "r", []byte("another"))
	vc2, err := c2.Verify(w.p, w.owner.PublicKey())
	require.NoError(t, err)
	rc2, err := Reencrypt(vt, vc2)
	require.NoError(t, err)
	require.ErrorIs(t, proof.Verify(w.p, d, w.insurer.PublicKey(), rc2), ErrReencryption)

	for _, b := range [][]byte{nil, proof.Bytes()[1:], make([]byte, ReencryptionProofSize)} {
		_, err := ParseReencryptionProof(b)
		require.ErrorIs(t, err, ErrMalformed)
	}
	mauled, err := ParseCapsule(c.Bytes())
	require.NoError(t, err)
	mauled.c2.Add(&mauled.c2, &w.other.public.point)
	wrongCapsule := *rc
	wrongCapsule.capsule = mauled
	require.ErrorIs(t, proof.Verify(w.p, d, w.insurer.PublicKey(), &wrongCapsule), ErrInvalidCapsule)
}

func TestOpeningShowsOneRecord(t *testing.T) {
	w := newWorld(t, "opening")
	c, payload := w.seal(t, "r", []byte("the disputed record"))
	other, otherPayload := w.seal(t, "r", []byte("not disputed"))
	vc, err := c.Verify(w.p, w.owner.PublicKey())
	require.NoError(t, err)
	vo, err := other.Verify(w.p, w.owner.PublicKey())
	require.NoError(t, err)
	opening, err := w.owner.Disclose(vc)
	require.NoError(t, err)
	opening, err = ParseOpening(opening.Bytes())
	require.NoError(t, err)

	var out bytes.Buffer
	require.NoError(t, opening.Open(w.p, vc, w.owner.PublicKey(), w.info, &out, bytes.NewReader(payload)))
	require.Equal(t, "the disputed record", out.String())
	err = opening.Open(w.p, vo, w.owner.PublicKey(), w.info, &out, bytes.NewReader(otherPayload))
	require.ErrorIs(t, err, ErrWrongKey, "no other record")
	info := w.info
	info.Kind++
	require.ErrorIs(t, opening.Open(w.p, vc, w.owner.PublicKey(), info, &out, bytes.NewReader(payload)), ErrBinding)
	_, err = w.other.Disclose(vc)
	require.ErrorIs(t, err, ErrWrongKey)
	_, err = ParseOpening(make([]byte, 32))
	require.ErrorIs(t, err, ErrMalformed)
}

func TestRotation(t *testing.T) {
	w := newWorld(t, "rotation")
	next, err := GenerateScopedKey()
	require.NoError(t, err)
	c, payload := w.seal(t, "r", []byte("an old record"))
	vc, err := c.Verify(w.p, w.owner.PublicKey())
	require.NoError(t, err)
	rotated, err := w.owner.RotateTo(next, vc)
	require.NoError(t, err)
	require.Equal(t, c.Digest(), rotated.Digest(), "the ledger's digest stays good")
	_, err = rotated.Verify(w.p, next.PublicKey())
	require.NoError(t, err)
	_, err = rotated.Verify(w.p, w.owner.PublicKey())
	require.ErrorIs(t, err, ErrInvalidCapsule, "it is no longer the old key's")

	var out bytes.Buffer
	require.NoError(t, next.OpenRotated(w.p, w.owner.PublicKey(), rotated, w.info, &out, bytes.NewReader(payload)))
	require.Equal(t, "an old record", out.String())
	require.ErrorIs(t, next.Open(w.p, rotated, w.info, &out, bytes.NewReader(payload)), ErrBinding, "it stays bound to the key it was sealed under")
	_, err = w.other.RotateTo(next, vc)
	require.ErrorIs(t, err, ErrWrongKey)

	// A new consent under the old label opens the old record for a receiver.
	token, err := next.DelegateReencryption(w.p, "r", w.consent, w.insurer.PublicKey())
	require.NoError(t, err)
	d := Delegation{next.PublicKey(), w.consent, token.Commitment(w.p)}
	vt, err := token.Verify(w.p, d.Commitment)
	require.NoError(t, err)
	vr, err := rotated.Verify(w.p, next.PublicKey())
	require.NoError(t, err)
	rc, err := Reencrypt(vt, vr)
	require.NoError(t, err)
	out.Reset()
	require.NoError(t, w.insurer.OpenReencrypted(w.p, d, w.owner.PublicKey(), rc, w.info, &out, bytes.NewReader(payload)))
	require.Equal(t, "an old record", out.String())
	require.ErrorIs(t, w.insurer.OpenReencrypted(w.p, d, nil, rc, w.info, &out, bytes.NewReader(payload)), ErrBinding)
}
