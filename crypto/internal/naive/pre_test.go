package naive

import (
	"bytes"
	"errors"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

func (k *known) key(seed string) (*big.Int, *point) {
	x := randomScalar(seed)
	k.check(seed+" secret", bytes32(x))
	pk := mul(generator1, x)
	k.check(seed+" public", g1.encode(pk))
	return x, pk
}

// sealed checks a sealed record, and that it is valid and opens.
func (k *known) sealed(s *parameters, prefix string, pk *point, x *big.Int, label string) (*capsule, []byte) {
	t := k.t
	e := randomScalar(prefix + "r")
	k.check(prefix+"r", bytes32(e))
	binding := s.binding(pk, k.input("record id"), k.input("kind")[0], k.input("owner pid"), k.input("issuer pid"))
	base, search := s.bases(label)
	k.check(prefix+"payload base", g2.encode(base))
	k.check(prefix+"search base", g2.encode(search))
	c, u, secret, payload := s.seal(e, pk, label, binding, k.input("plaintext"))
	commit, key := c.derive(secret)
	k.check(prefix+"binding", binding)
	k.check(prefix+"header", c.header())
	k.check(prefix+"C1", g2.encode(c.c1))
	k.check(prefix+"C2", g1.encode(c.c2))
	k.check(prefix+"U", encodeGT(u))
	k.check(prefix+"C3", c.c3)
	k.check(prefix+"K", encodeGT(secret))
	k.check(prefix+"commit", commit)
	k.check(prefix+"payload key", key)
	k.check(prefix+"payload", payload)
	k.check(prefix+"C4", c.c4)
	k.check(prefix+"h", bytes32(c.h()))
	k.check(prefix+"C5", g1.encode(c.c5))
	k.check(prefix+"capsule", c.bytes())
	k.check(prefix+"record digest", c.recordDigest())
	k.check(prefix+"full digest", c.fullDigest())

	read := must(decodeCapsule(k.values[prefix+"capsule"]))
	require.Equal(t, c.bytes(), read.bytes())
	require.True(t, s.valid(read, pk))
	require.False(t, s.valid(read, add(pk, generator1)))
	plain, err := read.open(s.ownerK(read, x), payload)
	require.NoError(t, err)
	require.Equal(t, k.values["plaintext"], plain)
	return read, payload
}

// token checks a delegation and returns it as read from its encoding.
func (k *known) token(s *parameters, name string, kind byte, label string, x *big.Int, pk, target *point) *token {
	e := randomScalar(name)
	k.check(name+"s", bytes32(e))
	tok := &token{kind: kind, owner: pk, consent: k.input("consent"), target: target, label: label}
	s.delegate(tok, x, e)
	vk := pair(pk, tok.r2)
	k.check(name+"context", s.context(tok))
	k.check(name+"M", g2.encode(s.mask(tok, mul(target, e))))
	k.check(name+"R1", g1.encode(tok.r1))
	k.check(name+"R2", g2.encode(tok.r2))
	k.check(name+"VK", encodeGT(vk))
	tok.committed = s.commitment(tok, vk)
	k.check(name+"commitment", tok.committed)
	k.check(name+"bytes", tok.bytes())
	read := must(decodeToken(k.values[name+"bytes"]))
	read.committed = tok.committed
	return read
}

func TestPreVectors(t *testing.T) {
	t.Parallel()
	k := load(t, "../../pre/testdata/vectors.json")
	x, y := k.key("x")
	s := newParameters(y, string(k.input("system name")))
	k.check("g", g1.encode(generator1))
	k.check("g-hat", g2.encode(generator2))
	k.check("g-hat-1", g2.encode(s.gHat1))
	k.check("g-hat-2", g2.encode(s.gHat2))
	k.check("u", g1.encode(s.u))
	k.check("vd", g1.encode(s.vd))
	k.check("parameters", s.bytes())
	k.check("paramsID", s.id)
	require.Equal(t, s.id, must(decodeParameters(k.values["parameters"])).id)

	// Scoped mode.
	label := string(k.input("label"))
	xn, pkn := k.key("x_n")
	xi, pki := k.key("x_i")
	c, payload := k.sealed(s, "", pkn, xn, label)
	opens := func(secret fp12) {
		plain, err := c.open(secret, payload)
		require.NoError(t, err)
		require.Equal(t, k.values["plaintext"], plain)
	}

	tok := k.token(s, "token ", 1, label, xn, pkn, pki)
	a := pair(c.c2, tok.r2)
	k.check("A", encodeGT(a))
	k.check("reencrypted", (&reencrypted{tok.r1, a, c}).bytes())
	rc := must(decodeReencrypted(k.values["reencrypted"]))
	secret, genuine := s.receiverK(rc, pkn, tok.consent, tok.committed, xi)
	require.True(t, genuine)
	opens(secret)
	_, genuine = s.receiverK(rc, pkn, tok.consent, tok.committed, xn)
	require.False(t, genuine, "another receiver")

	m := mul(generator2, randomScalar("proof"))
	vk, a1, a2 := pair(pkn, tok.r2), pair(pkn, m), pair(c.c2, m)
	challenge := s.challenge(pkn, c.c2, vk, a, a1, a2)
	pr := proof{vk, challenge, add(m, mul(tok.r2, new(big.Int).SetBytes(challenge)))}
	k.check("proof M", g2.encode(m))
	k.check("proof a1", encodeGT(a1))
	k.check("proof a2", encodeGT(a2))
	k.check("proof c", pr.c)
	k.check("proof z", g2.encode(pr.z))
	k.check("proof bytes", pr.bytes())
	read := must(decodeProof(k.values["proof bytes"]))
	require.NoError(t, s.verifyProof(read, rc, pkn, pki, tok.consent, tok.committed))
	wrong := *rc
	wrong.a = rc.a.mul(a1)
	require.ErrorIs(t, s.verifyProof(read, &wrong, pkn, pki, tok.consent, tok.committed), errReencryption)

	found := k.token(s, "trapdoor ", 2, label, xn, pkn, y)
	door, good := s.trapdoor(found, x)
	require.True(t, good)
	k.check("trapdoor opened", g2.encode(door))
	require.Equal(t, c.c3, s.searchTag(pair(c.c2, door)))
	_, good = s.trapdoor(found, xi)
	require.False(t, good, "not the master key")

	g := mul(c.c2, inverseR(xn))
	k.check("opening", g1.encode(g))
	require.True(t, pairsTo1(g, s.gHat1, neg(generator1), c.c1))
	base, _ := s.bases(label)
	opens(pair(g, base))

	next, pkNext := k.key("x_n'")
	rotated := *c
	rotated.c2 = mul(c.c2, times(next, inverseR(xn)))
	k.check("rotated C2", g1.encode(rotated.c2))
	k.check("rotated capsule", rotated.bytes())
	k.check("rotated full digest", rotated.fullDigest())
	require.Equal(t, c.recordDigest(), rotated.recordDigest())
	require.True(t, s.allValid(claim{c, pkn}, claim{&rotated, pkNext}))
	require.False(t, s.allValid(claim{c, pkn}, claim{&rotated, pkn}))
	opens(s.ownerK(&rotated, next))

	nonce := randomScalar("possession")
	k.check("possession k", bytes32(nonce))
	pid, msp := k.input("owner pid"), k.input("msp")
	commitment := mul(generator1, nonce)
	e := s.possessionChallenge(pid, msp, 1, pkn, commitment)
	k.check("possession c", bytes32(e))
	k.check("possession", append(g1.encode(commitment), bytes32(modR(plus(nonce, times(e, xn))))...))
	require.True(t, s.possesses(pid, msp, 1, pkn, k.values["possession"]))
	require.False(t, s.possesses(pid, msp, 2, pkn, k.values["possession"]))

	k.long()
	k.paper(s, x)
	k.done()
}

// long checks a record of two segments, of which the file has the digest.
func (k *known) long() {
	plain := stream("long record", segment+1)
	payload := sealPayload(k.input("commit"), k.input("payload key"), plain)
	require.Len(k.t, payload, 37+segment+1+2*16)
	k.check("long payload digest", sha(payload))
}

func (k *known) paper(s *parameters, x *big.Int) {
	t := k.t
	xn, pkn := k.key("paper x_n")
	xi, pki := k.key("paper x_i")
	c, payload := k.sealed(s, "paper ", pkn, xn, "")
	blind := randomScalar("paper t")
	tau := modR(times(blind, inverseR(xn)))
	z := modR(times(xi, tau))
	rk := modR(times(z, inverseR(blind)))
	k.check("paper t", bytes32(blind))
	k.check("paper tau", bytes32(tau))
	k.check("paper z", bytes32(z))
	k.check("paper rk", bytes32(rk))
	require.Equal(t, g1.encode(pki), g1.encode(mul(pkn, rk)))
	out := *c
	out.c2 = mul(c.c2, rk)
	k.check("paper C2'", g1.encode(out.c2))
	k.check("paper reencrypted", out.bytes())
	require.True(t, s.valid(&out, pki))
	plain, err := out.open(s.ownerK(&out, xi), payload)
	require.NoError(t, err)
	require.Equal(t, k.values["plaintext"], plain)

	tok := k.token(s, "paper trapdoor ", 2, "", xn, pkn, s.y)
	door, good := s.trapdoor(tok, x)
	require.True(t, good)
	k.check("paper trapdoor opened", g2.encode(door))
	require.Equal(t, c.c3, s.searchTag(pair(c.c2, door)))
}

// decodeAs decodes a negative value of a type that must not decode.
func decodeAs(typ string, b []byte) (known bool, err error) {
	switch typ {
	case "parameters":
		_, err = decodeParameters(b)
	case "capsule":
		_, err = decodeCapsule(b)
	case "token":
		_, err = decodeToken(b)
	case "reencrypted":
		_, err = decodeReencrypted(b)
	case "publicKey", "opening":
		_, err = g1.decode(b)
	case "proof":
		_, err = decodeProof(b)
	default:
		return false, nil
	}
	return true, err
}

// try does with a negative value what its type says.
func (k *known) try(s *parameters, typ string, b []byte) error {
	scalar := func(name string) *big.Int { return must(decodeScalar(k.values[name+" secret"])) }
	xn, xi := scalar("x_n"), scalar("x_i")
	pkn, pki := mul(generator1, xn), mul(generator1, xi)
	binding := s.binding(pkn, k.values["record id"], k.values["kind"][0], k.values["owner pid"], k.values["issuer pid"])
	consent, commitment, payload := k.values["consent"], k.values["token commitment"], k.values["payload"]
	switch typ {
	case "open":
		c := must(decodeCapsule(b))
		if err := s.intact(c, pkn, binding); err != nil {
			return err
		}
		_, err := c.open(s.ownerK(c, xn), payload)
		return err
	case "payload":
		c := must(decodeCapsule(k.values["capsule"]))
		_, err := c.open(must(decodeGT(k.values["K"])), b)
		return err
	case "receive":
		rc := must(decodeReencrypted(b))
		if err := s.intact(rc.c, pkn, binding); err != nil {
			return err
		}
		secret, genuine := s.receiverK(rc, pkn, consent, commitment, xi)
		if !genuine {
			return errToken
		}
		_, err := rc.c.open(secret, payload)
		if errors.Is(err, errInvalidCapsule) {
			return errReencryption
		}
		return err
	case "judge":
		return s.verifyProof(must(decodeProof(b)), must(decodeReencrypted(k.values["reencrypted"])), pkn, pki, consent, commitment)
	case "arbitrate":
		if c := must(decodeCapsule(k.values["capsule"])); !pairsTo1(must(g1.decode(b)), s.gHat1, neg(generator1), c.c1) {
			return errWrongKey
		}
	case "accept token", "search":
		t := must(decodeToken(b[32:]))
		genuine := bytes.Equal(b[:32], s.commitment(t, pair(t.owner, t.r2)))
		if typ == "accept token" {
			genuine = genuine && t.kind == 1
		} else if genuine = genuine && t.kind == 2 && bytes.Equal(g1.encode(t.target), k.values["x public"]); genuine {
			_, genuine = s.trapdoor(t, scalar("x"))
		}
		if !genuine {
			return errToken
		}
	case "possession":
		if !s.possesses(k.values["owner pid"], k.values["msp"], 1, pkn, b) {
			return errPossession
		}
	case "rk":
		rk, err := decodeScalar(b)
		if err != nil {
			return err
		}
		if !bytes.Equal(g1.encode(mul(mul(generator1, scalar("paper x_n")), rk)), k.values["paper x_i public"]) {
			return errRekey
		}
	default:
		return errors.New("unknown type " + typ)
	}
	return nil
}

// What the file says must be refused is refused by checks written from the
// protocol's text, with the error that the file names.
func TestPreNegatives(t *testing.T) {
	t.Parallel()
	k := load(t, "../../pre/testdata/vectors.json")
	require.NotEmpty(t, k.Negative)
	s := must(decodeParameters(k.values["parameters"]))
	for _, n := range k.Negative {
		b := k.bytes(n.Value)
		known, err := decodeAs(n.Type, b)
		if !known {
			err = k.try(s, n.Type, b)
		}
		if n.Error == "pre: malformed encoding" {
			require.ErrorIs(t, err, errMalformed, n.Name)
			continue
		}
		require.EqualError(t, err, n.Error, n.Name)
	}
}

// The types are tried on the genuine values too: a check that refuses
// everything proves nothing.
func TestPreNegativesWouldPass(t *testing.T) {
	t.Parallel()
	k := load(t, "../../pre/testdata/vectors.json")
	s := must(decodeParameters(k.values["parameters"]))
	for typ, b := range map[string][]byte{
		"open": k.values["capsule"], "payload": k.values["payload"], "receive": k.values["reencrypted"],
		"judge": k.values["proof bytes"], "arbitrate": k.values["opening"], "possession": k.values["possession"],
		"accept token": join(k.values["token commitment"], k.values["token bytes"]),
		"search":       join(k.values["trapdoor commitment"], k.values["trapdoor bytes"]), "rk": k.values["paper rk"],
	} {
		require.NoError(t, k.try(s, typ, b), typ)
	}
}

// One altered byte anywhere makes a capsule malformed or invalid.
func TestNoByteOfACapsuleIsFree(t *testing.T) {
	t.Parallel()
	k := load(t, "../../pre/testdata/vectors.json")
	s := must(decodeParameters(k.values["parameters"]))
	pk := must(g1.decode(k.values["x_n public"]))
	whole := k.values["capsule"]
	for at := 0; at < len(whole); at += 9 {
		b := bytes.Clone(whole)
		b[at] ^= 1
		c, err := decodeCapsule(b)
		require.False(t, err == nil && s.valid(c, pk), "byte %d", at)
	}
}
