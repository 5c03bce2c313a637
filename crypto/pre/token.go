package pre

import (
	"crypto/subtle"
	"fmt"
	"io"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/claimshare/claimshare/crypto/tag"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
)

const tokenMagic = "CSTK"

// TokenKind is what a delegation token is for.
type TokenKind byte

// The kinds.
const (
	// TokenReencryption lets a proxy re-encrypt one label for the target.
	TokenReencryption TokenKind = 1
	// TokenSearch lets the system manager recognise the owner's capsules of
	// one label.
	TokenSearch TokenKind = 2
)

// Token is a delegation by the owner alone: the paper's (U1, U2) of section
// 3.6, step 1, made general. With target T = g^t, base B (B̂_w or Ŝ_w), and s
// random,
//
//	R1 = g^s,   R2 = B^(1/x) HashToG2(ctx ‖ R1 ‖ T ‖ T^s; D"wrap")
//	ctx = SHA256(lp(D"token-ctx") ‖ paramsID ‖ kind ‖ PK ‖ lp(w) ‖ consentID)
//
// Of kind [TokenSearch], T is the system manager's key Y and the token is a
// wrapped trapdoor. Of kind [TokenReencryption] it is the scoped re-encryption
// key: a proxy pairs with R2 without unwrapping it.
//
// Secret: keep a re-encryption token between owner and proxy. Proxy and target
// together can unwrap B^(1/x), which opens that label of that owner, past and
// future, and nothing else.
type Token struct {
	kind    TokenKind
	owner   publicKey
	label   string
	consent [32]byte
	target  publicKey
	r1      bn254.G1Affine
	r2      bn254.G2Affine
}

// DelegateReencryption makes the re-encryption token that lets a proxy turn the
// owner's records of one label into records for the delegatee, under one
// consent. It returns [ErrLabel].
func (k *ScopedSecretKey) DelegateReencryption(p *Parameters, label string, consent [32]byte, delegatee *ScopedPublicKey) (*Token, error) {
	if err := ValidLabel(label); err != nil {
		return nil, err
	}
	return k.delegate(nil, p, TokenReencryption, label, consent, delegatee.publicKey)
}

// DelegateSearch makes the token from which the system manager, and nobody
// else, obtains the trapdoor for the owner's capsules of one label. It returns
// [ErrLabel]. An opened trapdoor is good for ever: it shows which capsules are
// the owner's, never what is in them.
func (k *ScopedSecretKey) DelegateSearch(p *Parameters, label string, consent [32]byte) (*Token, error) {
	if err := ValidLabel(label); err != nil {
		return nil, err
	}
	return k.delegate(nil, p, TokenSearch, label, consent, p.master)
}

// DelegateSearch is the only delegation by token that a paper-mode key makes;
// there is no label.
func (k *PaperSecretKey) DelegateSearch(p *Parameters, consent [32]byte) (*Token, error) {
	return k.delegate(nil, p, TokenSearch, "", consent, p.master)
}

func (k *secretKey) delegate(entropy io.Reader, p *Parameters, kind TokenKind, label string, consent [32]byte, target publicKey) (*Token, error) {
	s, err := curve.RandomScalar(entropy)
	if err != nil {
		return nil, fmt.Errorf("pre: delegate: %w", err)
	}
	if !curve.ValidG1(&target.point) {
		return nil, fmt.Errorf("%w: target of a delegation", ErrMalformed)
	}
	t := &Token{kind: kind, owner: k.public, label: label, consent: consent, target: target}
	t.r1 = curve.MulG1(&p.g, &s)
	var unwrapped bn254.G2Affine
	if kind == TokenReencryption {
		unwrapped = k.payloadBase(p, label)
	} else {
		inv := k.inverse()
		unwrapped = curve.MulG2(&p.base(label).search, &inv)
	}
	mask := t.mask(p, curve.MulG1(&target.point, &s))
	t.r2.Add(&unwrapped, &mask)
	return t, nil
}

func (t *Token) baseGT(p *Parameters) bn254.GT {
	if t.kind == TokenSearch {
		return p.base(t.label).searchUnitGT()
	}
	return p.base(t.label).payloadGT()
}

func (t *Token) context(p *Parameters) [32]byte {
	return tag.Hash(tag.TokenCtx, p.id[:], []byte{byte(t.kind)}, t.owner.bytes[:], tag.LP(nil, []byte(t.label)), t.consent[:])
}

// mask is HashToG2(ctx ‖ R1 ‖ T ‖ shared; D"wrap").
func (t *Token) mask(p *Parameters, shared bn254.G1Affine) bn254.G2Affine {
	ctx, r1, sh := t.context(p), t.r1.Bytes(), shared.Bytes()
	msg := append(ctx[:], r1[:]...)
	msg = append(append(msg, t.target.bytes[:]...), sh[:]...)
	return curve.HashToG2(msg, tag.Wrap)
}

// Kind is what the token is for.
func (t *Token) Kind() TokenKind { return t.kind }

// Label is the label that the token covers.
func (t *Token) Label() string { return t.label }

// Consent is the consent that the token belongs to.
func (t *Token) Consent() [32]byte { return t.consent }

// Owner is the delegator's public key, 32 bytes.
func (t *Token) Owner() []byte { return t.owner.Bytes() }

// Target is the public key, 32 bytes, of who can unwrap the token.
func (t *Token) Target() []byte { return t.target.Bytes() }

// Commitment is what the owner's signed consent says of the token, 32 bytes:
// SHA256(lp(D"token") ‖ ctx ‖ T ‖ R1 ‖ VK) with VK = e(PK, R2). It hides the
// token, and the receiver can recompute it without R2.
func (t *Token) Commitment(p *Parameters) [32]byte {
	return t.commitment(p, curve.Pair(&t.owner.point, &t.r2))
}

func (t *Token) commitment(p *Parameters, vk bn254.GT) [32]byte {
	ctx, r1, v := t.context(p), t.r1.Bytes(), vk.Bytes()
	return tag.Hash(tag.Token, ctx[:], t.target.bytes[:], r1[:], v[:])
}

// Bytes is magic(4) ‖ version(1) ‖ suite(1) ‖ kind(1) ‖ PK(32) ‖ consentID(32)
// ‖ T(32) ‖ R1(32) ‖ R2(64) ‖ len(1) ‖ label.
func (t *Token) Bytes() []byte {
	r1, r2 := t.r1.Bytes(), t.r2.Bytes()
	b := append([]byte(tokenMagic), version, suite, byte(t.kind))
	b = append(append(b, t.owner.bytes[:]...), t.consent[:]...)
	b = append(append(append(b, t.target.bytes[:]...), r1[:]...), r2[:]...)
	return append(append(b, byte(len(t.label))), t.label...)
}

// ParseToken decodes [Token.Bytes] strictly. It returns [ErrMalformed].
func ParseToken(b []byte) (*Token, error) {
	const fixed = 7 + 4*32 + 64 + 1
	if len(b) < fixed || string(b[:4]) != tokenMagic || b[4] != version || b[5] != suite {
		return nil, fmt.Errorf("%w: not a delegation token", ErrMalformed)
	}
	t := &Token{kind: TokenKind(b[6]), consent: [32]byte(b[39:71]), label: string(b[fixed:])}
	if int(b[fixed-1]) != len(t.label) {
		return nil, fmt.Errorf("%w: token: length of the label", ErrMalformed)
	}
	if t.kind != TokenReencryption && t.kind != TokenSearch {
		return nil, fmt.Errorf("%w: token of unknown kind %d", ErrMalformed, b[6])
	}
	if t.label != "" || t.kind == TokenReencryption {
		if err := ValidLabel(t.label); err != nil {
			return nil, fmt.Errorf("%w: token: %w", ErrMalformed, err)
		}
	}
	var err error
	if t.owner, err = parsePoint(b[7:39]); err != nil {
		return nil, fmt.Errorf("token: owner: %w", err)
	}
	if t.target, err = parsePoint(b[71:103]); err != nil {
		return nil, fmt.Errorf("token: target: %w", err)
	}
	if t.r1, err = curve.G1(b[103:135]); err != nil {
		return nil, fmt.Errorf("%w: token R1", ErrMalformed)
	}
	if t.r2, err = curve.G2(b[135:199]); err != nil {
		return nil, fmt.Errorf("%w: token R2", ErrMalformed)
	}
	return t, nil
}

// Format hides the token from every fmt verb.
func (t Token) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "pre.Token(hidden)") }

// matches compares the token with the owner's signed commitment.
func (t *Token) matches(p *Parameters, commitment [32]byte) bool {
	if !curve.ValidG1(&t.owner.point) || !curve.ValidG1(&t.r1) || !curve.ValidG2(&t.r2) {
		return false
	}
	c := t.Commitment(p)
	return subtle.ConstantTimeCompare(c[:], commitment[:]) == 1
}

// VerifiedToken is a re-encryption token that matched the commitment in the
// owner's signed consent. It comes out of [Token.Verify] alone.
type VerifiedToken struct{ token *Token }

// Verify is the proxy's check of a re-encryption token against the consent. It
// returns [ErrToken].
func (t *Token) Verify(p *Parameters, commitment [32]byte) (*VerifiedToken, error) {
	if t.kind != TokenReencryption || !t.matches(p, commitment) {
		return nil, ErrToken
	}
	return &VerifiedToken{t}, nil
}

// Trapdoor recognises one owner's capsules of one label (section 3.6, step 5).
// Only the system manager can obtain it. Safe for concurrent use.
type Trapdoor struct {
	p     *Parameters
	label string
	owner publicKey
	fixed *curve.FixedG2 // Û^x
}

// OpenTrapdoor unwraps a search token: Û = R2 / HashToG2(ctx ‖ R1 ‖ Y ‖ R1^x),
// and checks e(PK, Û) = e(g, Ŝ_w). It returns [ErrToken] if the token is not
// the one committed to, is for another system, or is not well made.
func (k *MasterKey) OpenTrapdoor(p *Parameters, t *Token, commitment [32]byte) (*Trapdoor, error) {
	if t.kind != TokenSearch || t.target.bytes != k.public.bytes || !t.matches(p, commitment) {
		return nil, ErrToken
	}
	unwrapped, err := t.unwrap(p, &k.x)
	if err != nil {
		return nil, err
	}
	got, want := curve.Pair(&t.owner.point, &unwrapped), t.baseGT(p)
	if !got.Equal(&want) {
		return nil, ErrToken
	}
	return &Trapdoor{p: p, label: t.label, owner: t.owner, fixed: curve.NewFixedG2(curve.MulG2(&unwrapped, &k.x))}, nil
}

// Format hides the trapdoor from every fmt verb.
func (d Trapdoor) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "pre.Trapdoor(hidden)") }

// unwrap removes the mask with the target's secret key.
func (t *Token) unwrap(p *Parameters, x *fr.Element) (bn254.G2Affine, error) {
	shared, err := curve.MulBlinded(&t.r1, x)
	if err != nil {
		return bn254.G2Affine{}, fmt.Errorf("pre: unwrap token: %w", err)
	}
	mask := t.mask(p, shared)
	var out bn254.G2Affine
	out.Sub(&t.r2, &mask)
	return out, nil
}

// Test reports whether the capsule is the owner's, under the trapdoor's label:
// C3 = H2(e(C2, Û^x)). One pairing with precomputed lines. It says nothing of
// the capsule's validity.
func (d *Trapdoor) Test(c *Capsule) bool {
	if c.label != d.label {
		return false
	}
	want := d.p.searchTag(d.fixed.Pair(&c.c2))
	return subtle.ConstantTimeCompare(want[:], c.c3[:]) == 1
}
