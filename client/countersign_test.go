package client

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/document"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

// newChain is a view of a ledger that cannot be asked anything.
func newChain(t testing.TB) *Chain {
	t.Helper()
	master, err := pre.GenerateMasterKey()
	require.NoError(t, err)
	params, err := pre.NewParameters("test", master.PublicKey())
	require.NoError(t, err)
	return &Chain{params: params, signed: record.Context{ParamsID: params.ID(), Channel: "claims", Chaincode: "claimshare"},
		system: &record.System{RecordWindow: record.DefaultRecordWindow, ClockSkew: record.DefaultClockSkew}}
}

func newKeys(t testing.TB, mode pre.Mode) *Keys {
	t.Helper()
	var seed [32]byte
	_, err := rand.Read(seed[:])
	require.NoError(t, err)
	keys, err := DeriveKeys(seed, pseudonym.PID(base64.RawURLEncoding.EncodeToString(bytes.Repeat(seed[:], 4)[:104])), mode)
	require.NoError(t, err)
	return keys
}

// listed is the party of these keys, in as many versions as there are keys.
func listed(keys ...*Keys) *record.Party {
	p := &record.Party{ID: keys[0].ID(), PID: string(keys[0].PID)}
	for i, k := range keys {
		p.Keys = append(p.Keys, record.KeyVersion{Version: uint32(i + 1), Encryption: k.encryption(), Signing: record.SigningKey(k.Signing.PublicKey().Bytes())})
	}
	return p
}

type inMemory []byte

func (b inMemory) Open() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }

// forge seals what a dishonest issuer wants to seal: nothing of it is checked.
func forge(t *testing.T, c *Chain, owner, issuer *Keys, plaintext []byte, alter func(*record.RecordStatement)) *Proposal {
	t.Helper()
	s := record.RecordStatement{
		Kind: record.KindRepair, Label: "repair/2026", Owner: owner.ID(), OwnerVersion: 1, OwnerKey: owner.encryption(),
		Issuer: issuer.ID(), IssuerVersion: 1, IssuedAt: time.Now().Unix(),
	}
	_, err := rand.Read(s.ID[:])
	require.NoError(t, err)
	if owner.Paper != nil {
		s.Label = ""
	}
	alter(&s)
	p := &Proposal{Statement: s, OwnerPID: string(owner.PID), IssuerPID: string(issuer.PID)}
	to, err := publicKey(owner.encryption())
	require.NoError(t, err)
	var payload bytes.Buffer
	capsule, err := c.params.Seal(to, s.Label, p.info(), &payload, bytes.NewReader(plaintext))
	require.NoError(t, err)
	p.Capsule, p.Payload, p.Statement.Digest, p.Statement.PayloadSize = capsule.Bytes(), inMemory(payload.Bytes()), capsule.Digest(), capsule.Payload().Size
	return p
}

func packed(t *testing.T, doc *document.Document) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, document.Pack(&b, doc, nil))
	return b.Bytes()
}

func specimen(t *testing.T, kind record.Kind) *document.Document {
	t.Helper()
	raw, err := os.ReadFile("document/testdata/" + kind.String() + ".json")
	require.NoError(t, err)
	doc, err := document.Parse(kind, raw)
	require.NoError(t, err)
	return doc
}

// What a dishonest issuer may ask an owner to sign.
func TestCountersignRefuses(t *testing.T) {
	c, owner, issuer := newChain(t), newKeys(t, pre.ModeScoped), newKeys(t, pre.ModeScoped)
	repair, _ := specimen(t, record.KindRepair).Repair()
	repair.Attachments = nil
	doc, err := document.NewRepair(repair)
	require.NoError(t, err)
	repairBytes := packed(t, doc)
	delta, err := pseudonym.NewEvidence()
	require.NoError(t, err)
	policy, _ := specimen(t, record.KindPolicy).Policy()
	policy.SetEvidence(delta)
	doc, err = document.NewPolicy(policy)
	require.NoError(t, err)
	policyBytes := packed(t, doc)

	asPolicy := func(s *record.RecordStatement) {
		s.Kind, s.Label = record.KindPolicy, "policy/2026"
		s.Evidence = delta.Commit(c.params.ID(), s.ID, owner.PID)
	}
	unchanged := func(*record.RecordStatement) {}
	unhappy := errors.New("not what was agreed")
	for _, one := range []struct {
		name      string
		plaintext []byte
		statement func(*record.RecordStatement)
		proposal  func(*Proposal)
		inspect   func(io.Reader) error
		want      error
	}{
		{name: "nothing to refuse", plaintext: repairBytes},
		{name: "nor in a policy", plaintext: policyBytes, statement: asPolicy},
		{name: "the owner does not accept it", plaintext: repairBytes, inspect: func(io.Reader) error { return unhappy }, want: unhappy},
		{name: "a repair called a policy", plaintext: repairBytes, statement: asPolicy, want: ErrStatement},
		{name: "a policy called a repair", plaintext: policyBytes, want: ErrStatement},
		{name: "no document", plaintext: []byte("anything"), want: document.ErrContainer},
		{name: "no document at all", want: document.ErrContainer},
		{name: "another δ than committed to", plaintext: policyBytes, want: ErrEvidence, statement: func(s *record.RecordStatement) {
			asPolicy(s)
			s.Evidence[0] ^= 1
		}},
		{name: "δ committed to for another record", plaintext: policyBytes, want: ErrEvidence, statement: func(s *record.RecordStatement) {
			asPolicy(s)
			s.ID[0] ^= 1
		}},
		{name: "no commitment to δ", plaintext: policyBytes, want: ErrStatement, statement: func(s *record.RecordStatement) {
			asPolicy(s)
			s.Evidence = record.Digest{}
		}},
		{name: "a commitment in a repair", plaintext: repairBytes, want: ErrStatement, statement: func(s *record.RecordStatement) { s.Evidence[0] = 1 }},
		{name: "ahead of time", plaintext: repairBytes, want: ErrStatement, statement: func(s *record.RecordStatement) { s.IssuedAt += 365 * 24 * 3600 }},
		{name: "long ago", plaintext: repairBytes, want: ErrStatement, statement: func(s *record.RecordStatement) { s.IssuedAt -= 30 * 24 * 3600 }},
		{name: "in place of another version", plaintext: repairBytes, want: ErrStatement, statement: func(s *record.RecordStatement) { s.Previous[0] = 1 }},
		{name: "for another owner", plaintext: repairBytes, want: ErrNotOurs, statement: func(s *record.RecordStatement) { s.Owner[0] ^= 1 }},
		{name: "under another key", plaintext: repairBytes, want: ErrNotOurs, statement: func(s *record.RecordStatement) { s.OwnerKey = issuer.encryption() }},
		{name: "by another issuer", plaintext: repairBytes, want: ErrStatement, statement: func(s *record.RecordStatement) { s.Issuer[0] ^= 1 }},
		{name: "another size", plaintext: repairBytes, want: ErrStatement, proposal: func(p *Proposal) { p.Statement.PayloadSize++ }},
		{name: "another label", plaintext: repairBytes, want: ErrStatement, proposal: func(p *Proposal) { p.Statement.Label = "repair/all" }},
		{name: "another digest", plaintext: repairBytes, want: ErrStatement, proposal: func(p *Proposal) { p.Statement.Digest[0] ^= 1 }},
		{name: "another record", plaintext: repairBytes, want: pre.ErrBinding, proposal: func(p *Proposal) { p.Statement.ID[0] ^= 1 }},
		{name: "no capsule", plaintext: repairBytes, want: ErrStatement, proposal: func(p *Proposal) { p.Capsule = nil }},
		{name: "no payload", plaintext: repairBytes, want: ErrStatement, proposal: func(p *Proposal) { p.Payload = nil }},
		{name: "an empty payload", plaintext: repairBytes, want: pre.ErrPayloadTruncated, proposal: func(p *Proposal) { p.Payload = inMemory{} }},
		{name: "a longer payload", plaintext: repairBytes, want: pre.ErrPayloadTrailing, proposal: func(p *Proposal) { p.Payload = append(p.Payload.(inMemory), 0) }},
	} {
		t.Run(one.name, func(t *testing.T) {
			if one.statement == nil {
				one.statement = unchanged
			}
			p := forge(t, c, owner, issuer, one.plaintext, one.statement)
			if one.proposal != nil {
				one.proposal(p)
			}
			if one.inspect == nil {
				one.inspect = func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err }
			}
			sig, err := NewOwner(c, owner).Countersign(p, one.inspect)
			require.ErrorIs(t, err, one.want)
			if one.want != nil {
				require.Zero(t, sig)
				return
			}
			require.NoError(t, c.verify(listed(owner), 1, bls.RoleOwner, &p.Statement, sig))
		})
	}
}
