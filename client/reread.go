package client

import (
	"context"
	"io"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
)

// Read opens a record that this member has received before, from its own
// database, with the checks of [Member.Receive] but the trailer's. It returns
// [store.ErrNotFound], [ErrKeys] when this member has rotated its encryption key
// since, [pre.ErrPayloadAltered], and the errors of Receive.
func (m *Member) Read(ctx context.Context, id record.ReleaseID, use func(plaintext io.Reader) error) (*Receipt, error) {
	kept, err := m.store.Received(ctx, id)
	if err != nil {
		return nil, err
	}
	release, err := m.chain.Release(ctx, id)
	if err != nil {
		return nil, err
	}
	in, err := m.inspect(ctx, Handover{Release: id, Reencrypted: kept.Reencrypted, Delivery: release.Delivery})
	if err != nil {
		return nil, err
	}
	payload := receivedPayload{ctx, m.store, id}
	src, err := payload.Open()
	if err != nil {
		return nil, err
	}
	err = in.capsule.CheckPayload(src)
	_ = src.Close() // a pipe's never fails
	if err != nil {
		return nil, err
	}
	return &in.receipt, through(func(dst io.Writer) error { return m.openHandover(in, payload, dst) }, use)
}

// receivedPayload reads a received payload from the database.
type receivedPayload struct {
	ctx   context.Context
	store store.Inbox
	id    record.ReleaseID
}

// Open implements [Payload]. Closing the reader ends the reading.
func (p receivedPayload) Open() (io.ReadCloser, error) {
	r, w := io.Pipe()
	go func() { _ = w.CloseWithError(p.store.ReceivedPayload(p.ctx, p.id, w)) }()
	return r, nil
}
