package main

import (
	"bytes"
	"io"
	"time"

	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
)

// Operations that other tables refer to.
const (
	verifyOne       = "verify one signature"
	verifyOneSigner = "verify 20 signatures of one signer"
	verifyRecords   = "verify 20 records: 20 owners, one issuer, 40 signatures"
)

// must panics: a benchmark of something that fails measures nothing.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// sum is the bound made of so many of each primitive.
func sum(parts ...any) func(bound) time.Duration {
	return func(cost bound) (d time.Duration) {
		for i := 0; i < len(parts); i += 2 {
			d += time.Duration(parts[i].(int)) * cost.of(parts[i+1].(string))
		}
		return d
	}
}

// validity is what the strict check cannot do without. Two pairs in one loop or
// a loop for each, one of them with precomputed lines: the faster one counts.
func validity(cost bound) time.Duration {
	loops := min(cost.of(loopOne)+cost.of(loopFixed), cost.of(loopTwo))
	return loops + sum(1, finalExp, 1, g1Table, 2, g1Short)(cost)
}

func and(lower func(bound) time.Duration, parts ...any) func(bound) time.Duration {
	return func(cost bound) time.Duration { return lower(cost) + sum(parts...)(cost) }
}

// pairs is the bound of a product of pairs in one loop.
func pairs(cost bound, n int) time.Duration {
	if n == 2 {
		return min(cost.of(loopOne)+cost.of(loopFixed), cost.of(loopTwo)) + cost.of(finalExp)
	}
	return cost.of(loopMany) + cost.of(finalExp)
}

func (w *world) operations() []*timed {
	return append(w.recordOperations(), append(w.signatureOperations(), w.otherOperations()...)...)
}

func (w *world) recordOperations() []*timed {
	const validityMade = "Miller loops of two pairs, final exponentiation, u^h by table, PK^ρ, C2^ρ"
	return []*timed{
		{name: "encrypt 1 KiB", target: 1.25, made: "G2 table; G1; 2 G1 tables; 2 GT tables",
			lower: sum(1, g2Table, 1, g1Mul, 2, g1Table, 2, gtTable), run: func() { w.sealTo(w.ownerKey) }},
		{name: "encrypt 1 KiB, table of the owner", made: "G2 table; 3 G1 tables; 2 GT tables",
			lower: sum(1, g2Table, 3, g1Table, 2, gtTable), run: func() { w.sealTo(w.ownerWithTable) }},
		{name: "validity check", target: 1.15, made: validityMade, lower: validity,
			run: func() { _, err := w.capsule.Verify(w.p, w.ownerKey); must(err) }},
		{name: "re-encrypt, scoped", target: 1.15, made: "validity; pairing", lower: and(validity, 1, pairOne),
			run: func() {
				v, err := w.capsule.Verify(w.p, w.ownerKey)
				must(err)
				_, err = pre.Reencrypt(w.verifiedToken, v)
				must(err)
			}},
		{name: "owner's decryption, 1 KiB", target: 1.15, made: "validity; pairing", lower: and(validity, 1, pairOne),
			run: func() { must(w.owner.Open(w.p, w.capsule, w.info, io.Discard, bytes.NewReader(w.payload))) }},
		{name: "receiver's decryption, 1 KiB", target: 1.2, made: "validity; pairing of VK; pairing; hash to G2; G1",
			lower: and(validity, 2, pairOne, 1, hashG2, 1, g1Mul),
			run: func() {
				must(w.receiver.OpenReencrypted(w.p, w.delegation, nil, w.reencrypted, w.info, io.Discard, bytes.NewReader(w.payload)))
			}},
		{name: "search test", target: 1.1, made: "pairing with precomputed lines", lower: sum(1, pairFixed),
			run: func() { w.trapdoor.Test(w.capsule) }},
		{name: "validity of 20 capsules of 20 owners", made: "Miller loop of 22 pairs, final exponentiation, per capsule u^h by table and two 2-point multiplications",
			lower: func(cost bound) time.Duration { return pairs(cost, 22) + sum(20, g1Table, 40, g1ShortTwo)(cost) },
			run:   func() { _, _, err := w.p.VerifyCapsules(w.claims, 0); must(err) }},
	}
}

func (w *world) sealTo(key pre.PublicKey) {
	_, err := w.p.Seal(key, label, w.info, io.Discard, bytes.NewReader(w.record))
	must(err)
}

func (w *world) signatureOperations() []*timed {
	batch := func(items []bls.Item) func() {
		return func() {
			bad, err := bls.VerifyBatch(w.hash, items, 0)
			must(err)
			if len(bad) > 0 {
				panic("bench: a good signature did not verify")
			}
		}
	}
	return []*timed{
		{name: "sign", made: "hash to G1; G1", lower: sum(1, hashG1, 1, g1Mul), run: func() { w.signer.Sign(bls.RoleOwner, w.hash) }},
		{name: verifyOne, made: "hash to G1; decode G1; Miller loops of two pairs; final exponentiation",
			lower: func(cost bound) time.Duration { return pairs(cost, 2) + sum(1, hashG1, 1, decodeG1)(cost) },
			run:   func() { must(bls.Verify(w.signer.PublicKey(), bls.RoleOwner, w.hash, w.signature)) }},
		{name: verifyOneSigner, made: "20 hashes, 20 decodings, two 20-point multiplications, two pairs",
			lower: func(cost bound) time.Duration {
				return pairs(cost, 2) + sum(20, hashG1, 20, decodeG1, 2, g1ShortTwenty)(cost)
			},
			run: batch(w.oneSigner)},
		{name: verifyRecords, target: 1.2, made: "40 hashes, 40 decodings, 20 one-point, one 20-point and one 40-point multiplication, 22 pairs",
			lower: func(cost bound) time.Duration {
				return pairs(cost, 22) + sum(40, hashG1, 40, decodeG1, 20, g1Short, 3, g1ShortTwenty)(cost)
			},
			run: batch(w.records)},
	}
}

func (w *world) otherOperations() []*timed {
	capsule, token, reencrypted := w.capsule.Bytes(), w.token.Bytes(), w.reencrypted.Bytes()
	key := w.signer.PublicKey().Bytes()
	return []*timed{
		{name: "decode a capsule", run: func() { _, err := pre.ParseCapsule(capsule); must(err) }},
		{name: "decode a re-encrypted capsule", run: func() { _, err := pre.ParseReencrypted(reencrypted); must(err) }},
		{name: "decode a delegation token", run: func() { _, err := pre.ParseToken(token); must(err) }},
		{name: "decode a signature key", run: func() { _, err := bls.ParsePublicKey(key); must(err) }},
		{name: "make a delegation token", run: func() {
			_, err := w.owner.DelegateReencryption(w.p, label, w.delegation.Consent, w.receiver.PublicKey())
			must(err)
		}},
		{name: "check a delegation token", run: func() { _, err := w.token.Verify(w.p, w.delegation.Commitment); must(err) }},
		{name: "prove a re-encryption", run: func() { _, err := pre.ProveReencryption(w.p, w.verifiedToken, w.verified); must(err) }},
		{name: "check the proof", run: func() {
			must(w.proof.Verify(w.p, w.delegation, w.receiver.PublicKey(), w.reencrypted))
		}},
		{name: "make the parameters", run: func() { w.freshParameters() }},
		{name: "make the parameters and seal 1 KiB: first use of a label, no tables", run: func() {
			_, err := w.freshParameters().Seal(w.ownerKey, label, w.info, io.Discard, bytes.NewReader(w.record))
			must(err)
		}},
		{name: "make the parameters and all tables of a label", run: func() { w.freshParameters().Warm(label) }},
		{name: "make the table of an owner", run: func() { w.ownerKey.WithTable() }},
	}
}

func (w *world) freshParameters() *pre.Parameters {
	p, err := pre.NewParameters("bench", w.master.PublicKey())
	must(err)
	return p
}
