package serve

import (
	"net"
	"net/netip"
	"sync"
)

// shared is a listener on which one address does not take all the connections
// that there are. Who has one too many is hung up on, unread. This machine's own
// addresses are not counted.
type shared struct {
	net.Listener
	most int

	mu   sync.Mutex
	open map[netip.Prefix]int
}

func share(l net.Listener, most int) *shared {
	return &shared{Listener: l, most: most, open: map[netip.Prefix]int{}}
}

// Accept waits for a connection of an address that has not got too many.
func (s *shared) Accept() (net.Conn, error) {
	for {
		conn, err := s.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from, counted := subscriber(conn.RemoteAddr())
		if !counted {
			return conn, nil
		}
		if s.enter(from) {
			return &entered{Conn: conn, leave: sync.OnceFunc(func() { s.leave(from) })}, nil
		}
		_ = conn.Close() // nothing was said
	}
}

func (s *shared) enter(from netip.Prefix) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[from] >= s.most {
		return false
	}
	s.open[from]++
	return true
}

func (s *shared) leave(from netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[from]--; s.open[from] == 0 {
		delete(s.open, from)
	}
}

// entered is a connection that is counted until it is closed.
type entered struct {
	net.Conn
	leave func()
}

// Close ends the connection.
func (c *entered) Close() error {
	c.leave()
	return c.Conn.Close()
}

// subscriber is whose address it is: an IPv6 address counts by its first half.
// It is false for this machine's own and for what is no IP address.
func subscriber(a net.Addr) (netip.Prefix, bool) {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}, false
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	if !ip.IsValid() || ip.IsLoopback() {
		return netip.Prefix{}, false
	}
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	p, err := ip.Prefix(bits)
	return p, err == nil
}
