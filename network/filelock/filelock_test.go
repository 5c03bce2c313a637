package filelock

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOneHolderAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	held, err := Held(path)
	require.NoError(t, err)
	require.False(t, held)

	first, err := Try(path)
	require.NoError(t, err)
	require.NotNil(t, first)
	second, err := Try(path)
	require.NoError(t, err)
	require.Nil(t, second)
	held, err = Held(path)
	require.NoError(t, err)
	require.True(t, held)

	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	waited := false
	_, err = Wait(ctx, path, func() { waited = true })
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.True(t, waited)

	first.Release()
	third, err := Wait(context.Background(), path, nil)
	require.NoError(t, err)
	third.Release()
}
