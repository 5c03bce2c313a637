// Package story plays ClaimShare's whole job on a real network, scene by scene:
// who joins, what is recorded, who may read it and who may not, and what
// happens to those who cheat. What it expects and does not see ends it with an
// error.
//
// Every organisation has its node, a process with its own database, keys and
// certificate (package consortium), and acts at that node's operator socket.
// Policyholders act through wallets, which are opened in the process of the
// story, each with its own file and connections. The story has a few programs of
// its own: who cheats, and paper mode, which nodes do not offer. They
// speak the same wire.
//
// People and companies are invented.
package story
