package contract

import (
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/bls"
)

// argument decodes an argument that is an encoded value.
func argument[T any](name, text string, decode func([]byte) (T, error)) (value T, err error) {
	b, err := record.DecodeText(name, text)
	if err != nil {
		return value, err
	}
	return decode(b)
}

// signingKey is a party's present signing key; registration checked it.
func signingKey(party *record.Party) (*bls.PublicKey, error) {
	key, err := bls.ParseRawPublicKey(party.RawSigning[:])
	if err != nil {
		return nil, internal("signing key of "+party.ID.String(), err)
	}
	return key, nil
}

// verify checks a party's signature on a statement, under its present key.
func (c *Context) verify(party *record.Party, s record.Statement, role bls.Role, sig record.Signature) error {
	key, err := signingKey(party)
	if err != nil {
		return err
	}
	if err := bls.Verify(key, role, s.Hash(c.setUp.Context()), bls.Signature(sig)); err != nil {
		return record.ErrSignature.With("the signature of party %s does not verify", party.ID)
	}
	return nil
}

func currentVersion(party *record.Party, version uint32) error {
	if current := party.Current().Version; version != current {
		return record.ErrStaleKeyVersion.With("party %s is at key version %d, the statement names version %d", party.ID, current, version)
	}
	return nil
}

func currentKey(party *record.Party, key record.EncryptionKey) error {
	if party.Current().Encryption != key {
		return record.ErrKeyMismatch.With("party %s has another encryption key", party.ID)
	}
	return nil
}

// policyholder checks the role of an owner.
func policyholder(party *record.Party) error {
	if party.Role != record.RolePolicyholder {
		return record.ErrOwnerRole.With("party %s is of role %s", party.ID, party.Role)
	}
	return nil
}
