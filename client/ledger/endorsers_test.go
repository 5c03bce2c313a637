package ledger

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func quorumNetwork(t *testing.T) *network {
	n := newNetwork(t, 1)
	n.connection.Endorsers, n.connection.Quorum = []string{"SMMSP", "SM2MSP", "SM3MSP"}, 2
	return n
}

func TestQuorumSharesTheWork(t *testing.T) {
	n := quorumNetwork(t)
	l := n.dial(t)
	const calls = 60
	for range calls {
		_, err := l.Submit(t.Context(), call)
		require.NoError(t, err)
	}
	count := map[string]int{}
	for _, p := range n.peers[0].proposals {
		asked := p.GetEndorsingOrganizations()
		require.Len(t, asked, 2)
		require.NotEqual(t, asked[0], asked[1])
		count[asked[0]]++
		count[asked[1]]++
	}
	for _, organisation := range n.connection.Endorsers {
		require.Greater(t, count[organisation], calls/4, "%s does less than its share: %v", organisation, count)
	}
}

func TestQuorumGoesOnWithoutWhoFails(t *testing.T) {
	for name, failure := range map[string]error{
		"its peer fails":  refusal(codes.Aborted, "failed to call endorser: connection refused"),
		"it has no peers": status.Error(codes.Unavailable, "failed to find any endorsing peers for org(s): SMMSP, SM9MSP"),
	} {
		t.Run(name, func(t *testing.T) {
			n := quorumNetwork(t)
			n.peers[0].next("Endorse", failure)
			l := n.dial(t)
			for range 20 {
				_, err := l.Submit(t.Context(), call)
				require.NoError(t, err)
			}
			for _, p := range n.peers[0].proposals[1:] {
				require.ElementsMatch(t, []string{"SM2MSP", "SM3MSP"}, p.GetEndorsingOrganizations())
			}
		})
	}
}

// With too few others, one that has failed is asked all the same.
func TestQuorumAsksWhoFailedIfThereIsNobodyElse(t *testing.T) {
	n := quorumNetwork(t)
	n.connection.Endorsers = n.connection.Endorsers[:2]
	n.peers[0].next("Endorse", refusal(codes.Aborted, "failed to call endorser"))
	result, err := n.dial(t).Submit(t.Context(), call)
	require.NoError(t, err)
	require.Equal(t, 1, result.Endorsements)
	for _, p := range n.peers[0].proposals {
		require.ElementsMatch(t, []string{"SMMSP", "SM2MSP"}, p.GetEndorsingOrganizations())
	}
}

// A call may still name its endorsers.
func TestQuorumIsTheConnectionsNotTheCalls(t *testing.T) {
	n := quorumNetwork(t)
	c := call
	c.Endorsers = []string{"InsurerMSP"}
	_, err := n.dial(t).Submit(t.Context(), c)
	require.NoError(t, err)
	require.Equal(t, []string{"InsurerMSP"}, n.peers[0].proposals[0].GetEndorsingOrganizations())
}

func TestQuorumMustBePossible(t *testing.T) {
	n := quorumNetwork(t)
	for _, quorum := range []int{-1, 4} {
		n.connection.Quorum = quorum
		_, err := Dial(n.connection)
		require.ErrorIs(t, err, ErrConnection)
		require.ErrorContains(t, err, "quorum")
	}
}
