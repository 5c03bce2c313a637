package walletauth

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
)

// A stranger has the ledger asked a few times, and then no more. Who was here
// before, from the same address too, goes on; and a key that was rotated is
// refused at once, however well it is remembered.
func TestStrangersDoNotKeepTheLedgerBusy(t *testing.T) {
	n := newNode(t, "shop")
	asked := 0
	n.guard.lookup = func(ctx context.Context, id record.PartyID) (*record.Party, error) {
		asked++
		return n.lookup(ctx, id)
	}
	n.guard.Limit(func(context.Context) string { return "192.0.2.7" }, 0.001, 5)
	call := func(w wallet) error {
		_, err := nodev1.NewGatewayServiceClient(n.connect(w, n.id)).Height(t.Context(), &nodev1.HeightRequest{})
		return err
	}
	alice := newWallet(t, "alice")
	n.enrol(alice, record.RolePolicyholder)
	require.NoError(t, call(alice))

	// In her name with another key, and in the names of parties that do not exist.
	forged := newWallet(t, "alice")
	require.ErrorIs(t, call(forged), ErrSignature)
	for _, name := range []string{"nobody", "nobody else", "nor anybody"} {
		require.ErrorIs(t, call(newWallet(t, name)), ErrUnknown)
	}
	before := asked
	for _, w := range []wallet{forged, newWallet(t, "again another"), newWallet(t, "and another")} {
		require.ErrorIs(t, call(w), ErrBusy)
	}
	require.Equal(t, before, asked, "the ledger was left alone")
	for range 10 {
		require.NoError(t, call(alice))
	}
	require.Equal(t, before+10, asked, "whose key it is, is asked every time")

	// Her keys are rotated: the old one is worth nothing from now on.
	n.enrol(forged, record.RolePolicyholder)
	require.ErrorIs(t, call(alice), ErrSignature)
	n.guard.Limit(func(context.Context) string { return "" }, 0, 0)
	require.NoError(t, call(forged), "nobody is counted")
	require.NoError(t, call(forged))
	require.ErrorIs(t, call(alice), ErrSignature)
}
