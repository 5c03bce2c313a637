package ledger

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"
)

// Probed is what a [Ledger.Probe] found.
type Probed struct {
	Height uint64   // as Height has it, of the first peer of the connection that answered
	Silent []string // endpoints of the peers that did not answer, in the connection's order
}

// Probe asks all peers at once for their height, and gives each that long to
// answer: one that hangs does not hide the others. Peers that do not answer
// while another does are passed over for a while by other calls. When none
// answers, they are asked again, with twice the time, until ctx ends or no
// answer can be hoped for. The error is an *Error, with the answer of the first
// peer inside.
//
// It takes none of the slots of other calls, so it also tells of a Ledger whose
// calls are all waiting.
func (l *Ledger) Probe(ctx context.Context, each time.Duration) (Probed, error) {
	ctx, done := l.alive(ctx)
	defer done()
	found, err := retry(ctx, l.timing, func() (Probed, error) {
		found, err := l.round(ctx, each)
		each *= 2
		return found, err
	})
	if err != nil {
		return Probed{}, &Error{Step: StepEvaluate, Transaction: chainInfo, Err: err}
	}
	return found, nil
}

// probeAnswer is what one peer said.
type probeAnswer struct {
	height uint64
	err    error
}

// round asks every peer once.
func (l *Ledger) round(ctx context.Context, each time.Duration) (Probed, error) {
	limited, cancel := context.WithTimeout(ctx, each)
	defer cancel()
	answers := make([]probeAnswer, len(l.peers))
	var all sync.WaitGroup
	for i, p := range l.peers {
		all.Go(func() { answers[i].height, answers[i].err = l.heightOf(limited, p) })
	}
	all.Wait()
	var found Probed
	answered, hope := false, false
	for i, a := range answers {
		switch {
		case a.err != nil:
			found.Silent = append(found.Silent, l.peers[i].endpoint)
			hope = hope || passing(a.err)
		case !answered:
			found.Height, answered = a.height, true
		}
	}
	if !answered {
		err := fmt.Errorf("peer %s: %w", l.peers[0].endpoint, answers[0].err)
		if !hope {
			err = backoff.Permanent(err)
		}
		return Probed{}, err
	}
	for i, a := range answers {
		if a.err != nil && peerFailed(a.err) && ctx.Err() == nil {
			l.passOver(l.peers[i])
		}
	}
	return found, nil
}

// heightOf asks one peer, once.
func (l *Ledger) heightOf(ctx context.Context, p *gatewayPeer) (uint64, error) {
	answer, err := p.session().GetNetwork(l.connection.Channel).GetContract(qscc).
		EvaluateWithContext(ctx, chainInfo, client.WithArguments(l.connection.Channel))
	if err != nil {
		return 0, err
	}
	return readHeight(answer)
}

// readHeight reads the answer to chainInfo.
func readHeight(answer []byte) (uint64, error) {
	var info common.BlockchainInfo
	if err := proto.Unmarshal(answer, &info); err != nil {
		return 0, fmt.Errorf("read the peer's answer: %w", err)
	}
	return info.GetHeight(), nil
}
