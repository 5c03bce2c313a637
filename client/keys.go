package client

import (
	"context"
	"fmt"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

// Keys are the secret keys of one pseudo-identity: a signing key and at most
// one encryption key, scoped or paper-mode, never both.
type Keys struct {
	PID     pseudonym.PID
	Signing *bls.SecretKey
	Scoped  *pre.ScopedSecretKey
	Paper   *pre.PaperSecretKey
}

// DeriveKeys derives the keys of a pseudo-identity from a wallet's seed. Each
// pseudo-identity gets keys of its own: shared keys would link them.
func DeriveKeys(seed [32]byte, pid pseudonym.PID, mode pre.Mode) (*Keys, error) {
	signing, err := bls.DeriveKey(seed, string(pid))
	if err != nil {
		return nil, err
	}
	k := &Keys{PID: pid, Signing: signing}
	switch mode {
	case pre.ModeScoped:
		k.Scoped, err = pre.DeriveScopedKey(seed, string(pid))
	case pre.ModePaper:
		k.Paper, err = pre.DerivePaperKey(seed, string(pid))
	}
	return k, err
}

// ID is the short form of the pseudo-identity.
func (k *Keys) ID() record.PartyID { return record.NewPartyID(string(k.PID)) }

// encryption is the public encryption key as the ledger lists it.
func (k *Keys) encryption() record.EncryptionKey {
	switch {
	case k.Scoped != nil:
		return ledgerKey(k.Scoped.PublicKey())
	case k.Paper != nil:
		return ledgerKey(k.Paper.PublicKey())
	}
	return record.EncryptionKey{}
}

func ledgerKey(k pre.PublicKey) record.EncryptionKey {
	return record.EncryptionKey{Mode: record.KeyMode(k.Mode()), Key: record.EncryptionKeyCompressed(k.Bytes())}
}

func publicKey(k record.EncryptionKey) (pre.PublicKey, error) {
	return pre.ParsePublicKey(pre.Mode(k.Mode), k.Key[:])
}

// Apply makes the registration of this pseudo-identity, with the proofs that it
// holds both keys. MSP and subject are those of its Fabric certificate, empty
// for policyholders.
func (k *Keys) Apply(params *pre.Parameters, role record.Role, msp, subject string) (record.Registration, error) {
	r := record.Registration{PID: string(k.PID), Role: role, MSP: msp, Subject: subject, Encryption: k.encryption()}
	r.Signing = record.SigningKey(k.Signing.PublicKey().Bytes())
	r.SigningProof = record.Signature(k.Signing.ProvePossession(params.ID(), r.PID, msp))
	var proof []byte
	var err error
	switch {
	case k.Scoped != nil:
		proof, err = k.Scoped.ProvePossession(params.ID(), r.PID, msp)
	case k.Paper != nil:
		proof, err = k.Paper.ProvePossession(params.ID(), r.PID, msp)
	}
	if err != nil {
		return r, err
	}
	copy(r.EncryptionProof[:], proof)
	return r, nil
}

// self finds the party that these keys belong to on the ledger and the version
// of its keys. It returns [record.ErrPartyUnknown] or [ErrKeys].
func (k *Keys) self(ctx context.Context, c *Chain) (*record.Party, error) {
	party, err := c.Party(ctx, k.ID())
	if err != nil {
		return nil, err
	}
	now := party.Current()
	if now.Encryption != k.encryption() || now.Signing != record.SigningKey(k.Signing.PublicKey().Bytes()) {
		return nil, fmt.Errorf("%w: party %s, key version %d", ErrKeys, party.ID, now.Version)
	}
	return party, nil
}

func (k *Keys) sign(c *Chain, role bls.Role, s record.Statement) record.Signature {
	return record.Signature(k.Signing.Sign(role, s.Hash(c.signed)))
}

// verify checks a signature by a party under the version of its keys that the
// statement names. It returns [ErrSignature].
func (c *Chain) verify(p *record.Party, version uint32, role bls.Role, s record.Statement, sig record.Signature) error {
	keys := p.KeysAt(version)
	if keys == nil {
		return fmt.Errorf("%w: party %s has no key version %d", ErrSignature, p.ID, version)
	}
	pk, err := bls.ParsePublicKey(keys.Signing[:])
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if err := bls.Verify(pk, role, s.Hash(c.signed), bls.Signature(sig)); err != nil {
		return fmt.Errorf("%w: by %s: %w", ErrSignature, p.ID, err)
	}
	return nil
}
