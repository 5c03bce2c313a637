package evaluation

import (
	"crypto/sha256"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
)

// scopedShare is one record shared once in scoped mode.
type scopedShare struct {
	*deployment
	owner, receiver *pre.ScopedSecretKey
	consent         [32]byte
	capsule         *pre.Capsule
	payload         []byte
	token, search   *pre.Token
	reencrypted     *pre.Reencrypted
}

func newScopedShare() (*scopedShare, error) {
	d, err := deploy()
	if err != nil {
		return nil, err
	}
	s := &scopedShare{deployment: d, consent: sha256.Sum256([]byte("consent"))}
	if s.owner, err = pre.GenerateScopedKey(); err != nil {
		return nil, err
	}
	if s.receiver, err = pre.GenerateScopedKey(); err != nil {
		return nil, err
	}
	if s.capsule, s.payload, err = d.seal(s.owner.PublicKey(), Label); err != nil {
		return nil, err
	}
	if s.token, err = s.owner.DelegateReencryption(d.params, Label, s.consent, s.receiver.PublicKey()); err != nil {
		return nil, err
	}
	if s.search, err = s.owner.DelegateSearch(d.params, Label, s.consent); err != nil {
		return nil, err
	}
	token, err := s.token.Verify(d.params, s.token.Commitment(d.params))
	if err != nil {
		return nil, err
	}
	capsule, err := s.capsule.Verify(d.params, s.owner.PublicKey())
	if err != nil {
		return nil, err
	}
	s.reencrypted, err = pre.Reencrypt(token, capsule)
	return s, err
}

// paperShare is one record shared once in paper mode.
type paperShare struct {
	*deployment
	owner, receiver *pre.PaperSecretKey
	capsule         *pre.Capsule
	payload         []byte
	search          *pre.Token
	rekey           [3][]byte // the messages that make rk
	rk              *pre.PaperReencryptionKey
	reencrypted     *pre.Capsule
}

func newPaperShare() (*paperShare, error) {
	d, err := deploy()
	if err != nil {
		return nil, err
	}
	s := &paperShare{deployment: d}
	if s.owner, err = pre.GeneratePaperKey(); err != nil {
		return nil, err
	}
	if s.receiver, err = pre.GeneratePaperKey(); err != nil {
		return nil, err
	}
	if s.capsule, s.payload, err = d.seal(s.owner.PublicKey(), ""); err != nil {
		return nil, err
	}
	if s.search, err = s.owner.DelegateSearch(d.params, sha256.Sum256([]byte("consent"))); err != nil {
		return nil, err
	}
	blinding, challenge, err := s.owner.StartRekey()
	if err != nil {
		return nil, err
	}
	response := s.receiver.AnswerRekey(challenge)
	s.rekey = [3][]byte{blinding.Bytes(), challenge.Bytes(), response.Bytes()}
	if s.rk, err = pre.FinishRekey(s.owner.PublicKey(), s.receiver.PublicKey(), blinding, response); err != nil {
		return nil, err
	}
	capsule, err := s.capsule.Verify(d.params, s.owner.PublicKey())
	if err != nil {
		return nil, err
	}
	s.reencrypted, err = s.rk.Reencrypt(capsule)
	return s, err
}

// Message is something that ClaimShare sends when one record is shared once.
type Message struct {
	Phase         string // the paper's: broadcasting, verification, access
	What          string
	Scoped, Paper int // bytes in each mode
}

// The paper's phases of communication.
const (
	broadcasting = "broadcasting"
	verification = "verification"
	access       = "access"
)

// Messages encodes everything that is sent when one record is shared once, and
// takes the sizes. The payload is left out; see PayloadOverhead.
func Messages() ([]Message, error) {
	scoped, err := newScopedShare()
	if err != nil {
		return nil, err
	}
	paper, err := newPaperShare()
	if err != nil {
		return nil, err
	}
	entry := func(label string) int {
		e := record.Entry{Statement: record.RecordStatement{Label: label}}
		return len(e.Encode())
	}
	grant := func(label string) int {
		g := record.GrantStatement{Label: label, Purpose: "claim", Claim: "C-2026/17", Proxies: make([]record.PartyID, 1)}
		return len(g.Encode()) + bls.SignatureSize
	}
	delivery := len(record.Deliveries{{}}.Encode())
	rekey := 0
	for _, m := range paper.rekey {
		rekey += len(m)
	}
	sc, pc := len(scoped.capsule.Bytes()), len(paper.capsule.Bytes())
	return []Message{
		{broadcasting, "record statement with two signatures, to the ledger", entry(Label), entry("")},
		{verification, "capsule, to the system manager", sc, pc},
		{verification, "search token (the paper's U1, U2), to the system manager", len(scoped.search.Bytes()), len(paper.search.Bytes())},
		{access, "consent with its signature, to the ledger", grant(Label), grant("")},
		{access, "re-encryption token, to the proxy; in paper mode the three messages that make rk", len(scoped.token.Bytes()), rekey},
		{access, "signed delivery, from the holder", delivery, delivery},
		{access, "capsule, to the proxy", sc, pc},
		{access, "re-encrypted capsule, to the receiver", len(scoped.reencrypted.Bytes()), len(paper.reencrypted.Bytes())},
	}, nil
}

// PayloadOverhead is by how many bytes a sealed record of RecordSize is longer.
func PayloadOverhead() int { return int(pre.SealedSize(RecordSize)) - RecordSize }

// OwnElements are the sizes of the paper's elements in ClaimShare: compressed
// points of G1, scalars, a signature for x, a party's identifier, the search
// tag C3 for k and C4 for l.
var OwnElements = Elements{
	G1: pre.PublicKeySize, Zp: pre.SecretKeySize, X: bls.SignatureSize, ID: len(record.PartyID{}),
	K: 32, L: 32 + 32 + 8,
}
