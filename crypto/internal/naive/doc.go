// Package naive implements docs/protocol.md a second time, to check the known
// answers of packages pre, bls and pseudonym. All of it is in its tests.
//
// It shares no code with what it checks: curve, pairing and hash to the curve
// are written on math/big alone, straight from their definitions, slow and in
// variable time. Nothing but these tests may use it.
package naive
