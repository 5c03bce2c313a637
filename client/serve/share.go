package serve

import (
	"net"
	"net/netip"
	"sync"
)

// shared is a listener on which neither one address nor a few take all the
// connections that there are. An address may have `most` of them, and no more than
// a quarter of what is free: so each gets less as they fill up, and who has none
// gets one as long as one is left. Who has one too many is hung up on, unread. This
// machine's own addresses have no bound of their own.
//
// With `all` connections, n busy addresses leave at least four times what each of
// them has, all*4/(n+4): 256 of 512 with four of them, 20 with a hundred. Who has
// hundreds of addresses can still take all but a few. When all are taken, the next
// one waits (netutil.LimitListener).
type shared struct {
	net.Listener
	most int
	all  int

	mu    sync.Mutex
	open  map[netip.Prefix]int
	total int
}

func share(l net.Listener, most, all int) *shared {
	return &shared{Listener: l, most: most, all: all, open: map[netip.Prefix]int{}}
}

// Accept waits for a connection of an address that has not got too many.
func (s *shared) Accept() (net.Conn, error) {
	for {
		conn, err := s.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from, counted := subscriber(conn.RemoteAddr())
		if s.enter(from, counted) {
			return &entered{Conn: conn, leave: sync.OnceFunc(func() { s.leave(from, counted) })}, nil
		}
		_ = conn.Close() // nothing was said
	}
}

func (s *shared) enter(from netip.Prefix, counted bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	free := s.all - s.total
	if free <= 0 || counted && s.open[from] >= min(s.most, max(1, free/4)) {
		return false
	}
	s.total++
	if counted {
		s.open[from]++
	}
	return true
}

func (s *shared) leave(from netip.Prefix, counted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if !counted {
		return
	}
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
