package mutual

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/wire/refusal"
)

// anchors is whom one state of the channel's configuration trusts.
type anchors struct {
	msps    []anchor
	fetched time.Time

	mu       sync.Mutex
	verdicts map[[32]byte]verdict // of certificates, by SHA-256
}

// maxVerdicts bounds what is remembered; a certificate costs some 100 bytes.
const maxVerdicts = 4096

// verdict is that a certificate is of these MSPs until a time.
type verdict struct {
	msps  []string
	until time.Time
}

// anchor is one MSP's authorities.
type anchor struct {
	id            string
	authorities   []*x509.Certificate // all of both
	roots         *x509.CertPool
	intermediates *x509.CertPool
	revoked       map[revocation]bool
}

// revocation names a certificate as a revocation list does.
type revocation struct{ issuer, serial string }

func newAnchor(m ledger.MSP) (*anchor, error) {
	a := &anchor{id: m.ID, roots: x509.NewCertPool(), intermediates: x509.NewCertPool(), revoked: map[revocation]bool{}}
	for _, kind := range []struct {
		list [][]byte
		pool *x509.CertPool
	}{{m.Roots, a.roots}, {m.Intermediates, a.intermediates}} {
		for _, der := range kind.list {
			c, err := x509.ParseCertificate(der)
			if err != nil {
				return nil, fmt.Errorf("an authority's certificate: %w", err)
			}
			kind.pool.AddCert(c)
			a.authorities = append(a.authorities, c)
		}
	}
	for _, der := range m.Revocations {
		list, err := x509.ParseRevocationList(der)
		if err != nil {
			return nil, fmt.Errorf("a revocation list: %w", err)
		}
		a.revoke(list)
	}
	return a, nil
}

// revoke takes a list that one of its authorities has signed; another's says
// nothing about this MSP's certificates, as in Fabric. A list that is overdue is
// still right about what it names.
func (a *anchor) revoke(list *x509.RevocationList) {
	for _, authority := range a.authorities {
		if !bytes.Equal(authority.RawSubject, list.RawIssuer) || list.CheckSignatureFrom(authority) != nil {
			continue
		}
		for _, entry := range list.RevokedCertificateEntries {
			a.revoked[revocation{string(list.RawIssuer), entry.SerialNumber.String()}] = true
		}
		return
	}
}

// errUnknownAuthority: no MSP of this state of the configuration knows the
// certificate's issuer. A newer state may.
var errUnknownAuthority = errors.New("no organisation of the channel issued it")

// verify answers the MSPs whose member the certificate is: one, unless an
// organisation lists another's authority as its own.
func (a *anchors) verify(c *x509.Certificate, now time.Time) ([]string, error) {
	sum := sha256.Sum256(c.Raw)
	a.mu.Lock()
	known, found := a.verdicts[sum]
	a.mu.Unlock()
	if found && now.Before(known.until) {
		return known.msps, nil
	}
	fresh, err := a.judge(c, now)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", refusal.ErrCertificate, c.Subject, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.verdicts) >= maxVerdicts {
		clear(a.verdicts)
	}
	a.verdicts[sum] = *fresh
	return fresh.msps, nil
}

func (a *anchors) judge(c *x509.Certificate, now time.Time) (*verdict, error) {
	switch {
	case c.IsCA:
		return nil, errors.New("it is an authority's, not a member's")
	case now.After(c.NotAfter):
		return nil, fmt.Errorf("it expired on %s", c.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(c.NotBefore):
		return nil, fmt.Errorf("it begins on %s; compare the clocks", c.NotBefore.UTC().Format(time.RFC3339))
	}
	v := &verdict{until: c.NotAfter}
	var why error
	for i := range a.msps {
		until, err := a.msps[i].vouches(c, now)
		if err != nil {
			if why == nil || !errors.As(err, new(x509.UnknownAuthorityError)) {
				why = err
			}
			continue
		}
		v.msps = append(v.msps, a.msps[i].id)
		if until.Before(v.until) {
			v.until = until
		}
	}
	if len(v.msps) > 0 {
		return v, nil
	}
	if why == nil || errors.As(why, new(x509.UnknownAuthorityError)) {
		return nil, errUnknownAuthority
	}
	return nil, why
}

// vouches answers until when an unrevoked chain leads to a root.
func (a *anchor) vouches(c *x509.Certificate, now time.Time) (time.Time, error) {
	chains, err := c.Verify(x509.VerifyOptions{
		Roots: a.roots, Intermediates: a.intermediates, CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}, // Fabric's enrolment certificates name none
	})
	if err != nil {
		return time.Time{}, err
	}
	for _, chain := range chains {
		until, revoked := chain[0].NotAfter, false
		for i, link := range chain {
			if link.NotAfter.Before(until) {
				until = link.NotAfter
			}
			issuer := chain[min(i+1, len(chain)-1)]
			revoked = revoked || a.revoked[revocation{string(issuer.RawSubject), link.SerialNumber.String()}]
		}
		if !revoked {
			return until, nil
		}
	}
	return time.Time{}, fmt.Errorf("%s has revoked it", a.id)
}
