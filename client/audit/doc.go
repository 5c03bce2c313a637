// Package audit compares a party's database with the ledger, row by row, and
// names what is missing, extra or altered.
//
// The ledger's side is made anew: all blocks are read from the peer and replayed
// into a scratch database, up to the very block that the party's database has
// come to. Against it are compared
//
//   - the copy of the ledger's state: every key, value and version, every block
//     and every transaction;
//   - records: signed statement, signatures, what the columns repeat of them,
//     whether capsule and payload are the recorded ones, transaction and block;
//     and the other way round, whether every record that this party issued is here;
//   - records received: against their releases, and whether every release that
//     this party acknowledged is here;
//   - re-encryption keys: against the consents that name this proxy, and whether
//     those of ended consents are destroyed.
//
// What the ledger knows nothing of, such as proposals, one-time codes and
// evidence, is compared with the seal that the program wrote beside each row:
// see package store. The seals cover the other tables' columns too.
//
// An audit may run while the party's node does: it looks at the rows page by
// page, each page as of one moment and with the ledger replayed to that same
// moment. What is on its way at that moment is looked at again.
//
// # What it does not find
//
// The peer is believed, as in package ledger. Rows that were altered by somebody
// who has the party's keys can be sealed anew. A row that is taken out after its
// page was compared is found by the next audit. Whether copies were made is not
// in a database at all.
package audit
