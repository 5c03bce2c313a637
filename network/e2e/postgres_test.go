package e2e

import (
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/client/store/pgserver"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
)

// TestNodeCrashPostgreSQL is [TestNodeCrash] with every node's database on a
// PostgreSQL server, which is killed too: all of it at once, as by a power cut,
// and single processes of it, after which it recovers by itself. No node may end
// because of that.
//
// The everyday dose is 7 kills, the long one every point once, 24 nodes, peers
// and chaincodes at random moments, and 12 times the database.
func TestNodeCrashPostgreSQL(t *testing.T) {
	t.Parallel()
	server := pgserver.Run(t, pgserver.Config{Settings: map[string]string{"max_connections": "200"}})
	nodeCrash(t, server, doses{points: soak(2, everyPoint), joins: soak(0, everyPoint), moments: soak(3, 24), databases: soak(2, 12)})
}

// killServer kills PostgreSQL and starts it again a while later. The nodes are
// the same processes afterwards, and say in the meantime that they are not ready.
func (w *disturbed) killServer(after, away time.Duration) disturbance {
	return disturbance{"PostgreSQL, gone for " + away.Round(time.Millisecond).String(), func(t *testing.T) {
		time.Sleep(after)
		before := w.processes(t)
		require.NoError(t, w.server.Kill9())
		w.sayUnready(t)
		time.Sleep(away)
		require.NoError(t, w.server.Restart(t.Context()))
		w.sayReady(t)
		require.Equal(t, before, w.processes(t), "a node ended because its database did")
	}}
}

// killBackend kills one process that serves a connection: PostgreSQL then drops
// all connections and recovers.
func (w *disturbed) killBackend(pick uint64, after time.Duration) disturbance {
	return disturbance{"a process of PostgreSQL", func(t *testing.T) {
		time.Sleep(after)
		before := w.processes(t)
		listed, err := w.server.SQL(t.Context(), "postgres", "SELECT pid FROM pg_stat_activity WHERE datname LIKE 'party%'")
		require.NoError(t, err)
		pids := strings.Fields(listed)
		require.NotEmpty(t, pids)
		pid, err := strconv.Atoi(pids[pick%uint64(len(pids))])
		require.NoError(t, err)
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		w.sayReady(t)
		require.Equal(t, before, w.processes(t), "a node ended because its database did")
	}}
}

// processes is every node's process, by name.
func (w *disturbed) processes(t *testing.T) map[string]int {
	t.Helper()
	all := map[string]int{}
	for _, n := range w.Nodes() {
		pid, err := w.PID(n)
		require.NoError(t, err)
		require.NotZero(t, pid, n.Identity)
		all[n.Identity] = pid
	}
	return all
}

// sayUnready waits until every node says that its database does not answer.
func (w *disturbed) sayUnready(t *testing.T) {
	t.Helper()
	for _, n := range w.Nodes() {
		w.awaitStatus(t, n, func(s *nodev1.StatusResponse) bool {
			for _, c := range s.Checks {
				if c.Name == "store" && !c.Passed {
					return true
				}
			}
			return false
		})
	}
}

// sayReady waits until every node is ready.
func (w *disturbed) sayReady(t *testing.T) {
	t.Helper()
	for _, n := range w.Nodes() {
		w.requireReady(t, n)
	}
}
