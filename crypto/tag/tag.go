// Package tag holds every domain-separation tag of ClaimShare and the two
// encodings that feed them to a hash: [LP] and [Hash].
//
// One place, because a tag used for two purposes is an attack: a base hashed
// under the generators' tag, for instance, would make payload keys public.
// The order of the inputs of each hash stands in docs/protocol.md.
package tag

import (
	"crypto/sha256"
	"encoding/binary"
)

// prefix starts every tag: product, protocol version, curve.
const prefix = "ClaimShare-v1-BN254-"

// Domain tags. Hash-to-curve tags are used as the DST of RFC 9380; the others
// are the first, length-prefixed input of a SHA-256 or the salt of an HKDF.
const (
	Generator   = prefix + "generator"    // hash to curve: ĝ1, ĝ2, u, v, d
	PayloadBase = prefix + "payload-base" // hash to G2: B̂_w
	SearchBase  = prefix + "search-base"  // hash to G2: Ŝ_w
	Wrap        = prefix + "wrap"         // hash to G2: the mask of a token

	Params    = prefix + "params"     // system parameters identifier
	Binding   = prefix + "binding"    // capsule header's binding to key and record
	SearchTag = prefix + "search-tag" // C3
	KDF       = prefix + "kdf"        // HKDF salt: payload key and commitment
	H3        = prefix + "H3"         // hash to the scalar h
	Record    = prefix + "record"     // record digest
	Capsule   = prefix + "capsule"    // digest of a whole capsule, C2 included
	TokenCtx  = prefix + "token-ctx"  // context of a delegation token
	Token     = prefix + "token"      // commitment to a delegation token
	Reenc     = prefix + "reenc"      // proof of correct re-encryption

	Stmt    = prefix + "stmt"    // hash of a signed statement
	Release = prefix + "release" // release identifier

	BLS    = prefix + "BLS-AUG" // hash to G1: signatures
	BLSPoP = prefix + "BLS-POP" // hash to G1: proof of possession, signing key
	EncPoP = prefix + "ENC-POP" // Schnorr challenge: possession, encryption key
	Batch  = prefix + "batch"   // seed of batch verification
	BatchC = prefix + "batch-c" // one coefficient of batch verification

	PID       = prefix + "pid"        // pseudo-identity: key and associated data
	Evidence  = prefix + "evidence"   // commitment to the evidence δ
	WalletKey = prefix + "wallet-key" // HKDF info: fresh keys per pseudo-identity

	WalletAuth = prefix + "wallet-auth" // hash that a wallet signs for one call to a node
)

// LP appends b to dst behind its length as four big-endian bytes.
func LP(dst, b []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(b)))
	return append(dst, b...)
}

// Hash is SHA-256 over LP(domain) followed by parts, joined as they are: a
// part of variable length must already be wrapped in LP by the caller.
func Hash(domain string, parts ...[]byte) [32]byte {
	h := sha256.New()
	h.Write(LP(nil, []byte(domain)))
	for _, p := range parts {
		h.Write(p)
	}
	var out [32]byte
	h.Sum(out[:0])
	return out
}
