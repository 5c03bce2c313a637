// Package model tests the rules of the ledger by random: it plays long random
// sequences of transactions on the in-memory ledger and compares every answer,
// every refusal, every event, every validation code and the whole state with
// what a small model of the rules says.
//
// The model is written from docs/ledger.md, not from the contract: documents in
// one map, one function per transaction. Where a transaction breaks several
// rules at once, the manual does not say which is named first, and any of them
// will do; how often that is the case stands in the report.
//
// The rest is the world: parties with their secret keys, made with package
// alliance, that do sensible things most of the time, and now and then sign with
// an old key, submit what was submitted before, or what is not theirs. Some steps
// simulate several transactions on one state and commit them in one block: a
// transaction may then be invalid only when an earlier one of the block has
// written what it read, and what is valid must be what the model accepts one
// after the other.
//
// Every step has a seed of its own, so that steps can be left out: a failing
// sequence is played again with fewer and fewer steps until it is short.
package model
