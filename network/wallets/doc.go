// Package wallets tries policyholders' wallets against parties' nodes in one
// process: TLS, the desks of package desk, databases, and the chaincode on an
// in-memory ledger. It has tests only.
package wallets
