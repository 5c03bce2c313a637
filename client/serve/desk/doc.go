// Package desk is what a party's node offers to policyholders: the services of
// wallet.proto, over the SDK's types.
//
//	Wallet      nonces, and where the nodes are              every node
//	Enrolment   one-time codes become registered parties     system manager
//	Manager     approves consents, takes rotations           system manager
//	Gateway     the ledger, for wallets                      members
//	Custody     proposals and records, for their owners      members
//	Delegation  takes re-encryption keys                     proxy
//
// Who calls comes from package walletauth, never from a message. A caller gets
// what is its own: its records, requests, consents and releases, and of the
// registry every party but other policyholders. What it must not see, it is told
// does not exist.
//
// Register the services that fit the node's roles on a server of package serve,
// behind [Interceptors], on a listener of its own: TLS with the node's certificate and
// no client certificate.
//
// What it does not protect. The listener is open to the network: Challenge, Node,
// Enrol and Register answer anybody, limited by address (an IPv6 address counts
// by its first 64 bits), and who has many addresses gets as much as many callers.
// So is how often a call from one address has the ledger asked who has signed it:
// a wallet that was here before, under the same key, does not count, so that a
// stranger costs those who share its address nothing but their first call. This
// machine's own addresses are not counted.
// One-time codes have 128 random bits and are looked up by their SHA-256, so that
// neither guessing nor timing finds one. A gateway sees what its wallets ask for
// and could answer with lies: package wallet says which ones it would find out.
package desk
