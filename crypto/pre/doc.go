// Package pre is ClaimShare's proxy re-encryption: a record is encrypted once,
// under the policyholder's key, and a proxy that cannot read it re-encrypts it
// for one receiver whom the policyholder named.
//
// It implements sections 2.5, 2.6, 3.1 and 3.4 to 3.6 of Liu et al. 2021, "A
// Blockchain-Based Auto Insurance Data Sharing Scheme", ported to the
// asymmetric pairing of BN254 and repaired where the paper's equations can be
// attacked; docs/protocol.md has every equation and docs/paper.md every
// deviation. Files are named after the things of the scheme: parameters, keys,
// capsule, payload, token (the delegation), reencrypted, paper (the paper's
// bidirectional mode); seal, open and validity are what one does with them.
//
// A sealed record is a capsule of about 270 bytes, which proxy, system manager
// and ledger handle, and a payload of any size, which they never see.
//
// Scoped mode, the default: every capsule carries a label, and a delegation
// token opens one label of one delegator to one delegatee. Proxy and delegatee
// together learn that label and nothing else. Paper mode, on key pairs of its
// own: bidirectional, without labels; proxy and delegatee together learn the
// delegator's key. A key pair has one mode for life.
//
// It does not protect: labels and sizes, which are in clear; the owner's key,
// which a capsule shows to whoever tests it; a record from a delegatee who has
// read it. BN254 offers about 100 bits of security, arithmetic is
// variable-time, and nothing here is post-quantum.
package pre
