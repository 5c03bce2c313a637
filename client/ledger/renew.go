package ledger

import (
	"bytes"
	"fmt"
)

// Renew reads certificate and key again and, when they are new, has every call
// that begins from now on made with them; calls in progress end with the pair
// that they began with. It reports whether the pair was new. The new certificate
// has to have the old one's subject, since it is this party's by that. After an
// error, which is ErrConnection, the pair from before stays.
func (l *Ledger) Renew() (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	next, err := l.connection.signer()
	if err != nil {
		return false, err
	}
	have := l.peers[0].session().certificate
	if bytes.Equal(have.Raw, next.certificate.Raw) {
		return false, nil
	}
	if is, was := next.certificate.Subject.String(), have.Subject.String(); is != was {
		return false, fmt.Errorf("%w: client certificate %s is of %s, and the one before of %s; name one of the same subject", ErrConnection, l.connection.ClientCert, is, was)
	}
	for _, p := range l.peers {
		if err := p.actAs(next); err != nil {
			return false, err
		}
	}
	return true, nil
}
