package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
)

// sender is a holder that sends whatever it likes.
type sender struct {
	Holder
	send func(io.Writer) (*Trailer, error)
}

func (s sender) SendPayload(_ context.Context, _ PayloadOrder, dst io.Writer) (*Trailer, error) {
	return s.send(dst)
}

func TestPayloadsThatAreRefused(t *testing.T) {
	defer goleak.VerifyNone(t)
	t.Setenv("TMPDIR", t.TempDir())
	c, owner, old, current := newChain(t), newKeys(t, pre.ModeScoped), newKeys(t, pre.ModeScoped), newKeys(t, pre.ModeScoped)
	p := forge(t, c, owner, old, bytes.Repeat([]byte("plaintext "), 10_000), func(*record.RecordStatement) {})
	payload := []byte(p.Payload.(inMemory))
	capsule, err := p.capsule()
	require.NoError(t, err)
	holder := listed(old, current)
	release := &record.Release{Delivery: record.Delivery{Statement: record.DeliverStatement{Release: record.ReleaseID{1}, Holder: holder.ID, HolderVersion: 2}}}

	sign := func(sent []byte, by *Keys, role bls.Role, alter func(*record.TrailerStatement)) *Trailer {
		s := record.TrailerStatement{Release: release.Statement.Release, Holder: holder.ID, HolderVersion: 2, Sent: sha256.Sum256(sent), Length: uint64(len(sent))}
		if alter != nil {
			alter(&s)
		}
		return &Trailer{Statement: s, Signature: by.sign(c, role, &s)}
	}
	sends := func(content []byte, by *Keys, alter func(*record.TrailerStatement)) func(io.Writer) (*Trailer, error) {
		return func(dst io.Writer) (*Trailer, error) {
			_, err := dst.Write(content)
			return sign(content, by, bls.RoleHolder, alter), err
		}
	}
	flipped := bytes.Clone(payload)
	flipped[len(flipped)/2] ^= 1
	broken := errors.New("broken")
	written := 0
	for _, one := range []struct {
		name string
		send func(io.Writer) (*Trailer, error)
		want error
	}{
		{"nothing to refuse", sends(payload, current, nil), nil},
		{"a bit flipped, and signed for", sends(flipped, current, nil), pre.ErrPayloadAltered},
		{"cut short, and signed for", sends(payload[:len(payload)-1], current, nil), pre.ErrPayloadTruncated},
		{"nothing at all", sends(nil, current, nil), pre.ErrPayloadTruncated},
		{"a byte more, and signed for", sends(append(bytes.Clone(payload), 0), current, nil), pre.ErrPayloadTrailing},
		{"without end, deaf to errors", func(dst io.Writer) (*Trailer, error) {
			for range 1000 {
				n, _ := dst.Write(payload)
				written += n
			}
			return sign(payload, current, bls.RoleHolder, nil), nil
		}, pre.ErrPayloadTrailing},
		{"no trailer", func(dst io.Writer) (*Trailer, error) { _, err := dst.Write(payload); return nil, err }, ErrTrailer},
		{"an error", func(io.Writer) (*Trailer, error) { return nil, broken }, broken},
		{"the trailer of another release", sends(payload, current, func(s *record.TrailerStatement) { s.Release[0] = 2 }), ErrTrailer},
		{"the trailer of another holder", sends(payload, owner, func(s *record.TrailerStatement) { s.Holder = owner.ID() }), ErrTrailer},
		{"a trailer for other bytes", sends(payload, current, func(s *record.TrailerStatement) { s.Sent[0] ^= 1 }), ErrTrailer},
		{"a trailer for fewer bytes", sends(payload, current, func(s *record.TrailerStatement) { s.Length-- }), ErrTrailer},
		{"a trailer by a thief of the old key", sends(payload, old, func(s *record.TrailerStatement) { s.HolderVersion = 1 }), ErrTrailer},
		{"a trailer of the old key as the new one's", sends(payload, old, nil), ErrSignature},
		{"a trailer of keys to come", sends(payload, current, func(s *record.TrailerStatement) { s.HolderVersion = 3 }), ErrSignature},
		{"a trailer signed in another role", func(dst io.Writer) (*Trailer, error) {
			_, err := dst.Write(payload)
			return sign(payload, current, bls.RoleIssuer, nil), err
		}, ErrSignature},
	} {
		t.Run(one.name, func(t *testing.T) {
			in := &incoming{chain: c, record: &record.Record{RecordStatement: p.Statement}, holder: holder, capsule: capsule, receipt: Receipt{Release: release}}
			s, err := newSpool()
			require.NoError(t, err)
			defer s.Close()
			got, err := in.fetch(t.Context(), sender{send: one.send}, s)
			require.ErrorIs(t, err, one.want)
			if one.want != nil {
				require.Nil(t, got)
				require.Empty(t, in.receipt.Checks)
			}
		})
	}
	require.Equal(t, len(payload)+1, written, "one byte more than the ledger says is kept, and no more")
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// A system manager can put onto the ledger what it likes; what the owner signed
// it cannot change.
func TestReleasesThatTheConsentDoesNotCover(t *testing.T) {
	c, owner, holder, receiver := newChain(t), newKeys(t, pre.ModeScoped), newKeys(t, pre.ModeScoped), newKeys(t, pre.ModeScoped)
	p := forge(t, c, owner, holder, nil, func(*record.RecordStatement) {})
	proxy := record.PartyID{7}
	for _, one := range []struct {
		name  string
		alter func(*incoming, *record.Release)
		want  error
	}{
		{"nothing to refuse", func(*incoming, *record.Release) {}, nil},
		{"another receiver", func(in *incoming, _ *record.Release) { in.consent.Requester[0] ^= 1 }, ErrNotOurs},
		{"another key", func(in *incoming, _ *record.Release) { in.consent.RequesterKey = holder.encryption() }, ErrKeys},
		{"another mode", func(in *incoming, _ *record.Release) { in.consent.OwnerKey.Mode = record.ModePaper }, ErrMode},
		{"another owner", func(in *incoming, _ *record.Release) { in.consent.Owner[0] ^= 1 }, record.ErrConsentScope},
		{"another label", func(in *incoming, _ *record.Release) { in.consent.Label = "repair/2025" }, record.ErrConsentScope},
		{"another holder", func(in *incoming, _ *record.Release) { in.consent.Holder = owner.ID() }, record.ErrConsentScope},
		{"another record", func(in *incoming, _ *record.Release) {
			in.consent.Records = []record.RecordVersion{{ID: record.RecordID{1}, Digest: p.Statement.Digest}}
		}, record.ErrConsentScope},
		{"another version", func(in *incoming, _ *record.Release) {
			in.consent.Records = []record.RecordVersion{{ID: p.Statement.ID, Digest: record.Digest{1}}}
		}, record.ErrConsentScope},
		{"another proxy", func(_ *incoming, r *record.Release) { r.Proxy[0] ^= 1 }, record.ErrConsentProxy},
	} {
		t.Run(one.name, func(t *testing.T) {
			in := &incoming{chain: c, record: &record.Record{RecordStatement: p.Statement}, holder: listed(holder), consent: &record.Consent{GrantStatement: record.GrantStatement{
				Owner: owner.ID(), OwnerKey: owner.encryption(), Requester: receiver.ID(), RequesterKey: receiver.encryption(),
				Label: p.Statement.Label, Proxies: []record.PartyID{proxy},
			}}}
			release := &record.Release{Proxy: proxy}
			one.alter(in, release)
			require.ErrorIs(t, in.checkConsent(NewMember(c, receiver, nil), release), one.want)
		})
	}
}
