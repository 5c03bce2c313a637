// Package wallet is a policyholder's wallet: keys and what goes with them in one
// encrypted file, and the things that a policyholder does with parties' nodes.
//
//	Enrol, Restore, Open     a wallet, from a one-time code, a backup, its file
//	Proposals ... Decline    records to read and countersign
//	Records, Read            the owner's own records
//	Requests, Prepare, Grant who wants to read what; a consent, looked at first
//	Revoke, History          withdrawing; who has seen what
//	Rotate, Sync             new keys; older records are brought along to them
//	Backup, Status           a sheet to print, how things stand
//
// A wallet has no Fabric certificate. It reaches the ledger through a member's
// node, its gateway, and signs every call (package walletauth). Where the nodes
// are, the system manager's node says; it was named at enrolment, with the
// authority of its TLS certificate.
//
// The file is age around JSON, mode 0600, replaced as a whole, and locked while a
// program uses it. What was begun and may not have arrived everywhere, such as a
// registration, a consent or a rotation of keys, is in the file before it is
// sent, and the next run finishes it: calls can be repeated without harm.
//
// # What a gateway could lie about
//
// A gateway's answers come without proof. What the wallet finds out by itself:
//
//   - A record that the owner did not sign, also in a list. The owner's own
//     signature is checked with the owner's own keys, and capsule and payload
//     against the signed digest.
//   - Other parameters than those that the wallet was enrolled under.
//   - Other keys of an issuer, requester or proxy than the system manager's node
//     knows or, when that does not answer, another member's. With none of them
//     reached, a gateway and a proxy that lie together could have a consent made
//     out to a key of their own, and read what it covers.
//   - An issuer's signature that does not fit the issuer's key.
//   - A withdrawal that it did not carry: another node is asked, and given it too.
//   - A rotation of keys that has not happened, or has: the system manager's node
//     is asked.
//
// What it cannot find out: that a gateway keeps records, requests, consents or
// releases back, or shows old or invented ones. Ask another member's node
// ([Wallet.Via]). A gateway learns what its wallets ask for, when, and from
// which address.
//
// The system manager is trusted for who is who: the directory, the parameters and
// the pseudo-identity come from it, and approving a consent shows it δ.
//
// Secrets are wiped from memory on a best-effort basis only. Who controls the
// machine while the wallet is open has the wallet.
package wallet
