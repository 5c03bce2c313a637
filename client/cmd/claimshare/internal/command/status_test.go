package command

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
)

func stateText(t *testing.T, s *nodev1.StatusResponse, running bool) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, nodeStateOf(s, running).text(&out))
	return out.String()
}

func TestStatusForAPerson(t *testing.T) {
	now := time.Now()
	s := &nodev1.StatusResponse{
		Name: "northern", Roles: []string{"insurer"}, Party: "1f0c", Started: now.Add(-time.Hour).Unix(), Version: "v1",
		Checks: []*nodev1.StatusCheck{{Name: "node", Passed: true}, {Name: "ledger", Reason: "no peer answers"}},
		Height: 7, Counted: true, Pending: 2, StoreKind: "sqlite", StoreBytes: 4404019,
		LastProblem: &nodev1.StatusProblem{At: now.Add(-time.Minute).Unix(), Text: "could not submit\nrecords", Request: "R7"},
		Certificates: []*nodev1.StatusCertificate{
			{Name: "fabric", Of: "NorthernMSP", NotAfter: now.Add(-time.Hour).Unix()},
			{Name: "wallets", Of: "northern", NotAfter: now.Add(time.Hour).Unix()},
			{Name: "peers", Of: "a:7051", NotAfter: now.Add(49 * time.Hour).Unix()},
			{Name: "peers", Of: "b:7051", NotAfter: now.Add(99 * time.Hour).Unix()},
		},
	}
	text := stateText(t, s, true)
	for _, line := range []string{
		`status +NOT READY`, `  ledger +no peer answers`, `node +northern, insurer`, `program +v1, running for 1h0m\ds`,
		`ledger +7 blocks taken over; no peer answers`, `waiting +0 for owners, 2 for the ledger,.*`,
		`last problem +1m\ds ago: could not submit records \(request R7\)`, `certificate +fabric \(NorthernMSP\): EXPIRED \S+`,
		`certificate +wallets \(northern\): expires TODAY, \S+`, `certificate +peers \(a:7051\): 2 days left, until \S+`, `store +sqlite, 4.2 MiB`,
	} {
		require.Regexp(t, "(?m)^"+line+"$", text)
	}
	require.NotContains(t, text, "b:7051", "the first of a kind is enough")
	require.EqualError(t, nodeStateOf(s, true).verdict("n.yaml"), "the node is not ready: ledger")
	require.Equal(t, "unhealthy", classify(nodeStateOf(s, true).verdict("n.yaml")).Name)

	s.Checks, s.Ready, s.PeerKnown, s.PeerHeight, s.LagSeconds, s.Counted = nil, true, true, 9, 3, false
	text = stateText(t, s, true)
	require.Regexp(t, `(?m)^status +ready$`, text)
	require.Contains(t, text, "7 blocks taken over, 2 behind the peer, for 3 s")
	require.Contains(t, text, "the database does not answer")
	require.NoError(t, nodeStateOf(s, true).verdict("n.yaml"))

	s.Checks = []*nodev1.StatusCheck{{Name: "ledger", Passed: true, Reason: "another peer answers, but not a:7051"}}
	require.Regexp(t, `(?m)^  note +ledger: another peer answers, but not a:7051$`, stateText(t, s, true))

	s.Checks, s.Height = nil, 0 // as it is while the database is away
	text = stateText(t, s, true)
	require.Regexp(t, `(?m)^ledger +how many blocks were taken over is not known: the database does not answer$`, text)
	require.NotContains(t, text, "behind the peer")
	s.Counted = true // a database that has nothing yet
	require.Contains(t, stateText(t, s, true), "0 blocks taken over, 9 behind the peer")

	text = stateText(t, s, false)
	require.Regexp(t, `(?m)^status +does not run$`, text)
	require.NotContains(t, text, "blocks taken over")
	require.EqualError(t, nodeStateOf(s, false).verdict("n.yaml"), "the node does not run")
}
