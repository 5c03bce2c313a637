package serve

import (
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// callers is a listener that is called from addresses, one after the other.
type callers struct {
	net.Listener
	from []string
	hung []*line
}

var errNoMore = errors.New("nobody calls any more")

func (c *callers) Accept() (net.Conn, error) {
	if len(c.from) == 0 {
		return nil, errNoMore
	}
	l := &line{from: &net.TCPAddr{IP: net.ParseIP(c.from[0]), Port: 4000}}
	c.from, c.hung = c.from[1:], append(c.hung, l)
	return l, nil
}

type line struct {
	net.Conn
	from   *net.TCPAddr
	closed int
}

func (l *line) RemoteAddr() net.Addr { return l.from }
func (l *line) Close() error         { l.closed++; return nil }

func TestOneAddressDoesNotTakeAllConnections(t *testing.T) {
	in := &callers{from: []string{
		"192.0.2.1", "192.0.2.1", "192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2",
		"2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1",
		"127.0.0.1", "127.0.0.1", "127.0.0.1", "::1",
	}}
	s := share(in, 2, 100)
	var open []net.Conn
	for {
		conn, err := s.Accept()
		if errors.Is(err, errNoMore) {
			break
		}
		require.NoError(t, err)
		open = append(open, conn)
	}
	var refused []int
	for i, l := range in.hung {
		if l.closed > 0 {
			refused = append(refused, i)
		}
	}
	require.Equal(t, []int{2, 3, 7}, refused)
	for _, conn := range open {
		require.NoError(t, conn.Close())
		require.NoError(t, conn.Close())
	}
	require.Empty(t, s.open)
	in.from = []string{"192.0.2.1"}
	_, err := s.Accept()
	require.NoError(t, err, "who hangs up may call again")
}

// A few busy addresses leave room for others, and this machine's own; when there
// is no room at all, nobody gets in.
func TestAFewAddressesDoNotTakeAllConnections(t *testing.T) {
	const all, busy = 512, 8
	in := &callers{}
	for range 200 {
		for i := range busy {
			in.from = append(in.from, fmt.Sprintf("192.0.2.%d", i+1))
		}
	}
	s := share(in, 128, all)
	var open []net.Conn
	accept := func(from ...string) (got int) {
		in.from = append(in.from, from...)
		for {
			conn, err := s.Accept()
			if errors.Is(err, errNoMore) {
				return got
			}
			require.NoError(t, err)
			open, got = append(open, conn), got+1
		}
	}
	require.Equal(t, all-all*4/(busy+4), accept()+1, "a third is left, to within one")
	require.Zero(t, accept("192.0.2.1", "192.0.2.8"), "who has its share")
	require.Equal(t, 1, accept("198.51.100.1"), "who has nothing yet")
	for i := 0; s.total < all; i++ {
		require.Equal(t, 1, accept(fmt.Sprintf("2001:db8:%x::1", i)), "everybody gets one")
	}
	require.Zero(t, accept("203.0.113.1", "127.0.0.1"))
	for _, conn := range open {
		require.NoError(t, conn.Close())
	}
	require.Zero(t, s.total)
	require.Empty(t, s.open)
	require.Equal(t, 1, accept("203.0.113.1"))
}
