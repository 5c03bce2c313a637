package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
)

// cabinet is a database with one payload.
type cabinet struct {
	store.Store
	payload []byte
}

func (c *cabinet) Payload(_ context.Context, _ record.RecordID, dst io.Writer) error {
	_, err := io.CopyBuffer(struct{ io.Writer }{dst}, struct{ io.Reader }{bytes.NewReader(c.payload)}, make([]byte, 64<<10))
	return err
}

// answers is a ledger with one document or error for each query.
type answers struct {
	Channel
	of map[string]any
}

func (a answers) Evaluate(_ context.Context, contract, transaction string, _ ...string) ([]byte, error) {
	answer := a.of[contract+":"+transaction]
	if err, refused := answer.(error); refused {
		return nil, err
	}
	return json.Marshal(answer)
}

// cable takes so many bytes, and breaks.
type cable struct {
	got  []byte
	left int
}

var errCut = errors.New("the cable is cut")

func (c *cable) Write(b []byte) (int, error) {
	n := min(len(b), c.left)
	c.got, c.left = append(c.got, b[:n]...), c.left-n
	if n < len(b) {
		return n, errCut
	}
	return n, nil
}

// resumed is a holder of one release.
func resumed(t testing.TB, payload []byte) (*Member, *cabinet, *bls.PublicKey, record.ReleaseID) {
	t.Helper()
	c, keys := newChain(t), newKeys(t, pre.ModeScoped)
	me := listed(keys)
	me.Role, me.Status, me.MSP, me.Subject = record.RoleRepairShop, record.StatusActive, "ShopMSP", "CN=shop"
	id := record.NewReleaseID(record.ConsentID{1}, record.RecordID{1}, record.PartyID{2}, record.Nonce{3})
	release := record.Release{
		Delivery: record.Delivery{
			Statement: record.DeliverStatement{
				Release: id, Consent: record.ConsentID{1}, Record: record.RecordID{1}, Digest: record.Digest{1}, Holder: keys.ID(), HolderVersion: 1,
				Capsule: record.Digest{2}, Time: time.Now().Unix(),
			},
			Nonce: record.Nonce{3},
		},
		Owner: record.PartyID{4}, Receiver: record.PartyID{5}, Proxy: record.PartyID{2}, Purpose: "claim", Status: record.ReleaseOpen, Time: 1, Tx: record.TxID{1},
	}
	c.ledger = answers{of: map[string]any{record.TxReleaseByID: release, record.TxParty: me}}
	db := &cabinet{payload: payload}
	return NewMember(c, keys, db), db, keys.Signing.PublicKey(), id
}

// However often and wherever a stream breaks, the trailer is over the bytes that
// were sent, and what was hashed is not hashed again.
func TestResumedPayload(t *testing.T) {
	payload := make([]byte, 3*markEvery+12345)
	_, _ = rand.Read(payload) // never fails
	m, db, key, release := resumed(t, payload)
	var received []byte
	send := func(offset, bytes int) (*Trailer, error) {
		c := &cable{left: bytes}
		trailer, err := m.SendPayload(t.Context(), PayloadOrder{Release: release, Offset: uint64(offset)}, c)
		received = append(received[:min(offset, len(received))], c.got...)
		return trailer, err
	}
	check := func(trailer *Trailer) {
		t.Helper()
		s := trailer.Statement
		require.Equal(t, record.Digest(sha256.Sum256(received)), s.Sent)
		require.EqualValues(t, len(received), s.Length)
		require.NoError(t, bls.Verify(key, bls.RoleHolder, s.Hash(m.chain.signed), bls.Signature(trailer.Signature)))
	}
	whole := len(payload)
	for _, at := range []int{0, 1, 5, markEvery - 1, markEvery, markEvery + 70_000, 3 * markEvery, whole - 1} {
		_, err := send(len(received), at-len(received))
		require.ErrorIs(t, err, errCut, at)
		require.Len(t, received, at)
	}
	trailer, err := send(len(received), whole)
	require.NoError(t, err)
	require.Equal(t, payload, received)
	check(trailer)
	trailer, err = send(whole, whole)
	require.NoError(t, err, "the trailer was lost")
	check(trailer)
	_, err = send(whole+1, whole)
	require.ErrorIs(t, err, ErrDelivery)
	require.Equal(t, uint64(3*markEvery), m.sums.from(release, uint64(whole)).begin)
	require.Equal(t, uint64(markEvery), m.sums.from(release, 2*markEvery-1).begin)
	require.Equal(t, uint64(markEvery), m.sums.from(release, uint64(whole)).begin, "what came behind an offset may not have arrived")

	// From the beginning, and in the middle the database is altered: the holder
	// signs for what it has sent, not for what it has now.
	received = nil
	_, err = send(0, 2*markEvery+1)
	require.ErrorIs(t, err, errCut)
	db.payload = bytes.Clone(payload)
	db.payload[7] ^= 1
	db.payload[whole-7] ^= 1
	trailer, err = send(2*markEvery, whole)
	require.NoError(t, err)
	require.NotEqual(t, db.payload, received)
	check(trailer)

	// After a restart nothing is remembered.
	m.sums = newSums()
	received = bytes.Clone(db.payload[:markEvery])
	trailer, err = send(markEvery, whole)
	require.NoError(t, err)
	check(trailer)

	release[0]++
	_, err = send(0, whole)
	require.ErrorIs(t, err, ErrAnswer)
}

// BenchmarkResume is what it costs to go on at the end of 256 MiB.
func BenchmarkResume(b *testing.B) {
	const size = 256 << 20
	for name, remembered := range map[string]bool{"from the beginning": false, "from a mark": true} {
		b.Run(name, func(b *testing.B) {
			m, _, _, release := resumed(b, make([]byte, size))
			if _, err := m.SendPayload(b.Context(), PayloadOrder{Release: release}, io.Discard); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if !remembered {
					m.sums = newSums()
				}
				if _, err := m.SendPayload(b.Context(), PayloadOrder{Release: release, Offset: size - 1}, io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
