package client_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/internal/nodetest"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/crypto/bls"
)

// issued puts a record onto the ledger; nobody signed it.
func issued(l *nodetest.Ledger, id byte, issuer, owner record.PartyID) record.RecordID {
	r := record.Record{RecordStatement: record.RecordStatement{
		ID: record.RecordID{id}, Kind: record.KindRepair, Label: "repair/2026", Owner: owner, OwnerVersion: 1,
		OwnerKey: record.EncryptionKey{Mode: record.ModeScoped, Key: record.EncryptionKeyCompressed{1}}, Issuer: issuer, IssuerVersion: 1,
		Digest: record.Digest{1}, PayloadSize: 100, IssuedAt: time.Now().Unix(),
	}, RecordedAt: time.Now().Unix()}
	l.Change(func(s *nodetest.State) { s.Records[r.ID] = r })
	return r.ID
}

func TestErase(t *testing.T) {
	l := nodetest.NewLedger(t)
	keys := l.Join(t, record.RoleRepairShop, "shop", "ShopMSP", "CN=shop")
	garage := l.Join(t, record.RoleRepairShop, "garage", "GarageMSP", "CN=garage")
	owner := l.Join(t, record.RolePolicyholder, "Sam Specimen", "", "")
	chain := l.Chain(t, keys.ID())
	shop := client.NewMember(chain, keys, nil)
	id := issued(l, 1, keys.ID(), owner.ID())

	erased, err := shop.Erase(t.Context(), id)
	require.NoError(t, err)
	require.NotZero(t, erased.Erased)
	require.Equal(t, id, erased.ID)
	require.NoError(t, bls.Verify(keys.Signing.PublicKey(), bls.RoleIssuer, erased.EraseStatement().Hash(chain.Context()), bls.Signature(erased.Erasure.Signature)))
	again, err := shop.Erase(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, erased, again)
	require.Equal(t, 1, l.Asked(record.TxErase), "what is on the ledger is not submitted again")

	_, err = shop.Erase(t.Context(), issued(l, 2, garage.ID(), owner.ID()))
	require.ErrorIs(t, err, client.ErrNotOurs)
	_, err = shop.Erase(t.Context(), record.RecordID{9})
	require.ErrorIs(t, err, record.ErrRecordUnknown)
	require.Equal(t, 1, l.Asked(record.TxErase))

	expelled := issued(l, 3, keys.ID(), owner.ID())
	l.Change(func(s *nodetest.State) {
		p := s.Parties[keys.ID()]
		p.Status = record.StatusExpelled
		s.Parties[keys.ID()] = p
	})
	erased, err = shop.Erase(t.Context(), expelled)
	require.NoError(t, err)
	require.NotZero(t, erased.Erased)

	l.Change(func(s *nodetest.State) { // the ledger has another member's keys
		p := s.Parties[keys.ID()]
		p.Keys = s.Parties[garage.ID()].Keys
		s.Parties[keys.ID()] = p
	})
	_, err = shop.Erase(t.Context(), issued(l, 4, keys.ID(), owner.ID()))
	require.ErrorIs(t, err, client.ErrKeys)
}

// evasive answers an erasure with the record as it was before.
type evasive struct{ client.Channel }

func (e evasive) Submit(ctx context.Context, call ledger.Call) (ledger.Result, error) {
	result, err := e.Channel.Submit(ctx, call)
	var rec record.Record
	if json.Unmarshal(result.Payload, &rec) == nil {
		rec.Erased, rec.Erasure = 0, nil
		result.Payload, _ = json.Marshal(rec) // it was JSON
	}
	return result, err
}

func TestAnErasureThatIsNone(t *testing.T) {
	l := nodetest.NewLedger(t)
	keys := l.Join(t, record.RoleRepairShop, "shop", "ShopMSP", "CN=shop")
	chain := l.Chain(t, keys.ID())
	shop := client.NewMember(chain.As(evasive{chain.Ledger()}), keys, nil)
	_, err := shop.Erase(t.Context(), issued(l, 1, keys.ID(), nodetest.Stranger()))
	require.ErrorIs(t, err, client.ErrAnswer)
}
