// Package record holds everything that the chaincode and its clients have to
// agree on, byte for byte: identifiers, the statements that parties sign, the
// documents that stand on the ledger, the names of the transactions, the error
// codes and the events.
//
// There is one canonical binary encoding. Integers are big-endian, byte arrays
// of fixed size stand as they are, everything else stands behind its length as
// four bytes. Decoding is strict: it accepts exactly what encoding produces,
// so decoding and encoding again gives the same bytes. [encoding/json] gives
// the views that queries answer with; nothing is ever signed as JSON.
//
// The package verifies no signature and knows no Fabric. A decoded statement
// is well-formed, not true: see package contract for the checks that make it
// so. Nothing here is secret.
package record
