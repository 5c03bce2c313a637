// Package load puts a measured load on a ClaimShare network and says what
// became of it: rates, latencies, validation codes, bytes of ledger with what
// they are made of, and processor time by process.
//
// Load is either open or closed. In an open run transactions arrive on a
// schedule that does not wait for answers, and the latency of each counts from
// the moment at which it was due, also when the client or a gateway made it
// wait: a slow system cannot slow its own questioner down and look faster. In a
// closed run so many submitters each have one transaction on its way at any
// time; that finds the highest rate, and says little about latency.
//
// What is submitted is prepared before the clock starts: statements are drawn,
// validated, and signed with the keys of the parties registered on the ledger.
// Everything goes through client/ledger, as an application's transactions do.
package load
