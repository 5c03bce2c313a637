// Package node is one party as a process: it puts the SDK's type for the party's
// role on the party's own database, keys and Fabric identity, follows the
// ledger, and listens in three places.
//
//	parties   gRPC over mutual TLS, for other parties' nodes (package serve)
//	wallets   gRPC over TLS, for policyholders' wallets (package serve/desk)
//	operator  gRPC on a Unix socket, for the organisation's own people and programs
//
// Everything that is to reach the ledger is in the database first, and what
// the ledger made of it comes back through the listener; at start, what a
// crash left open is settled. A node may therefore be killed at any moment.
//
// # What it does not protect
//
// Who can read the node's memory, its key file together with its passphrase,
// or open its operator socket, acts as the party. Nodes use scoped encryption
// keys only; the paper's bidirectional mode is in the SDK.
package node
