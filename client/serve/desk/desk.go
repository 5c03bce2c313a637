package desk

import (
	"context"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/walletauth"
)

// owner is who calls. Without a guard before the service there is nobody.
func owner(ctx context.Context) (*record.Party, error) {
	if p := walletauth.Owner(ctx); p != nil {
		return p, nil
	}
	return nil, walletauth.ErrNoProof
}

// identifier reads an identifier of a message: raw bytes of exact length, not
// all zero.
func identifier[T ~[16]byte | ~[32]byte](name string, b []byte) (id T, err error) {
	var zero T
	if len(b) != len(id) {
		return id, record.ErrMalformed.With("the %s has %d bytes, not %d", name, len(b), len(id))
	}
	for i := range b {
		id[i] = b[i]
	}
	if id == zero {
		return id, record.ErrMalformed.With("the %s is zero", name)
	}
	return id, nil
}

// signature reads a signature of a message.
func signature(b []byte) (s record.Signature, err error) {
	if len(b) != len(s) {
		return s, record.ErrMalformed.With("the signature has %d bytes, not %d", len(b), len(s))
	}
	return record.Signature(b), nil
}
