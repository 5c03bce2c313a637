package record_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/stretchr/testify/require"
)

// broken is a change that makes a valid value invalid, and what is said of it.
type broken[T any] struct {
	says  string
	spoil func(T)
}

type validating interface{ Validate() error }

func checkBroken[T validating](t *testing.T, sample func() T, cases []broken[T]) {
	t.Helper()
	require.NoError(t, sample().Validate())
	for _, c := range cases {
		v := sample()
		c.spoil(v)
		require.ErrorContains(t, v.Validate(), c.says)
	}
}

func TestRecordStatementRules(t *testing.T) {
	type s = *record.RecordStatement
	checkBroken(t, sampleRecord, []broken[s]{
		{"record id", func(v s) { v.ID = record.RecordID{} }},
		{"3 is not a record kind", func(v s) { v.Kind = 3 }},
		{"encryption key is missing", func(v s) { v.OwnerKey = record.EncryptionKey{} }},
		{"is missing", func(v s) { v.OwnerKey.Key = record.EncryptionKeyCompressed{} }},
		{"key mode", func(v s) { v.OwnerKey.Mode = 9 }},
		{"label", func(v s) { v.Label = "" }},
		{"label", func(v s) { v.Label = "Policy" }},
		{"label", func(v s) { v.Label = strings.Repeat("a", 65) }},
		{"paper-mode key has no labels", func(v s) { v.OwnerKey.Mode = record.ModePaper }},
		{"owner is missing", func(v s) { v.Owner = record.PartyID{} }},
		{"issuer is missing", func(v s) { v.Issuer = record.PartyID{} }},
		{"same party", func(v s) { v.Owner = v.Issuer }},
		{"start at 1", func(v s) { v.OwnerVersion = 0 }},
		{"start at 1", func(v s) { v.IssuerVersion = 0 }},
		{"digest is missing", func(v s) { v.Digest = record.Digest{} }},
		{"too large", func(v s) { v.PayloadSize = record.MaxPayloadSize + 1 }},
		{"only a policy", func(v s) { v.Kind = record.KindRepair }},
		{"evidence commitment", func(v s) { v.Evidence = record.Digest{} }},
		{"issue time", func(v s) { v.IssuedAt = 0 }},
		{"issue time", func(v s) { v.IssuedAt = record.MaxTime + 1 }},
		{"amend itself", func(v s) { v.Previous = v.Digest }},
	})
}

func TestGrantRules(t *testing.T) {
	type s = *record.GrantStatement
	checkBroken(t, sampleGrant, []broken[s]{
		{"consent id", func(v s) { v.Consent = record.ConsentID{} }},
		{"owner is missing", func(v s) { v.Owner = record.PartyID{} }},
		{"requester is missing", func(v s) { v.Requester = record.PartyID{} }},
		{"same party", func(v s) { v.Owner = v.Requester }},
		{"start at 1", func(v s) { v.RequesterVersion = 0 }},
		{"owner's encryption key", func(v s) { v.OwnerKey = record.EncryptionKey{} }},
		{"requester's encryption key", func(v s) { v.RequesterKey = record.EncryptionKey{} }},
		{"different modes", func(v s) { v.RequesterKey.Mode = record.ModePaper }},
		{"label", func(v s) { v.Label = "" }},
		{"re-encryption token", func(v s) { v.PayloadToken = record.Digest{} }},
		{"policy record", func(v s) { v.PolicyRecord = record.RecordID{} }},
		{"purpose", func(v s) { v.Purpose = "" }},
		{"claim number", func(v s) { v.Claim = "no spaces" }},
		{"not-before", func(v s) { v.NotBefore = 0 }},
		{"expiry", func(v s) { v.Expiry = -1 }},
		{"expires before", func(v s) { v.Expiry = v.NotBefore }},
		{"maximum releases", func(v s) { v.MaxReleases = 0 }},
		{"maximum releases", func(v s) { v.MaxReleases = 1001 }},
		{"too many records", func(v s) { v.Records = make([]record.RecordVersion, 65) }},
		{"1 to 16 proxies", func(v s) { v.Proxies = nil }},
		{"threshold must be 1", func(v s) { v.Threshold = 0 }},
		{"threshold must be 1", func(v s) { v.Threshold = 2 }}, // as many as there are proxies
		{"threshold must be 1", func(v s) { v.Threshold = 3 }},
		{"ascend by id", func(v s) { v.Records[0], v.Records[1] = v.Records[1], v.Records[0] }},
		{"record digest", func(v s) { v.Records[0].Digest = record.Digest{} }},
		{"proxies must ascend", func(v s) { v.Proxies[1] = v.Proxies[0] }},
	})
	paper := sampleGrant()
	paper.OwnerKey.Mode, paper.RequesterKey.Mode, paper.Label = record.ModePaper, record.ModePaper, ""
	paper.PayloadToken, paper.PolicyRecord, paper.Records = record.Digest{}, record.RecordID{}, nil
	require.NoError(t, paper.Validate())
}

func TestOtherRules(t *testing.T) {
	checkBroken(t, sampleRevoke, []broken[*record.RevokeStatement]{
		{"start at 1", func(v *record.RevokeStatement) { v.OwnerVersion = 0 }},
	})
	checkBroken(t, sampleErase, []broken[*record.EraseStatement]{
		{"record id", func(v *record.EraseStatement) { v.Record = record.RecordID{} }},
		{"issuer", func(v *record.EraseStatement) { v.Issuer = record.PartyID{} }},
		{"start at 1", func(v *record.EraseStatement) { v.IssuerVersion = 0 }},
		{"time", func(v *record.EraseStatement) { v.Time = 0 }},
	})
	checkBroken(t, sampleErased, []broken[*record.Record]{
		{"issuer's word", func(v *record.Record) { v.Erasure = nil }},
		{"time of its erasure", func(v *record.Record) { v.Erased = 0 }},
		{"start at 1", func(v *record.Record) { v.Erasure.IssuerVersion = 0 }},
		{"time", func(v *record.Record) { v.Erasure.Time = record.MaxTime + 1 }},
		{"transaction of the erasure", func(v *record.Record) { v.Erasure.Tx = record.TxID{} }},
		{"label", func(v *record.Record) { v.Label = "" }},
	})
	checkBroken(t, sampleDeliver, []broken[*record.DeliverStatement]{
		{"capsule digest", func(v *record.DeliverStatement) { v.Capsule = record.Digest{} }},
	})
	checkBroken(t, sampleTrailer, []broken[*record.TrailerStatement]{
		{"too large", func(v *record.TrailerStatement) { v.Length = record.MaxPayloadSize + 1 }},
	})
	checkBroken(t, sampleRotate, []broken[*record.RotateStatement]{
		{"at least 2", func(v *record.RotateStatement) { v.Version = 1 }},
		{"new party", func(v *record.RotateStatement) { v.Version = record.MaxKeyVersions + 1 }},
		{"no mode", func(v *record.RotateStatement) { v.Encryption.Mode = record.ModeNone }},
	})
	checkBroken(t, sampleRegistration, []broken[*record.Registration]{
		{"pseudo-identity", func(v *record.Registration) { v.PID = v.PID[1:] }},
		{"pseudo-identity", func(v *record.Registration) { v.PID = v.PID[:138] + "_" }}, // spare bits set
		{"role", func(v *record.Registration) { v.Role = 0 }},
		{"no certificate", func(v *record.Registration) { v.MSP = "OrgMSP" }},
		{"msp must have", func(v *record.Registration) { v.Role = record.RoleInsurer }},
		{"subject must have", func(v *record.Registration) { v.Role, v.MSP = record.RoleInsurer, "OrgMSP" }},
		{"UTF-8", func(v *record.Registration) { v.Role, v.MSP, v.Subject = record.RoleInsurer, "OrgMSP", "CN=\xff" }},
		{"signing key", func(v *record.Registration) { v.Signing = record.SigningKey{} }},
		{"encryption key is missing", func(v *record.Registration) { v.Encryption = record.EncryptionKey{} }},
		{"go together", func(v *record.Registration) { v.EncryptionProof = record.PossessionProof{} }},
		{"proof for the signing key", func(v *record.Registration) { v.SigningProof = record.Signature{} }},
	})
	checkBroken(t, sampleRequest, []broken[*record.AccessRequest]{
		{"records must ascend", func(v *record.AccessRequest) { v.Records[1] = v.Records[0] }},
		{"label", func(v *record.AccessRequest) { v.Label = "#" }},
		{"too many", func(v *record.AccessRequest) { v.Records = make([]record.RecordID, 65) }},
	})
	checkBroken(t, sampleParty, []broken[*record.Party]{
		{"does not follow", func(v *record.Party) { v.ID[0]++ }},
		{"status", func(v *record.Party) { v.Status = 9 }},
		{"printable", func(v *record.Party) { v.StatusReason = "\x00" }},
		{"keys are missing", func(v *record.Party) { v.Keys = nil }},
		{"count from 1", func(v *record.Party) { v.Keys[0].Version = 2 }},
	})
	checkBroken(t, sampleBatch, []broken[*record.Batch]{
		{"1 to 100", func(v *record.Batch) { v.Entries = nil }},
		{"entry 1: record id", func(v *record.Batch) { v.Entries[1].Statement.ID = record.RecordID{} }},
		{"other entries", func(v *record.Batch) { v.Entries = v.Entries[:1] }},
	})
	two := record.Deliveries{sampleDelivery(), sampleDelivery()}
	two[1].Statement.Consent[0]++
	require.ErrorContains(t, two.Validate(), "different consents")
	require.ErrorContains(t, (&record.Deliveries{}).Validate(), "1 to 64")
	proxy := sampleRegistration()
	proxy.Role, proxy.MSP, proxy.Subject = record.RoleProxy, "SMMSP", "CN=proxy"
	proxy.Encryption, proxy.EncryptionProof = record.EncryptionKey{}, record.PossessionProof{}
	require.NoError(t, proxy.Validate())
}

func TestCovers(t *testing.T) {
	g := sampleGrant()
	listed := g.Records[1]
	require.NoError(t, g.Covers(listed, g.Label, g.Holder))
	for name, err := range map[string]error{
		"label":   g.Covers(listed, "policy/2026", g.Holder),
		"holder":  g.Covers(listed, g.Label, g.Owner),
		"list":    g.Covers(record.RecordVersion{ID: record.RecordID{1}, Digest: listed.Digest}, g.Label, g.Holder),
		"version": g.Covers(record.RecordVersion{ID: listed.ID, Digest: record.Digest{1}}, g.Label, g.Holder),
	} {
		require.ErrorIs(t, err, record.ErrConsentScope, name)
	}
	g.Records, g.Holder = nil, record.PartyID{}
	require.NoError(t, g.Covers(record.RecordVersion{ID: record.RecordID{1}}, g.Label, g.Owner))
	require.True(t, g.HasProxy(g.Proxies[1]))
	require.False(t, g.HasProxy(g.Owner))
}

func TestUsableAt(t *testing.T) {
	c := &record.Consent{GrantStatement: *sampleGrant(), Status: record.ConsentApproved}
	require.NoError(t, c.UsableAt(c.NotBefore))
	require.NoError(t, c.UsableAt(c.Expiry-1))
	require.ErrorIs(t, c.UsableAt(c.NotBefore-1), record.ErrConsentEarly)
	require.ErrorIs(t, c.UsableAt(c.Expiry), record.ErrConsentExpired)
	c.Status = record.ConsentGranted
	require.ErrorIs(t, c.UsableAt(c.NotBefore), record.ErrConsentUnapproved)
	c.Status = record.ConsentRevoked
	require.ErrorIs(t, c.UsableAt(c.NotBefore), record.ErrConsentRevoked)
}

func TestErrors(t *testing.T) {
	refusal := record.ErrRecordExists.With("record %d is there", 7)
	require.Equal(t, "CLAIMSHARE_RECORD_EXISTS: record 7 is there. Draw a new record id, or amend the recorded version", refusal.Error())
	for _, text := range []string{
		refusal.Error(),
		"rpc error: code = Aborted desc = failed to endorse: chaincode response 500, " + refusal.Error(),
		"message:\"" + refusal.Error() + "\"\nnext line",
	} {
		back, found := record.ParseError(text)
		require.True(t, found, text)
		require.Equal(t, refusal, back)
		require.ErrorIs(t, fmt.Errorf("submit: %w", back), record.ErrRecordExists)
		require.NotErrorIs(t, back, record.ErrRecordUnknown)
		require.False(t, errors.Is(back, errors.New("other")))
	}
	for _, text := range []string{"", "CLAIMSHARE_", "CLAIMSHARE_NONSENSE: x", "timeout"} {
		_, found := record.ParseError(text)
		require.False(t, found, text)
	}
	bare, found := record.ParseError("CLAIMSHARE_TIME")
	require.True(t, found)
	require.Equal(t, record.ErrTime.Message, bare.Message)

	seen := map[record.Code]bool{}
	for _, e := range record.Codes() {
		require.Regexp(t, `^CLAIMSHARE_[A-Z_]+$`, e.Code)
		require.False(t, seen[e.Code], e.Code)
		require.GreaterOrEqual(t, len(e.Message), 12, "%s says nothing to do", e.Code)
		seen[e.Code] = true
	}
	require.Equal(t, "X: y. Report this code.", (&record.Error{Code: "X"}).With("y").Error())
}

func TestIdentifiers(t *testing.T) {
	id := record.NewPartyID(pid(1))
	back, err := record.ParsePartyID(id.String())
	require.NoError(t, err)
	require.Equal(t, id, back)
	zeros := strings.Repeat("0", 64)
	for _, parse := range []func(string) error{
		func(s string) error { _, err := record.ParseRecordID(s); return err },
		func(s string) error { _, err := record.ParseRequestID(s); return err },
		func(s string) error { _, err := record.ParsePartyID(s); return err },
	} {
		for _, s := range []string{"", zeros[:32], zeros, strings.Repeat("AB", 16), strings.Repeat("zz", 16)} {
			require.ErrorIs(t, parse(s), record.ErrMalformed, s)
		}
		require.NoError(t, parse(strings.Repeat("0a", 16)))
	}
	for _, parse := range []func(string) error{
		func(s string) error { _, err := record.ParseConsentID(s); return err },
		func(s string) error { _, err := record.ParseReleaseID(s); return err },
		func(s string) error { _, err := record.ParseDigest(s); return err },
		func(s string) error { _, err := record.ParseTxID(s); return err },
	} {
		for _, s := range []string{"", zeros, zeros[:32]} {
			require.ErrorIs(t, parse(s), record.ErrMalformed, s)
		}
		require.NoError(t, parse(strings.Repeat("0a", 32)))
	}
	_, err = record.ParseSignature(zeros) // a signature of zeros is wrong, not malformed text
	require.NoError(t, err)
	_, err = record.ParsePossessionProof(zeros)
	require.ErrorIs(t, err, record.ErrMalformed)
	_, err = record.DecodeText("grant", "0A")
	require.ErrorContains(t, err, "grant is not lower-case hexadecimal")
	_, err = record.DecodeText("grant", "")
	require.ErrorContains(t, err, "grant is empty")
	require.Len(t, map[record.ReleaseID]bool{
		record.NewReleaseID(record.ConsentID{1}, record.RecordID{}, id, record.Nonce{}):              true,
		record.NewReleaseID(record.ConsentID{}, record.RecordID{1}, id, record.Nonce{}):              true,
		record.NewReleaseID(record.ConsentID{}, record.RecordID{}, id, record.Nonce{1}):              true,
		record.NewReleaseID(record.ConsentID{}, record.RecordID{}, record.PartyID{}, record.Nonce{}): true,
	}, 4)
}

func TestVocabulary(t *testing.T) {
	for _, name := range []string{"authority", "insurer", "repair-shop", "policyholder", "proxy"} {
		r, err := record.ParseRole(name)
		require.NoError(t, err)
		require.Equal(t, name, r.String())
	}
	_, err := record.ParseRole("unknown(0)")
	require.ErrorIs(t, err, record.ErrMalformed)
	k, err := record.ParseKind("repair")
	require.NoError(t, err)
	require.Equal(t, record.RoleRepairShop, k.Issuer())
	require.Equal(t, record.RoleInsurer, record.KindPolicy.Issuer())
	m, err := record.ParseKeyMode("none")
	require.NoError(t, err)
	require.Equal(t, record.ModeNone, m)
	g, err := record.ParseGround("capsule")
	require.NoError(t, err)
	require.Equal(t, record.GroundCapsule, g)
	require.Equal(t, "unknown(99)", record.Status(99).String())
	require.NoError(t, record.CheckReason("because"))
	require.Error(t, record.CheckReason(""))
	require.Error(t, record.CheckReason("line\nbreak"))
}

func TestCredit(t *testing.T) {
	for violations, want := range []int{100, 75, 50, 25, 0, 0, 0} {
		require.Equal(t, want, record.Credit(violations))
	}
}

func TestVerdicts(t *testing.T) {
	a := record.BatchAnswer{Entries: 3, Exceptions: []record.Exception{{Index: 1, Verdict: record.VerdictAlready}, {Index: 7}}}
	require.Equal(t, []record.Verdict{record.VerdictRecorded, record.VerdictAlready, record.VerdictRecorded}, a.Verdicts())
}

func TestTransactions(t *testing.T) {
	names := map[string]bool{}
	for _, tx := range record.Transactions() {
		require.Regexp(t, `^(registry|records|consents|credit):[A-Z]\w+$`, tx.Name)
		require.False(t, names[tx.Name], tx.Name)
		names[tx.Name] = true
		require.NotEmpty(t, tx.Caller, tx.Name)
		require.NotEmpty(t, tx.Doc, tx.Name)
		require.NotEmpty(t, tx.Answer, tx.Name)
		for _, a := range tx.Args {
			require.NotEmpty(t, a.Doc, "%s %s", tx.Name, a.Name)
		}
		refusals := map[record.Code]bool{}
		for _, e := range append(tx.Refuses, record.CommonErrors()...) {
			require.False(t, refusals[e.Code], "%s lists %s twice", tx.Name, e.Code)
			refusals[e.Code] = true
		}
	}
}

func TestKeysAt(t *testing.T) {
	p := sampleParty()
	require.Equal(t, uint32(2), p.Current().Version)
	require.Equal(t, uint32(1), p.KeysAt(1).Version)
	require.Nil(t, p.KeysAt(0))
	require.Nil(t, p.KeysAt(3))
}
