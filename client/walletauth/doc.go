// Package walletauth proves to a node that a call comes from a policyholder's
// wallet. Policyholders have no Fabric certificate: the TLS connection knows the
// node alone, and each call carries a signature of the wallet's (docs/protocol.md,
// section 9.3).
//
//	Proof      what a wallet signs for one call, and how a node checks it
//	NonceBook  the nonces of one node: for one wallet, one use, one minute
//	Client     attaches proofs to the calls of a connection
//	Guard      checks proofs before a service sees a call
//
// A proof covers the method, the request, the node, a nonce and the time, so
// that whoever has seen one can do nothing with it: not repeat the call, not
// change it, not take it to another node. The key is the one that the ledger
// lists at that moment: a rotated key is refused at once.
//
// The request is signed in protobuf's deterministic encoding: fields in the
// order of their numbers, fields with default values left out, nothing unknown,
// no maps. Both sides encode the message again for it.
//
// Not protected: that a call happened, to whom, and its size; answers, beyond
// TLS; a wallet whose key was stolen, until it is rotated. The clocks of wallet
// and node must agree to within a minute.
package walletauth
