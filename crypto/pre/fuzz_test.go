package pre

import (
	"bytes"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"testing"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/stretchr/testify/require"
)

// The seeds are the values of the vectors, the arguments of f.Add, and the
// files under testdata/fuzz.

// fixed is enough entropy for one scalar, the same for the same name.
func fixed(name string) io.Reader {
	h := sha512.Sum512([]byte(name))
	return bytes.NewReader(h[:])
}

func fixedScalar(t testing.TB, name string) fr.Element {
	s, err := curve.RandomScalar(fixed(name))
	require.NoError(t, err)
	return s
}

func flipped(b []byte, bit uint) []byte {
	b = bytes.Clone(b)
	bit %= uint(8 * len(b))
	b[bit/8] ^= 1 << (bit % 8)
	return b
}

// vectorBytes are all byte strings of the vectors, bad ones included.
func vectorBytes(t testing.TB) (all [][]byte) {
	b, err := os.ReadFile("testdata/vectors.json")
	require.NoError(t, err)
	type value struct{ Value string }
	var file struct{ Values, Negative []value }
	require.NoError(t, json.Unmarshal(b, &file))
	for _, v := range append(file.Values, file.Negative...) {
		raw, err := hex.DecodeString(v.Value)
		require.NoError(t, err)
		all = append(all, raw)
	}
	require.NotEmpty(t, all)
	return all
}

// FuzzDecoders holds every decoder to the law: what it accepts encodes back to
// the same bytes, and what it refuses is malformed.
func FuzzDecoders(f *testing.F) {
	for _, b := range vectorBytes(f) {
		f.Add(b)
	}
	owner, err := generate(fixed("owner"))
	require.NoError(f, err)
	receiver, err := generate(fixed("receiver"))
	require.NoError(f, err)
	rk := owner.inverse()
	rk.Mul(&rk, &receiver.x)
	rkBytes := rk.Bytes()
	f.Add(rkBytes[:])
	decoders := map[string]func([]byte) (interface{ Bytes() []byte }, error){
		"capsule":         func(b []byte) (interface{ Bytes() []byte }, error) { return ParseCapsule(b) },
		"token":           func(b []byte) (interface{ Bytes() []byte }, error) { return ParseToken(b) },
		"re-encrypted":    func(b []byte) (interface{ Bytes() []byte }, error) { return ParseReencrypted(b) },
		"proof":           func(b []byte) (interface{ Bytes() []byte }, error) { return ParseReencryptionProof(b) },
		"opening":         func(b []byte) (interface{ Bytes() []byte }, error) { return ParseOpening(b) },
		"parameters":      func(b []byte) (interface{ Bytes() []byte }, error) { return ParseParameters(b) },
		"scoped key":      func(b []byte) (interface{ Bytes() []byte }, error) { return ParsePublicKey(ModeScoped, b) },
		"paper key":       func(b []byte) (interface{ Bytes() []byte }, error) { return ParsePublicKey(ModePaper, b) },
		"master secret":   func(b []byte) (interface{ Bytes() []byte }, error) { return ParseMasterKey(b) },
		"scoped secret":   func(b []byte) (interface{ Bytes() []byte }, error) { return ParseScopedSecretKey(b) },
		"paper secret":    func(b []byte) (interface{ Bytes() []byte }, error) { return ParsePaperSecretKey(b) },
		"paper blinding":  func(b []byte) (interface{ Bytes() []byte }, error) { return ParsePaperBlinding(b) },
		"paper challenge": func(b []byte) (interface{ Bytes() []byte }, error) { return ParsePaperChallenge(b) },
		"paper response":  func(b []byte) (interface{ Bytes() []byte }, error) { return ParsePaperResponse(b) },
		"scoped public":   func(b []byte) (interface{ Bytes() []byte }, error) { return ParseScopedPublicKey(b) },
		"paper public":    func(b []byte) (interface{ Bytes() []byte }, error) { return ParsePaperPublicKey(b) },
		"re-key of a pair": func(b []byte) (interface{ Bytes() []byte }, error) {
			return ParsePaperReencryptionKey(&PaperPublicKey{owner.public}, &PaperPublicKey{receiver.public}, b)
		},
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for name, decode := range decoders {
			v, err := decode(b)
			switch {
			case err == nil:
				require.Equal(t, b, v.Bytes(), name)
				if name == "re-key of a pair" {
					require.Equal(t, rkBytes[:], b, "no other scalar connects them")
				}
			case name == "re-key of a pair" && len(b) == curve.ScalarSize:
				// another scalar is well-formed
			default:
				require.ErrorIs(t, err, ErrMalformed, name)
			}
		}
	})
}

// FuzzSealOpen holds encryption to its laws: opening gives the record back, and
// no flipped bit of payload or capsule is let pass.
func FuzzSealOpen(f *testing.F) {
	f.Add([]byte("record"), "repair/2026", uint(3))
	f.Add([]byte{}, "a", uint(0))
	f.Add([]byte("x"), "UPPER", uint(311)) // refused
	f.Add(make([]byte, payloadSegment+1), "policy_1.2-3", uint(8*CapsuleOverhead-1))
	w := newWorld(f, "fuzz")
	f.Fuzz(func(t *testing.T, plain []byte, label string, bit uint) {
		var payload bytes.Buffer
		c, err := w.p.Seal(w.owner.PublicKey(), label, w.info, &payload, bytes.NewReader(plain))
		if ValidLabel(label) != nil {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		require.NoError(t, c.CheckPayload(bytes.NewReader(payload.Bytes())))
		got, err := w.open(c, payload.Bytes())
		require.NoError(t, err)
		require.True(t, bytes.Equal(plain, got))

		altered := flipped(payload.Bytes(), bit)
		_, err = w.open(c, altered)
		require.Error(t, err)
		require.Equal(t, err, c.CheckPayload(bytes.NewReader(altered)), "the same verdict without a key")

		bad, err := ParseCapsule(flipped(c.Bytes(), bit))
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
			return
		}
		got, err = w.open(bad, payload.Bytes())
		require.ErrorIs(t, err, ErrInvalidCapsule)
		require.Empty(t, got)
	})
}

// FuzzDelegation: the receiver opens what the proxy re-encrypted to what the
// owner reads; and any flipped bit on the way is refused.
func FuzzDelegation(f *testing.F) {
	f.Add([]byte("front bumper"), "repair/2026", uint(0), "s")
	f.Add([]byte{}, "x", uint(1<<12), "t")
	f.Add([]byte("y"), "a-b", uint(48), "")
	f.Add([]byte("z"), "l", uint(8*39), "u")
	w := newWorld(f, "fuzz delegation")
	f.Fuzz(func(t *testing.T, plain []byte, label string, bit uint, random string) {
		if ValidLabel(label) != nil {
			return
		}
		var payload bytes.Buffer
		c, err := w.p.seal(fixedScalar(t, "r"+random), w.owner.PublicKey(), label, w.info, &payload, bytes.NewReader(plain))
		require.NoError(t, err)
		vc, err := c.Verify(w.p, w.owner.PublicKey())
		require.NoError(t, err)
		token, err := w.owner.delegate(fixed(random), w.p, TokenReencryption, label, w.consent, w.insurer.public)
		require.NoError(t, err)
		d := Delegation{w.owner.PublicKey(), w.consent, token.Commitment(w.p)}
		vt, err := token.Verify(w.p, d.Commitment)
		require.NoError(t, err)
		rc, err := Reencrypt(vt, vc)
		require.NoError(t, err)
		receive := func(rc *Reencrypted) ([]byte, error) {
			var out bytes.Buffer
			err := w.insurer.OpenReencrypted(w.p, d, nil, rc, w.info, &out, bytes.NewReader(payload.Bytes()))
			return out.Bytes(), err
		}
		received, err := receive(rc)
		require.NoError(t, err)
		own, err := w.open(c, payload.Bytes())
		require.NoError(t, err)
		require.True(t, bytes.Equal(plain, own) && bytes.Equal(plain, received))

		if bad, err := ParseToken(flipped(token.Bytes(), bit)); err != nil {
			require.ErrorIs(t, err, ErrMalformed)
		} else {
			_, err := bad.Verify(w.p, d.Commitment)
			require.ErrorIs(t, err, ErrToken)
		}
		if bad, err := ParseReencrypted(flipped(rc.Bytes(), bit)); err != nil {
			require.ErrorIs(t, err, ErrMalformed)
		} else {
			got, err := receive(bad)
			require.Error(t, err)
			require.Empty(t, got)
		}

	})
}

// FuzzDisputes: the proof of re-encryption and the one-record opening hold, the
// trapdoor finds the record, a rotated one opens; and any flipped bit is
// refused.
func FuzzDisputes(f *testing.F) {
	f.Add([]byte("front bumper"), "repair/2026", uint(0), "s")
	f.Add([]byte{}, "x", uint(1<<12), "t")
	f.Add([]byte("y"), "a-b", uint(8*390), "")
	w := newWorld(f, "fuzz disputes")
	f.Fuzz(func(t *testing.T, plain []byte, label string, bit uint, random string) {
		if ValidLabel(label) != nil {
			return
		}
		var payload bytes.Buffer
		c, err := w.p.seal(fixedScalar(t, "r"+random), w.owner.PublicKey(), label, w.info, &payload, bytes.NewReader(plain))
		require.NoError(t, err)
		vc, err := c.Verify(w.p, w.owner.PublicKey())
		require.NoError(t, err)
		token, err := w.owner.delegate(fixed(random), w.p, TokenReencryption, label, w.consent, w.insurer.public)
		require.NoError(t, err)
		d := Delegation{w.owner.PublicKey(), w.consent, token.Commitment(w.p)}
		vt := &VerifiedToken{token}
		rc, err := Reencrypt(vt, vc)
		require.NoError(t, err)

		proof, err := ProveReencryption(w.p, vt, vc)
		require.NoError(t, err)
		require.NoError(t, proof.Verify(w.p, d, w.insurer.PublicKey(), rc))
		if bad, err := ParseReencryptionProof(flipped(proof.Bytes(), bit)); err != nil {
			require.ErrorIs(t, err, ErrMalformed)
		} else {
			require.Error(t, bad.Verify(w.p, d, w.insurer.PublicKey(), rc))
		}

		opening, err := w.owner.Disclose(vc)
		require.NoError(t, err)
		var out bytes.Buffer
		require.NoError(t, opening.Open(w.p, vc, w.owner.PublicKey(), w.info, &out, bytes.NewReader(payload.Bytes())))
		require.True(t, bytes.Equal(plain, out.Bytes()))
		if bad, err := ParseOpening(flipped(opening.Bytes(), bit)); err != nil {
			require.ErrorIs(t, err, ErrMalformed)
		} else {
			require.ErrorIs(t, bad.Open(w.p, vc, w.owner.PublicKey(), w.info, io.Discard, bytes.NewReader(payload.Bytes())), ErrWrongKey)
		}

		search, err := w.owner.delegate(fixed(random), w.p, TokenSearch, label, w.consent, w.p.master)
		require.NoError(t, err)
		trapdoor, err := w.master.OpenTrapdoor(w.p, search, search.Commitment(w.p))
		require.NoError(t, err)
		require.Equal(t, []int{1}, trapdoor.Search([]*Capsule{nil, c}))
		if bad, err := ParseToken(flipped(search.Bytes(), bit)); err == nil {
			_, err := w.master.OpenTrapdoor(w.p, bad, search.Commitment(w.p))
			require.ErrorIs(t, err, ErrToken)
		}

		next := &ScopedSecretKey{newSecretKey(fixedScalar(t, "next"+random))}
		rotated, err := w.owner.RotateTo(next, vc)
		require.NoError(t, err)
		out.Reset()
		require.NoError(t, next.OpenRotated(w.p, w.owner.PublicKey(), rotated, w.info, &out, bytes.NewReader(payload.Bytes())))
		require.True(t, bytes.Equal(plain, out.Bytes()))
	})
}

// FuzzPaper: the three messages make the key that turns the owner's record into
// the receiver's, and none of them may lose a bit.
func FuzzPaper(f *testing.F) {
	f.Add([]byte("one claim"), uint(5), "a")
	f.Add([]byte{}, uint(256), "")
	w := newWorld(f, "fuzz paper")
	f.Fuzz(func(t *testing.T, plain []byte, bit uint, random string) {
		owner := &PaperSecretKey{newSecretKey(fixedScalar(t, "n"+random))}
		receiver := &PaperSecretKey{newSecretKey(fixedScalar(t, "i"+random))}
		blinding, challenge, err := owner.startRekey(fixed("t" + random))
		require.NoError(t, err)
		answer := receiver.AnswerRekey(challenge)
		rk, err := FinishRekey(owner.PublicKey(), receiver.PublicKey(), blinding, answer)
		require.NoError(t, err)

		var payload, out bytes.Buffer
		c, err := w.p.Seal(owner.PublicKey(), "", w.info, &payload, bytes.NewReader(plain))
		require.NoError(t, err)
		vc, err := c.Verify(w.p, owner.PublicKey())
		require.NoError(t, err)
		changed, err := rk.Reencrypt(vc)
		require.NoError(t, err)
		require.Equal(t, c.Digest(), changed.Digest())
		open := func(c *Capsule) error {
			out.Reset()
			return receiver.OpenReencrypted(w.p, owner.PublicKey(), c, w.info, &out, bytes.NewReader(payload.Bytes()))
		}
		require.NoError(t, open(changed))
		require.True(t, bytes.Equal(plain, out.Bytes()))
		if bad, err := ParseCapsule(flipped(changed.Bytes(), bit)); err == nil {
			// A flipped binding is another key's, as far as one can tell.
			require.Error(t, open(bad))
			require.Zero(t, out.Len())
		}

		if bad, err := ParsePaperBlinding(flipped(blinding.Bytes(), bit)); err == nil {
			_, err := FinishRekey(owner.PublicKey(), receiver.PublicKey(), bad, answer)
			require.ErrorIs(t, err, ErrRekey)
		}
		if bad, err := ParsePaperChallenge(flipped(challenge.Bytes(), bit)); err == nil {
			_, err := FinishRekey(owner.PublicKey(), receiver.PublicKey(), blinding, receiver.AnswerRekey(bad))
			require.ErrorIs(t, err, ErrRekey)
		}
		if bad, err := ParsePaperResponse(flipped(answer.Bytes(), bit)); err == nil {
			_, err := FinishRekey(owner.PublicKey(), receiver.PublicKey(), blinding, bad)
			require.ErrorIs(t, err, ErrRekey)
		}
		_, err = ParsePaperReencryptionKey(owner.PublicKey(), receiver.PublicKey(), flipped(rk.Bytes(), bit))
		require.Error(t, err)
	})
}

// FuzzPossession: a proof is good for one key, mode, name and organisation, and
// arbitrary bytes are none.
func FuzzPossession(f *testing.F) {
	f.Add(make([]byte, PossessionSize), "pid", "MSP", uint(7))
	f.Add([]byte{}, "", "", uint(500))
	w := newWorld(f, "fuzz possession")
	f.Fuzz(func(t *testing.T, forged []byte, pid, msp string, bit uint) {
		id, pk := w.p.ID(), w.owner.PublicKey()
		require.ErrorIs(t, VerifyPossession(id, pk, pid, msp, forged), ErrPossession)
		proof, err := w.owner.prove(fixed(pid), ModeScoped, id, pid, msp)
		require.NoError(t, err)
		require.NoError(t, VerifyPossession(id, pk, pid, msp, proof))
		for _, err := range []error{
			VerifyPossession(id, pk, pid, msp, flipped(proof, bit)),
			VerifyPossession(id, pk, pid+"x", msp, proof),
			VerifyPossession(id, pk, pid, msp+"x", proof),
			VerifyPossession([32]byte{}, pk, pid, msp, proof),
			VerifyPossession(id, w.other.PublicKey(), pid, msp, proof),
			VerifyPossession(id, &PaperPublicKey{w.owner.public}, pid, msp, proof),
		} {
			require.ErrorIs(t, err, ErrPossession)
		}
		if pid != msp {
			require.ErrorIs(t, VerifyPossession(id, pk, msp, pid, proof), ErrPossession)
		}
	})
}
