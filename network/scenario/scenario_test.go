package scenario

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func newStub(t *testing.T, clock Clock) *Stub {
	t.Helper()
	s, err := NewStub(Topology(), clock)
	require.NoError(t, err)
	return s
}

// Two stubs live at different times, have different certificates and draw
// different transaction ids. What the suite compares must not depend on that.
func TestStub(t *testing.T) {
	clock := NewSetClock(time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC))
	Run(t, clock, newStub(t, clock), newStub(t, later{clock}))
}

// later is a clock that is half a second ahead.
type later struct{ Clock }

func (c later) Now() time.Time { return c.Clock.Now().Add(500 * time.Millisecond) }
