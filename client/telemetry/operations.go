package telemetry

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store"
)

// The operations of store.Records.

func (m *measured) Put(ctx context.Context, items ...store.Item) (err error) {
	defer m.done("put", time.Now(), &err)
	return m.Store.Put(ctx, items...)
}

func (m *measured) Record(ctx context.Context, id record.RecordID) (answer *store.Entry, err error) {
	defer m.done("record", time.Now(), &err)
	return m.Store.Record(ctx, id)
}

func (m *measured) Payload(ctx context.Context, id record.RecordID, dst io.Writer) (err error) {
	defer m.done("payload", time.Now(), &err)
	return m.Store.Payload(ctx, id, dst)
}

func (m *measured) Find(ctx context.Context, q store.Query) iter.Seq2[*store.Entry, error] {
	return sequence(m, "find", func() iter.Seq2[*store.Entry, error] { return m.Store.Find(ctx, q) })
}

func (m *measured) Capsules(ctx context.Context, q store.Query) iter.Seq2[store.Capsule, error] {
	return sequence(m, "capsules", func() iter.Seq2[store.Capsule, error] { return m.Store.Capsules(ctx, q) })
}

func (m *measured) ReplaceCapsule(ctx context.Context, id record.RecordID, capsule []byte) (err error) {
	defer m.done("replace_capsule", time.Now(), &err)
	return m.Store.ReplaceCapsule(ctx, id, capsule)
}

func (m *measured) Erase(ctx context.Context, id record.RecordID, reason string) (err error) {
	defer m.done("erase", time.Now(), &err)
	return m.Store.Erase(ctx, id, reason)
}

// The operations of store.Outbox.

func (m *measured) PendingRecords(ctx context.Context, limit int) (answer []*store.Entry, err error) {
	defer m.done("pending_records", time.Now(), &err)
	return m.Store.PendingRecords(ctx, limit)
}

func (m *measured) MarkSubmitted(ctx context.Context, s store.Submission) (err error) {
	defer m.done("mark_submitted", time.Now(), &err)
	return m.Store.MarkSubmitted(ctx, s)
}

func (m *measured) Submissions(ctx context.Context) (answer []store.Submission, err error) {
	defer m.done("submissions", time.Now(), &err)
	return m.Store.Submissions(ctx)
}

func (m *measured) MarkRecorded(ctx context.Context, txID string, block uint64, ids ...record.RecordID) (err error) {
	defer m.done("mark_recorded", time.Now(), &err)
	return m.Store.MarkRecorded(ctx, txID, block, ids...)
}

func (m *measured) MarkRefused(ctx context.Context, txID string, reason string, ids ...record.RecordID) (err error) {
	defer m.done("mark_refused", time.Now(), &err)
	return m.Store.MarkRefused(ctx, txID, reason, ids...)
}

func (m *measured) Requeue(ctx context.Context, ids ...record.RecordID) (err error) {
	defer m.done("requeue", time.Now(), &err)
	return m.Store.Requeue(ctx, ids...)
}

// The operations of store.Tokens.

func (m *measured) PutToken(ctx context.Context, t store.Token) (err error) {
	defer m.done("put_token", time.Now(), &err)
	return m.Store.PutToken(ctx, t)
}

func (m *measured) Token(ctx context.Context, id record.ConsentID) (answer *store.Token, err error) {
	defer m.done("token", time.Now(), &err)
	return m.Store.Token(ctx, id)
}

func (m *measured) LiveTokens(ctx context.Context) iter.Seq2[*store.Token, error] {
	return sequence(m, "live_tokens", func() iter.Seq2[*store.Token, error] { return m.Store.LiveTokens(ctx) })
}

func (m *measured) DestroyToken(ctx context.Context, id record.ConsentID, reason string) (err error) {
	defer m.done("destroy_token", time.Now(), &err)
	return m.Store.DestroyToken(ctx, id, reason)
}

// The operations of store.Inbox.

func (m *measured) PutReceived(ctx context.Context, r store.Received, payload io.Reader) (err error) {
	defer m.done("put_received", time.Now(), &err)
	return m.Store.PutReceived(ctx, r, payload)
}

func (m *measured) Received(ctx context.Context, id record.ReleaseID) (answer *store.Received, err error) {
	defer m.done("received", time.Now(), &err)
	return m.Store.Received(ctx, id)
}

func (m *measured) ReceivedPayload(ctx context.Context, id record.ReleaseID, dst io.Writer) (err error) {
	defer m.done("received_payload", time.Now(), &err)
	return m.Store.ReceivedPayload(ctx, id, dst)
}

func (m *measured) ReceivedUnder(ctx context.Context, id record.ConsentID) iter.Seq2[*store.Received, error] {
	return sequence(m, "received_under", func() iter.Seq2[*store.Received, error] { return m.Store.ReceivedUnder(ctx, id) })
}

func (m *measured) MarkAcknowledged(ctx context.Context, id record.ReleaseID, txID string) (err error) {
	defer m.done("mark_acknowledged", time.Now(), &err)
	return m.Store.MarkAcknowledged(ctx, id, txID)
}

// The operations of store.Values.

func (m *measured) Value(ctx context.Context, name string) (answer []byte, err error) {
	defer m.done("value", time.Now(), &err)
	return m.Store.Value(ctx, name)
}

func (m *measured) SetValue(ctx context.Context, name string, value []byte) (err error) {
	defer m.done("set_value", time.Now(), &err)
	return m.Store.SetValue(ctx, name, value)
}

// The operations of store.Proposals.

func (m *measured) PutProposal(ctx context.Context, p store.Proposal, payload io.Reader) (err error) {
	defer m.done("put_proposal", time.Now(), &err)
	return m.Store.PutProposal(ctx, p, payload)
}

func (m *measured) Proposal(ctx context.Context, id record.RecordID) (answer *store.Proposal, err error) {
	defer m.done("proposal", time.Now(), &err)
	return m.Store.Proposal(ctx, id)
}

func (m *measured) ProposalPayload(ctx context.Context, id record.RecordID, dst io.Writer) (err error) {
	defer m.done("proposal_payload", time.Now(), &err)
	return m.Store.ProposalPayload(ctx, id, dst)
}

func (m *measured) ProposalsFor(ctx context.Context, owner record.PartyID) iter.Seq2[*store.Proposal, error] {
	return sequence(m, "proposals_for", func() iter.Seq2[*store.Proposal, error] { return m.Store.ProposalsFor(ctx, owner) })
}

func (m *measured) DeclineProposal(ctx context.Context, id record.RecordID, reason string) (err error) {
	defer m.done("decline_proposal", time.Now(), &err)
	return m.Store.DeclineProposal(ctx, id, reason)
}

func (m *measured) AcceptProposal(ctx context.Context, e store.Entry) (err error) {
	defer m.done("accept_proposal", time.Now(), &err)
	return m.Store.AcceptProposal(ctx, e)
}

// The operations of store.Invitations.

func (m *measured) PutInvitation(ctx context.Context, i store.Invitation) (err error) {
	defer m.done("put_invitation", time.Now(), &err)
	return m.Store.PutInvitation(ctx, i)
}

func (m *measured) Invitation(ctx context.Context, code record.Digest) (answer *store.Invitation, err error) {
	defer m.done("invitation", time.Now(), &err)
	return m.Store.Invitation(ctx, code)
}

func (m *measured) UseInvitation(ctx context.Context, code record.Digest) (err error) {
	defer m.done("use_invitation", time.Now(), &err)
	return m.Store.UseInvitation(ctx, code)
}

// The operations of store.Findings.

func (m *measured) PutEvidence(ctx context.Context, e store.Evidence) (err error) {
	defer m.done("put_evidence", time.Now(), &err)
	return m.Store.PutEvidence(ctx, e)
}

func (m *measured) Evidence(ctx context.Context, id record.ReleaseID) (answer *store.Evidence, err error) {
	defer m.done("evidence", time.Now(), &err)
	return m.Store.Evidence(ctx, id)
}

// The operations of store.World.

func (m *measured) WorldCheckpoint(ctx context.Context) (answer store.WorldCheckpoint, err error) {
	defer m.done("world_checkpoint", time.Now(), &err)
	return m.Store.WorldCheckpoint(ctx)
}

func (m *measured) WorldBlockHash(ctx context.Context, number uint64) (answer [32]byte, err error) {
	defer m.done("world_block_hash", time.Now(), &err)
	return m.Store.WorldBlockHash(ctx, number)
}

func (m *measured) AdvanceWorld(ctx context.Context, from store.WorldCheckpoint, blocks []ledger.Block, use store.UseTransaction) (err error) {
	defer m.done("advance_world", time.Now(), &err)
	return m.Store.AdvanceWorld(ctx, from, blocks, use)
}

func (m *measured) WorldValue(ctx context.Context, key string) (answer *store.WorldValue, err error) {
	defer m.done("world_value", time.Now(), &err)
	return m.Store.WorldValue(ctx, key)
}

func (m *measured) WorldValues(ctx context.Context, q store.WorldQuery) iter.Seq2[*store.WorldValue, error] {
	return sequence(m, "world_values", func() iter.Seq2[*store.WorldValue, error] { return m.Store.WorldValues(ctx, q) })
}

func (m *measured) WorldTransactions(ctx context.Context, from store.WorldPlace, limit int) iter.Seq2[*ledger.Transaction, error] {
	return sequence(m, "world_transactions", func() iter.Seq2[*ledger.Transaction, error] { return m.Store.WorldTransactions(ctx, from, limit) })
}

func (m *measured) WorldTransaction(ctx context.Context, txID string) (answer *ledger.Transaction, err error) {
	defer m.done("world_transaction", time.Now(), &err)
	return m.Store.WorldTransaction(ctx, txID)
}

func (m *measured) ForgetWorld(ctx context.Context) (err error) {
	defer m.done("forget_world", time.Now(), &err)
	return m.Store.ForgetWorld(ctx)
}

// The operations of store.Counter.

func (m *measured) Counts(ctx context.Context) (answer store.Counts, err error) {
	defer m.done("counts", time.Now(), &err)
	return m.Store.Counts(ctx)
}
