// Package story plays ClaimShare's whole job on a real network, scene by scene:
// who joins, what is recorded, who may read it and who may not, and what
// happens to those who cheat. It uses the SDK as any party would; what it
// expects and does not see ends it with an error.
//
// All parties live in one process here, each with its own keys, its own
// database and its own view of the ledger. People and companies are invented.
package story
