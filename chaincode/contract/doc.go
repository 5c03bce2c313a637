// Package contract is the chaincode: the contracts registry, records, consents
// and credit over the documents of package record.
//
// [New] makes a shim.Chaincode of them. An exported method of a contract is a
// transaction; who may call it stands in the table of [record.Transactions] and
// is checked before the method runs. What the table does not list is refused.
//
// Everything is a function of the transaction alone: time is its timestamp,
// nothing is random, no map is walked.
//
// Not protected here: that what a statement says is true (a record's digest may
// be of anything), that a system manager looked before it approved, and that a
// receiver forgets what it has read.
package contract
