//go:build failpoints

package node

import (
	"context"
	"io"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
)

// store dies before and after what matters in the database.
func (p points) store(s store.Store) store.Store { return &pointedStore{s, p} }

type pointedStore struct {
	store.Store
	points points
}

func (s *pointedStore) PutProposal(ctx context.Context, o store.Proposal, payload io.Reader) error {
	return s.points.around("PutProposal", func() error { return s.Store.PutProposal(ctx, o, payload) })
}

func (s *pointedStore) AcceptProposal(ctx context.Context, e store.Entry) error {
	return s.points.around("AcceptProposal", func() error { return s.Store.AcceptProposal(ctx, e) })
}

func (s *pointedStore) MarkRecorded(ctx context.Context, txID string, block uint64, ids ...record.RecordID) error {
	return s.points.around("MarkRecorded", func() error { return s.Store.MarkRecorded(ctx, txID, block, ids...) })
}

func (s *pointedStore) PutReceived(ctx context.Context, r store.Received, payload io.Reader) error {
	return s.points.around("PutReceived", func() error { return s.Store.PutReceived(ctx, r, payload) })
}

func (s *pointedStore) MarkAcknowledged(ctx context.Context, id record.ReleaseID, txID string) error {
	return s.points.around("MarkAcknowledged", func() error { return s.Store.MarkAcknowledged(ctx, id, txID) })
}

func (s *pointedStore) PutToken(ctx context.Context, t store.Token) error {
	return s.points.around("PutToken", func() error { return s.Store.PutToken(ctx, t) })
}

func (s *pointedStore) DestroyToken(ctx context.Context, id record.ConsentID, reason string) error {
	return s.points.around("DestroyToken", func() error { return s.Store.DestroyToken(ctx, id, reason) })
}

func (s *pointedStore) PutInvitation(ctx context.Context, i store.Invitation) error {
	return s.points.around("PutInvitation", func() error { return s.Store.PutInvitation(ctx, i) })
}

func (s *pointedStore) UseInvitation(ctx context.Context, code record.Digest) error {
	return s.points.around("UseInvitation", func() error { return s.Store.UseInvitation(ctx, code) })
}

func (s *pointedStore) Erase(ctx context.Context, id record.RecordID, reason string) error {
	return s.points.around("Erase", func() error { return s.Store.Erase(ctx, id, reason) })
}
