// Package listener keeps a copy of the chaincode's world state in a party's own
// database. A [Listener] follows the blocks of the channel and applies what
// their valid transactions wrote in the chaincode's namespace, so that the copy
// has exactly the keys, values and versions that a peer has at the same height:
// documents, and the keys of indexes too. [Party], [Record], [Consent] and
// their like read it with the types of package record.
//
// # What it survives
//
// The state and its checkpoint, which is the height and the hash of the last
// block, change in one database transaction, in which a [Handler] takes part. A
// process that is killed therefore continues where it was: nothing is lost and
// nothing applied twice, whatever was in hand. The stream of blocks goes on
// with another peer when one dies. A block that comes again is skipped; one
// that does not follow is refused ([ErrGap]), and so is one of another ledger
// ([ErrOtherLedger]), also after a restart.
//
// # What it does not protect
//
// A peer is believed, as in package ledger: it cannot leave out a block or
// alter a transaction without breaking the chain of hashes that this database
// has begun, but which transactions are valid is the peer's word, and nobody
// checks the signatures of orderers and endorsers. Private data collections are
// not in blocks; the contract uses none. Whoever may write the database may
// write another state.
package listener
