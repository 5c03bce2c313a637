package pre

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"testing"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/stretchr/testify/require"
)

// A key that never went through a parser is the identity: g^z = R proves its
// possession to anyone, and a record sealed under it opens for nobody.
func TestZeroKeyIsRefusedInMemory(t *testing.T) {
	w := newWorld(t, "zero key")
	z, err := curve.RandomScalar(nil)
	require.NoError(t, err)
	_, _, g, _ := bn254.Generators()
	r, zb := curve.MulG1(&g, &z), z.Bytes()
	rb := r.Bytes()
	forged := append(rb[:], zb[:]...)
	require.ErrorIs(t, VerifyPossession(w.p.ID(), &ScopedPublicKey{}, "pid", "MSP", forged), ErrPossession)

	_, err = w.p.Seal(&ScopedPublicKey{}, "r", w.info, io.Discard, bytes.NewReader(nil))
	require.ErrorIs(t, err, ErrMalformed)

	k, err := GeneratePaperKey()
	require.NoError(t, err)
	b, challenge, err := k.StartRekey()
	require.NoError(t, err)
	_, err = FinishRekey(&PaperPublicKey{}, &PaperPublicKey{}, b, k.AnswerRekey(challenge))
	require.ErrorIs(t, err, ErrRekey)
}

// A payload of a header and no segment holds nothing that the key
// authenticates, so it is not another encoding of the empty record.
func TestPayloadWithoutASegmentIsRefused(t *testing.T) {
	w := newWorld(t, "no segment")
	r, err := curve.RandomScalar(nil)
	require.NoError(t, err)
	var payload bytes.Buffer
	c, err := w.p.seal(r, w.owner.PublicKey(), "r", w.info, &payload, bytes.NewReader(nil))
	require.NoError(t, err)
	head := payload.Bytes()[:payloadHeader]
	c.payload = PayloadSum{SHA256: sha256.Sum256(head), Size: payloadHeader}
	h := c.h()
	c.c5 = curve.MulG1(&w.p.u, &h)
	c.c5.Add(&c.c5, &w.p.vd)
	c.c5 = curve.MulG1(&c.c5, &r)
	_, err = c.Verify(w.p, w.owner.PublicKey())
	require.NoError(t, err, "the capsule itself is well made")
	require.ErrorIs(t, c.CheckPayload(bytes.NewReader(head)), ErrPayloadAltered)
	_, err = w.open(c, head)
	require.ErrorIs(t, err, ErrPayloadAltered)
}

// A copy of a secret prints as little as a pointer to it.
func TestCopiesOfSecretsNeverPrint(t *testing.T) {
	w := newWorld(t, "print copies")
	token, err := w.owner.DelegateReencryption(w.p, "r", w.consent, w.insurer.PublicKey())
	require.NoError(t, err)
	search, err := w.owner.DelegateSearch(w.p, "r", w.consent)
	require.NoError(t, err)
	trapdoor, err := w.master.OpenTrapdoor(w.p, search, search.Commitment(w.p))
	require.NoError(t, err)
	for _, v := range []any{
		*w.owner, *w.master, PaperSecretKey{w.owner.secretKey}, *token, *trapdoor, trapdoor,
		PaperBlinding{}, PaperChallenge{}, PaperResponse{}, PaperReencryptionKey{},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
			require.Contains(t, fmt.Sprintf(verb, v), "(hidden)", "%T", v)
		}
	}
}
