package bls

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"github.com/claimshare/claimshare/crypto/internal/vectors"
	"github.com/claimshare/claimshare/crypto/tag"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/stretchr/testify/require"
)

// vectorKeys are the two signers of the vectors: seed = SHA-256 of the name.
func vectorKeys(t testing.TB) (owner, issuer *SecretKey) {
	var err error
	owner, err = DeriveKey(sha256.Sum256([]byte("owner")), "owner-pid")
	require.NoError(t, err)
	issuer, err = DeriveKey(sha256.Sum256([]byte("issuer")), "issuer-pid")
	require.NoError(t, err)
	return owner, issuer
}

var (
	vectorParams    = sha256.Sum256([]byte("parameters"))
	vectorStatement = sha256.Sum256([]byte("statement"))
)

func makeVectors(t *testing.T) *vectors.File {
	f := &vectors.File{Comment: "Known answers of ClaimShare's BLS signatures, version 1, BN254. Values in order of computation, hexadecimal. See docs/protocol.md. Negative signatures and possession proofs are of the owner's key, over the values here, in the owner's role."}
	owner, issuer := vectorKeys(t)
	ownerSeed, issuerSeed := sha256.Sum256([]byte("owner")), sha256.Sum256([]byte("issuer"))
	f.Add("owner seed", ownerSeed[:])
	f.Add("owner pid", []byte("owner-pid"))
	f.Add("issuer seed", issuerSeed[:])
	f.Add("issuer pid", []byte("issuer-pid"))
	for _, k := range []struct {
		name string
		sk   *SecretKey
	}{{"owner", owner}, {"issuer", issuer}} {
		f.Add(k.name+" secret", k.sk.Bytes())
		f.Add(k.name+" public", k.sk.PublicKey().Bytes())
		f.Add(k.name+" raw public", k.sk.PublicKey().RawBytes())
	}
	f.Add("paramsID", vectorParams[:])
	f.Add("statement hash", vectorStatement[:])
	for _, r := range []struct {
		name string
		role Role
	}{{"owner", RoleOwner}, {"issuer", RoleIssuer}, {"holder", RoleHolder}, {"party", RoleParty}} {
		point := signedPoint(owner.PublicKey(), r.role, vectorStatement)
		b, sig := point.Bytes(), owner.Sign(r.role, vectorStatement)
		f.Add("signed point, role "+r.name, b[:])
		f.Add("signature, role "+r.name, sig[:])
	}
	pop := possessionPoint(vectorParams, owner.PublicKey(), "owner-pid", "OwnerMSP")
	b, proof := pop.Bytes(), owner.ProvePossession(vectorParams, "owner-pid", "OwnerMSP")
	f.Add("possession point, msp OwnerMSP", b[:])
	f.Add("possession proof, msp OwnerMSP", proof[:])

	vectorBatch(t, f, owner, issuer)
	addNegatives(t, f, owner, issuer)
	return f
}

// vectorBatch adds a batch of the owner's and the issuer's signature over one
// statement. The seed is computed here, from the words of docs/protocol.md.
func vectorBatch(t *testing.T, f *vectors.File, owner, issuer *SecretKey) {
	items := []Item{
		{owner.PublicKey(), RoleOwner, vectorStatement, owner.Sign(RoleOwner, vectorStatement)},
		{issuer.PublicKey(), RoleIssuer, vectorStatement, issuer.Sign(RoleIssuer, vectorStatement)},
	}
	bad, err := VerifyBatch(vectorParams, items, 0)
	require.NoError(t, err)
	require.Empty(t, bad)

	all := binary.BigEndian.AppendUint32(bytes.Clone(vectorParams[:]), 2)
	for _, it := range items {
		all = append(append(all, it.Key.Bytes()...), byte(it.Role))
		all = append(append(all, it.Hash[:]...), it.Signature[:]...)
	}
	seed := tag.Hash(tag.Batch, all)
	f.Add("batch signature 1", items[1].Signature[:])
	f.Add("batch seed", seed[:])
	for k, c := range coefficients(vectorParams, items) {
		h := tag.Hash(tag.BatchC, seed[:], binary.BigEndian.AppendUint32(nil, uint32(k)))
		require.Equal(t, h[:16], c.FillBytes(make([]byte, 16)))
		f.Add(fmt.Sprint("batch coefficient ", k), h[:16])
	}
}

func addNegatives(t *testing.T, f *vectors.File, owner, issuer *SecretKey) {
	add := f.Refuse
	pk, raw := owner.PublicKey().Bytes(), owner.PublicKey().RawBytes()
	infinity := func(n int) []byte { return append([]byte{0x40}, make([]byte, n-1)...) }
	add("empty", "publicKey", nil, ErrMalformed)
	add("one byte short", "publicKey", pk[:63], ErrMalformed)
	add("one byte long", "publicKey", append(bytes.Clone(pk), 0), ErrMalformed)
	add("infinity", "publicKey", infinity(64), ErrMalformed)
	add("x not reduced", "publicKey", bytes.Repeat([]byte{0xff}, 64), ErrMalformed)
	add("uncompressed", "publicKey", raw, ErrMalformed)
	add("outside the subgroup", "publicKey", twistPoint(t), ErrMalformed)

	add("compressed", "rawPublicKey", pk, ErrMalformed)
	add("all zero", "rawPublicKey", make([]byte, 128), ErrMalformed)
	moved := bytes.Clone(raw)
	moved[127] ^= 1
	add("not on the curve", "rawPublicKey", moved, ErrMalformed)

	add("zero", "secretKey", make([]byte, 32), ErrMalformed)
	add("not reduced", "secretKey", bytes.Repeat([]byte{0xff}, 32), ErrMalformed)
	add("one byte short", "secretKey", owner.Bytes()[:31], ErrMalformed)

	wrong := func(name string, sig Signature, err error) { add(name, "signature", sig[:], err) }
	wrong("all zero", Signature{}, ErrMalformed)
	wrong("infinity", Signature(infinity(32)), ErrMalformed)
	wrong("x not reduced", Signature(bytes.Repeat([]byte{0xff}, 32)), ErrMalformed)
	wrong("another role", owner.Sign(RoleIssuer, vectorStatement), ErrSignature)
	wrong("another statement", owner.Sign(RoleOwner, vectorParams), ErrSignature)
	wrong("another key", issuer.Sign(RoleOwner, vectorStatement), ErrSignature)
	negated := owner.Sign(RoleOwner, vectorStatement)
	negated[0] ^= 0x40 // the other square root
	wrong("negated", negated, ErrSignature)

	proof := func(name string, p Signature) { add(name, "possession", p[:], ErrSignature) }
	proof("another pid", owner.ProvePossession(vectorParams, "issuer-pid", "OwnerMSP"))
	proof("another msp", owner.ProvePossession(vectorParams, "owner-pid", ""))
	proof("another deployment", owner.ProvePossession(vectorStatement, "owner-pid", "OwnerMSP"))
	proof("a signature", owner.Sign(RoleOwner, vectorStatement))
}

// twistPoint is on the twist and not of prime order.
func twistPoint(t *testing.T) []byte {
	for i := byte(1); i < 50; i++ {
		b := make([]byte, PublicKeySize)
		b[0], b[63] = 0x80, i
		var p bn254.G2Affine
		if bn254.NewDecoder(bytes.NewReader(b), bn254.NoSubgroupChecks()).Decode(&p) == nil && !p.IsInSubGroup() {
			return b
		}
	}
	t.Fatal("found no point of the twist outside the subgroup")
	return nil
}

func TestVectors(t *testing.T) {
	got := makeVectors(t)
	want := vectors.Check(t, got)
	sentinels := map[string]error{ErrMalformed.Error(): ErrMalformed, ErrSignature.Error(): ErrSignature}
	require.NotEmpty(t, want.Negative)
	owner, _ := vectorKeys(t)
	for _, n := range want.Negative {
		require.ErrorIs(t, refuse(owner.PublicKey(), n.Type, n.Value), sentinels[n.Error], "%s: %s", n.Type, n.Name)
	}
}

// refuse does with a negative vector what its type says.
func refuse(owner *PublicKey, typ string, b []byte) (err error) {
	switch typ {
	case "publicKey":
		_, err = ParsePublicKey(b)
	case "rawPublicKey":
		_, err = ParseRawPublicKey(b)
	case "secretKey":
		_, err = ParseSecretKey(b)
	case "signature":
		err = Verify(owner, RoleOwner, vectorStatement, Signature(b))
	case "possession":
		err = VerifyPossession(vectorParams, owner, "owner-pid", "OwnerMSP", Signature(b))
	default:
		err = errors.New("unknown type " + typ)
	}
	return err
}
