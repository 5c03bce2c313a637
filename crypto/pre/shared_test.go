package pre

import (
	"bytes"
	"sync"
	"testing"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/consensys/gnark-crypto/ecc/bn254"
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

// What a key remembers of a label holds in one deployment only.
func TestOneKeyOpensInTwoDeployments(t *testing.T) {
	one, two := newWorld(t, "one"), newWorld(t, "two")
	for _, label := range []string{"a", "b", "a"} {
		for _, w := range []*world{one, two} {
			w.owner = one.owner
			c, payload := w.seal(t, label, []byte(label))
			plain, err := w.open(c, payload)
			require.NoError(t, err)
			require.Equal(t, label, string(plain))
		}
	}
}

// Points whose order was checked when they were parsed are checked again as
// soon as they are others.
func TestCheckedPointsCannotBeExchanged(t *testing.T) {
	w := newWorld(t, "exchanged")
	c, _ := w.seal(t, "r", nil)
	key := w.owner.PublicKey()
	require.True(t, c.pointsValid(key.key()))
	for i := byte(1); ; i++ { // a point of the twist, of another order
		var b [curve.G2Size]byte
		b[0], b[curve.G2Size-1] = 0x80, i
		dec := bn254.NewDecoder(bytes.NewReader(b[:]), bn254.NoSubgroupChecks())
		if dec.Decode(&c.c1) == nil && !c.c1.IsInSubGroup() {
			break
		}
	}
	require.False(t, c.pointsValid(key.key()))
	require.False(t, (&Capsule{}).pointsValid(key.key()))
	require.False(t, (&Reencrypted{}).pointsValid())
}

func TestOwnersTableDoesNotChangeCapsules(t *testing.T) {
	w := newWorld(t, "owner's table")
	paper, err := GeneratePaperKey()
	require.NoError(t, err)
	for _, k := range []struct {
		label        string
		plain, table PublicKey
	}{
		{"r", w.owner.PublicKey(), w.owner.PublicKey().WithTable().WithTable()},
		{"", paper.PublicKey(), paper.PublicKey().WithTable()},
	} {
		r, err := curve.RandomScalar(nil)
		require.NoError(t, err)
		var payload bytes.Buffer
		a, err := w.p.seal(r, k.plain, k.label, w.info, &payload, bytes.NewReader(nil))
		require.NoError(t, err)
		b, err := w.p.seal(r, k.table, k.label, w.info, &payload, bytes.NewReader(nil))
		require.NoError(t, err)
		require.Equal(t, a.Bytes(), b.Bytes())
		_, err = b.Verify(w.p, k.table)
		require.NoError(t, err)
		_, bad, err := w.p.VerifyCapsules([]Claimed{{a, k.table}, {b, k.plain}}, 0)
		require.NoError(t, err)
		require.Empty(t, bad)
	}
}
