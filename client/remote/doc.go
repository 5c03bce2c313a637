// Package remote is the calling side of a node: other parties, by their id, as
// the SDK's types. [Holder] is a [client.Holder], [Authority] a
// [client.Carrier].
//
// A party is reached at the address that a [Directory] has for it, and it has to
// show the certificate that the ledger binds it to: an address that is wrong or
// was taken over leads to nobody. Connections are shared, and renewed when the
// address changes or the certificate is no longer accepted.
//
// Calls are repeated when the connection fails or the other side is busy, and
// only then; every call of a party's node may be repeated. A payload goes on
// where it broke off. What a hostile node can make this one read is bounded by
// [Options].
package remote

import (
	"time"

	"github.com/claimshare/claimshare/client/internal/pace"
)

// Options bound the calls to other nodes. DefaultOptions are meant to be changed
// field by field.
type Options struct {
	// Seen is the last block that this node has seen; nil means none.
	Seen func() uint64
	// Concurrent bounds the calls in hand with one party; more wait.
	Concurrent int
	// Patience is for how long a call is repeated that gets nowhere.
	Patience time.Duration
	// FirstPause and LongestPause are between attempts.
	FirstPause, LongestPause time.Duration
	// Unary bounds a call whose context has no deadline, payloads excepted.
	Unary time.Duration
	// Connect bounds setting a connection up.
	Connect time.Duration
	// Slow says how slowly the other side may write a stream.
	Slow pace.Limits
	// Receive and Send bound a message, in bytes.
	Receive, Send int
	// Candidates and CandidateBytes bound the answer of a holder to a search.
	Candidates, CandidateBytes int
}

// DefaultOptions suit a node on a small machine.
func DefaultOptions() Options {
	return Options{
		Concurrent: 64, Patience: 30 * time.Second, FirstPause: 100 * time.Millisecond, LongestPause: 3 * time.Second,
		Unary: 3 * time.Minute, Connect: 10 * time.Second,
		Slow:    pace.Limits{Idle: time.Minute, Grace: 3 * time.Minute, Rate: 16 << 10},
		Receive: 2 << 20, Send: 256 << 10,
		Candidates: 1_000_000, CandidateBytes: 256 << 20,
	}
}
