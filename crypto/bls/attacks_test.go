package bls

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"testing"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/crypto/tag"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fp"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/stretchr/testify/require"
)

// The attacks on signatures of docs/attacks.md: each succeeds against a literal
// or naive form and is refused by ours.

// messagesOnly is the naive derivation of batch coefficients: from what is
// signed, without the signatures.
func messagesOnly(items []Item) []fr.Element {
	h := sha256.New()
	for _, it := range items {
		h.Write(it.Key.bytes[:])
		h.Write([]byte{byte(it.Role)})
		h.Write(it.Hash[:])
	}
	seed := h.Sum(nil)
	out := make([]fr.Element, len(items))
	for k := range out {
		c := sha256.Sum256(binary.BigEndian.AppendUint32(bytes.Clone(seed), uint32(k)))
		out[k].SetBytes(c[:16])
	}
	return out
}

// naiveHolds is the batch equation with given coefficients and points.
func naiveHolds(t testing.TB, items []Item, points []bn254.G1Affine, c []fr.Element) bool {
	left, keys := make([]bn254.G1Affine, len(items)), make([]bn254.G2Affine, len(items))
	var sum bn254.G1Affine
	for k, it := range items {
		left[k], keys[k] = curve.MulG1(&points[k], &c[k]), it.Key.point
		term := curve.MulG1(point(t, it.Signature), &c[k])
		sum.Add(&sum, &term)
	}
	return pairsMatch(left, keys, sum)
}

func point(t testing.TB, s Signature) *bn254.G1Affine {
	t.Helper()
	p, err := curve.G1(s[:])
	require.NoError(t, err)
	return &p
}

func augmented(items []Item) []bn254.G1Affine {
	out := make([]bn254.G1Affine, len(items))
	for k, it := range items {
		out[k] = signedPoint(it.Key, it.Role, it.Hash)
	}
	return out
}

// Attack 8: coefficients that hash the messages alone are known before the
// signatures are chosen: σ1 T^c2 and σ2 T^-c1 cancel.
func TestAttackCoefficientsOverMessagesOnly(t *testing.T) {
	items := batchOf(t, 3, 3)
	c := messagesOnly(items)
	require.True(t, naiveHolds(t, items, augmented(items), c))
	good := [2]*bn254.G1Affine{point(t, items[0].Signature), point(t, items[1].Signature)}
	spoil := func(c1, c2 fr.Element) {
		shift := curve.HashToG1(nil, "attack")
		a, b := curve.MulG1(&shift, &c2), curve.MulG1(&shift, &c1)
		a.Add(good[0], &a)
		b.Sub(good[1], &b)
		items[0].Signature, items[1].Signature = a.Bytes(), b.Bytes()
	}
	var ours [2]fr.Element // the coefficients before the signatures are spoilt
	for k, n := range coefficients(paramsID, items)[:2] {
		ours[k].SetBigInt(n)
	}
	spoil(ours[0], ours[1])
	require.True(t, naiveHolds(t, items, augmented(items), []fr.Element{ours[0], ours[1], c[2]}), "they would do, if they stayed")
	bad, err := VerifyBatch(paramsID, items, 3)
	require.NoError(t, err)
	require.Equal(t, []int{0, 1}, bad)

	spoil(c[0], c[1])
	require.True(t, naiveHolds(t, items, augmented(items), messagesOnly(items)), "two bad signatures are accepted")
	bad, err = VerifyBatch(paramsID, items, 3)
	require.NoError(t, err)
	require.Equal(t, []int{0, 1}, bad)
	for k := range 2 {
		require.ErrorIs(t, Verify(items[k].Key, items[k].Role, items[k].Hash, items[k].Signature), ErrSignature)
	}
	_, err = VerifyBatch(paramsID, items, 1)
	require.ErrorIs(t, err, ErrTooManyBad)
}

// Bisection that appends to a part of its own list overwrites the neighbour:
// a bad signature frames the good one behind it.
func TestAttackBadSignatureFramesItsNeighbour(t *testing.T) {
	items := batchOf(t, 2, 2)
	items[0].Signature = items[1].Signature
	points := augmented(items)
	s := point(t, items[0].Signature)
	naive := append(points[:1], *s) // as in append(h, s) inside the check of the first
	require.False(t, pairsMatch(points[1:], []bn254.G2Affine{items[1].Key.point}, *point(t, items[1].Signature)), "the good one fails after %d", len(naive))

	bad, err := VerifyBatch(paramsID, items, 2)
	require.NoError(t, err)
	require.Equal(t, []int{0}, bad)
	require.ErrorIs(t, Verify(items[0].Key, items[0].Role, items[0].Hash, items[0].Signature), ErrSignature)
	require.NoError(t, Verify(items[1].Key, items[1].Role, items[1].Hash, items[1].Signature))
}

// Attack 8: owner and issuer sign the same bytes, and the issuer's key is made
// from the owner's: PK' = g^a PK^(-c1/c2). The batch holds with a signature
// that the owner never made. c1 = c2 is plain aggregation.
func TestAttackRogueKey(t *testing.T) {
	owner := key(t, "owner")
	stmt := sha256.Sum256([]byte("a record that the owner never saw"))
	same := curve.HashToG1(stmt[:], "naive") // neither the signer's key nor its role
	for name, c := range map[string][2]uint64{"plain aggregation": {1, 1}, "coefficients of the message": {7, 11}} {
		c1, c2 := fr.NewElement(c[0]), fr.NewElement(c[1])
		a, err := curve.RandomScalar(nil)
		require.NoError(t, err)
		var ratio fr.Element
		ratio.Div(&c1, &c2)
		_, _, _, g2 := bn254.Generators()
		rogue, cancel := curve.MulG2(&g2, &a), curve.MulG2(&owner.public.point, &ratio)
		rogue.Sub(&rogue, &cancel)
		rogueKey := newPublicKey(rogue)

		// σ1 is any point at all; σ2 = H^a σ1^(-c1/c2).
		s1 := curve.HashToG1(nil, "attack")
		s2, t1 := curve.MulG1(&same, &a), curve.MulG1(&s1, &ratio)
		s2.Sub(&s2, &t1)
		items := []Item{
			{Key: owner.PublicKey(), Role: RoleOwner, Hash: stmt, Signature: s1.Bytes()},
			{Key: rogueKey, Role: RoleIssuer, Hash: stmt, Signature: s2.Bytes()},
		}
		require.True(t, naiveHolds(t, items, []bn254.G1Affine{same, same}, []fr.Element{c1, c2}), name)

		bad, err := VerifyBatch(paramsID, items, 2)
		require.NoError(t, err)
		require.Equal(t, []int{0, 1}, bad, name)
		require.ErrorIs(t, Verify(owner.PublicKey(), RoleOwner, stmt, items[0].Signature), ErrSignature)
		// And the rogue key is not registered: nobody knows its secret.
		forged := &SecretKey{x: a, public: rogueKey}
		proof := forged.ProvePossession(paramsID, "pid", "MSP")
		require.ErrorIs(t, VerifyPossession(paramsID, rogueKey, "pid", "MSP", proof), ErrSignature)
	}
}

// One signature counted twice: without the role in the signed bytes, a shop
// that is owner and issuer of a record needs one signature, and what a party
// signs in one capacity serves in another.
func TestAttackSignatureInAnotherRole(t *testing.T) {
	sk := key(t, "shop")
	stmt := sha256.Sum256([]byte("statement"))
	naive := curve.HashToG1(append(sk.public.Bytes(), stmt[:]...), "naive")
	require.True(t, pairsMatch([]bn254.G1Affine{naive}, []bn254.G2Affine{sk.public.point}, curve.MulG1(&naive, &sk.x)), "good in every role")
	sig := sk.Sign(RoleHolder, stmt)
	for _, role := range []Role{0, RoleOwner, RoleIssuer, RoleParty} {
		require.ErrorIs(t, Verify(sk.PublicKey(), role, stmt, sig), ErrSignature)
	}
}

// Attack 13: the paper signs the record. A signature is deterministic and the
// record is guessable, so whoever reads the ledger confirms a guess. Ours signs
// the digest of a ciphertext that no guess reproduces.
func TestAttackDictionaryOnSignatures(t *testing.T) {
	shop := key(t, "shop")
	secret := "front bumper replaced, 740 EUR"
	var guesses []string
	for price := 700; price < 760; price += 20 {
		guesses = append(guesses, fmt.Sprintf("front bumper replaced, %d EUR", price))
	}
	onLedger := shop.Sign(RoleIssuer, sha256.Sum256([]byte(secret))) // the literal form
	confirmed := ""
	for _, guess := range guesses {
		if Verify(shop.PublicKey(), RoleIssuer, sha256.Sum256([]byte(guess)), onLedger) == nil {
			confirmed = guess
		}
	}
	require.Equal(t, secret, confirmed, "the ledger gives the record away")

	master, err := pre.GenerateMasterKey()
	require.NoError(t, err)
	p, err := pre.NewParameters("dictionary", master.PublicKey())
	require.NoError(t, err)
	owner, err := pre.GenerateScopedKey()
	require.NoError(t, err)
	digest := func(record string) [32]byte {
		c, err := p.Seal(owner.PublicKey(), "repair", pre.RecordInfo{}, io.Discard, bytes.NewReader([]byte(record)))
		require.NoError(t, err)
		return c.Digest()
	}
	onLedger = shop.Sign(RoleIssuer, digest(secret))
	for _, guess := range guesses {
		require.ErrorIs(t, Verify(shop.PublicKey(), RoleIssuer, digest(guess), onLedger), ErrSignature)
		require.ErrorIs(t, Verify(shop.PublicKey(), RoleIssuer, sha256.Sum256([]byte(guess)), onLedger), ErrSignature)
	}
}

// Attack 12: infinity. With PK = σ = infinity the equation is 1 = 1 for every
// statement.
func TestAttackInfinityAsKeyAndSignature(t *testing.T) {
	stmt := sha256.Sum256([]byte("anything"))
	var pk bn254.G2Affine
	var sig bn254.G1Affine
	infinity := newPublicKey(pk)
	h := signedPoint(infinity, RoleOwner, stmt)
	require.True(t, pairsMatch([]bn254.G1Affine{h}, []bn254.G2Affine{pk}, sig), "the bare equation")
	wire := pk.Bytes()
	n, err := pk.SetBytes(wire[:])
	require.NoError(t, err, "the library's decoder takes it")
	require.Equal(t, PublicKeySize, n)

	_, err = ParsePublicKey(wire[:])
	require.ErrorIs(t, err, ErrMalformed)
	require.ErrorIs(t, Verify(infinity, RoleOwner, stmt, sig.Bytes()), ErrMalformed)
	require.ErrorIs(t, VerifyPossession(paramsID, infinity, "pid", "MSP", sig.Bytes()), ErrMalformed)
	require.ErrorIs(t, Verify(key(t, "a").PublicKey(), RoleOwner, stmt, sig.Bytes()), ErrMalformed)
	bad, err := VerifyBatch(paramsID, []Item{{Key: infinity, Role: RoleOwner, Hash: stmt, Signature: sig.Bytes()}}, 1)
	require.NoError(t, err)
	require.Equal(t, []int{0}, bad)
	raw := (&PublicKey{}).RawBytes()
	_, err = ParseRawPublicKey(raw)
	require.ErrorIs(t, err, ErrMalformed)
}

// A decoder that reduces coordinates mod p gives a signature a second encoding,
// and with it a second statement or transaction identifier.
func TestAttackSecondEncodingOfASignature(t *testing.T) {
	sk := key(t, "malleable")
	for k := byte(0); ; k++ {
		stmt := sha256.Sum256([]byte{k})
		sig := sk.Sign(RoleOwner, stmt)
		x := new(big.Int).SetBytes(sig[:])
		flags := new(big.Int).And(x, new(big.Int).Lsh(big.NewInt(3), 254))
		x.Sub(x, flags).Add(x, fp.Modulus())
		if x.BitLen() > 254 {
			continue // no room for x + p: another statement
		}
		var reduced, canonical fp.Element
		reduced.SetBigInt(x)
		canonical.SetBigInt(new(big.Int).Sub(x, fp.Modulus()))
		require.True(t, reduced.Equal(&canonical), "the naive decoder reads the same point")
		second := Signature(x.Or(x, flags).FillBytes(make([]byte, SignatureSize)))
		require.NotEqual(t, sig, second)
		require.NoError(t, Verify(sk.PublicKey(), RoleOwner, stmt, sig))
		require.ErrorIs(t, Verify(sk.PublicKey(), RoleOwner, stmt, second), ErrMalformed)
		bad, err := VerifyBatch(paramsID, []Item{{sk.PublicKey(), RoleOwner, stmt, second}}, 1)
		require.NoError(t, err)
		require.Equal(t, []int{0}, bad)
		return
	}
}

// A point of the twist outside G2 as a key: the library decodes it if it is
// told to trust the source. Ours checks the order of what strangers send.
func TestAttackTwistPointAsKey(t *testing.T) {
	b := make([]byte, PublicKeySize)
	b[0] = 0x80
	for b[63] = 1; ; b[63]++ {
		var p bn254.G2Affine
		if bn254.NewDecoder(bytes.NewReader(b), bn254.NoSubgroupChecks()).Decode(&p) != nil || p.IsInSubGroup() {
			continue
		}
		require.True(t, p.IsOnCurve(), "the naive decoder takes it")
		_, err := ParsePublicKey(b)
		require.ErrorIs(t, err, ErrMalformed)
		return
	}
}

// A signature or a proof of possession under the tag of the other would make a
// statement of every registration.
func TestAttackPossessionAsSignature(t *testing.T) {
	sk := key(t, "tags")
	// The naive form hashes both under one tag: a registrant picks its names so
	// that the proof's message is that of a statement.
	stmt := sha256.Sum256([]byte("statement"))
	msg := append(append(sk.public.Bytes(), byte(RoleOwner)), stmt[:]...)
	require.Equal(t, signedPoint(sk.public, RoleOwner, stmt), curve.HashToG1(msg, tag.BLS), "one tag: the proof is the signature")
	proof := curve.HashToG1(msg, tag.BLSPoP)
	require.ErrorIs(t, Verify(sk.PublicKey(), RoleOwner, stmt, Signature(sk.raise(&proof))), ErrSignature)
	require.ErrorIs(t, VerifyPossession(paramsID, sk.PublicKey(), "pid", "MSP", sk.Sign(RoleOwner, stmt)), ErrSignature)
}
