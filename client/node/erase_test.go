package node

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/internal/nodetest"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/crypto/bls"
)

// inTheWay is a database in which somebody reads while a record is erased.
type inTheWay struct {
	store.Store
	reader bool
	whole  bool // nothing is left
}

var errInTheWay = errors.New("the write-ahead log is in use by a reader")

func (s *inTheWay) Erase(ctx context.Context, id record.RecordID, reason string) error {
	if err := s.Store.Erase(ctx, id, reason); err != nil {
		return err
	}
	if s.reader {
		return errInTheWay
	}
	s.whole = true
	return nil
}

// That the row says that a record is erased does not end the work.
func TestErasingIsFinished(t *testing.T) {
	c := keyed(t, "shop")
	id, _ := put(t, c)
	db, err := c.OpenStore(t.Context())
	require.NoError(t, err)
	defer db.Close()
	s := &inTheWay{Store: db, reader: true}
	p := &party{store: s, log: slog.New(slog.DiscardHandler)}
	for range 2 {
		require.ErrorIs(t, p.destroy(t.Context(), id), errInTheWay)
	}
	s.reader = false
	require.NoError(t, p.destroy(t.Context(), id))
	require.True(t, s.whole)
	require.NoError(t, p.destroy(t.Context(), record.RecordID{9}), "it is not here")
}

// What is destroyed does not come back: a peer that says of a record that it is erased
// is not believed without this party's own signature.
func TestErasuresThatNobodySigned(t *testing.T) {
	l := nodetest.NewLedger(t)
	shop := l.Join(t, record.RoleRepairShop, "shop", "ShopMSP", "CN=shop")
	garage := l.Join(t, record.RoleRepairShop, "garage", "GarageMSP", "CN=garage")
	p := &party{keys: shop, chain: l.Chain(t, shop.ID()), log: slog.New(slog.DiscardHandler)}
	erased := func(signer *bls.SecretKey, role bls.Role) *record.Record {
		s := record.EraseStatement{Record: record.RecordID{1}, Issuer: shop.ID(), IssuerVersion: 1, Time: 7}
		sig := signer.Sign(role, s.Hash(p.chain.Context()))
		rec := &record.Record{RecordStatement: record.RecordStatement{ID: s.Record, Issuer: shop.ID()}}
		rec.Erase(&s, record.Signature(sig), 7, record.TxID{1})
		return rec
	}
	require.True(t, p.erasedByUs(erased(shop.Signing, bls.RoleIssuer)))
	require.False(t, p.erasedByUs(erased(garage.Signing, bls.RoleIssuer)))
	require.False(t, p.erasedByUs(erased(shop.Signing, bls.RoleHolder)))
	of := erased(shop.Signing, bls.RoleIssuer)
	of.ID = record.RecordID{2}
	require.False(t, p.erasedByUs(of), "another record")
	bare := erased(shop.Signing, bls.RoleIssuer)
	bare.Erasure = nil
	require.False(t, p.erasedByUs(bare))
}
