package pre

import (
	"bytes"
	"io"
	"testing"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/stretchr/testify/require"
)

// Attack 5: the paper's rk = x_i/x_n composes badly with everything else. The
// naive form is one key pair for everything, as in the paper; ours has a mode
// in the type of every key, and a fresh pair for each paper-mode relationship.

// bothModes is the naive owner or receiver: one scalar in both modes.
func bothModes(k *ScopedSecretKey) *PaperSecretKey { return &PaperSecretKey{k.secretKey} }

// sealTo seals a record of the world under any key.
func (w *world) sealTo(t testing.TB, to PublicKey, label, m string) (*Capsule, []byte) {
	t.Helper()
	var payload bytes.Buffer
	c, err := w.p.Seal(to, label, w.info, &payload, bytes.NewReader([]byte(m)))
	require.NoError(t, err)
	return c, payload.Bytes()
}

// payloadBase is the payload base of a label.
func (w *world) payloadBase(label string) *bn254.G2Affine { return ptr(w.p.base(label).payload) }

// Proxy and receiver compute the owner's key, which with one pair for
// everything opens every label. Ours: the key of one relationship, which is
// not the key of anything else.
func TestAttackProxyAndReceiverComputeTheKey(t *testing.T) {
	w := newWorld(t, "x_n")
	naive, receiver := bothModes(w.owner), paperKey(t)
	rk := paperPair(t, naive, receiver)
	stolen := &ScopedSecretKey{newSecretKey(over(receiver.x, rk.rk))}
	require.Equal(t, w.owner.Bytes(), stolen.Bytes())
	c, payload := w.seal(t, "medical", []byte("another label"))
	var out bytes.Buffer
	require.NoError(t, stolen.Open(w.p, c, w.info, &out, bytes.NewReader(payload)))
	require.Equal(t, "another label", out.String())

	relationship := paperKey(t)
	rk = paperPair(t, relationship, receiver)
	useless := &ScopedSecretKey{newSecretKey(over(receiver.x, rk.rk))}
	require.Equal(t, relationship.Bytes(), useless.Bytes(), "that is what paper mode gives away")
	require.ErrorIs(t, useless.Open(w.p, c, w.info, io.Discard, bytes.NewReader(payload)), ErrWrongKey)
}

// rk works backwards: proxy and owner compute the receiver's key, which with one
// pair for everything opens all that the receiver ever received or owns. Ours:
// the receiver's pair too is of one relationship.
func TestAttackProxyAndOwnerComputeTheReceiversKey(t *testing.T) {
	w := newWorld(t, "x_i")
	owner, naive := paperKey(t), bothModes(w.insurer)
	var stolen fr.Element
	stolen.Mul(&owner.x, &paperPair(t, owner, naive).rk)
	require.Equal(t, w.insurer.Bytes(), (&secretKey{x: stolen}).Bytes())

	relationship := paperKey(t)
	stolen.Mul(&owner.x, &paperPair(t, owner, relationship).rk)
	require.Equal(t, relationship.Bytes(), (&secretKey{x: stolen}).Bytes(), "that is what paper mode gives away")
	useless := &ScopedSecretKey{newSecretKey(stolen)}
	c, payload := w.seal(t, "r", []byte("granted to the insurer"))
	_, verified, d := w.delegated(t, "r")
	v, err := c.Verify(w.p, w.owner.PublicKey())
	require.NoError(t, err)
	rc, err := Reencrypt(verified, v)
	require.NoError(t, err)
	require.ErrorIs(t, useless.OpenReencrypted(w.p, d, nil, rc, w.info, io.Discard, bytes.NewReader(payload)), ErrToken)
}

// In scoped mode proxy and receiver know B̂_w^(1/x_n): that label, no other, and the
// key of nobody.
func TestAttackCollusionStaysInsideTheLabel(t *testing.T) {
	w := newWorld(t, "collusion")
	token, _, _ := w.delegated(t, "repair")
	opened := w.openedBase(token)
	future, payload := w.seal(t, "repair", []byte("same label"))
	m, err := future.withPayload(curve.Pair(&future.c2, &opened), payload)
	require.NoError(t, err, "documented: the label, past and future")
	require.Equal(t, "same label", string(m))

	medical, payload := w.seal(t, "medical", []byte("another label"))
	_, err = medical.withPayload(curve.Pair(&medical.c2, &opened), payload)
	require.ErrorIs(t, err, ErrInvalidCapsule)
	others, payload := w.sealTo(t, w.other.PublicKey(), "repair", "another owner")
	_, err = others.withPayload(curve.Pair(&others.c2, &opened), payload)
	require.ErrorIs(t, err, ErrInvalidCapsule)
}

// rk turns any capsule of the owner into one of the receiver, whatever its
// label.
func TestAttackRekeyIgnoresLabels(t *testing.T) {
	w := newWorld(t, "labels")
	receiver := paperKey(t)
	c, payload := w.seal(t, "medical", []byte("never granted"))
	rk := paperPair(t, bothModes(w.owner), receiver)
	inv := receiver.inverse()
	c2 := curve.MulG1(&c.c2, &rk.rk) // the naive proxy
	m, err := c.withPayload(curve.Pair(ptr(curve.MulG1(&c2, &inv)), w.payloadBase("medical")), payload)
	require.NoError(t, err)
	require.Equal(t, "never granted", string(m))

	v, err := c.Verify(w.p, w.owner.PublicKey())
	require.NoError(t, err)
	_, err = rk.Reencrypt(v)
	require.ErrorIs(t, err, ErrToken)
	_, err = c.Verify(w.p, bothModes(w.owner).PublicKey())
	require.ErrorIs(t, err, ErrMode)
	_, err = w.p.Seal(receiver.PublicKey(), "medical", w.info, io.Discard, bytes.NewReader(nil))
	require.ErrorIs(t, err, ErrMode)
	// A scoped pair is not registered as a paper-mode one by its own proof.
	proof, err := w.owner.ProvePossession(w.p.ID(), "pid", "MSP")
	require.NoError(t, err)
	err = VerifyPossession(w.p.ID(), bothModes(w.owner).PublicKey(), "pid", "MSP", proof)
	require.ErrorIs(t, err, ErrPossession)
}

// rk turns an opened base of n into one of i: i's records are read, and i
// granted nothing.
func TestAttackRekeyOpensTheReceiversRecords(t *testing.T) {
	w := newWorld(t, "another owner")
	victim := w.other // i, who once received a record of n in paper mode
	rk := paperPair(t, bothModes(w.owner), bothModes(victim))
	token, _, _ := w.delegated(t, "repair") // n's consent for the insurer
	opened := w.openedBase(token)           // B^(1/x_n), known to proxy and insurer
	inverse := over(fr.One(), rk.rk)
	victims := curve.MulG2(&opened, &inverse) // B^(1/x_i)
	c, payload := w.sealTo(t, victim.PublicKey(), "repair", "the victim granted nothing")
	m, err := c.withPayload(curve.Pair(&c.c2, &victims), payload)
	require.NoError(t, err)
	require.Equal(t, "the victim granted nothing", string(m))

	// Ours: i received under a fresh paper pair, which is not what i seals under.
	ours := paperPair(t, paperKey(t), paperKey(t))
	inverse = over(fr.One(), ours.rk)
	useless := curve.MulG2(&opened, &inverse)
	_, err = c.withPayload(curve.Pair(&c.c2, &useless), payload)
	require.ErrorIs(t, err, ErrInvalidCapsule)
	_, err = ParsePaperReencryptionKey(bothModes(w.owner).PublicKey(), bothModes(victim).PublicKey(), ours.Bytes())
	require.ErrorIs(t, err, ErrRekey)
}

// Two rks of one owner give a third between the receivers, and each runs
// backwards. Ours: n has a pair for each receiver, so nothing connects them.
func TestAttackTwoRekeysGiveAThird(t *testing.T) {
	w := newWorld(t, "third rk")
	n, i, j := paperKey(t), paperKey(t), paperKey(t)
	third := over(paperPair(t, n, j).rk, paperPair(t, n, i).rk) // x_j/x_i
	c, payload := w.sealTo(t, i.PublicKey(), "", "i granted j nothing")
	v, err := c.Verify(w.p, i.PublicKey())
	require.NoError(t, err)
	forged, err := checkRekey(i.PublicKey(), j.PublicKey(), third)
	require.NoError(t, err)
	out, err := forged.Reencrypt(v)
	require.NoError(t, err)
	var m bytes.Buffer
	require.NoError(t, j.OpenReencrypted(w.p, i.PublicKey(), out, w.info, &m, bytes.NewReader(payload)))
	require.Equal(t, "i granted j nothing", m.String())

	third = over(paperPair(t, paperKey(t), j).rk, paperPair(t, paperKey(t), i).rk)
	_, err = checkRekey(i.PublicKey(), j.PublicKey(), third)
	require.ErrorIs(t, err, ErrRekey)
	backwards := over(fr.One(), third)
	_, err = checkRekey(j.PublicKey(), i.PublicKey(), backwards)
	require.ErrorIs(t, err, ErrRekey)
}

// The naive rotation hands x'/x to the holders, who update C2 themselves. With
// a base that was opened under the old key, the ratio opens the new key's
// records. Ours hands out C2' alone.
func TestAttackRotationRatioWithAnOpenedBase(t *testing.T) {
	w := newWorld(t, "ratio")
	next, err := GenerateScopedKey()
	require.NoError(t, err)
	token, verified, _ := w.delegated(t, "repair")
	opened := w.openedBase(token)
	c, payload := w.sealTo(t, next.PublicKey(), "repair", "sealed after the rotation")

	inverse := over(w.owner.x, next.x)
	renewed := curve.MulG2(&opened, &inverse)
	m, err := c.withPayload(curve.Pair(&c.c2, &renewed), payload)
	require.NoError(t, err)
	require.Equal(t, "sealed after the rotation", string(m))

	// What holders see of ours: C2 and C2'. The old base and the old token open
	// neither the new record nor the rotated one.
	_, err = c.withPayload(curve.Pair(&c.c2, &opened), payload)
	require.ErrorIs(t, err, ErrInvalidCapsule)
	old, oldPayload := w.seal(t, "repair", []byte("an old record"))
	v, err := old.Verify(w.p, w.owner.PublicKey())
	require.NoError(t, err)
	rotated, err := w.owner.RotateTo(next, v)
	require.NoError(t, err)
	_, err = rotated.withPayload(curve.Pair(&rotated.c2, &opened), oldPayload)
	require.ErrorIs(t, err, ErrInvalidCapsule)
	for _, capsule := range []*Capsule{c, rotated} {
		v, err := capsule.Verify(w.p, next.PublicKey())
		require.NoError(t, err)
		_, err = Reencrypt(verified, v)
		require.ErrorIs(t, err, ErrToken)
	}
}

// An owner commits to a token that opens nothing, to blame the proxy for it.
// The naive receiver sees only that the result is wrong. Ours names the token,
// and the proxy can prove to anyone that it did its work.
func TestAttackMalformedTokenFramesTheProxy(t *testing.T) {
	w := newWorld(t, "frame the proxy")
	c, payload := w.seal(t, "r", []byte("record"))
	token, err := w.owner.DelegateReencryption(w.p, "r", w.consent, w.insurer.PublicKey())
	require.NoError(t, err)
	token.r2 = *w.payloadBase("another")
	d := Delegation{w.owner.PublicKey(), w.consent, token.Commitment(w.p)}
	verified, err := token.Verify(w.p, d.Commitment)
	require.NoError(t, err, "the proxy cannot tell")
	v, err := c.Verify(w.p, w.owner.PublicKey())
	require.NoError(t, err)
	rc, err := Reencrypt(verified, v)
	require.NoError(t, err)

	mask := w.receiverMask(token)
	_, err = c.withPayload(divGT(rc.a, curve.Pair(&c.c2, &mask)), payload)
	require.ErrorIs(t, err, ErrInvalidCapsule, "to the naive receiver capsule or proxy is to blame")

	err = w.insurer.OpenReencrypted(w.p, d, nil, rc, w.info, io.Discard, bytes.NewReader(payload))
	require.ErrorIs(t, err, ErrToken)
	require.NotErrorIs(t, err, ErrReencryption)
	proof, err := ProveReencryption(w.p, verified, v)
	require.NoError(t, err)
	require.NoError(t, proof.Verify(w.p, d, w.insurer.PublicKey(), rc))
	// A proxy that does lie is named, and has no proof.
	rc.a.Square(&rc.a)
	require.ErrorIs(t, proof.Verify(w.p, d, w.insurer.PublicKey(), rc), ErrReencryption)
}
