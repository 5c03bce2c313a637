// Package alliance makes what parties of an alliance send to its ledger:
// registrations with proofs of possession, record statements with both
// signatures, batches and the carriage for them, access requests, grants,
// withdrawals, deliveries, trailers and rotations of keys, as values and as the
// encoded arguments of the transactions in package record.
//
// It is for tests and load generators, of this project and of others: it holds
// the secret keys of all parties in one place, which nobody in an alliance does.
// Digests, commitments and nonces are drawn at random. They stand for capsules,
// tokens and payloads that do not exist: the ledger, which never sees those,
// takes every statement for what it says, and nothing on it can be opened.
//
// It depends on the formats and the cryptography alone, not on a ledger: what
// it makes goes to package stub or to a Fabric network.
//
// With a source of randomness of its own, see [New], a deployment makes the same
// members and statements again. The one exception is the proof of possession for
// an encryption key, which draws its own randomness; the ledger checks it and
// does not keep it.
package alliance
