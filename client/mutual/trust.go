package mutual

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/wire/refusal"
)

// Organisations answers the channel's MSPs; *[ledger.Ledger] does.
type Organisations interface {
	Organisations(ctx context.Context) ([]ledger.MSP, error)
}

// Trust says which MSP a certificate is a member of, by the channel's
// configuration.
type Trust struct {
	source Organisations
	log    *slog.Logger
	timing Timing

	current atomic.Pointer[anchors]
	mu      sync.Mutex // held while asking
	asked   time.Time
}

// NewTrust reads the channel's MSPs.
func NewTrust(ctx context.Context, source Organisations, log *slog.Logger, t Timing) (*Trust, error) {
	trust := &Trust{source: source, log: log, timing: t}
	if err := trust.ask(ctx); err != nil {
		return nil, err
	}
	return trust, nil
}

// Refresh reads the channel's MSPs now, for instance after a block that changed
// the configuration.
func (t *Trust) Refresh(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ask(ctx)
}

func (t *Trust) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, t.timing.Patience)
	defer cancel()
	t.asked = time.Now()
	msps, err := t.source.Organisations(ctx)
	if err != nil {
		return fmt.Errorf("mutual: the channel's organisations: %w", err)
	}
	next := &anchors{fetched: t.asked, verdicts: map[[32]byte]verdict{}}
	for _, m := range msps {
		a, err := newAnchor(m)
		if err != nil {
			t.log.Error("nobody of this organisation is let in: its MSP in the channel's configuration is damaged", "msp", m.ID, "error", err)
			continue
		}
		next.msps = append(next.msps, *a)
	}
	t.current.Store(next)
	return nil
}

// An Authority issues an MSP's certificates.
type Authority struct {
	MSP         string
	Certificate *x509.Certificate
}

// Authorities lists the roots and intermediates of the channel's MSPs, as they
// are known.
func (t *Trust) Authorities() []Authority {
	var all []Authority
	for _, m := range t.current.Load().msps {
		for _, c := range m.authorities {
			all = append(all, Authority{m.id, c})
		}
	}
	return all
}

// Verify answers the MSPs that the certificate is a member of. The error is
// [refusal.ErrCertificate], or that the channel's configuration is out of reach
// and the one known is stale. A certificate of an unknown authority makes it
// look at the configuration anew, at most once in [Timing.Pause].
func (t *Trust) Verify(ctx context.Context, c *x509.Certificate) ([]string, error) {
	have, err := t.anchors(ctx, t.timing.Fresh)
	if err != nil {
		return nil, err
	}
	msps, err := have.verify(c, time.Now())
	if !errors.Is(err, errUnknownAuthority) {
		return msps, err
	}
	newer, askErr := t.anchors(ctx, t.timing.Pause)
	if askErr != nil || newer == have {
		return nil, err
	}
	return newer.verify(c, time.Now())
}

// anchors is the channel's MSPs, no older than fresh if that can be had.
func (t *Trust) anchors(ctx context.Context, fresh time.Duration) (*anchors, error) {
	have := t.current.Load()
	if time.Since(have.fetched) < fresh {
		return have, nil
	}
	if !t.mu.TryLock() {
		if fresh == t.timing.Fresh && time.Since(have.fetched) < t.timing.Stale {
			return have, nil // while another asks
		}
		t.mu.Lock() // for as long as the question takes, at most Patience
	}
	defer t.mu.Unlock()
	have = t.current.Load()
	if time.Since(have.fetched) < fresh {
		return have, nil
	}
	var err error
	if time.Since(t.asked) >= t.timing.Pause {
		// Whoever hangs up meanwhile must not stop it for the others.
		err = t.ask(context.WithoutCancel(ctx))
	}
	have = t.current.Load()
	if err != nil {
		t.log.Warn("the channel's organisations cannot be asked for", "error", err, "known since", have.fetched)
	}
	if time.Since(have.fetched) > t.timing.Stale {
		return nil, fmt.Errorf("%w: its organisations are known as of %s only", refusal.ErrLedger, have.fetched.UTC().Format(time.RFC3339))
	}
	return have, nil
}
