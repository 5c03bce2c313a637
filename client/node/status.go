package node

import (
	"context"
	"errors"

	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
)

// Status implements nodev1.OperatorServiceServer. It answers also when the
// ledger or the database does not, and says so; but not to who is strict.
func (o *operator) Status(ctx context.Context, request *nodev1.StatusRequest) (*nodev1.StatusResponse, error) {
	p, w := o.party, o.party.watch
	r := w.health.fresh()
	s := &nodev1.StatusResponse{
		Party: p.id().String(), Roles: []string{p.role.String()}, Name: p.config.Name, Version: w.build.Version, Revision: w.build.Revision,
		Started: w.began.Unix(), StoreKind: p.config.storeKind(), StoreBytes: p.config.storeBytes(),
	}
	r.describe(s)
	w.describe(s)
	c, err := w.count(ctx, 0)
	if err == nil {
		s.Counted = true
		s.Proposals, s.Pending, s.Submitted, s.Refused = c.Proposals, c.Pending+c.Submitted, c.Submitted, c.Refused
		s.Tokens, s.Records, s.Journal, s.Received = c.Tokens, c.Records, c.Journal, c.Received
		s.Unacknowledged, s.Findings = c.Unacknowledged, c.Findings
	}
	if request.GetStrict() {
		return s, errors.Join(err, o.exact(ctx, s))
	}
	return s, nil
}

// exact makes sure of the heights, with the patience of whoever asks.
func (o *operator) exact(ctx context.Context, s *nodev1.StatusResponse) error {
	at, err := o.party.store.WorldCheckpoint(ctx)
	if err != nil {
		return err
	}
	height, err := o.party.ledger.Height(ctx)
	if err != nil {
		return err
	}
	s.Height, s.PeerHeight, s.PeerKnown = at.Height, height, true
	return nil
}

// describe adds what a report says.
func (r *report) describe(s *nodev1.StatusResponse) {
	s.Ready, s.LagSeconds = r.ready(), r.lag.Seconds()
	for _, c := range r.checks {
		s.Checks = append(s.Checks, &nodev1.StatusCheck{Name: c.Name, Passed: c.Passed, Reason: c.Reason})
	}
	if r.height != nil {
		s.Height = *r.height
	}
	if r.peer != nil {
		s.PeerHeight, s.PeerKnown = *r.peer, true
	}
	for _, e := range r.expiry {
		s.Certificates = append(s.Certificates, &nodev1.StatusCertificate{Name: e.Kind, Of: e.Of, Subject: e.Subject, NotAfter: e.NotAfter.Unix()})
	}
	for _, free := range r.free {
		if s.DiskFree == 0 || free < s.DiskFree {
			s.DiskFree = free
		}
	}
}

// describe adds what happened last.
func (w *watch) describe(s *nodev1.StatusResponse) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if l := w.submitted; l != nil {
		s.LastSubmission = &nodev1.StatusSubmission{TxId: l.txID, Block: l.block, At: l.at.Unix(), Records: uint64(l.records)}
	}
	if l := w.problem; l != nil {
		s.LastProblem = &nodev1.StatusProblem{At: l.at.Unix(), Text: l.text, Request: l.request}
	}
}

// StoppedStatus is what can be told of a node that does not run: what its
// configuration and its files say. Notes are what could not be found out.
func StoppedStatus(config *Config) (s *nodev1.StatusResponse, notes []error) {
	s = &nodev1.StatusResponse{Name: config.Name, Roles: []string{config.Role}, StoreKind: config.storeKind(), StoreBytes: config.storeBytes()}
	r := &report{free: map[string]uint64{}}
	connection, err := config.Fabric()
	if err == nil {
		r.expiry, err = expiries(config, connection)
	}
	if err != nil {
		notes = append(notes, err)
	}
	for name, folder := range config.folders() {
		_, free, err := space(folder)
		if err != nil {
			notes = append(notes, err)
			continue
		}
		r.free[name] = free
	}
	r.describe(s)
	s.Ready = false
	return s, notes
}
