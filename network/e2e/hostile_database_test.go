package e2e

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // a tamperer's own access to a database

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
)

// alter writes to the shop's database behind its back and puts it right
// afterwards.
func (a *arena) alter(t *testing.T, column string, id record.RecordID, change func([]byte) []byte) {
	t.Helper()
	db, err := sql.Open("sqlite", a.shop.path)
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	var was []byte
	require.NoError(t, db.QueryRow(`SELECT `+column+` FROM record WHERE record_id = ?`, id[:]).Scan(&was))
	set := func(to []byte) {
		_, err := db.Exec(`UPDATE record SET `+column+` = ? WHERE record_id = ?`, to, id[:])
		require.NoError(t, err)
	}
	t.Cleanup(func() { set(was) })
	set(change(bytes.Clone(was)))
}

func (a *arena) testDatabase(t *testing.T) {
	consent, id, other := a.agree(t), a.repairs[0], a.repairs[1]
	order := client.Order{AsOf: a.manager.Seen(), Consent: consent, Record: id, Proxy: a.proxyID, Nonce: record.Nonce{1}}
	order.Release = record.NewReleaseID(order.Consent, order.Record, order.Proxy, order.Nonce)
	donor, err := a.shop.db.Record(t.Context(), other)
	require.NoError(t, err)
	for _, lie := range []struct {
		name    string
		columns map[string]func([]byte) []byte
	}{
		{"C2 of another record", map[string]func([]byte) []byte{"capsule": func(b []byte) []byte { return swapC2(b, donor.Capsule) }}},
		{"a bit of C5", map[string]func([]byte) []byte{"capsule": func(b []byte) []byte { b[len(b)-1] ^= 1; return b }}},
		{"another record's capsule and statement", map[string]func([]byte) []byte{
			"capsule":   func([]byte) []byte { return donor.Capsule },
			"statement": func([]byte) []byte { return donor.Statement },
		}},
		{"no capsule", map[string]func([]byte) []byte{"capsule": func([]byte) []byte { return []byte{} }}},
	} {
		t.Run(lie.name, func(t *testing.T) {
			for column, change := range lie.columns {
				a.alter(t, column, id, change)
			}
			d, err := a.shop.member.Deliver(t.Context(), order)
			require.ErrorIs(t, err, client.ErrTampered)
			require.Nil(t, d, "the holder signed for a forged capsule")
		})
	}
	d, err := a.shop.member.Deliver(t.Context(), order)
	require.NoError(t, err)
	require.Equal(t, a.capsuleOf(t, id), d.Capsule)
}

// testOutbox has owners and a tamperer spoil single records of a batch.
func (a *arena) testOutbox(t *testing.T) {
	suspended, honest := a.joinOwner(t, "suspended later", pre.ModeScoped), a.joinOwner(t, "honest", pre.ModeScoped)
	var good []record.RecordID
	for i := range 12 {
		if i == 4 {
			good = append(good, a.repair(t, a.shop, suspended, hostileLabel))
		}
		good = append(good, a.repair(t, a.shop, honest, hostileLabel))
	}
	bad, swapped, unsigned, unissued := good[4], good[7], good[9], good[10]
	spoiled := []record.RecordID{bad, swapped, unsigned, unissued}
	good = slices.DeleteFunc(slices.Clone(good), func(id record.RecordID) bool { return slices.Contains(spoiled, id) })
	donor, err := a.shop.db.Record(t.Context(), good[0])
	require.NoError(t, err)
	a.alter(t, "statement", swapped, func([]byte) []byte { return donor.Statement })
	a.alter(t, "owner_signature", unsigned, func([]byte) []byte { return donor.OwnerSignature[:] })
	a.alter(t, "issuer_signature", unissued, func([]byte) []byte { return donor.IssuerSignature[:] })
	_, err = a.manager.Ledger().Submit(t.Context(), ledger.Call{Contract: "registry", Transaction: "Suspend", Args: []string{suspended.ID().String(), "test"}})
	require.NoError(t, err)

	submitted, err := a.shop.member.Flush(t.Context(), record.MaxBatch+1)
	require.ErrorIs(t, err, record.ErrSuspended)
	require.ErrorIs(t, err, client.ErrStatement)
	require.ErrorIs(t, err, client.ErrSignature)
	for _, id := range spoiled {
		require.ErrorContains(t, err, id.String())
	}
	recorded := 0
	for _, s := range submitted {
		require.Empty(t, s.Answer.Exceptions)
		recorded += s.Answer.Recorded
	}
	require.Equal(t, len(good), recorded)
	for _, id := range good {
		_, err := a.shop.chain.Record(t.Context(), id)
		require.NoError(t, err)
	}
	for _, id := range spoiled {
		_, err := a.shop.chain.Record(t.Context(), id)
		require.ErrorIs(t, err, record.ErrRecordUnknown)
		e, err := a.shop.db.Record(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, store.Refused, e.State)
		require.NotEmpty(t, e.Reason)
	}
	submitted, err = a.shop.member.Flush(t.Context(), record.MaxBatch)
	require.NoError(t, err, "what was refused is not tried again by itself")
	require.Empty(t, submitted)
	late := a.repair(t, a.shop, honest, hostileLabel)
	restarted := client.NewMember(a.shop.chain, a.shop.keys, a.shop.db)
	_, err = restarted.Flush(t.Context(), record.MaxBatch)
	require.NoError(t, err, "what was kept before a restart is verified anew")
	_, err = a.shop.chain.Record(t.Context(), late)
	require.NoError(t, err)
	standing, err := a.shop.chain.Standing(t.Context(), a.shop.member.ID())
	require.NoError(t, err)
	require.Equal(t, 100, standing.Credit)

	t.Run("the issuer itself", func(t *testing.T) {
		id := a.repair(t, a.garage, honest, hostileLabel)
		decide := func(what string) {
			_, err := a.manager.Ledger().Submit(t.Context(), ledger.Call{Contract: "registry", Transaction: what, Args: []string{a.garage.member.ID().String(), "test"}})
			require.NoError(t, err)
		}
		decide("Suspend")
		_, err := a.garage.member.Flush(t.Context(), 10)
		require.ErrorIs(t, err, record.ErrSuspended)
		e, err := a.garage.db.Record(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, store.Pending, e.State, "its records are as good as before")
		decide("Reinstate")
		_, err = a.garage.member.Flush(t.Context(), 10)
		require.NoError(t, err)
	})
}

// testAmended: an honest holder is no tamperer because its record has got a new
// version since.
func (a *arena) testAmended(t *testing.T) {
	id := a.repair(t, a.shop, a.owner, hostileLabel)
	_, err := a.shop.member.Flush(t.Context(), 1)
	require.NoError(t, err)
	p := a.grant(t, nil)
	_, err = a.authority.Approve(t.Context(), p.ToManager, a.shop.member)
	require.NoError(t, err)
	require.NoError(t, a.proxy.Accept(t.Context(), p.ToProxy))
	h := a.release(t, p.Statement.Consent, id)

	listed, err := a.shop.chain.Record(t.Context(), id)
	require.NoError(t, err)
	s := *listed.Statement()
	s.Previous, s.IssuedAt = s.Digest, time.Now().Unix()
	s.Digest[0] ^= 1
	hash := s.Hash(a.manager.Context())
	batch := record.Batch{Entries: []record.Entry{{
		Statement:       s,
		OwnerSignature:  record.Signature(a.owner.keys.Signing.Sign(bls.RoleOwner, hash)),
		IssuerSignature: record.Signature(a.shop.keys.Signing.Sign(bls.RoleIssuer, hash)),
	}}}
	encoded := batch.Encode()
	digest := sha256.Sum256(encoded)
	result, err := a.shop.chain.Ledger().Submit(t.Context(), ledger.Call{
		Contract: "records", Transaction: "Amend", Args: []string{hex.EncodeToString(digest[:])}, Transient: map[string][]byte{record.TransientBatch: encoded},
	})
	require.NoError(t, err)
	require.NoError(t, a.insurer.chain.Await(t.Context(), result.Block))

	receipt, err := a.insurer.member.Receive(t.Context(), h, a.shop.member, swallow)
	require.NoError(t, err)
	require.Equal(t, listed.Digest, receipt.Record.Digest)
}
