package load

import (
	"context"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/claimshare/claimshare/client/ledger"
)

// An Order is one transaction, ready to be submitted.
type Order struct {
	Call ledger.Call
	// Items is what it carries: records, or puts.
	Items int
	// Check reads the answer of the contract and says whether it did what was
	// asked; nil takes any answer.
	Check func(answer []byte) error
}

// A Source hands out orders. Many ask at once. It says false when there are no
// more.
type Source interface {
	Next(ctx context.Context) (Order, bool)
}

// Stock is a Source of orders that were made beforehand.
type Stock struct {
	orders []Order
	taken  atomic.Int64
}

// Left is how many orders are in stock.
func (s *Stock) Left() int { return max(0, len(s.orders)-int(s.taken.Load())) }

// Next takes an order out of the stock.
func (s *Stock) Next(context.Context) (Order, bool) {
	i := int(s.taken.Add(1)) - 1
	if i >= len(s.orders) {
		return Order{}, false
	}
	return s.orders[i], true
}

// Prepare fills a stock with n orders, on all processors.
func Prepare(ctx context.Context, n int, produce func(i int) (Order, error)) (*Stock, error) {
	s := &Stock{orders: make([]Order, n)}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range n {
		group.Go(func() (err error) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			s.orders[i], err = produce(i)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return s, nil
}

// Stream is a Source whose orders are made while earlier ones are submitted.
type Stream struct {
	orders chan Order
	err    error // set before orders is closed
}

// Produce starts making n orders on one processor, a few ahead. It ends with
// ctx.
func Produce(ctx context.Context, n int, produce func(i int) (Order, error)) *Stream {
	const ahead = 256
	s := &Stream{orders: make(chan Order, ahead)}
	go func() {
		defer close(s.orders)
		for i := range n {
			order, err := produce(i)
			if err != nil {
				s.err = err
				return
			}
			select {
			case s.orders <- order:
			case <-ctx.Done():
				s.err = ctx.Err()
				return
			}
		}
	}()
	return s
}

// Next waits for the next order.
func (s *Stream) Next(ctx context.Context) (Order, bool) {
	select {
	case order, more := <-s.orders:
		return order, more
	case <-ctx.Done():
		return Order{}, false
	}
}

// Err is why the stream ended early. It may be asked once Next has said false
// to a context that has not ended.
func (s *Stream) Err() error { return s.err }
