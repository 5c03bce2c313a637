// Package ledger is the client's one door to Hyperledger Fabric: it evaluates
// queries, submits transactions until their fate is known, and follows the
// blocks of one channel. It speaks to the gateway service of any peer, with the
// identity that a [Connection] names.
//
// # What a submission survives
//
// The package is built on four facts about Fabric. An endorsement can be asked
// for again at will, so until a transaction is endorsed every failure that may
// pass is met by a new proposal. An orderer's acknowledgement is not durable,
// so once a transaction is endorsed its signed envelope is kept in a [Journal]
// and the same envelope is sent again until a peer reports its commit; Fabric
// commits an envelope at most once however often it is sent. Only a read
// conflict (MVCC_READ_CONFLICT, PHANTOM_READ_CONFLICT) proves that a
// transaction did nothing and may succeed if endorsed anew. A stream of blocks
// ends without a word when its peer dies, so [Ledger.Blocks] and
// [Ledger.Events] reconnect and continue at the exact block.
//
// # What it does not protect
//
// A peer is believed: the package checks TLS certificates, not the signatures
// of endorsers or orderers in a block. It does check that a block holds the
// transactions for which its hash stands; the verdicts are the peer's own. A
// submission whose context ends after the first broadcast is undecided
// ([ErrUndecided]): it may still commit, and [Ledger.Recover] finds out. The
// memory journal, which is the default, does not outlive the process.
package ledger
