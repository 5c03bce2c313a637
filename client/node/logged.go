package node

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/claimshare/claimshare/client"
)

// note writes one line: a warning when it failed.
func note(ctx context.Context, log *slog.Logger, what string, began time.Time, err error, fields ...any) {
	fields = append(fields, "took", time.Since(began).String())
	if err != nil {
		log.WarnContext(ctx, what, append(fields, "error", err.Error())...)
		return
	}
	log.InfoContext(ctx, what, fields...)
}

// loggedHolder is another party's node with a line in the log for everything that
// is asked of it, under the request that it belongs to. Identifiers in it are
// those on the ledger; nothing of what is sent is.
type loggedHolder struct {
	client.Holder
	log *slog.Logger
}

// Candidates implements client.Holder.
func (h *loggedHolder) Candidates(ctx context.Context, label string) ([]client.Candidate, error) {
	began := time.Now()
	all, err := h.Holder.Candidates(ctx, label)
	note(ctx, h.log, "candidates of a holder", began, err, "holder", h.ID().String(), "candidates", len(all))
	return all, err
}

// Deliver implements client.Holder.
func (h *loggedHolder) Deliver(ctx context.Context, o client.Order) (*client.Delivered, error) {
	began := time.Now()
	d, err := h.Holder.Deliver(ctx, o)
	note(ctx, h.log, "ordered of a holder", began, err, "holder", h.ID().String(), "consent", o.Consent.String(), "record", o.Record.String(), "release", o.Release.String())
	return d, err
}

// SendPayload implements client.Holder.
func (h *loggedHolder) SendPayload(ctx context.Context, o client.PayloadOrder, dst io.Writer) (*client.Trailer, error) {
	began := time.Now()
	to := &counted{Writer: dst}
	t, err := h.Holder.SendPayload(ctx, o, to)
	note(ctx, h.log, "payload of a holder", began, err, "holder", h.ID().String(), "release", o.Release.String(), "offset", o.Offset, "bytes", to.n)
	return t, err
}

// counted is a writer that counts bytes.
type counted struct {
	io.Writer
	n int64
}

// Write implements io.Writer.
func (c *counted) Write(b []byte) (int, error) {
	n, err := c.Writer.Write(b)
	c.n += int64(n)
	return n, err
}
