package ledger

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"google.golang.org/grpc/status"
)

// endorserAvoidance is how much longer than a gateway an organisation is passed
// over that could not endorse: while it is, others do its work at no cost.
const endorserAvoidance = 10

// endorsers are the organisations to ask for the next endorsement of a call:
// those that it names, or all of the connection's, or, with a quorum, so many of
// them, drawn anew each time so that the work is shared. One that has just
// failed is drawn only if there are not enough others.
func (l *Ledger) endorsers(call Call) []string {
	all, quorum := l.connection.Endorsers, l.connection.Quorum
	switch {
	case len(call.Endorsers) > 0:
		return call.Endorsers
	case quorum == 0:
		return all
	}
	drawn := slices.Clone(all)
	rand.Shuffle(len(drawn), func(i, j int) { drawn[i], drawn[j] = drawn[j], drawn[i] })
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	slices.SortStableFunc(drawn, func(a, b string) int {
		return l.failing(a, now).Compare(l.failing(b, now))
	})
	return drawn[:quorum]
}

// failing is until when the organisation is passed over, zero when it is not.
// l.mu is held.
func (l *Ledger) failing(organisation string, now time.Time) time.Time {
	if until := l.avoid[organisation]; until.After(now) {
		return until
	}
	return time.Time{}
}

// blame passes over for a while the organisations to which a gateway ascribes
// the failure of an endorsement.
func (l *Ledger) blame(err error) {
	if l.connection.Quorum == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	until := time.Now().Add(endorserAvoidance * l.timing.avoidance)
	for _, organisation := range blamed(err) {
		l.avoid[organisation] = until
	}
}

// blamed lists the organisations that a gateway names in its answer: whose peers
// gave it an error, or of which it knows no peer.
func blamed(err error) []string {
	answer, ok := status.FromError(err)
	if !ok {
		return nil
	}
	var all []string
	for _, detail := range answer.Details() {
		if d, ok := detail.(*gateway.ErrorDetail); ok {
			all = append(all, d.GetMspId())
		}
	}
	if _, missing, found := strings.Cut(answer.Message(), "failed to find any endorsing peers for org(s): "); found {
		all = append(all, strings.Split(missing, ", ")...)
	}
	return all
}
