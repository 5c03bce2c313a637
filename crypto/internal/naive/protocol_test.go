package naive

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"math/big"
	"regexp"
)

// Section 4.

type parameters struct {
	id              []byte
	name            string
	y, u, vd        *point
	gHat1, gHat2    *point
	payload, search map[string]*point // bases of labels
}

func newParameters(y *point, name string) *parameters {
	gen1 := func(s string) *point { return hashG1([]byte(s), "generator") }
	s := &parameters{name: name, y: y, u: gen1("u"), payload: map[string]*point{}, search: map[string]*point{}}
	v, d := gen1("v"), gen1("d")
	s.vd = add(v, d)
	s.gHat1, s.gHat2 = hashG2([]byte("g1"), "generator"), hashG2([]byte("g2"), "generator")
	s.id = hash("params", g1.encode(generator1), g2.encode(generator2), g2.encode(s.gHat1), g2.encode(s.gHat2),
		g1.encode(s.u), g1.encode(v), g1.encode(d), g1.encode(y), text(name))
	s.payload[""], s.search[""] = generator2, s.gHat2
	return s
}

func (s *parameters) bases(label string) (payload, search *point) {
	if s.payload[label] == nil {
		msg := append(append([]byte(nil), s.id...), text(label)...)
		s.payload[label], s.search[label] = hashG2(msg, "payload-base"), hashG2(msg, "search-base")
	}
	return s.payload[label], s.search[label]
}

func (s *parameters) bytes() []byte {
	return join([]byte("CSPA\x01\x01"), g1.encode(s.y), text(s.name))
}

func decodeParameters(b []byte) (*parameters, error) {
	if len(b) < 43 || len(b) > 42+64 || string(b[:6]) != "CSPA\x01\x01" || !bytes.Equal(b[38:], lp(b[42:])) {
		return nil, errMalformed
	}
	y, err := g1.decode(b[6:38])
	if err != nil {
		return nil, err
	}
	return newParameters(y, string(b[42:])), nil
}

var labels = regexp.MustCompile(`^[a-z0-9._/-]{1,64}$`)

// Section 5.

type capsule struct {
	binding []byte
	label   string
	c1, c2  *point
	c3, c4  []byte
	c5      *point
}

func (s *parameters) binding(pk *point, recordID []byte, kind byte, ownerPID, issuerPID []byte) []byte {
	aad := join(lp(recordID), []byte{kind}, lp(ownerPID), lp(issuerPID))
	return hash("binding", s.id, g1.encode(pk), lp(aad))
}

func (c *capsule) header() []byte {
	return join([]byte("CSCA\x01\x01"), c.binding, []byte{byte(len(c.label))}, []byte(c.label))
}

func (c *capsule) bytes() []byte {
	return join(c.header(), g2.encode(c.c1), g1.encode(c.c2), c.c3, c.c4, g1.encode(c.c5))
}

func decodeCapsule(b []byte) (*capsule, error) {
	if len(b) < 271 || string(b[:6]) != "CSCA\x01\x01" || len(b) != 271+int(b[38]) {
		return nil, errMalformed
	}
	n := int(b[38])
	c := &capsule{binding: b[6:38], label: string(b[39 : 39+n]), c3: b[135+n : 167+n], c4: b[167+n : 239+n]}
	if n > 0 && !labels.MatchString(c.label) {
		return nil, errMalformed
	}
	var bad [3]error
	c.c1, bad[0] = g2.decode(b[39+n : 103+n])
	c.c2, bad[1] = g1.decode(b[103+n : 135+n])
	c.c5, bad[2] = g1.decode(b[239+n:])
	return c, errors.Join(bad[:]...)
}

func (c *capsule) h() *big.Int {
	return hashToScalar(join(c.header(), g2.encode(c.c1), c.c3, c.c4))
}

func (c *capsule) recordDigest() []byte {
	return hash("record", c.header(), g2.encode(c.c1), c.c3, c.c4, g1.encode(c.c5))
}

func (c *capsule) fullDigest() []byte { return hash("capsule", c.bytes()) }

func (s *parameters) searchTag(u fp12) []byte { return hash("search-tag", s.id, encodeGT(u)) }

// uhvd is u^h v d.
func (s *parameters) uhvd(c *capsule) *point { return add(mul(s.u, c.h()), s.vd) }

func (c *capsule) derive(k fp12) (commit, key []byte) {
	b := hkdf(encodeGT(k), domain("kdf"), join(c.header(), g2.encode(c.c1), c.c3), 64)
	return b[:32], b[32:]
}

const segment = 65536

func payloadNonce(k int, last bool) []byte {
	b := join(make([]byte, 7), u32(k), []byte{0})
	if last {
		b[11] = 1
	}
	return b
}

func gcm(key []byte) cipher.AEAD {
	return must(cipher.NewGCM(must(aes.NewCipher(key))))
}

func sealPayload(commit, key, plain []byte) []byte {
	out := join([]byte("CSPY\x01"), commit)
	for k := 0; ; k++ {
		n := min(len(plain), segment)
		last := n == len(plain)
		out = gcm(key).Seal(out, payloadNonce(k, last), plain[:n], nil)
		if plain = plain[n:]; last {
			return out
		}
	}
}

// seal is 5.2, for a binding made before.
func (s *parameters) seal(e *big.Int, pk *point, label string, binding, plain []byte) (c *capsule, u, k fp12, payload []byte) {
	base, search := s.bases(label)
	c = &capsule{binding: binding, label: label, c1: mul(s.gHat1, e), c2: mul(pk, e)}
	u, k = pair(s.y, search).pow(e), pair(generator1, base).pow(e)
	c.c3 = s.searchTag(u)
	commit, key := c.derive(k)
	payload = sealPayload(commit, key, plain)
	c.c4 = join(commit, sha(payload), u64(len(payload)))
	c.c5 = mul(s.uhvd(c), e)
	return c, u, k, payload
}

var short = new(big.Int).Lsh(integer(1), 128)

// valid is 5.4.
func (s *parameters) valid(c *capsule, pk *point) bool {
	rho := random(short)
	return pairsTo1(add(mul(pk, rho), s.uhvd(c)), c.c1, neg(add(mul(c.c2, rho), c.c5)), s.gHat1)
}

// claim is a capsule and the key that it is claimed to be under.
type claim struct {
	*capsule
	pk *point
}

// allValid is 5.4 for many capsules.
func (s *parameters) allValid(claims ...claim) bool {
	var right *point
	var ab []*point
	for _, c := range claims {
		rho, sigma := random(short), random(short)
		ab = append(ab, add(mul(c.pk, rho), mul(s.uhvd(c.capsule), sigma)), c.c1)
		right = add(right, add(mul(c.c2, rho), mul(c.c5, sigma)))
	}
	return pairsTo1(append(ab, neg(right), s.gHat1)...)
}

// What a value is refused with, in the words of the known answers.
var (
	errMode           = errors.New("pre: key mode does not fit: scoped keys take a label, paper-mode keys take none")
	errInvalidCapsule = errors.New("pre: capsule is invalid: it was altered")
	errWrongKey       = errors.New("pre: capsule is encrypted under another key")
	errBinding        = errors.New("pre: capsule belongs to another record, owner, issuer or system")
	errMismatch       = errors.New("pre: payload belongs to another capsule")
	errTruncated      = errors.New("pre: payload is truncated")
	errTrailing       = errors.New("pre: payload has trailing bytes")
	errAltered        = errors.New("pre: payload was altered")
	errToken          = errors.New("pre: delegation token does not match the consent")
	errReencryption   = errors.New("pre: re-encryption is wrong: the proxy did not compute it from the token")
	errPossession     = errors.New("pre: proof of possession does not verify")
	errRekey          = errors.New("pre: re-encryption key does not connect these two keys")
)

// intact is 5.5, steps 1 and 2, for a scoped key.
func (s *parameters) intact(c *capsule, pk *point, binding []byte) error {
	if c.label == "" {
		return errMode
	}
	bound, valid := bytes.Equal(c.binding, binding), s.valid(c, pk)
	switch {
	case valid && bound:
		return nil
	case valid:
		return errBinding
	case !bound && !pairsTo1(pk, c.c1, neg(c.c2), s.gHat1):
		return errWrongKey
	}
	return errInvalidCapsule
}

// open reads a payload under K, sections 5.5, step 3, and 5.3.
func (c *capsule) open(k fp12, payload []byte) (plain []byte, err error) {
	commit, key := c.derive(k)
	size := binary.BigEndian.Uint64(c.c4[64:])
	switch {
	case !bytes.Equal(commit, c.c4[:32]):
		return nil, errInvalidCapsule
	case len(payload) < 37:
		return nil, errTruncated
	case string(payload[:5]) != "CSPY\x01":
		return nil, errAltered
	case !bytes.Equal(payload[5:37], commit):
		return nil, errMismatch
	case size < 53:
		return nil, errAltered
	case uint64(len(payload)) < size:
		return nil, errTruncated
	case uint64(len(payload)) > size:
		return nil, errTrailing
	case !bytes.Equal(sha(payload), c.c4[32:64]):
		return nil, errAltered
	}
	rest := payload[37:]
	for k := 0; len(rest) > 0; k++ {
		n := min(len(rest), segment+16)
		piece, err := gcm(key).Open(nil, payloadNonce(k, n == len(rest)), rest[:n], nil)
		if err != nil {
			return nil, errAltered
		}
		plain, rest = append(plain, piece...), rest[n:]
	}
	return plain, nil
}

// root is base^(1/x).
func root(base *point, x *big.Int) *point { return mul(base, inverseR(x)) }

// ownerK is K as the owner computes it.
func (s *parameters) ownerK(c *capsule, x *big.Int) fp12 {
	base, _ := s.bases(c.label)
	return pair(c.c2, root(base, x))
}

// Section 6.

type token struct {
	kind      byte
	owner     *point
	consent   []byte
	target    *point
	r1, r2    *point
	label     string
	committed []byte // what the consent says
}

func (s *parameters) context(t *token) []byte {
	return hash("token-ctx", s.id, []byte{t.kind}, g1.encode(t.owner), text(t.label), t.consent)
}

func (s *parameters) base(t *token) *point {
	payload, search := s.bases(t.label)
	if t.kind == 2 {
		return search
	}
	return payload
}

// mask is M, from T^s = R1^t.
func (s *parameters) mask(t *token, shared *point) *point {
	return hashG2(join(s.context(t), g1.encode(t.r1), g1.encode(t.target), g1.encode(shared)), "wrap")
}

func (s *parameters) commitment(t *token, vk fp12) []byte {
	return hash("token", s.context(t), g1.encode(t.target), g1.encode(t.r1), encodeGT(vk))
}

func (t *token) bytes() []byte {
	return join([]byte("CSTK\x01\x01"), []byte{t.kind}, g1.encode(t.owner), t.consent, g1.encode(t.target),
		g1.encode(t.r1), g2.encode(t.r2), []byte{byte(len(t.label))}, []byte(t.label))
}

func decodeToken(b []byte) (*token, error) {
	if len(b) < 200 || string(b[:6]) != "CSTK\x01\x01" || b[6] < 1 || b[6] > 2 || len(b) != 200+int(b[199]) {
		return nil, errMalformed
	}
	t := &token{kind: b[6], consent: b[39:71], label: string(b[200:])}
	if !labels.MatchString(t.label) && (t.label != "" || t.kind == 1) {
		return nil, errMalformed
	}
	var bad [4]error
	t.owner, bad[0] = g1.decode(b[7:39])
	t.target, bad[1] = g1.decode(b[71:103])
	t.r1, bad[2] = g1.decode(b[103:135])
	t.r2, bad[3] = g2.decode(b[135:199])
	return t, errors.Join(bad[:]...)
}

// delegate is 6.1.
func (s *parameters) delegate(t *token, x, e *big.Int) {
	t.r1 = mul(generator1, e)
	t.r2 = add(root(s.base(t), x), s.mask(t, mul(t.target, e)))
}

type reencrypted struct {
	r1 *point
	a  fp12
	c  *capsule
}

func (rc *reencrypted) bytes() []byte {
	return join([]byte("CSRE\x01\x01"), g1.encode(rc.r1), encodeGT(rc.a), lp(rc.c.bytes()))
}

func decodeReencrypted(b []byte) (*reencrypted, error) {
	if len(b) < 426 || string(b[:6]) != "CSRE\x01\x01" || !bytes.Equal(b[422:], lp(b[426:])) {
		return nil, errMalformed
	}
	var rc reencrypted
	var bad [3]error
	rc.r1, bad[0] = g1.decode(b[6:38])
	rc.a, bad[1] = decodeGT(b[38:422])
	rc.c, bad[2] = decodeCapsule(b[426:])
	return &rc, errors.Join(bad[:]...)
}

// receiverK is K as the receiver x computes it from what the proxy sent and the
// consent names, and whether the token is the consent's (6.4, steps 2 to 4).
func (s *parameters) receiverK(rc *reencrypted, owner *point, consent, commitment []byte, x *big.Int) (k fp12, genuine bool) {
	t := &token{kind: 1, owner: owner, consent: consent, target: mul(generator1, x), r1: rc.r1, label: rc.c.label}
	m := s.mask(t, mul(rc.r1, x))
	vk := pair(generator1, s.base(t)).mul(pair(owner, m))
	return rc.a.mul(pair(rc.c.c2, m).inv()), bytes.Equal(commitment, s.commitment(t, vk))
}

// trapdoor opens a search token with the master key (6.2): Û^x.
func (s *parameters) trapdoor(t *token, x *big.Int) (*point, bool) {
	u := add(t.r2, neg(s.mask(t, mul(t.r1, x))))
	return mul(u, x), pairsTo1(t.owner, u, neg(generator1), s.base(t))
}

// proof is the proof of 6.5.
type proof struct {
	vk fp12
	c  []byte
	z  *point
}

func (s *parameters) challenge(pk, c2 *point, vk, a, a1, a2 fp12) []byte {
	return hash("reenc", s.id, g1.encode(pk), g1.encode(c2), encodeGT(vk), encodeGT(a), encodeGT(a1), encodeGT(a2))[:16]
}

func (p proof) bytes() []byte { return join(encodeGT(p.vk), p.c, g2.encode(p.z)) }

func decodeProof(b []byte) (p proof, err error) {
	if len(b) != 464 {
		return p, errMalformed
	}
	var bad [2]error
	p.vk, bad[0] = decodeGT(b[:384])
	p.c = b[384:400]
	p.z, bad[1] = g2.decode(b[400:])
	return p, errors.Join(bad[:]...)
}

func (s *parameters) verifyProof(p proof, rc *reencrypted, owner, receiver *point, consent, commitment []byte) error {
	t := &token{kind: 1, owner: owner, consent: consent, target: receiver, r1: rc.r1, label: rc.c.label}
	c := new(big.Int).SetBytes(p.c)
	a1 := pair(owner, p.z).mul(p.vk.pow(c).inv())
	a2 := pair(rc.c.c2, p.z).mul(rc.a.pow(c).inv())
	switch {
	case !s.valid(rc.c, owner):
		return errInvalidCapsule
	case !bytes.Equal(commitment, s.commitment(t, p.vk)):
		return errToken
	case !bytes.Equal(p.c, s.challenge(owner, rc.c.c2, p.vk, rc.a, a1, a2)):
		return errReencryption
	}
	return nil
}

// Section 7.

func (s *parameters) possessionChallenge(pid, msp []byte, mode byte, pk, commitment *point) *big.Int {
	return modR(new(big.Int).SetBytes(hash("ENC-POP", s.id, lp(pid), lp(msp), []byte{mode}, g1.encode(pk), g1.encode(commitment))))
}

func (s *parameters) possesses(pid, msp []byte, mode byte, pk *point, proof []byte) bool {
	if len(proof) != 64 {
		return false
	}
	commitment, err := g1.decode(proof[:32])
	z, err2 := decodeScalar(proof[32:])
	if err != nil || err2 != nil {
		return false
	}
	right := add(commitment, mul(pk, s.possessionChallenge(pid, msp, mode, pk, commitment)))
	return bytes.Equal(g1.encode(mul(generator1, z)), g1.encode(right))
}
