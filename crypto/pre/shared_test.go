package pre

import (
	"bytes"
	"sync"
	"testing"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/stretchr/testify/require"
)

func TestTablesDoNotChangeCapsules(t *testing.T) {
	cold, warm := newWorld(t, "tables"), newWorld(t, "tables")
	warm.p.Warm("repair/2026")
	for i := range 3 {
		r, err := curve.RandomScalar(&entropy{seed: string(rune('a' + i))})
		require.NoError(t, err)
		var one, two bytes.Buffer
		a, err := cold.p.seal(r, cold.owner.PublicKey(), "repair/2026", cold.info, &one, bytes.NewReader([]byte("m")))
		require.NoError(t, err)
		b, err := warm.p.seal(r, warm.owner.PublicKey(), "repair/2026", warm.info, &two, bytes.NewReader([]byte("m")))
		require.NoError(t, err)
		require.Equal(t, a.Bytes(), b.Bytes())
		require.Equal(t, one.Bytes(), two.Bytes())
	}
}

// Sixteen goroutines share one parameter object, through the moment at which
// its tables are built.
func TestParametersAreSharedSafely(t *testing.T) {
	w := newWorld(t, "shared")
	var wg sync.WaitGroup
	for range 16 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range 4 {
				label := []string{"repair/2025", "repair/2026"}[i%2]
				var payload bytes.Buffer
				c, err := w.p.Seal(w.owner.PublicKey(), label, w.info, &payload, bytes.NewReader([]byte("m")))
				if err == nil {
					_, err = w.open(c, payload.Bytes())
				}
				if err != nil {
					t.Error(err)
				}
			}
		}()
	}
	wg.Wait()
}
