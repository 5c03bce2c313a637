// Package capsulefile is the file form of a capsule: the capsule with the
// information about its record that one needs to verify and open it.
//
//	magic "CSCF"(4) ‖ version 1 (1) ‖ params id(32) ‖ record id(16) ‖ kind(1)
//	‖ len(2) ‖ owner PID ‖ len(2) ‖ issuer PID ‖ len(2) ‖ capsule ‖ SHA-256(32)
//
// Lengths are big-endian, the SHA-256 is over everything before it. The
// checksum tells damage from a wrong key; it protects against nobody. What
// stands in the file is authenticated by the capsule: its header is bound to
// the record information, the key and the parameters.
package capsulefile

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/claimshare/claimshare/crypto/pre"
)

// Errors of Parse.
var (
	ErrFormat    = errors.New("it is not a capsule file of this version")
	ErrTruncated = errors.New("the capsule file is truncated")
	ErrTrailing  = errors.New("the capsule file has trailing bytes")
	ErrDamaged   = errors.New("the capsule file is damaged: its checksum is wrong")
)

const (
	magic   = "CSCF"
	version = 1

	maxPID     = 1024
	maxCapsule = 1024
	maxSize    = len(magic) + 1 + 32 + 16 + 1 + 2*(2+maxPID) + 2 + maxCapsule + sha256.Size
)

// File is the content of a capsule file.
type File struct {
	ParamsID [32]byte
	Info     pre.RecordInfo
	Capsule  *pre.Capsule
}

// Bytes encodes the file.
func (f *File) Bytes() ([]byte, error) {
	capsule := f.Capsule.Bytes()
	if len(f.Info.OwnerPID) > maxPID || len(f.Info.IssuerPID) > maxPID || len(capsule) > maxCapsule {
		return nil, fmt.Errorf("a pseudo-identity has more than %d characters", maxPID)
	}
	b := append([]byte(magic), version)
	b = append(b, f.ParamsID[:]...)
	b = append(b, f.Info.RecordID[:]...)
	b = append(b, f.Info.Kind)
	for _, part := range [][]byte{[]byte(f.Info.OwnerPID), []byte(f.Info.IssuerPID), capsule} {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(part))), part...)
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...), nil
}

// Parse decodes a capsule file strictly. Beside the errors of this package it
// answers those of pre.ParseCapsule. What it answers is well-formed, not valid.
func Parse(b []byte) (*File, error) {
	f, body, err := split(b)
	if err != nil {
		return nil, err
	}
	f.Capsule, err = pre.ParseCapsule(body)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// split takes the file apart and checks the sum.
func split(b []byte) (f *File, capsule []byte, err error) {
	head := b[:min(len(b), len(magic)+1)]
	if !bytes.HasPrefix(append([]byte(magic), version), head) {
		return nil, nil, ErrFormat
	}
	f = new(File)
	r := reader{rest: b[len(head):]}
	copy(f.ParamsID[:], r.take(32))
	copy(f.Info.RecordID[:], r.take(16))
	for _, kind := range r.take(1) {
		f.Info.Kind = kind
	}
	f.Info.OwnerPID = string(r.part())
	f.Info.IssuerPID = string(r.part())
	capsule = r.part()
	end := len(b) - len(r.rest)
	sum := r.take(sha256.Size)
	want := sha256.Sum256(b[:end])
	switch {
	case r.short:
		return nil, nil, ErrTruncated
	case len(r.rest) > 0:
		return nil, nil, ErrTrailing
	case !bytes.Equal(sum, want[:]):
		return nil, nil, ErrDamaged
	case len(f.Info.OwnerPID) > maxPID || len(f.Info.IssuerPID) > maxPID:
		return nil, nil, ErrFormat
	}
	return f, capsule, nil
}

// Read parses what r holds.
func Read(r io.Reader) (*File, error) {
	b, err := io.ReadAll(io.LimitReader(r, int64(maxSize)+1))
	if err != nil {
		return nil, err
	}
	return Parse(b)
}

// reader cuts pieces off; short says that there were too few bytes.
type reader struct {
	rest  []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if r.short = r.short || len(r.rest) < n; r.short {
		return nil
	}
	out := r.rest[:n]
	r.rest = r.rest[n:]
	return out
}

func (r *reader) part() []byte {
	n := r.take(2)
	if n == nil {
		return nil
	}
	return r.take(int(binary.BigEndian.Uint16(n)))
}
