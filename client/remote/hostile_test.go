package remote_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/internal/pace"
	"github.com/claimshare/claimshare/client/remote"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/client/wire/refusal"
)

// liar is a node with the right certificate that answers what it likes.
type liar struct {
	nodev1.UnimplementedHolderServiceServer
	nodev1.UnimplementedProxyServiceServer
	nodev1.UnimplementedAuthorityServiceServer

	mu         sync.Mutex
	payload    func(*nodev1.SendPayloadRequest, grpc.ServerStreamingServer[nodev1.SendPayloadResponse]) error
	candidates func(grpc.ServerStreamingServer[nodev1.CandidatesResponse]) error
	deliver    func(context.Context) (*nodev1.DeliverResponse, error)
	release    *nodev1.ReleaseResponse
	batch      *nodev1.SubmitBatchResponse
}

func (l *liar) SendPayload(r *nodev1.SendPayloadRequest, s grpc.ServerStreamingServer[nodev1.SendPayloadResponse]) error {
	l.mu.Lock()
	send := l.payload
	l.mu.Unlock()
	return send(r, s)
}

func (l *liar) Candidates(_ *nodev1.CandidatesRequest, s grpc.ServerStreamingServer[nodev1.CandidatesResponse]) error {
	l.mu.Lock()
	send := l.candidates
	l.mu.Unlock()
	return send(s)
}

func (l *liar) Deliver(ctx context.Context, _ *nodev1.DeliverRequest) (*nodev1.DeliverResponse, error) {
	l.mu.Lock()
	answer := l.deliver
	l.mu.Unlock()
	return answer(ctx)
}

func (l *liar) Release(context.Context, *nodev1.ReleaseRequest) (*nodev1.ReleaseResponse, error) {
	return l.release, nil
}

func (l *liar) SubmitBatch(context.Context, *nodev1.SubmitBatchRequest) (*nodev1.SubmitBatchResponse, error) {
	return l.batch, nil
}

// now changes what it answers.
func (l *liar) now(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}

func (l *liar) register(r grpc.ServiceRegistrar) {
	nodev1.RegisterHolderServiceServer(r, l)
	nodev1.RegisterProxyServiceServer(r, l)
	nodev1.RegisterAuthorityServiceServer(r, l)
}

// lying starts a liar in the shop's place, which the insurer calls.
func lying(t *testing.T, o remote.Options) (*liar, *cast, *remote.Nodes) {
	t.Helper()
	c, l := newCast(t), &liar{}
	generous := limits()
	generous.Send = 8 << 20
	c.serve(t, c.shop, generous, l.register)
	return l, c, c.calls(t, c.insurer, o)
}

func chunk(b ...byte) *nodev1.SendPayloadResponse {
	return &nodev1.SendPayloadResponse{Part: &nodev1.SendPayloadResponse_Chunk{Chunk: b}}
}

func trailer(alter func(*nodev1.Trailer)) *nodev1.SendPayloadResponse {
	s := record.TrailerStatement{Release: record.ReleaseID{1}, Holder: record.PartyID{1}, HolderVersion: 1, Sent: record.Digest{1}, Length: 1}
	t := &nodev1.Trailer{Statement: s.Encode(), Signature: bytes.Repeat([]byte{1}, len(record.Signature{}))}
	if alter != nil {
		alter(t)
	}
	return &nodev1.SendPayloadResponse{Part: &nodev1.SendPayloadResponse_Trailer{Trailer: t}}
}

// hurried is impatient with slow nodes.
func hurried() remote.Options {
	o := options()
	o.Slow = pace.Limits{Idle: 300 * time.Millisecond, Grace: 600 * time.Millisecond, Rate: 1 << 20}
	return o
}

var errFull = errors.New("that is enough")

// full takes so many bytes.
type full struct{ left int }

func (f *full) Write(b []byte) (int, error) {
	if len(b) > f.left {
		n := f.left
		f.left = 0
		return n, errFull
	}
	f.left -= len(b)
	return len(b), nil
}

func TestPayloadsOfALiar(t *testing.T) {
	l, c, nodes := lying(t, hurried())
	big := bytes.Repeat([]byte{7}, 64<<10)
	type stream = grpc.ServerStreamingServer[nodev1.SendPayloadResponse]
	sends := func(parts ...*nodev1.SendPayloadResponse) func(stream) error {
		return func(s stream) error {
			for _, p := range parts {
				if err := s.Send(p); err != nil {
					return err
				}
			}
			return nil
		}
	}
	endless := func(pause time.Duration, part *nodev1.SendPayloadResponse) func(stream) error {
		return func(s stream) error {
			for {
				if err := s.Send(part); err != nil {
					return err
				}
				select {
				case <-time.After(pause):
				case <-s.Context().Done():
					return s.Context().Err()
				}
			}
		}
	}
	for _, one := range []struct {
		name string
		send func(stream) error
		want error
	}{
		{"nothing to refuse", sends(chunk(1), trailer(nil)), nil},
		{"no payload at all", sends(trailer(nil)), nil},
		{"no trailer", sends(chunk(1)), client.ErrTrailer},
		{"nothing", sends(), client.ErrTrailer},
		{"two trailers", sends(chunk(1), trailer(nil), trailer(nil)), client.ErrTrailer},
		{"bytes after the trailer", sends(trailer(nil), chunk(1)), client.ErrTrailer},
		{"a trailer that is none", sends(trailer(func(t *nodev1.Trailer) { t.Statement = []byte{1} })), client.ErrTrailer},
		{"a trailer with more behind it", sends(trailer(func(t *nodev1.Trailer) { t.Statement = append(t.Statement, 0) })), client.ErrTrailer},
		{"a trailer without a signature", sends(trailer(func(t *nodev1.Trailer) { t.Signature = nil })), client.ErrTrailer},
		{"a trailer with half a signature", sends(trailer(func(t *nodev1.Trailer) { t.Signature = t.Signature[:10] })), client.ErrTrailer},
		{"an empty trailer", sends(&nodev1.SendPayloadResponse{Part: &nodev1.SendPayloadResponse_Trailer{}}), client.ErrTrailer},
		{"a part of nothing", sends(&nodev1.SendPayloadResponse{}), client.ErrAnswer},
		{"empty chunks for ever", endless(0, chunk()), client.ErrAnswer},
		{"chunks for ever", endless(0, chunk(big...)), errFull},
		{"a message too large", sends(chunk(make([]byte, 3<<20)...)), errLarge},
		{"a stall", func(s stream) error { <-s.Context().Done(); return nil }, refusal.ErrSlow},
		{"a stall after the first bytes", func(s stream) error { _ = s.Send(chunk(1)); <-s.Context().Done(); return nil }, refusal.ErrSlow},
		{"a trickle", endless(50*time.Millisecond, chunk(1)), refusal.ErrSlow},
		{"a refusal", func(stream) error { return record.ErrNotReceiver }, record.ErrNotReceiver},
		{"an accident", func(stream) error { panic("oh") }, refusal.ErrInternal},
	} {
		t.Run(one.name, func(t *testing.T) {
			l.now(func() { l.payload = func(_ *nodev1.SendPayloadRequest, s stream) error { return one.send(s) } })
			began := time.Now()
			got, err := nodes.Holder(c.shop.id).SendPayload(t.Context(), client.PayloadOrder{Release: record.ReleaseID{1}}, &full{1 << 20})
			require.Less(t, time.Since(began), 5*time.Second)
			if one.want == errLarge { //nolint:errorlint // a marker of this table
				require.Equal(t, codes.ResourceExhausted, status.Code(err), "%v", err)
			} else {
				require.ErrorIs(t, err, one.want)
			}
			if one.want != nil {
				require.Nil(t, got)
			}
		})
	}
}

var errLarge = errors.New("a message is too large")

// Who gives a byte and hangs up, again and again, is slow too; who gives none is
// away.
func TestPayloadThatNeverComes(t *testing.T) {
	l, c, nodes := lying(t, hurried())
	asked := 0
	l.payload = func(r *nodev1.SendPayloadRequest, s grpc.ServerStreamingServer[nodev1.SendPayloadResponse]) error {
		if r.GetOffset() != uint64(asked) {
			return record.ErrMalformed.With("asked from %d, had sent %d", r.GetOffset(), asked)
		}
		asked++
		_ = s.Send(chunk(1))
		return context.Canceled // as a node that is going down
	}
	_, err := nodes.Holder(c.shop.id).SendPayload(t.Context(), client.PayloadOrder{Release: record.ReleaseID{1}}, io.Discard)
	require.ErrorIs(t, err, refusal.ErrSlow)
	require.Greater(t, asked, 3)

	gone := &relay{target: c.addresses[c.shop.id], most: 0}
	c.addresses[c.shop.id] = gone.listen(t)
	_, err = nodes.Holder(c.shop.id).SendPayload(t.Context(), client.PayloadOrder{Release: record.ReleaseID{1}}, io.Discard)
	require.ErrorIs(t, err, refusal.ErrUnreachable)
	require.Greater(t, gone.connections(), 1)
}

func TestCandidatesOfALiar(t *testing.T) {
	o := hurried()
	o.Candidates, o.CandidateBytes = 10, 10_000
	l, c, nodes := lying(t, o)
	id := bytes.Repeat([]byte{1}, 16)
	type stream = grpc.ServerStreamingServer[nodev1.CandidatesResponse]
	many := func(n int, r *nodev1.CandidatesResponse) func(stream) error {
		return func(s stream) error {
			for range n {
				if err := s.Send(r); err != nil {
					return err
				}
			}
			return nil
		}
	}
	for _, one := range []struct {
		name string
		send func(stream) error
		want error
	}{
		{"as many as may be", many(10, &nodev1.CandidatesResponse{Record: id, Capsule: make([]byte, 1000)}), nil},
		{"none", many(0, nil), nil},
		{"one too many", many(11, &nodev1.CandidatesResponse{Record: id}), client.ErrAnswer},
		{"for ever", many(1<<40, &nodev1.CandidatesResponse{Record: id}), client.ErrAnswer},
		{"too large together", many(10, &nodev1.CandidatesResponse{Record: id, Capsule: make([]byte, 1001)}), client.ErrAnswer},
		{"of no record", many(1, &nodev1.CandidatesResponse{Capsule: id}), client.ErrAnswer},
		{"a stall", func(s stream) error { <-s.Context().Done(); return nil }, refusal.ErrSlow},
	} {
		t.Run(one.name, func(t *testing.T) {
			l.now(func() { l.candidates = one.send })
			all, err := nodes.Holder(c.shop.id).Candidates(t.Context(), label)
			require.ErrorIs(t, err, one.want)
			if one.want != nil {
				require.Nil(t, all)
			}
		})
	}
}

func delivered() record.DeliverStatement {
	return record.DeliverStatement{
		Release: record.ReleaseID{2}, Consent: record.ConsentID{1}, Record: record.RecordID{1}, Digest: record.Digest{1},
		Holder: record.PartyID{1}, HolderVersion: 1, Capsule: record.Digest{1}, Time: 1,
	}
}

func TestDeliveriesOfALiar(t *testing.T) {
	l, c, nodes := lying(t, hurried())
	s := delivered()
	signature := bytes.Repeat([]byte{1}, len(record.Signature{}))
	for name, r := range map[string]*nodev1.DeliverResponse{
		"nothing":              {},
		"no signature":         {Statement: s.Encode()},
		"a long signature":     {Statement: s.Encode(), Signature: append(signature, 1)},
		"no statement":         {Signature: signature},
		"a statement and more": {Statement: append(s.Encode(), 1), Signature: signature},
	} {
		t.Run(name, func(t *testing.T) {
			l.deliver = func(context.Context) (*nodev1.DeliverResponse, error) { return r, nil }
			got, err := nodes.Holder(c.shop.id).Deliver(t.Context(), client.Order{})
			require.ErrorIs(t, err, client.ErrDelivery)
			require.Nil(t, got)
		})
	}
	l.deliver = func(ctx context.Context) (*nodev1.DeliverResponse, error) { <-ctx.Done(); return nil, ctx.Err() }
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := nodes.Holder(c.shop.id).Deliver(ctx, client.Order{})
	require.ErrorIs(t, err, context.DeadlineExceeded, "the caller's deadline holds")
}

func TestHandoversOfALiar(t *testing.T) {
	l, c, nodes := lying(t, hurried())
	d := client.Demand{Consent: record.ConsentID{1}, Records: []record.RecordID{{1}}}
	right := func(alter func(*nodev1.Handover, *record.DeliverStatement)) *nodev1.Handover {
		s := delivered()
		h := &nodev1.Handover{Release: bytes.Clone(s.Release[:]), Nonce: bytes.Repeat([]byte{1}, 32), Signature: bytes.Repeat([]byte{1}, len(record.Signature{}))}
		alter(h, &s)
		h.Statement = s.Encode()
		return h
	}
	good := right(func(*nodev1.Handover, *record.DeliverStatement) {})
	for name, list := range map[string][]*nodev1.Handover{
		"none":            {},
		"two for one":     {good, good},
		"an empty one":    {{}},
		"another record":  {right(func(_ *nodev1.Handover, s *record.DeliverStatement) { s.Record[0] = 2 })},
		"another consent": {right(func(_ *nodev1.Handover, s *record.DeliverStatement) { s.Consent[0] = 2 })},
		"another release": {right(func(_ *nodev1.Handover, s *record.DeliverStatement) { s.Release[0] = 3 })},
		"no release":      {right(func(h *nodev1.Handover, _ *record.DeliverStatement) { h.Release = nil })},
		"a short nonce":   {right(func(h *nodev1.Handover, _ *record.DeliverStatement) { h.Nonce = h.Nonce[1:] })},
	} {
		t.Run(name, func(t *testing.T) {
			l.release = &nodev1.ReleaseResponse{Handovers: list}
			got, err := nodes.Proxy(c.shop.id).Release(t.Context(), d)
			require.ErrorIs(t, err, client.ErrAnswer)
			require.Nil(t, got)
		})
	}
	l.release = &nodev1.ReleaseResponse{Handovers: []*nodev1.Handover{good}}
	_, err := nodes.Proxy(c.shop.id).Release(t.Context(), d)
	require.NoError(t, err)
}

func TestBatchAnswersOfALiar(t *testing.T) {
	l, c, nodes := lying(t, hurried())
	tx := record.TxID{1}.String()
	batch := record.Batch{Entries: make([]record.Entry, 1)}
	for name, r := range map[string]*nodev1.SubmitBatchResponse{
		"nothing":                {},
		"not JSON":               {Answer: []byte("<html>"), TxId: tx},
		"no transaction":         {Answer: []byte(`{"entries":1,"recorded":1}`)},
		"about more":             {Answer: []byte(`{"entries":1000000000,"recorded":1}`), TxId: tx},
		"about less":             {Answer: []byte(`{"entries":0}`), TxId: tx},
		"recorded more":          {Answer: []byte(`{"entries":1,"recorded":2}`), TxId: tx},
		"a verdict on another":   {Answer: []byte(`{"entries":1,"exceptions":[{"index":1}]}`), TxId: tx},
		"a verdict on a minus":   {Answer: []byte(`{"entries":1,"exceptions":[{"index":-1}]}`), TxId: tx},
		"more verdicts than one": {Answer: []byte(`{"entries":1,"exceptions":[{"index":0},{"index":0}]}`), TxId: tx},
	} {
		t.Run(name, func(t *testing.T) {
			l.batch = r
			got, _, err := nodes.Authority(c.shop.id).Carry(t.Context(), batch)
			require.ErrorIs(t, err, client.ErrAnswer)
			require.Nil(t, got)
		})
	}
	l.batch = &nodev1.SubmitBatchResponse{Answer: []byte(`{"entries":1,"recorded":1}`), TxId: tx, Block: 9}
	_, result, err := nodes.Authority(c.shop.id).Carry(t.Context(), batch)
	require.NoError(t, err)
	require.Equal(t, uint64(9), result.Block)
	require.Equal(t, tx, result.TxID)
}
