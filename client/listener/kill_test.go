package listener

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/sqlite"
)

// killedChain is what the process that is killed follows. Parent and child make
// the same one.
func killedChain() *chain { return randomChain("killed", 77, 2000) }

// perLife is how many blocks a process gets at most, so that none comes to the
// end before the parent finds the time to kill it.
const perLife = 200

// followUntilKilled follows a chain into the store at path and counts, with the
// handler, the transactions. It prints the height at which it begins, and each
// that it reaches.
func followUntilKilled(path string) {
	fmt.Println(func() error {
		ctx := context.Background()
		s, err := sqlite.Open(ctx, path)
		if err != nil {
			return err
		}
		l := New(s, chaincode, WithHandler(func(ctx context.Context, tx store.WorldTx, _ Change) error { return count(ctx, tx) }))
		at, err := s.WorldCheckpoint(ctx)
		if err != nil {
			return err
		}
		go func() {
			fmt.Println("height", at.Height)
			for block := at.Height; l.Await(ctx, block) == nil; block++ {
				fmt.Println("height", block+1)
			}
		}()
		c := killedChain()
		c.blocks = c.blocks[:min(uint64(len(c.blocks)), at.Height+perLife)]
		return l.Follow(ctx, c)
	}())
	os.Exit(1)
}

// A process that is killed again and again while it catches up leaves exactly
// the state that one that was never disturbed makes, and its handler has
// counted every transaction once.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "party.db")
	seed := rand.Uint64()
	t.Log("seed", seed)
	r := rand.New(rand.NewPCG(seed, 2))
	c := killedChain()
	end := fmt.Sprint("height ", len(c.blocks))
	kills := 0
	for rounds := 0; ; rounds++ {
		require.Less(t, rounds, 200, "it does not come any further")
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "LISTENER_TEST_STORE="+path)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(out)
		finished := false
		for n := 1 + r.IntN(perLife-50); n > 0 && !finished && lines.Scan(); n-- {
			require.Contains(t, lines.Text(), "height ", "the child failed")
			finished = lines.Text() == end
		}
		time.Sleep(time.Duration(r.IntN(10)) * time.Millisecond)
		require.NoError(t, cmd.Process.Kill())
		for lines.Scan() {
			finished = finished || lines.Text() == end
		}
		require.Error(t, cmd.Wait())
		if finished {
			break
		}
		kills++
	}
	t.Logf("killed %d times on the way", kills)
	require.Greater(t, kills, 3, "it was hardly disturbed")
	s := openStore(t, path)
	requireState(t, c, s)
	require.Equal(t, len(c.valid), counter(t, s))
}
