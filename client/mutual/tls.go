package mutual

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc/credentials"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/wire/refusal"
)

// ServerCredentials is the accepting side: only members of the channel's
// organisations get through the handshake. Which party one is, is a question for
// [Node.Identify].
func (n *Node) ServerCredentials() credentials.TransportCredentials {
	note := &rate.Sometimes{First: 20, Interval: time.Second} // strangers do not fill the log
	return credentials.NewTLS(&tls.Config{
		MinVersion:             tls.VersionTLS13,
		NextProtos:             []string{"h2"},
		SessionTicketsDisabled: true, // every connection shows its certificate
		GetCertificate:         func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return n.Credential.Current(), nil },
		ClientAuth:             tls.RequireAnyClientCert, // VerifyConnection does the rest
		VerifyConnection: func(s tls.ConnectionState) error {
			_, _, err := n.verify(context.Background(), s)
			if err != nil {
				note.Do(func() { n.Log.Warn("a caller is refused", "error", err) })
			}
			return err
		},
	})
}

// ClientCredentials is the calling side: it speaks with that party only. Seen,
// which may be nil, is told the certificate that the party showed.
func (n *Node) ClientCredentials(id record.PartyID, seen func(*x509.Certificate)) credentials.TransportCredentials {
	return credentials.NewTLS(&tls.Config{
		MinVersion:             tls.VersionTLS13,
		NextProtos:             []string{"h2"},
		SessionTicketsDisabled: true,
		// Not the host name but the party is verified, in VerifyConnection.
		InsecureSkipVerify:   true,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return n.Credential.Current(), nil },
		VerifyConnection: func(s tls.ConnectionState) error {
			leaf, err := n.expect(context.Background(), id, s)
			if err != nil {
				n.Log.Warn("a node is not the party that it should be", "party", id, "error", err)
				return err
			}
			if seen != nil {
				seen(leaf)
			}
			return nil
		},
	})
}

func (n *Node) verify(ctx context.Context, s tls.ConnectionState) (*x509.Certificate, []string, error) {
	if s.Version < tls.VersionTLS13 || len(s.PeerCertificates) == 0 {
		return nil, nil, fmt.Errorf("%w: none was shown", refusal.ErrCertificate)
	}
	leaf := s.PeerCertificates[0]
	msps, err := n.Trust.Verify(ctx, leaf)
	return leaf, msps, err
}

func (n *Node) expect(ctx context.Context, id record.PartyID, s tls.ConnectionState) (*x509.Certificate, error) {
	leaf, msps, err := n.verify(ctx, s)
	if err != nil {
		return nil, err
	}
	party, err := n.Registry.Party(ctx, id)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(msps, party.MSP) || leaf.Subject.String() != party.Subject {
		return nil, fmt.Errorf("%w: it is of %s in %v; party %s is %s in %s", refusal.ErrCertificate, leaf.Subject, msps, id, party.Subject, party.MSP)
	}
	return leaf, nil
}

// Accepts reports whether a certificate that was accepted would be so now. A
// connection that outlives its certificate is to be closed.
func (n *Node) Accepts(ctx context.Context, c *x509.Certificate) error {
	if time.Now().After(c.NotAfter) {
		return fmt.Errorf("%w: it has expired", refusal.ErrCertificate)
	}
	_, err := n.Trust.Verify(ctx, c)
	return err
}
