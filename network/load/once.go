package load

import (
	"context"
	"errors"
	"fmt"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/network/launch"
	"github.com/claimshare/claimshare/network/programs"
	"github.com/claimshare/claimshare/network/progress"
)

// ErrChaincode says that the network runs another chaincode than the workload
// needs.
var ErrChaincode = errors.New("the network runs another chaincode than this workload needs")

// Once gives one workload to a running network. For records it sets the ledger
// up and registers the parties, so that the ledger must be new. The errors are
// ErrChaincode, [record.ErrAlreadyInitialised] and those of the network; what
// became of single transactions is in the outcome.
func Once(ctx context.Context, network *launch.Network, workload string, owners int, dose Dose, show progress.Func) (_ *Outcome, err error) {
	test := network.Topology().Chaincode.Program == programs.TestChaincode
	if test != (workload == Put) {
		return nil, fmt.Errorf("%w: %s", ErrChaincode, network.Topology().Chaincode.Program)
	}
	s, err := Visit(network)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	w, err := s.workload(ctx, workload, owners, show)
	if err != nil {
		return nil, err
	}
	phase := show.Start(workload)
	rate := dose.Rate
	if rate == 0 {
		rate = firstGuess[workload] // if it is too few, the run ends early
	}
	n := int(rate*dose.Duration.Seconds()) + dose.Submitters
	phase.Detail("signing %d transactions", n)
	stock, err := w.Prepare(ctx, n)
	if err != nil {
		return nil, phase.Fail(err)
	}
	o, err := s.Run(ctx, workload, insurerIdentity, stock, dose, phase)
	if err != nil {
		return nil, phase.Fail(err)
	}
	phase.Done(fmt.Sprintf("%d transactions", o.Transactions))
	return o, nil
}

func (s *Site) workload(ctx context.Context, name string, owners int, show progress.Func) (*Workload, error) {
	if name == Put {
		return Puts(), nil
	}
	phase := show.Start("register the parties")
	p, err := SetUp(ctx, s, owners)
	if errors.Is(err, record.ErrAlreadyInitialised) {
		err = fmt.Errorf("%w: this load needs a new ledger, whose keys it knows", err)
	}
	if err != nil {
		return nil, phase.Fail(err)
	}
	phase.Done(fmt.Sprintf("%d owners", owners))
	return p.workload(name)
}
