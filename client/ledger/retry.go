package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// timing holds every duration of the package, so that tests can shorten them.
type timing struct {
	firstPause   time.Duration // before the first retry; jittered, then growing
	longestPause time.Duration
	attempt      time.Duration // one question to one peer, save for the commit status
	patience     time.Duration // a whole call, when its context sets no deadline
	commit       time.Duration // beyond the channel's batch timeout, before the envelope is sent again
	longestWait  time.Duration // upper bound for the doubling of the former
	overtaking   time.Duration // beyond the batch timeout, between an envelope and a later one that lands before it, for the first to count as lost
	avoidance    time.Duration // how long a peer that failed is passed over
}

var defaultTiming = timing{
	firstPause:   100 * time.Millisecond,
	longestPause: 3 * time.Second,
	// The gateway gives an endorser and an orderer 30 seconds each.
	attempt:     35 * time.Second,
	patience:    3 * time.Minute,
	commit:      10 * time.Second,
	longestWait: 2 * time.Minute,
	overtaking:  time.Second,
	avoidance:   3 * time.Second,
}

func (t timing) backOff() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval, b.Multiplier = t.firstPause, t.longestPause, 2
	b.Reset()
	return b
}

// retry repeats the operation, with growing jittered pauses, until it succeeds,
// returns a backoff.Permanent error, or ctx ends; the error then has both the
// context's error and the last answer.
func retry[T any](ctx context.Context, t timing, operation func() (T, error)) (T, error) {
	var last error
	result, err := backoff.Retry(ctx, func() (T, error) {
		result, err := operation()
		if err != nil && ctx.Err() == nil {
			last = err
		}
		return result, err
	}, backoff.WithBackOff(t.backOff()), backoff.WithMaxElapsedTime(0))
	if err != nil && errors.Is(err, context.Cause(ctx)) {
		return result, outOfTime(ctx, last)
	}
	return result, err
}

// outOfTime is the error of a call whose context ended, with the reason why it
// was not finished by then.
func outOfTime(ctx context.Context, last error) error {
	if last == nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("%w; the last answer was: %w", context.Cause(ctx), last)
}

func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// passing reports whether a query or an endorsement that failed with err may
// succeed when it is asked anew. The caller has excluded contract refusals and
// the end of its own context.
func passing(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.FailedPrecondition, codes.Aborted:
		return true
	case codes.DeadlineExceeded, codes.Canceled: // of this one attempt, or by a peer that shuts down
		return true
	default:
		return overloaded(err)
	}
}

// overloaded recognises the answer of a gateway that has its limit of requests
// (500 by default) in hand. It carries no code of its own.
func overloaded(err error) bool {
	return status.Code(err) == codes.Unknown && mentions(err, "too many requests")
}

// peerFailed reports whether another peer may do better.
func peerFailed(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		return true
	default:
		return overloaded(err)
	}
}

// deniedLimit is how often "access denied" is taken for a configuration that
// has not reached the peer yet.
const deniedLimit = 3

func denied(err error) bool { return mentions(err, "access denied") }

// refused reports whether the ordering service can not have taken the envelope
// and will not take it another time.
func refused(err error) bool {
	switch status.Code(err) {
	case codes.InvalidArgument, codes.PermissionDenied, codes.Unauthenticated, codes.Unimplemented, codes.ResourceExhausted:
		return true
	case codes.Aborted:
		// The gateway gives up on an orderer's 4xx. A 404 passes: an orderer
		// that has just started does not have its channels yet.
		for _, answer := range []string{"status=BAD_REQUEST", "status=FORBIDDEN", "status=REQUEST_ENTITY_TOO_LARGE"} {
			if mentions(err, answer) {
				return true
			}
		}
	}
	return false
}
