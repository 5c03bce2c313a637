package pace

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/client/wire/refusal"
)

var limits = Limits{Idle: 10 * time.Second, Grace: 30 * time.Second, Rate: 1000}

func TestPace(t *testing.T) {
	for _, c := range []struct {
		name        string
		wait, work  time.Duration // per message
		bytes, most int           // of messages
		slow        bool
	}{
		{"fast", time.Millisecond, 0, 1000, 1000, false},
		{"stalled", 11 * time.Second, 0, 1000, 1, true},
		{"a trickle", 9 * time.Second, 0, 1, 4, true},
		{"just fast enough", time.Second, 0, 1001, 1000, false},
		{"a little too slow", time.Second, 0, 900, 400, true},
		{"slow only on this side", 0, time.Minute, 1, 100, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, ctx := New(t.Context(), limits)
				for range c.most {
					m.Begin()
					time.Sleep(c.wait)
					m.End(c.bytes)
					time.Sleep(c.work)
				}
				synctest.Wait()
				if c.slow {
					require.ErrorIs(t, context.Cause(ctx), refusal.ErrSlow)
				} else {
					require.NoError(t, ctx.Err())
				}
				m.Stop()
				m.Stop()
				require.Error(t, ctx.Err())
			})
		})
	}
}
