package wallet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
)

// Status is how a wallet stands.
type Status struct {
	ID       record.PartyID
	PID      string
	ParamsID record.Digest
	Network  string // channel and chaincode
	Keys     int    // versions of keys that the wallet has
	Policies int    // policies whose δ it knows

	Enrolled bool // false: the registration is on its way
	Rotating bool // a rotation of keys is on its way
	Underway []record.ConsentID
	Synced   *Synced // what became of records of former keys; nil when there was nothing to do

	Nodes []NodeStatus
	// Of the ledger, when it could be reached.
	Party    *record.Party
	Standing *record.Standing
}

// NodeStatus is a node and whether it answers.
type NodeStatus struct {
	Node
	Err error
}

// answering asks all nodes at the same time who they are.
func answering(ctx context.Context, nodes []Node) []NodeStatus {
	ctx, cancel := context.WithTimeout(ctx, statusTime)
	defer cancel()
	all := make([]NodeStatus, len(nodes))
	var group sync.WaitGroup
	for i, n := range nodes {
		group.Go(func() {
			id, _, err := n.introduce(ctx)
			if err == nil && id != n.Party {
				err = fmt.Errorf("%w: at %s answers party %s", ErrDirectory, n.Address, id)
			}
			all[i] = NodeStatus{n, err}
		})
	}
	group.Wait()
	return all
}

// statusTime is how long a node has to answer.
const statusTime = 10 * time.Second

// Status looks at the file and asks every node and the ledger. What is on its way
// is taken up first. The error is that of reaching the ledger; the rest of the
// answer stands.
func (w *Wallet) Status(ctx context.Context) (*Status, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, err := w.session(ctx)
	if err == nil {
		_, err = w.resume(ctx, s, nil)
	}
	var synced *Synced
	if s != nil {
		var syncErr error
		synced, syncErr = w.catchUp(ctx, s)
		err = errors.Join(err, syncErr)
	}
	c := w.c
	st := &Status{
		ID: w.ID(), PID: string(c.PID), ParamsID: c.Network.ParamsID, Network: c.Network.Chaincode + " on " + c.Network.Channel,
		Keys: len(c.Keys), Policies: len(c.Evidence), Enrolled: c.Enrolment == nil, Rotating: c.Next != nil,
		Synced: synced,
	}
	for _, u := range c.Grants {
		if g, err := u.statement(); err == nil {
			st.Underway = append(st.Underway, g.Consent)
		}
	}
	st.Nodes = answering(ctx, c.Network.Nodes)
	if s == nil {
		return st, err
	}
	var partyErr error
	if st.Party, partyErr = s.chain.Party(ctx, w.ID()); partyErr != nil {
		return st, partyErr
	}
	var standingErr error
	if st.Standing, standingErr = s.chain.Standing(ctx, w.ID()); standingErr != nil {
		return st, standingErr
	}
	return st, err
}
