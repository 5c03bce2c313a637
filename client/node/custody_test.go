package node

import (
	"bytes"
	"crypto/sha256"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/sqlite"
)

// What a holder keeps for one owner is not there for another: it is neither handed
// out, nor declined, signed or replaced, nor told from what does not exist.
func TestCustodyIsForTheOwner(t *testing.T) {
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "db.sqlite"))
	require.NoError(t, err)
	defer db.Close()
	c := custody{&party{store: db}}
	alice, mallory := record.PartyID{1}, record.PartyID{2}
	offered, kept, payload := record.RecordID{3}, record.RecordID{4}, []byte("a payload of some length")
	sum := record.Digest(sha256.Sum256(payload))
	statement := func(id record.RecordID) []byte {
		s := record.RecordStatement{
			ID: id, Owner: alice, OwnerVersion: 1, OwnerKey: record.EncryptionKey{Mode: record.ModeScoped, Key: [32]byte{1}}, Kind: record.KindRepair,
			Label: "repair/2026", Issuer: record.PartyID{9}, IssuerVersion: 1, Digest: record.Digest{1}, PayloadSize: 100, IssuedAt: 1,
		}
		return s.Encode()
	}
	require.NoError(t, db.PutProposal(t.Context(), store.Proposal{
		RecordID: offered, Owner: alice, OwnerPID: "alice", IssuerPID: "shop", Statement: statement(offered), Capsule: []byte("offered"),
		PayloadSize: int64(len(payload)), PayloadDigest: sum,
	}, bytes.NewReader(payload)))
	require.NoError(t, db.Put(t.Context(), store.Item{Payload: bytes.NewReader(payload), Entry: store.Entry{
		RecordID: kept, Kind: record.KindRepair, Label: "repair/2026", Owner: alice, OwnerPID: "alice", Issuer: record.PartyID{9}, IssuerPID: "shop",
		Capsule: []byte("kept"), PayloadSize: int64(len(payload)), PayloadDigest: sum, Statement: statement(kept),
	}}))
	for id, capsule := range map[record.RecordID]string{offered: "offered", kept: "kept"} {
		got, err := c.Capsule(t.Context(), alice, id)
		require.NoError(t, err)
		require.Equal(t, capsule, string(got))
		var out bytes.Buffer
		require.NoError(t, c.Payload(t.Context(), alice, id, 10, &out))
		require.Equal(t, payload[10:], out.Bytes())

		out.Reset()
		_, err = c.Capsule(t.Context(), mallory, id)
		require.ErrorIs(t, err, store.ErrNotFound)
		require.ErrorIs(t, c.Payload(t.Context(), mallory, id, 0, &out), store.ErrNotFound)
		require.Empty(t, out.Bytes())
		require.ErrorIs(t, c.Countersign(t.Context(), mallory, id, record.Signature{1}), store.ErrNotFound)
		require.ErrorIs(t, c.Decline(t.Context(), mallory, id, "no"), store.ErrNotFound)
		require.ErrorIs(t, c.ReplaceCapsule(t.Context(), mallory, id, []byte("x")), store.ErrNotFound)
	}
	require.ErrorIs(t, c.ReplaceCapsule(t.Context(), alice, offered, []byte("x")), store.ErrNotFound, "it is not signed yet")
	_, err = c.Capsule(t.Context(), alice, record.RecordID{5})
	require.ErrorIs(t, err, store.ErrNotFound)
	list, err := c.Proposals(t.Context(), mallory, 10)
	require.NoError(t, err)
	require.Empty(t, list)
	list, err = c.Proposals(t.Context(), alice, 10)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.NoError(t, c.Decline(t.Context(), alice, offered, "no"))
}
