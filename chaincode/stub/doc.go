// Package stub is an in-memory ledger on which any Fabric chaincode can be
// tested without a network: it drives a [shim.Chaincode] through the same
// interface that a peer does.
//
// A [Ledger] keeps state, history, blocks and events. [Ledger.Simulate] runs a
// call against the state of the last block and records its read-write set;
// [Ledger.Commit] validates transactions in order, as one block, and answers
// with Fabric's validation codes: two transactions that were simulated on the
// same block and touch the same keys end in MVCC_READ_CONFLICT, one that read a
// range which has changed in PHANTOM_READ_CONFLICT. [Ledger.Invoke] does both.
//
// Every simulation runs twice, or as often as [Ledger.Repeat] says. When two runs
// differ in read-write set, response or event, it fails with
// [ErrNonDeterministic]: on a network, peers would have disagreed. What a
// chaincode draws once and keeps, as it starts, looks the same to every run.
//
// As on a peer, a transaction does not see its own writes, a read of a key that
// an earlier transaction of the same block has written is a conflict, a
// paginated query makes a transaction read-only, its bookmark may lie outside
// the range, and only the last event counts. A string that is not UTF-8 makes
// the shim panic, and so it does here.
//
// It is stricter than a peer where tests should notice: empty values (which
// Fabric takes for deletion), keys that CouchDB refuses, empty keys and pages
// of no size are errors everywhere.
//
// Private data is kept by collection ([Ledger.Private]); a chaincode may call
// others that [Ledger.Deploy] has put on the channel; [Ledger.Seed] begins a test
// in the middle.
//
// Left out: endorsement policies, of keys too, the policies and members of
// collections, rich queries and calls to other channels. What would need them
// answers with [ErrUnsupported]. Init is never called. A peer also cuts a range
// query off after ledger.state.totalQueryLimit rows (100,000), refuses
// transactions whose timestamps are off, and buffers writes between
// StartWriteBatch and FinishWriteBatch, so that their errors come late; this
// ledger does not.
package stub
