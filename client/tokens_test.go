package client

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
)

// noTokens is a database that remembers what was destroyed.
type noTokens struct {
	store.Tokens
	destroyed []record.ConsentID
}

func (n *noTokens) DestroyToken(_ context.Context, id record.ConsentID, _ string) error {
	n.destroyed = append(n.destroyed, id)
	return nil
}

// A key that was read before it was destroyed does not stay in memory.
func TestAKeyThatIsDestroyedWhileItIsRead(t *testing.T) {
	db := &noTokens{}
	keys := &tokens{stored: db}
	id := record.ConsentID{1}
	_, before := keys.find(id)
	require.NoError(t, keys.destroy(t.Context(), id, record.ErrConsentRevoked))
	keys.keep(id, &ready{}, before)
	found, before := keys.find(id)
	require.Nil(t, found)
	require.Equal(t, []record.ConsentID{id}, db.destroyed)

	keys.keep(id, &ready{}, before)
	found, _ = keys.find(id)
	require.NotNil(t, found)
	require.NoError(t, keys.destroy(t.Context(), id, record.ErrConsentExpired))
	found, _ = keys.find(id)
	require.Nil(t, found)
}

func TestKeysInMemoryAreBounded(t *testing.T) {
	keys := &tokens{}
	for n := range 2*maxReady + 1 {
		var id record.ConsentID
		copy(id[:], fmt.Sprint(n))
		keys.keep(id, &ready{}, 0)
		require.LessOrEqual(t, len(keys.ready), maxReady)
	}
}
