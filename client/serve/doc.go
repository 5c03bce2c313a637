// Package serve is the accepting side of a node: the gRPC services of parties
// over the SDK's types, behind limits that hold against any caller.
//
// A service answers only those that it concerns. Who calls comes from package
// mutual, never from the message. What goes wrong crosses as package refusal
// says; the whole error is in this node's log, under the request's identifier.
//
// [NewServer] also fits listeners for others than parties: it identifies callers
// as its Config says.
package serve

import (
	"time"

	"golang.org/x/time/rate"

	"github.com/claimshare/claimshare/client/internal/pace"
)

// Limits bound what callers can cost. DefaultLimits are meant to be changed
// field by field.
type Limits struct {
	// Rate and Burst bound how many calls one caller may begin in a second and
	// at once.
	Rate  rate.Limit
	Burst int
	// Concurrent bounds the calls that one caller has in hand, All those of all
	// callers together.
	Concurrent int
	All        int
	// Connections bounds the connections that are open, those of strangers
	// included; Address those from one address other than this machine's own,
	// which gets fewer as they fill up, so that room is left for others.
	Connections int
	Address     int
	// Receive and Send bound a message, in bytes.
	Receive int
	Send    int
	// Unary bounds a call with one answer.
	Unary time.Duration
	// Slow says how slowly a caller may read a stream.
	Slow pace.Limits
	// Chunk is how much of a payload is one message, in bytes.
	Chunk int
	// Handshake bounds the time until a connection is set up.
	Handshake time.Duration
	// Age bounds a connection; calls in hand have Grace to end. Idle bounds one
	// without calls.
	Age   time.Duration
	Grace time.Duration
	Idle  time.Duration
	// Ping is how often callers may probe a connection.
	Ping time.Duration
	// Drain is how long calls in hand have to end when the server is closed.
	Drain time.Duration
}

// DefaultLimits suit a node on a small machine.
func DefaultLimits() Limits {
	return Limits{
		Rate: 500, Burst: 1000, Concurrent: 128, All: 1024, Connections: 512, Address: 128,
		Receive: 256 << 10, Send: 2 << 20, Unary: 3 * time.Minute,
		Slow: pace.Limits{Idle: 30 * time.Second, Grace: 2 * time.Minute, Rate: 16 << 10}, Chunk: 256 << 10,
		Handshake: 15 * time.Second, Age: time.Hour, Grace: 10 * time.Minute, Idle: 15 * time.Minute, Ping: 15 * time.Second,
		Drain: 30 * time.Second,
	}
}
