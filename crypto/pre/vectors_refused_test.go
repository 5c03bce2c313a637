package pre

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/claimshare/claimshare/crypto/internal/vectors"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/stretchr/testify/require"
)

// refuser does with a well-formed negative vector what its type says, in the
// roles that the file's values describe.
type refuser struct {
	t                         *testing.T
	values                    map[string][]byte
	p                         *Parameters
	master                    *MasterKey
	owner, receiver           *ScopedSecretKey
	paperOwner, paperReceiver *PaperSecretKey
	info                      RecordInfo
}

func newRefuser(t *testing.T, f *vectors.File) *refuser {
	w := &refuser{t: t, values: map[string][]byte{}}
	for _, v := range f.Values {
		w.values[v.Name] = v.Value
	}
	key := func(name string) secretKey {
		k, err := parseSecretKey(w.values[name+" secret"])
		require.NoError(t, err)
		return k
	}
	var err error
	w.p, err = ParseParameters(w.values["parameters"])
	require.NoError(t, err)
	w.master = &MasterKey{key("x")}
	w.owner, w.receiver = &ScopedSecretKey{key("x_n")}, &ScopedSecretKey{key("x_i")}
	w.paperOwner, w.paperReceiver = &PaperSecretKey{key("paper x_n")}, &PaperSecretKey{key("paper x_i")}
	w.info = RecordInfo{[16]byte(w.values["record id"]), w.values["kind"][0], string(w.values["owner pid"]), string(w.values["issuer pid"])}
	return w
}

func (w *refuser) capsule() *Capsule {
	c, err := ParseCapsule(w.values["capsule"])
	require.NoError(w.t, err)
	return c
}

func (w *refuser) try(typ string, b []byte) error {
	payload := bytes.NewReader(w.values["payload"])
	d := Delegation{w.owner.PublicKey(), [32]byte(w.values["consent"]), [32]byte(w.values["token commitment"])}
	switch typ {
	case "open":
		c, err := ParseCapsule(b)
		require.NoError(w.t, err)
		return w.owner.Open(w.p, c, w.info, io.Discard, payload)
	case "payload":
		return w.owner.Open(w.p, w.capsule(), w.info, io.Discard, bytes.NewReader(b))
	case "receive":
		rc, err := ParseReencrypted(b)
		require.NoError(w.t, err)
		return w.receiver.OpenReencrypted(w.p, d, nil, rc, w.info, io.Discard, payload)
	case "judge":
		proof, err := ParseReencryptionProof(b)
		require.NoError(w.t, err)
		rc, err := ParseReencrypted(w.values["reencrypted"])
		require.NoError(w.t, err)
		return proof.Verify(w.p, d, w.receiver.PublicKey(), rc)
	case "arbitrate":
		opening, err := ParseOpening(b)
		require.NoError(w.t, err)
		v, err := w.capsule().Verify(w.p, w.owner.PublicKey())
		require.NoError(w.t, err)
		return opening.Open(w.p, v, w.owner.PublicKey(), w.info, io.Discard, payload)
	case "accept token", "search":
		tok, err := ParseToken(b[32:])
		require.NoError(w.t, err)
		if typ == "search" {
			_, err = w.master.OpenTrapdoor(w.p, tok, [32]byte(b))
		} else {
			_, err = tok.Verify(w.p, [32]byte(b))
		}
		return err
	case "possession":
		return VerifyPossession(w.p.ID(), w.owner.PublicKey(), w.info.OwnerPID, string(w.values["msp"]), b)
	case "rk":
		_, err := ParsePaperReencryptionKey(w.paperOwner.PublicKey(), w.paperReceiver.PublicKey(), b)
		return err
	}
	return errors.New("unknown type " + typ)
}

// addRefused adds values that decode and must be refused all the same.
func addRefused(t *testing.T, f *vectors.File) {
	w := newRefuser(t, f)
	add := func(typ, name string, value []byte, want error) {
		require.ErrorIs(t, w.try(typ, value), want, name)
		f.Refuse(typ+": "+name, typ, value, want)
	}
	value := func(name string) []byte { return bytes.Clone(w.values[name]) }
	flip := func(b []byte, at int) []byte {
		b = bytes.Clone(b)
		if at < 0 {
			at += len(b)
		}
		b[at] ^= 1
		return b
	}
	whole := value("capsule")
	c3 := len(whole) - curve.G1Size - c4Size - 32

	// (C2 T, C5/T), which the paper's check lets pass
	c := w.capsule()
	shift := curve.MulG1(&w.p.g, scalarOf(t, "shift"))
	c.c2.Add(&c.c2, &shift)
	c.c5.Sub(&c.c5, &shift)
	shifted := c.Bytes()
	add("open", "C2 T and C5/T", shifted, ErrInvalidCapsule)
	add("open", "another search tag", flip(whole, c3), ErrInvalidCapsule)
	add("open", "another payload digest", flip(whole, c3+64), ErrInvalidCapsule)
	add("open", "another payload size", flip(whole, c3+103), ErrInvalidCapsule)
	add("open", "another label", flip(whole, headerFixed), ErrInvalidCapsule)
	add("open", "another binding", flip(whole, 6), ErrInvalidCapsule)
	add("open", "rotated away", value("rotated capsule"), ErrInvalidCapsule)
	add("open", "paper mode", value("paper capsule"), ErrMode)
	seal := func(to PublicKey, info RecordInfo) []byte {
		c, err := w.p.seal(*scalarOf(t, "another record"), to, "repair/2026", info, io.Discard, bytes.NewReader(nil))
		require.NoError(t, err)
		return c.Bytes()
	}
	other := w.info
	other.RecordID[0]++
	add("open", "another owner's", seal(w.receiver.PublicKey(), w.info), ErrWrongKey)
	add("open", "another record's", seal(w.owner.PublicKey(), other), ErrBinding)
	// An issuer that knows r makes a valid capsule that names another key.
	c, err := ParseCapsule(flip(whole, c3+32))
	require.NoError(t, err)
	h := c.h()
	c.c5 = curve.MulG1(&w.p.u, &h)
	c.c5.Add(&c.c5, &w.p.vd)
	c.c5 = curve.MulG1(&c.c5, scalarOf(t, "r"))
	_, err = c.Verify(w.p, w.owner.PublicKey())
	require.NoError(t, err)
	add("open", "a valid capsule that commits to another key", c.Bytes(), ErrInvalidCapsule)

	payload := value("payload")
	add("payload", "empty", nil, ErrPayloadTruncated)
	add("payload", "header cut short", payload[:payloadHeader-1], ErrPayloadTruncated)
	add("payload", "no segment", payload[:payloadHeader], ErrPayloadTruncated)
	add("payload", "one byte short", payload[:len(payload)-1], ErrPayloadTruncated)
	add("payload", "one byte long", append(bytes.Clone(payload), 0), ErrPayloadTrailing)
	add("payload", "another magic", flip(payload, 0), ErrPayloadAltered)
	add("payload", "another version", flip(payload, 4), ErrPayloadAltered)
	add("payload", "another capsule's", value("paper payload"), ErrPayloadMismatch)
	add("payload", "altered segment", flip(payload, payloadHeader), ErrPayloadAltered)
	add("payload", "altered authenticator", flip(payload, -1), ErrPayloadAltered)

	rc := func(change func(*Reencrypted)) []byte {
		rc, err := ParseReencrypted(w.values["reencrypted"])
		require.NoError(t, err)
		change(rc)
		return rc.Bytes()
	}
	add("receive", "A squared", rc(func(rc *Reencrypted) { rc.a.Square(&rc.a) }), ErrReencryption)
	add("receive", "another token's R1", rc(func(rc *Reencrypted) { rc.r1 = w.g1("trapdoor R1") }), ErrToken)
	add("receive", "altered capsule", append(value("reencrypted")[:len(w.values["reencrypted"])-len(whole)], shifted...), ErrInvalidCapsule)
	add("receive", "rotated away", append(value("reencrypted")[:len(w.values["reencrypted"])-len(whole)], w.values["rotated capsule"]...), ErrInvalidCapsule)

	proof := func(change func(*ReencryptionProof)) []byte {
		proof, err := ParseReencryptionProof(w.values["proof bytes"])
		require.NoError(t, err)
		change(proof)
		return proof.Bytes()
	}
	add("judge", "another VK", proof(func(p *ReencryptionProof) { p.vk.Square(&p.vk) }), ErrToken)
	add("judge", "another challenge", proof(func(p *ReencryptionProof) { p.c[15] ^= 1 }), ErrReencryption)
	add("judge", "another z", proof(func(p *ReencryptionProof) { p.z.Add(&p.z, &w.p.gHat) }), ErrReencryption)

	g := w.g1("opening")
	g.Add(&g, &w.p.g)
	add("arbitrate", "another record's opening", g1b(g), ErrWrongKey)

	token := func(name string, change func(*Token)) *Token {
		tok, err := ParseToken(w.values[name+" bytes"])
		require.NoError(t, err)
		change(tok)
		return tok
	}
	committed := func(name string, tok *Token) []byte { return append(value(name+" commitment"), tok.Bytes()...) }
	own := func(tok *Token) []byte { return append(arr(tok.Commitment(w.p)), tok.Bytes()...) }
	same := func(*Token) {}
	moved := func(tok *Token) { tok.r2.Add(&tok.r2, &w.p.gHat) }
	add("accept token", "another commitment", committed("trapdoor", token("token", same)), ErrToken)
	add("accept token", "a search token", own(token("trapdoor", same)), ErrToken)
	add("accept token", "another R2", committed("token", token("token", moved)), ErrToken)
	add("accept token", "another consent", committed("token", token("token", func(tok *Token) { tok.consent[0] ^= 1 })), ErrToken)
	add("accept token", "another label", committed("token", token("token", func(tok *Token) { tok.label = "repair/2027" })), ErrToken)
	add("search", "another commitment", committed("token", token("trapdoor", same)), ErrToken)
	add("search", "a re-encryption token", own(token("token", same)), ErrToken)
	add("search", "R2 that is not the owner's, and is committed to", own(token("trapdoor", moved)), ErrToken)
	add("search", "another target", own(token("trapdoor", func(tok *Token) { tok.target = w.receiver.public })), ErrToken)

	prove := func(k *ScopedSecretKey, mode Mode, id [32]byte, pid, msp string) []byte {
		b, err := k.prove(&entropy{seed: "possession"}, mode, id, pid, msp)
		require.NoError(t, err)
		return b
	}
	id := w.p.ID()
	add("possession", "another key", prove(w.receiver, ModeScoped, id, "owner-pid", "OwnerMSP"), ErrPossession)
	add("possession", "another mode", prove(w.owner, ModePaper, id, "owner-pid", "OwnerMSP"), ErrPossession)
	add("possession", "another deployment", prove(w.owner, ModeScoped, [32]byte{}, "owner-pid", "OwnerMSP"), ErrPossession)
	add("possession", "another pid", prove(w.owner, ModeScoped, id, "issuer-pid", "OwnerMSP"), ErrPossession)
	add("possession", "another msp", prove(w.owner, ModeScoped, id, "owner-pid", ""), ErrPossession)
	add("possession", "letters moved from pid to msp", prove(w.owner, ModeScoped, id, "owner-pidO", "wnerMSP"), ErrPossession)
	possession := value("possession")
	add("possession", "another z", flip(possession, -1), ErrPossession)
	add("possession", "z zero", append(possession[:32:32], make([]byte, 32)...), ErrPossession)
	add("possession", "z not reduced", append(possession[:32:32], bytes.Repeat([]byte{0xff}, 32)...), ErrPossession)
	add("possession", "R infinity", append(append([]byte{0x40}, make([]byte, 31)...), possession[32:]...), ErrPossession)
	add("possession", "one byte short", possession[:63], ErrPossession)

	add("rk", "one more", flip(value("paper rk"), -1), ErrRekey)
	add("rk", "backwards", func() []byte {
		var rk fr.Element
		rk.SetBytes(w.values["paper rk"])
		rk.Inverse(&rk)
		b := rk.Bytes()
		return b[:]
	}(), ErrRekey)
	add("rk", "zero", make([]byte, 32), ErrMalformed)
	add("rk", "not reduced", bytes.Repeat([]byte{0xff}, 32), ErrMalformed)
}

func (w *refuser) g1(name string) bn254.G1Affine {
	p, err := curve.G1(w.values[name])
	require.NoError(w.t, err)
	return p
}

func scalarOf(t *testing.T, name string) *fr.Element {
	s, err := curve.RandomScalar(&entropy{seed: name})
	require.NoError(t, err)
	return &s
}
