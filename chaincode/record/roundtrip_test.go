package record_test

import (
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden vectors anew")

// coding is one encoding: how to make a value, encode and decode it.
type coding struct {
	name   string
	value  any
	encode func() []byte
	decode func([]byte) (any, error)
	hash   func(record.Context) [32]byte // statements only
}

func code[T any](name string, v T, encode func() []byte, decode func([]byte) (T, error)) coding {
	c := coding{name: name, value: v, encode: encode, decode: func(b []byte) (any, error) { return decode(b) }}
	if s, ok := any(v).(record.Statement); ok {
		c.hash = s.Hash
	}
	return c
}

func fill(b []byte, seed byte) {
	for i := range b {
		b[i] = seed + byte(i)
	}
}

func pid(seed byte) string {
	b := make([]byte, 104)
	fill(b, seed)
	return encodePID(b)
}

var context = record.Context{ParamsID: [32]byte{9, 9, 9}, Channel: "insurance", Chaincode: "claimshare"}

func sampleRecord() *record.RecordStatement {
	s := &record.RecordStatement{
		Kind: record.KindPolicy, Label: "policy/2026", OwnerVersion: 1, IssuerVersion: 2,
		OwnerKey: record.EncryptionKey{Mode: record.ModeScoped}, PayloadSize: 1 << 33, IssuedAt: 1767225600,
	}
	fill(s.ID[:], 1)
	fill(s.Owner[:], 2)
	fill(s.Issuer[:], 3)
	fill(s.OwnerKey.Key[:], 4)
	fill(s.Digest[:], 5)
	fill(s.Evidence[:], 6)
	fill(s.Previous[:], 7)
	return s
}

func sampleGrant() *record.GrantStatement {
	s := &record.GrantStatement{
		OwnerVersion: 1, RequesterVersion: 2, OwnerKey: record.EncryptionKey{Mode: record.ModeScoped},
		RequesterKey: record.EncryptionKey{Mode: record.ModeScoped}, Label: "repair/2026", Purpose: "claim", Claim: "C-2026/17",
		NotBefore: 1767225600, Expiry: 1767229200, MaxReleases: 3, Threshold: 1,
	}
	fill(s.Consent[:], 1)
	fill(s.Request[:], 2)
	fill(s.Owner[:], 3)
	fill(s.OwnerKey.Key[:], 4)
	fill(s.Requester[:], 5)
	fill(s.RequesterKey.Key[:], 6)
	fill(s.Holder[:], 7)
	fill(s.PolicyRecord[:], 8)
	fill(s.PayloadToken[:], 9)
	fill(s.SearchToken[:], 10)
	s.Records = make([]record.RecordVersion, 2)
	for i := range s.Records {
		fill(s.Records[i].ID[:], byte(20+i))
		fill(s.Records[i].Digest[:], byte(30+i))
	}
	s.Proxies = make([]record.PartyID, 2)
	for i := range s.Proxies {
		fill(s.Proxies[i][:], byte(40+i))
	}
	return s
}

func sampleRevoke() *record.RevokeStatement {
	s := &record.RevokeStatement{OwnerVersion: 1, Time: 1767225600}
	fill(s.Consent[:], 1)
	fill(s.Owner[:], 2)
	return s
}

func sampleDeliver() *record.DeliverStatement {
	s := &record.DeliverStatement{HolderVersion: 1, Time: 1767225600}
	fill(s.Release[:], 1)
	fill(s.Consent[:], 2)
	fill(s.Record[:], 3)
	fill(s.Digest[:], 4)
	fill(s.Holder[:], 5)
	fill(s.Capsule[:], 6)
	return s
}

func sampleTrailer() *record.TrailerStatement {
	s := &record.TrailerStatement{HolderVersion: 1, Length: 99}
	fill(s.Release[:], 1)
	fill(s.Holder[:], 2)
	fill(s.Sent[:], 3)
	return s
}

func sampleRotate() *record.RotateStatement {
	s := &record.RotateStatement{Version: 2, Encryption: record.EncryptionKey{Mode: record.ModePaper}, Time: 1767225600}
	fill(s.Party[:], 1)
	fill(s.Encryption.Key[:], 2)
	fill(s.Signing[:], 3)
	return s
}

func sampleErase() *record.EraseStatement {
	s := &record.EraseStatement{IssuerVersion: 2, Time: 1767225700}
	fill(s.Record[:], 1)
	fill(s.Issuer[:], 3)
	return s
}

func sampleStored() *record.Record {
	e := sampleEntry()
	return &record.Record{RecordStatement: e.Statement, OwnerSignature: e.OwnerSignature, IssuerSignature: e.IssuerSignature, RecordedAt: 1767225660}
}

func sampleErased() *record.Record {
	r := sampleStored()
	r.Previous = record.Digest{}
	var signature record.Signature
	fill(signature[:], 12)
	r.Erase(sampleErase(), signature, 1767225720, record.TxID{1})
	return r
}

func sampleEntry() *record.Entry {
	e := &record.Entry{Statement: *sampleRecord()}
	fill(e.OwnerSignature[:], 8)
	fill(e.IssuerSignature[:], 9)
	return e
}

func sampleBatch() *record.Batch {
	b := &record.Batch{Entries: []record.Entry{*sampleEntry(), *sampleEntry()}}
	b.Entries[1].Statement.ID[0]++
	b.Entries[1].Statement.Previous = record.Digest{}
	s := record.BatchStatement{IssuerVersion: 2, Entries: b.EntriesDigest(), Time: 1767225600}
	fill(s.Issuer[:], 3)
	b.Carriage = &record.Carriage{Statement: s}
	fill(b.Carriage.Signature[:], 11)
	return b
}

func sampleParty() *record.Party {
	p := &record.Party{
		PID: pid(1), Role: record.RoleInsurer, MSP: "InsurerMSP", Subject: "CN=insurer,OU=client",
		Status: record.StatusSuspended, StatusReason: "under inquiry", StatusSince: 1767225600, Keys: make([]record.KeyVersion, 2),
	}
	p.ID = record.NewPartyID(p.PID)
	fill(p.StatusTx[:], 2)
	for i := range p.Keys {
		k := &p.Keys[i]
		k.Version, k.Since, k.Encryption.Mode = uint32(i+1), 1767225600, record.ModeScoped
		fill(k.Encryption.Key[:], byte(3+i))
		fill(k.Signing[:], byte(5+i))
		fill(k.Tx[:], byte(7+i))
	}
	fill(p.RawSigning[:], 9)
	return p
}

func sampleRegistration() *record.Registration {
	r := &record.Registration{PID: pid(1), Role: record.RolePolicyholder, Encryption: record.EncryptionKey{Mode: record.ModeScoped}}
	fill(r.Encryption.Key[:], 2)
	fill(r.EncryptionProof[:], 3)
	fill(r.Signing[:], 4)
	fill(r.SigningProof[:], 5)
	return r
}

func sampleRequest() *record.AccessRequest {
	r := &record.AccessRequest{Label: "repair/2026", Records: make([]record.RecordID, 2), Purpose: "claim", Claim: "C-1"}
	fill(r.ID[:], 1)
	fill(r.Owner[:], 2)
	fill(r.Holder[:], 3)
	fill(r.Records[0][:], 4)
	fill(r.Records[1][:], 5)
	return r
}

func sampleDelivery() record.Delivery {
	d := record.Delivery{Statement: *sampleDeliver()}
	fill(d.Nonce[:], 7)
	fill(d.Signature[:], 8)
	return d
}

func sampleRelease() *record.Release {
	r := &record.Release{
		Delivery: sampleDelivery(), Purpose: "claim", Claim: "C-1", Status: record.ReleaseUpheld, Time: 1767225600,
		Dispute: &record.Dispute{
			Ground: record.GroundPayload, Reason: "does not match", Trailer: sampleTrailer(), OpenedAt: 1767225660,
			Resolution: "seen", ResolvedAt: 1767225720,
		},
	}
	fill(r.Owner[:], 1)
	fill(r.Receiver[:], 2)
	fill(r.Proxy[:], 3)
	fill(r.Tx[:], 4)
	fill(r.Dispute.TrailerSignature[:], 5)
	fill(r.Dispute.OpenTx[:], 6)
	fill(r.Dispute.ResolveTx[:], 7)
	return r
}

func sampleViolation() *record.Violation {
	v := &record.Violation{
		Offence: record.OffenceSignature, Time: 1767225600, Entries: 2, WholeBatch: true, Carriage: sampleBatch().Carriage,
		Bad: []record.BadEntry{{Index: 1, Owner: true, Entry: *sampleEntry()}},
	}
	fill(v.Party[:], 1)
	fill(v.Tx[:], 2)
	fill(v.Batch[:], 3)
	return v
}

func sampleSystem() *record.System {
	s := &record.System{
		Parameters: []byte("parameters"), Channel: "insurance", Chaincode: "claimshare", Threshold: 1, RecordWindow: 604800, ClockSkew: 120,
		Initial: 100, Penalty: 25, ExpelAt: 4, Time: 1767225600,
	}
	fill(s.ParamsID[:], 1)
	fill(s.MasterKey[:], 2)
	fill(s.Managers[:], 3)
	fill(s.Tx[:], 4)
	return s
}

func sampleConsent() *record.Consent {
	c := &record.Consent{GrantStatement: *sampleGrant(), Status: record.ConsentRevoked, GrantedAt: 1767225600, RevokedAt: 1767225700}
	fill(c.OwnerSignature[:], 1)
	fill(c.GrantTx[:], 2)
	fill(c.RevokeTx[:], 3)
	return c
}

func sampleProposal() *record.Proposal {
	p := &record.Proposal{Action: record.ActionExpel, Reason: "fraud, file 17", Expiry: 1767229200}
	fill(p.ID[:], 1)
	fill(p.Party[:], 2)
	return p
}

func sampleRules() *record.Proposal {
	p := sampleProposal()
	p.Action, p.Party, p.Rules = record.ActionRules, record.PartyID{}, record.Rules{RecordWindow: 86400, ClockSkew: 60}
	return p
}

func sampleApproval() *record.Approval {
	a := &record.Approval{Agency: "AMSP", Subject: "CN=manager,OU=client", Time: 1767225600}
	fill(a.Decision[:], 1)
	fill(a.Tx[:], 3)
	return a
}

func sampleDecision() *record.Decision {
	d := &record.Decision{
		Proposal: *sampleProposal(), Agency: "AMSP", ProposedAt: 1767225600, Status: record.DecisionEnacted, Threshold: 2, EnactedAt: 1767225700,
		Approvals: []record.Approval{*sampleApproval(), *sampleApproval()},
	}
	d.Approvals[1].Agency, d.Approvals[1].Time = "BMSP", 1767225700
	fill(d.ProposeTx[:], 3)
	fill(d.Managers[:], 4)
	fill(d.EnactTx[:], 5)
	return d
}

func codings() []coding {
	setup := &record.Setup{Parameters: []byte("parameters"), RecordWindow: 604800, ClockSkew: 120}
	carriage := &sampleBatch().Carriage.Statement
	amended := sampleErased()
	amended.Previous = sampleRecord().Previous
	request := &record.Request{AccessRequest: *sampleRequest(), Requester: sampleGrant().Requester, Time: 1767225600, Tx: record.TxID{1}}
	revocation := &record.Revocation{RevokeStatement: *sampleRevoke(), RecordedAt: 1767225600, Tx: record.TxID{1}}
	deliveries := record.Deliveries{sampleDelivery()}
	link := &record.Link{Party: record.PartyID{1}}
	return []coding{
		code("statement record", sampleRecord(), sampleRecord().Encode, record.DecodeRecordStatement),
		code("statement grant", sampleGrant(), sampleGrant().Encode, record.DecodeGrantStatement),
		code("statement revoke", sampleRevoke(), sampleRevoke().Encode, record.DecodeRevokeStatement),
		code("statement deliver", sampleDeliver(), sampleDeliver().Encode, record.DecodeDeliverStatement),
		code("statement trailer", sampleTrailer(), sampleTrailer().Encode, record.DecodeTrailerStatement),
		code("statement rotate", sampleRotate(), sampleRotate().Encode, record.DecodeRotateStatement),
		code("statement batch", carriage, carriage.Encode, record.DecodeBatchStatement),
		code("argument entry", sampleEntry(), sampleEntry().Encode, record.DecodeEntry),
		code("argument batch", sampleBatch(), sampleBatch().Encode, record.DecodeBatch),
		code("argument setup", setup, setup.Encode, record.DecodeSetup),
		code("argument registration", sampleRegistration(), sampleRegistration().Encode, record.DecodeRegistration),
		code("argument request", sampleRequest(), sampleRequest().Encode, record.DecodeAccessRequest),
		code("argument deliveries", deliveries, deliveries.Encode, record.DecodeDeliveries),
		code("document system", sampleSystem(), sampleSystem().Encode, record.DecodeSystem),
		code("document party", sampleParty(), sampleParty().Encode, record.DecodeParty),
		code("document record", sampleStored(), sampleStored().Encode, record.DecodeRecord),
		code("document request", request, request.Encode, record.DecodeRequest),
		code("document consent", sampleConsent(), sampleConsent().Encode, record.DecodeConsent),
		code("document revocation", revocation, revocation.Encode, record.DecodeRevocation),
		code("document release", sampleRelease(), sampleRelease().Encode, record.DecodeRelease),
		code("document violation", sampleViolation(), sampleViolation().Encode, record.DecodeViolation),
		code("document link", link, link.Encode, record.DecodeLink),
		code("argument proposal", sampleProposal(), sampleProposal().Encode, record.DecodeProposal),
		code("argument proposal of rules", sampleRules(), sampleRules().Encode, record.DecodeProposal),
		code("document decision", sampleDecision(), sampleDecision().Encode, record.DecodeDecision),
		code("document approval", sampleApproval(), sampleApproval().Encode, record.DecodeApproval),
		code("statement erase", sampleErase(), sampleErase().Encode, record.DecodeEraseStatement),
		code("document record, erased", sampleErased(), sampleErased().Encode, record.DecodeRecord),
		code("document record, amended and erased", amended, amended.Encode, record.DecodeRecord),
	}
}

// TestStrict breaks every encoding in the ways in which bytes break.
func TestStrict(t *testing.T) {
	for _, c := range codings() {
		t.Run(c.name, func(t *testing.T) {
			b := c.encode()
			v, err := c.decode(b)
			require.NoError(t, err)
			require.Equal(t, c.value, v)
			require.Equal(t, b, reencode(v))
			for n := range b {
				_, err := c.decode(b[:n])
				require.ErrorIs(t, err, record.ErrMalformed, "cut to %d bytes", n)
			}
			_, err = c.decode(append(b[:len(b):len(b)], 0))
			require.ErrorIs(t, err, record.ErrMalformed)
			for i := range b {
				changed := append([]byte(nil), b...)
				changed[i] ^= 0x81
				if v, err := c.decode(changed); err == nil {
					require.Equal(t, changed, reencode(v), "byte %d", i)
				}
			}
		})
	}
}

// TestJSONView checks that nothing that a query answers with is lost in JSON.
func TestJSONView(t *testing.T) {
	for _, c := range codings() {
		if _, ok := c.value.(record.Document); !ok {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			text, err := json.Marshal(c.value)
			require.NoError(t, err)
			back := reflect.New(reflect.TypeOf(c.value).Elem())
			require.NoError(t, json.Unmarshal(text, back.Interface()))
			if p, ok := back.Interface().(*record.Party); ok {
				p.RawSigning = c.value.(*record.Party).RawSigning // kept from the view
			}
			require.Equal(t, c.value, back.Interface())
		})
	}
}

func TestDecodeDocument(t *testing.T) {
	seen := 0
	for _, c := range codings() {
		d, ok := c.value.(record.Document)
		if !ok {
			continue
		}
		seen++
		got, err := record.DecodeDocument(d.Encode())
		require.NoError(t, err, c.name)
		require.Equal(t, d, got)
		name, _, _ := strings.Cut(c.name, ",")
		require.Equal(t, "document "+d.DocumentType().String(), name)
		other := append([]byte(nil), d.Encode()...)
		other[1] = 2
		_, err = record.DecodeDocument(other)
		require.ErrorContains(t, err, "schema version 2")
	}
	require.Equal(t, 13, seen)
	for _, b := range [][]byte{nil, {1}, {0, 1}, {12, 1, 2}} {
		_, err := record.DecodeDocument(b)
		require.ErrorIs(t, err, record.ErrMalformed)
	}
	require.Equal(t, "unknown(77)", record.DocumentType(77).String())
}

type vector struct {
	Encoding string `json:"encoding"`
	Hash     string `json:"hash,omitempty"` // of statements, in the context below
}

// TestVectors freezes every encoding: signatures and ledgers outlive programs.
func TestVectors(t *testing.T) {
	file := filepath.Join("testdata", "vectors.json")
	got := map[string]vector{}
	for _, c := range codings() {
		v := vector{Encoding: hex.EncodeToString(c.encode())}
		if c.hash != nil {
			h := c.hash(context)
			v.Hash = hex.EncodeToString(h[:])
		}
		got[c.name] = v
	}
	if *update {
		b, err := json.MarshalIndent(got, "", "  ")
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, append(b, '\n'), 0o644))
	}
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	var want map[string]vector
	require.NoError(t, json.Unmarshal(b, &want))
	require.Equal(t, want, got)
}

func TestHashBindsEverything(t *testing.T) {
	s := sampleRevoke()
	hashes := map[[32]byte]string{}
	add := func(name string, h [32]byte) {
		require.Empty(t, hashes[h], "%s hashes like %s", name, hashes[h])
		hashes[h] = name
	}
	add("plain", s.Hash(context))
	other := context
	other.ParamsID[0]++
	add("parameters", s.Hash(other))
	other = context
	other.Channel += "x"
	add("channel", s.Hash(other))
	other.Channel, other.Chaincode = "insuranceclaims", "hare" // the same letters, split elsewhere
	add("split", s.Hash(other))
	changed := *s
	changed.Time++
	add("body", changed.Hash(context))
	for i, st := range []record.Statement{sampleRecord(), sampleGrant(), sampleDeliver(), sampleTrailer(), sampleRotate(), &sampleBatch().Carriage.Statement, sampleErase()} {
		add(fmt.Sprint("statement ", i), st.Hash(context))
		require.NotEqual(t, record.StatementRevoke, st.Type())
	}
}
