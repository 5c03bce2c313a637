// Package scenario is one suite of scenarios for the in-memory ledger of package
// chaincode/stub and for a real network. Every step is taken on all ledgers
// given, with the very same statements and signatures, and all must answer the
// same: payloads, refusals with their codes and sentences, validation codes,
// events and write sets. What must differ is written as what it stands for:
// transaction ids and times, certificate subjects, the digest of system.json.
//
// With one ledger it is a test of the chaincode, quick enough for every day.
// With the stub and a network it shows that the stub can be believed.
package scenario
