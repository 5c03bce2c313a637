package naive

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

func signedPoint(pk *point, role byte, statement []byte) *point {
	return hashG1(join(g2.encode(pk), []byte{role}, statement), "BLS-AUG")
}

func possessionPoint(params []byte, pk *point, pid, msp string) *point {
	return hashG1(join(params, text(pid), text(msp), g2.encode(pk)), "BLS-POP")
}

// verifies reports e(h, PK) = e(sig, ĝ).
func verifies(h, pk *point, sig []byte) (bool, error) {
	s, err := g1.decode(sig)
	if err != nil {
		return false, err
	}
	return pairsTo1(h, pk, neg(s), generator2), nil
}

// signer checks the key that a wallet derives for a pseudo-identity.
func (k *known) signer(name string) (*big.Int, *point) {
	seed, pid := k.input(name+" seed"), k.input(name+" pid")
	require.Equal(k.t, sha([]byte(name)), seed)
	info := join(lp(domain("wallet-key")), text("signing"))
	x := modR(new(big.Int).SetBytes(hkdf(seed, pid, info, 48)))
	pk := mul(generator2, x)
	k.check(name+" secret", bytes32(x))
	k.check(name+" public", g2.encode(pk))
	k.check(name+" raw public", g2.encodeRaw(pk))
	require.Equal(k.t, g2.encode(pk), g2.encode(must(g2.decode(k.values[name+" public"]))))
	require.Equal(k.t, g2.encode(pk), g2.encode(must(g2.decodeRaw(k.values[name+" raw public"]))))
	return x, pk
}

func TestBLSVectors(t *testing.T) {
	t.Parallel()
	k := load(t, "../../bls/testdata/vectors.json")
	x, pk := k.signer("owner")
	xIssuer, pkIssuer := k.signer("issuer")
	params, statement := k.input("paramsID"), k.input("statement hash")
	for i, role := range []string{"owner", "issuer", "holder", "party"} {
		h := signedPoint(pk, byte(i+1), statement)
		k.check("signed point, role "+role, g1.encode(h))
		k.check("signature, role "+role, g1.encode(mul(h, x)))
		good, err := verifies(h, pk, k.values["signature, role "+role])
		require.NoError(t, err)
		require.True(t, good)
	}
	h := possessionPoint(params, pk, "owner-pid", "OwnerMSP")
	k.check("possession point, msp OwnerMSP", g1.encode(h))
	k.check("possession proof, msp OwnerMSP", g1.encode(mul(h, x)))
	good, err := verifies(h, pk, k.values["possession proof, msp OwnerMSP"])
	require.NoError(t, err)
	require.True(t, good)

	// The batch: the owner's signature as owner, the issuer's as issuer.
	points := []*point{signedPoint(pk, 1, statement), signedPoint(pkIssuer, 2, statement)}
	k.check("batch signature 1", g1.encode(mul(points[1], xIssuer)))
	sigs := [][]byte{k.values["signature, role owner"], k.values["batch signature 1"]}
	keys := []*point{pk, pkIssuer}
	msg := join(params, u32(2))
	for i := range keys {
		msg = join(msg, g2.encode(keys[i]), []byte{byte(i + 1)}, statement, sigs[i])
	}
	seed := hash("batch", msg)
	k.check("batch seed", seed)
	var sum *point
	var ab []*point
	for i := range keys {
		b := hash("batch-c", seed, u32(i))[:16]
		k.check("batch coefficient "+string(rune('0'+i)), b)
		c := new(big.Int).SetBytes(b)
		ab = append(ab, mul(points[i], c), keys[i])
		sum = add(sum, mul(must(g1.decode(sigs[i])), c))
	}
	require.True(t, pairsTo1(append(ab, neg(sum), generator2)...))
	k.done()
}

func TestBLSNegatives(t *testing.T) {
	t.Parallel()
	k := load(t, "../../bls/testdata/vectors.json")
	require.NotEmpty(t, k.Negative)
	pk := must(g2.decode(k.values["owner public"]))
	params, statement := k.values["paramsID"], k.values["statement hash"]
	for _, n := range k.Negative {
		b, err, good := k.bytes(n.Value), error(nil), true
		switch n.Type {
		case "publicKey":
			_, err = g2.decode(b)
		case "rawPublicKey":
			_, err = g2.decodeRaw(b)
		case "secretKey":
			_, err = decodeScalar(b)
		case "signature":
			good, err = verifies(signedPoint(pk, 1, statement), pk, b)
		case "possession":
			good, err = verifies(possessionPoint(params, pk, "owner-pid", "OwnerMSP"), pk, b)
		default:
			t.Fatal("unknown type ", n.Type)
		}
		if n.Error == "bls: signature does not verify" {
			require.NoError(t, err, n.Name)
			require.False(t, good, n.Name)
			continue
		}
		require.Equal(t, "bls: malformed key or signature", n.Error)
		require.ErrorIs(t, err, errMalformed, "%s: %s", n.Type, n.Name)
	}
}
