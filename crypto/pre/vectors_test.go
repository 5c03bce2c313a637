package pre

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/claimshare/claimshare/crypto/internal/vectors"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/stretchr/testify/require"
)

// entropy is SHA-256 in counter mode: fixed "randomness" for known answers.
type entropy struct {
	seed  string
	count uint64
	rest  []byte
}

func (e *entropy) Read(p []byte) (int, error) {
	for len(e.rest) < len(p) {
		h := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(e.seed), e.count))
		e.count++
		e.rest = append(e.rest, h[:]...)
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

func g1b(p bn254.G1Affine) []byte { b := p.Bytes(); return b[:] }
func g2b(p bn254.G2Affine) []byte { b := p.Bytes(); return b[:] }
func gtb(z bn254.GT) []byte       { b := z.Bytes(); return b[:] }
func arr(a [32]byte) []byte       { return a[:] }

// makeVectors computes every intermediate value of one scoped and one
// paper-mode life of a record from fixed seeds.
func makeVectors(t *testing.T) *vectors.File {
	f := &vectors.File{Comment: "Known answers of the ClaimShare protocol, version 1, BN254. Values in order of computation, hexadecimal. See docs/protocol.md. Randomness comes from a name: SHA-256(name ‖ u64 0) ‖ SHA-256(name ‖ u64 1) ‖ ..., 48 bytes for a scalar. The name of a secret key is that of the value without ' secret'; of r and t, the value's own; of s, the value's without its last letter; of M of the proof and k of the possession, 'proof' and 'possession'. The long record is 65537 bytes from the name 'long record', under the payload key and commit of the scoped capsule. Negative values of the types parameters to opening do not decode. The others are refused by x_n opening a capsule (open) or the capsule with a payload (payload), by x_i (receive), by who checks a proof for what is named reencrypted here (judge) or an opening of the capsule (arbitrate), by proxy (accept token) and system manager (search), where the consent's commitment precedes the token, by who checks a possession of x_n, and by paper mode's proxy (rk)."}
	key := func(seed string) secretKey {
		k, err := generate(&entropy{seed: seed})
		require.NoError(t, err)
		f.Add(seed+" secret", k.Bytes())
		f.Add(seed+" public", k.public.Bytes())
		return k
	}
	scalar := func(name, seed string) fr.Element {
		s, err := curve.RandomScalar(&entropy{seed: seed})
		require.NoError(t, err)
		b := s.Bytes()
		f.Add(name, b[:])
		return s
	}
	master := &MasterKey{key("x")}
	f.Add("system name", []byte("vectors"))
	p, err := NewParameters("vectors", master.PublicKey())
	require.NoError(t, err)
	f.Add("g", g1b(p.g))
	f.Add("g-hat", g2b(p.gHat))
	f.Add("g-hat-1", g2b(p.gHat1.Point()))
	f.Add("g-hat-2", g2b(p.base("").search))
	f.Add("u", g1b(p.u))
	f.Add("vd", g1b(p.vd))
	f.Add("parameters", p.Bytes())
	f.Add("paramsID", arr(p.ID()))

	info := RecordInfo{RecordID: [16]byte{0: 0xaa, 15: 0x55}, Kind: 2, OwnerPID: "owner-pid", IssuerPID: "issuer-pid"}
	f.Add("label", []byte("repair/2026"))
	f.Add("record id", info.RecordID[:])
	f.Add("kind", []byte{info.Kind})
	f.Add("owner pid", []byte(info.OwnerPID))
	f.Add("issuer pid", []byte(info.IssuerPID))
	f.Add("msp", []byte("OwnerMSP"))
	plain := []byte("one left headlamp, two hours of labour")
	f.Add("plaintext", plain)
	seal := func(prefix string, pk PublicKey, label string) *Capsule {
		r := scalar(prefix+"r", prefix+"r")
		var payload bytes.Buffer
		c, err := p.seal(r, pk, label, info, &payload, bytes.NewReader(plain))
		require.NoError(t, err)
		base := p.base(label)
		u, k := curve.PowGT(base.searchGT(), &r), curve.PowGT(base.payloadGT(), &r)
		commit, payloadKey, err := c.derive(&k)
		require.NoError(t, err)
		h := c.h()
		hb := h.Bytes()
		f.Add(prefix+"payload base", g2b(base.payload))
		f.Add(prefix+"search base", g2b(base.search))
		f.Add(prefix+"binding", c.binding[:])
		f.Add(prefix+"header", c.header())
		f.Add(prefix+"C1", g2b(c.c1))
		f.Add(prefix+"C2", g1b(c.c2))
		f.Add(prefix+"U", gtb(u))
		f.Add(prefix+"C3", c.c3[:])
		f.Add(prefix+"K", gtb(k))
		f.Add(prefix+"commit", commit[:])
		f.Add(prefix+"payload key", payloadKey[:])
		f.Add(prefix+"payload", payload.Bytes())
		f.Add(prefix+"C4", c.c4())
		f.Add(prefix+"h", hb[:])
		f.Add(prefix+"C5", g1b(c.c5))
		f.Add(prefix+"capsule", c.Bytes())
		f.Add(prefix+"record digest", arr(c.Digest()))
		f.Add(prefix+"full digest", arr(c.FullDigest()))
		return c
	}
	owner, receiver := &ScopedSecretKey{key("x_n")}, &ScopedSecretKey{key("x_i")}
	c := seal("", owner.PublicKey(), "repair/2026")
	addLong(t, f)
	vc, err := c.Verify(p, owner.PublicKey())
	require.NoError(t, err)
	consent := sha256.Sum256([]byte("consent"))
	f.Add("consent", consent[:])
	delegate := func(name string, kind TokenKind, label string, from *secretKey, target publicKey) *Token {
		s := scalar(name+"s", name)
		tok, err := from.delegate(&entropy{seed: name}, p, kind, label, consent, target)
		require.NoError(t, err)
		f.Add(name+"context", arr(tok.context(p)))
		f.Add(name+"M", g2b(tok.mask(p, curve.MulG1(&target.point, &s))))
		f.Add(name+"R1", g1b(tok.r1))
		f.Add(name+"R2", g2b(tok.r2))
		f.Add(name+"VK", gtb(curve.Pair(&from.public.point, &tok.r2)))
		f.Add(name+"commitment", arr(tok.Commitment(p)))
		f.Add(name+"bytes", tok.Bytes())
		return tok
	}
	search := func(name, label string, from *secretKey, c *Capsule) {
		tok := delegate(name, TokenSearch, label, from, p.master)
		d, err := master.OpenTrapdoor(p, tok, tok.Commitment(p))
		require.NoError(t, err)
		require.True(t, d.Test(c))
		f.Add(name+"opened", g2b(d.fixed.Point()))
	}
	tok := delegate("token ", TokenReencryption, "repair/2026", &owner.secretKey, receiver.public)
	vt, err := tok.Verify(p, tok.Commitment(p))
	require.NoError(t, err)
	rc, err := Reencrypt(vt, vc)
	require.NoError(t, err)
	f.Add("A", gtb(rc.a))
	f.Add("reencrypted", rc.Bytes())
	addProof(t, f, p, vt, vc, receiver.PublicKey())
	search("trapdoor ", "repair/2026", &owner.secretKey, c)

	opening, err := owner.Disclose(vc)
	require.NoError(t, err)
	f.Add("opening", opening.Bytes())
	next := &ScopedSecretKey{key("x_n'")}
	rotated, err := owner.RotateTo(next, vc)
	require.NoError(t, err)
	f.Add("rotated C2", g1b(rotated.c2))
	f.Add("rotated capsule", rotated.Bytes())
	f.Add("rotated full digest", arr(rotated.FullDigest()))

	scalar("possession k", "possession")
	proof, err := owner.prove(&entropy{seed: "possession"}, ModeScoped, p.ID(), "owner-pid", "OwnerMSP")
	require.NoError(t, err)
	challenge := possessionChallenge(ModeScoped, p.ID(), &owner.public, "owner-pid", "OwnerMSP", proof[:32])
	cb := challenge.Bytes()
	f.Add("possession c", cb[:])
	f.Add("possession", proof)

	po, pr := &PaperSecretKey{key("paper x_n")}, &PaperSecretKey{key("paper x_i")}
	pc := seal("paper ", po.PublicKey(), "")
	b, ch, err := po.startRekey(&entropy{seed: "paper t"})
	require.NoError(t, err)
	z := pr.AnswerRekey(ch)
	rk, err := FinishRekey(po.PublicKey(), pr.PublicKey(), b, z)
	require.NoError(t, err)
	vc, err = pc.Verify(p, po.PublicKey())
	require.NoError(t, err)
	out, err := rk.Reencrypt(vc)
	require.NoError(t, err)
	f.Add("paper t", b.Bytes())
	f.Add("paper tau", ch.Bytes())
	f.Add("paper z", z.Bytes())
	f.Add("paper rk", rk.Bytes())
	f.Add("paper C2'", g1b(out.c2))
	f.Add("paper reencrypted", out.Bytes())
	search("paper trapdoor ", "", &po.secretKey, pc)
	addNegatives(f)
	addRefused(t, f)
	return f
}

// addProof adds the proof that the re-encryption is correct, which somebody with
// nothing but the consent accepts.
func addProof(t *testing.T, f *vectors.File, p *Parameters, vt *VerifiedToken, vc *VerifiedCapsule, receiver *ScopedPublicKey) {
	proof, err := proveReencryption(&entropy{seed: "proof"}, p, vt, vc)
	require.NoError(t, err)
	rc, err := Reencrypt(vt, vc)
	require.NoError(t, err)
	d := Delegation{vc.Key().(*ScopedPublicKey), vt.token.consent, vt.token.Commitment(p)}
	require.NoError(t, proof.Verify(p, d, receiver, rc))
	s, err := curve.RandomScalar(&entropy{seed: "proof"})
	require.NoError(t, err)
	m := curve.MulG2(&p.gHat, &s)
	f.Add("proof M", g2b(m))
	f.Add("proof a1", gtb(curve.Pair(&d.Delegator.point, &m)))
	f.Add("proof a2", gtb(curve.Pair(&vc.capsule.c2, &m)))
	f.Add("proof c", proof.c[:])
	f.Add("proof z", g2b(proof.z))
	f.Add("proof bytes", proof.Bytes())
}

// addLong adds what a payload of two segments hashes to.
func addLong(t *testing.T, f *vectors.File) {
	var commit, key [32]byte
	for _, v := range f.Values {
		switch v.Name {
		case "commit":
			commit = [32]byte(v.Value)
		case "payload key":
			key = [32]byte(v.Value)
		}
	}
	sum, err := encryptPayload(key, commit, io.Discard, io.LimitReader(&entropy{seed: "long record"}, payloadSegment+1))
	require.NoError(t, err)
	require.Equal(t, SealedSize(payloadSegment+1), sum.Size)
	f.Add("long payload digest", sum.SHA256[:])
}

func addNegatives(f *vectors.File) {
	types := map[string]string{"parameters": "parameters", "capsule": "capsule", "token bytes": "token", "reencrypted": "reencrypted", "x_n public": "publicKey", "proof bytes": "proof", "opening": "opening"}
	infinity := append([]byte{0x40}, make([]byte, 31)...)
	for _, v := range f.Values {
		typ, ok := types[v.Name]
		if !ok {
			continue
		}
		add := func(name string, value []byte) {
			f.Refuse(typ+": "+name, typ, value, ErrMalformed)
		}
		add("one byte short", v.Value[:len(v.Value)-1])
		add("one byte long", append(bytes.Clone(v.Value), 0))
		add("empty", nil)
		if typ != "publicKey" && typ != "opening" && typ != "proof" {
			other := bytes.Clone(v.Value)
			other[4] = 2
			add("unknown version", other)
			other = bytes.Clone(v.Value)
			other[5] = 2
			add("unknown suite", other)
		}
		replace := func(name string, at int, with []byte) {
			b := bytes.Clone(v.Value)
			copy(b[at:], with)
			add(name, b)
		}
		switch typ {
		case "publicKey", "opening":
			add("infinity", infinity)
			add("x not reduced", bytes.Repeat([]byte{0xff}, 32))
		case "capsule":
			c2 := len(v.Value) - 32 - c4Size - 32 - 32
			replace("C2 infinity", c2, infinity)
			replace("C5 infinity", len(v.Value)-32, infinity)
			replace("C1 infinity", c2-64, append([]byte{0x40}, make([]byte, 63)...))
			replace("label in capitals", headerFixed, []byte("R"))
		case "token":
			replace("unknown kind", 6, []byte{3})
			replace("R1 infinity", 103, infinity)
		case "proof":
			replace("VK zero", 0, make([]byte, curve.GTSize))
			replace("z infinity", len(v.Value)-curve.G2Size, append([]byte{0x40}, make([]byte, 63)...))
		case "reencrypted":
			replace("A zero", 38, make([]byte, curve.GTSize))
			one := make([]byte, curve.GTSize)
			one[curve.GTSize-1] = 1
			replace("A one", 38, one)
		}
	}
}

func TestVectors(t *testing.T) {
	got := makeVectors(t)
	want := vectors.Check(t, got)
	sentinels := map[string]error{}
	for _, err := range []error{
		ErrMalformed, ErrMode, ErrInvalidCapsule, ErrWrongKey, ErrBinding, ErrPayloadMismatch, ErrPayloadTruncated,
		ErrPayloadTrailing, ErrPayloadAltered, ErrToken, ErrReencryption, ErrPossession, ErrRekey,
	} {
		sentinels[err.Error()] = err
	}
	require.NotEmpty(t, want.Negative)
	w := newRefuser(t, want)
	for _, n := range want.Negative {
		err := parseAs(n.Type, n.Value)
		if errors.Is(err, errType) {
			err = w.try(n.Type, n.Value)
		}
		require.Contains(t, sentinels, n.Error)
		require.ErrorIs(t, err, sentinels[n.Error], n.Name)
	}
}

func parseAs(typ string, b []byte) (err error) {
	switch typ {
	case "parameters":
		_, err = ParseParameters(b)
	case "capsule":
		_, err = ParseCapsule(b)
	case "token":
		_, err = ParseToken(b)
	case "reencrypted":
		_, err = ParseReencrypted(b)
	case "publicKey":
		_, err = ParsePublicKey(ModeScoped, b)
	case "proof":
		_, err = ParseReencryptionProof(b)
	case "opening":
		_, err = ParseOpening(b)
	default:
		err = errType
	}
	return err
}

var errType = errors.New("nothing to decode alone")
