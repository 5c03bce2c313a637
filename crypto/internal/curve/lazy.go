package curve

import (
	"sync"
	"sync/atomic"
)

// tableAfter is how many powers of a base are worth its table.
const tableAfter = 32

// Lazy is a table that is built when its base has been used often enough. Safe
// for concurrent use; one caller builds while others wait.
type Lazy[T any] struct {
	build func() *T
	uses  atomic.Int32
	once  sync.Once
	table atomic.Pointer[T]
}

// NewLazy makes a table that build will build.
func NewLazy[T any](build func() *T) *Lazy[T] { return &Lazy[T]{build: build} }

// Use counts one use and returns the table, or nil while it is not worth it.
func (l *Lazy[T]) Use() *T {
	if t := l.table.Load(); t != nil {
		return t
	}
	if l.uses.Add(1) < tableAfter {
		return nil
	}
	l.once.Do(func() { l.table.Store(l.build()) })
	return l.table.Load()
}

// Warm builds the table now.
func (l *Lazy[T]) Warm() {
	l.uses.Store(tableAfter)
	l.Use()
}
