package command

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/client/node"
)

// What to do about a node that does not come up is said for its role.
func TestAdviceForANodeThatDoesNotComeUp(t *testing.T) {
	for _, c := range []struct {
		role, advice string
		cause        error
	}{
		{"authority", "node setup", node.ErrNoKeys},
		{"insurer", "node enrol", node.ErrNoKeys},
		{"proxy", "claimshare status", node.ErrRunning},
	} {
		err := running(&node.Config{Role: c.role}, fmt.Errorf("%w: keys: %w", node.ErrConfig, c.cause))
		require.ErrorIs(t, err, c.cause)
		require.Equal(t, "config", classify(err).Name)
		own := new(refusal)
		require.ErrorAs(t, err, &own)
		require.Contains(t, own.advice, c.advice)
	}
	require.NoError(t, running(&node.Config{}, nil))
}
