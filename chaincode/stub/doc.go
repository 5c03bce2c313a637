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
// Every simulation runs twice. When the two runs differ in read-write set,
// response or event, it fails with [ErrNonDeterministic]: on a network, peers
// would have disagreed.
//
// As on a peer, a transaction does not see its own writes, a paginated query
// makes a transaction read-only, and only the last event counts.
//
// Left out: endorsement policies, private data, rich queries and calls to other
// chaincodes. These answer with errors.
package stub
