package alliance

import (
	"encoding/base64"
	"fmt"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
)

// Member is a party with its secret keys. A copy is a member of its own: change
// a copy to sign what the original would not.
type Member struct {
	ID      record.PartyID
	PID     string
	Role    record.Role
	MSP     string // empty for policyholders
	Subject string // of its certificate; empty for policyholders
	Version uint32 // of its keys, from 1

	Signing *bls.SecretKey
	Scoped  *pre.ScopedSecretKey // at most one of these two
	Paper   *pre.PaperSecretKey
}

// NewPID draws a pseudo-identity: 104 random bytes in base64url. No system
// manager could trace it to anybody.
func (d *Deployment) NewPID() (string, error) {
	b := make([]byte, 104)
	if err := d.Draw(b); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// NewMember makes a party that is registered nowhere yet, with fresh keys.
// Policyholders have neither MSP nor subject; proxies and authorities usually
// no encryption key: [record.ModeNone].
func (d *Deployment) NewMember(role record.Role, msp, subject string, mode record.KeyMode) (*Member, error) {
	pid, err := d.NewPID()
	if err != nil {
		return nil, err
	}
	m := &Member{ID: record.NewPartyID(pid), PID: pid, Role: role, MSP: msp, Subject: subject, Version: 1}
	return m, d.drawKeys(m, mode)
}

func (d *Deployment) drawKeys(m *Member, mode record.KeyMode) (err error) {
	var seed [32]byte
	if err := d.Draw(seed[:]); err != nil {
		return err
	}
	if m.Signing, err = bls.DeriveKey(seed, m.PID); err != nil {
		return err
	}
	m.Scoped, m.Paper = nil, nil
	switch mode {
	case record.ModeNone:
	case record.ModeScoped:
		m.Scoped, err = pre.DeriveScopedKey(seed, m.PID)
	case record.ModePaper:
		m.Paper, err = pre.DerivePaperKey(seed, m.PID)
	default:
		err = fmt.Errorf("alliance: %s is no key mode", mode)
	}
	return err
}

// Mode is the mode of the member's encryption key.
func (m *Member) Mode() record.KeyMode {
	switch {
	case m.Scoped != nil:
		return record.ModeScoped
	case m.Paper != nil:
		return record.ModePaper
	}
	return record.ModeNone
}

// Encryption is the member's public encryption key, zero when it has none.
func (m *Member) Encryption() record.EncryptionKey {
	switch m.Mode() {
	case record.ModeScoped:
		return record.EncryptionKey{Mode: record.ModeScoped, Key: record.EncryptionKeyCompressed(m.Scoped.PublicKey().Bytes())}
	case record.ModePaper:
		return record.EncryptionKey{Mode: record.ModePaper, Key: record.EncryptionKeyCompressed(m.Paper.PublicKey().Bytes())}
	}
	return record.EncryptionKey{}
}

// SigningKey is the member's public signing key.
func (m *Member) SigningKey() record.SigningKey {
	return record.SigningKey(m.Signing.PublicKey().Bytes())
}

// Sign is the member's signature on a statement, in a role.
func (d *Deployment) Sign(m *Member, role bls.Role, s record.Statement) record.Signature {
	return record.Signature(m.Signing.Sign(role, s.Hash(d.Context)))
}

// SigningProof proves that the member has its signing key.
func (d *Deployment) SigningProof(m *Member) record.Signature {
	return record.Signature(m.Signing.ProvePossession(d.Params.ID(), m.PID, m.MSP))
}

// EncryptionProof proves that the member has its encryption key; it is zero for
// a member without one.
func (d *Deployment) EncryptionProof(m *Member) (proof record.PossessionProof, err error) {
	var b []byte
	switch m.Mode() {
	case record.ModeScoped:
		b, err = m.Scoped.ProvePossession(d.Params.ID(), m.PID, m.MSP)
	case record.ModePaper:
		b, err = m.Paper.ProvePossession(d.Params.ID(), m.PID, m.MSP)
	}
	copy(proof[:], b)
	return proof, err
}

// Registration is the member's application.
func (d *Deployment) Registration(m *Member) (record.Registration, error) {
	proof, err := d.EncryptionProof(m)
	return record.Registration{
		PID: m.PID, Role: m.Role, MSP: m.MSP, Subject: m.Subject,
		Encryption: m.Encryption(), EncryptionProof: proof,
		Signing: m.SigningKey(), SigningProof: d.SigningProof(m),
	}, err
}

// RegisterArgs are the arguments of registry:RegisterParty.
func (d *Deployment) RegisterArgs(m *Member) ([]string, error) {
	r, err := d.Registration(m)
	return []string{record.EncodeText(r.Encode())}, err
}

// Renewed is the member with its next keys, in the same mode.
func (d *Deployment) Renewed(m *Member) (*Member, error) {
	next := *m
	next.Version++
	return &next, d.drawKeys(&next, m.Mode())
}

// Rotation is the statement that replaces the old keys by those of next.
func Rotation(next *Member, now int64) record.RotateStatement {
	return record.RotateStatement{Party: next.ID, Version: next.Version, Encryption: next.Encryption(), Signing: next.SigningKey(), Time: now}
}

// RotateArgs are the arguments of registry:RotateKeys: a statement signed with
// the old key, and proofs of possession of the new ones.
func (d *Deployment) RotateArgs(s record.RotateStatement, old, next *Member) ([]string, error) {
	proof := ""
	if next.Mode() != record.ModeNone {
		p, err := d.EncryptionProof(next)
		if err != nil {
			return nil, err
		}
		proof = p.String()
	}
	return []string{
		record.EncodeText(s.Encode()),
		d.Sign(old, bls.RoleParty, &s).String(),
		proof,
		d.SigningProof(next).String(),
	}, nil
}
