package sqldb

import (
	"context"
	"slices"
	"sync"
)

// together lets small changes that come at the same time share a transaction,
// and with it one wait for the disk.
type together struct {
	writing chan struct{} // has room for one: who writes, for all that wait

	mu      sync.Mutex
	waiting []*errand
}

// errand is a small change. It must not be able to get in another's way, and
// safe to make twice.
type errand struct {
	make func(context.Context, txn) error
	done chan error // has room for the answer
}

// most bounds how many changes share a transaction.
const most = 64

func newTogether() *together { return &together{writing: make(chan struct{}, 1)} }

// run makes a small change, with those that wait at the time. Once it has
// been begun it is seen to its end: who gives up then does not know of it.
func (db *DB) run(ctx context.Context, f func(context.Context, txn) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	t, mine := db.together, &errand{f, make(chan error, 1)}
	t.add(mine)
	for {
		select {
		case err := <-mine.done:
			return err
		case <-ctx.Done():
			t.withdraw(mine)
			return context.Cause(ctx)
		case t.writing <- struct{}{}:
		}
		db.make(context.WithoutCancel(ctx), t.take())
		<-t.writing
	}
}

// make makes changes in one transaction, or each in its own if one of them
// fails.
func (db *DB) make(ctx context.Context, changes []*errand) {
	if len(changes) == 0 {
		return
	}
	err := db.update(ctx, func(tx txn) error {
		for _, c := range changes {
			if err := c.make(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
	for _, c := range changes {
		if err != nil && len(changes) > 1 {
			c.done <- db.update(ctx, func(tx txn) error { return c.make(ctx, tx) })
			continue
		}
		c.done <- err
	}
}

func (t *together) add(c *errand) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting = append(t.waiting, c)
}

// take answers those that have waited longest; none if others were faster.
func (t *together) take() []*errand {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := min(len(t.waiting), most)
	taken := slices.Clone(t.waiting[:n])
	t.waiting = slices.Delete(t.waiting, 0, n)
	return taken
}

// withdraw takes back a change that has not been begun.
func (t *together) withdraw(c *errand) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting = slices.DeleteFunc(t.waiting, func(other *errand) bool { return other == c })
}
