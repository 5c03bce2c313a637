package load

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/network/launch"
)

// A Site is a running network with a connection for every identity.
type Site struct {
	Network *launch.Network
	ledgers map[string]*ledger.Ledger
	channel string
}

// Visit connects to a running network. Close the site.
func Visit(network *launch.Network) (*Site, error) {
	s := &Site{Network: network, ledgers: map[string]*ledger.Ledger{}, channel: network.Topology().Channel}
	for _, who := range network.Topology().Identities() {
		connection, err := ledger.LoadConnection(network.ConnectionFile(who.Name))
		if err == nil {
			s.ledgers[who.Name], err = ledger.Dial(connection)
		}
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// Close ends the connections; the network stays.
func (s *Site) Close() error {
	var all []error
	for _, l := range s.ledgers {
		if l != nil {
			all = append(all, l.Close())
		}
	}
	return errors.Join(all...)
}

// Ledger is the connection of an identity.
func (s *Site) Ledger(identity string) (*ledger.Ledger, error) {
	l, known := s.ledgers[identity]
	if !known {
		return nil, fmt.Errorf("the network has no identity %q", identity)
	}
	return l, nil
}

// blockFiles is the folder with the block files of the peer that answers the
// identity.
func (s *Site) blockFiles(identity string) (string, error) {
	for _, who := range s.Network.Topology().Identities() {
		if who.Name != identity {
			continue
		}
		status, err := s.Network.Status()
		if err != nil {
			return "", err
		}
		for _, process := range status.Processes {
			if process.Kind == launch.PeerProcess && process.MSPID == who.Organization.MSPID {
				return filepath.Join(process.Ledger, "ledgersData", "chains", "chains", s.channel), nil
			}
		}
	}
	return "", fmt.Errorf("no peer of %q runs on this machine", identity)
}

// settle waits until every peer has what the first one has, so that nobody
// still works on an earlier run. It tells how long that took.
func (s *Site) settle(ctx context.Context, l *ledger.Ledger) (time.Duration, error) {
	const pause = 20 * time.Millisecond
	began := time.Now()
	want, err := l.Height(ctx)
	if err != nil {
		return 0, err
	}
	for _, other := range s.ledgers {
		for {
			height, err := other.Height(ctx)
			if err != nil {
				return 0, err
			}
			if height >= want {
				break
			}
			select {
			case <-ctx.Done():
				return 0, ctx.Err()
			case <-time.After(pause):
			}
		}
	}
	return time.Since(began), nil
}

// settleAll waits until every peer has what any of them has.
func (s *Site) settleAll(ctx context.Context) error {
	for _, l := range s.ledgers {
		if _, err := s.settle(ctx, l); err != nil {
			return err
		}
	}
	return nil
}
