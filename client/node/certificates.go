package node

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/claimshare/claimshare/client/ledger"
)

// What a certificate is to a node.
const (
	OwnCertificate     = "fabric"        // the node's Fabric identity
	WalletsCertificate = "wallets"       // shown to wallets
	PeerRoot           = "peers"         // issues the TLS certificates of a peer
	MSPRoot            = "organisations" // issues an organisation's identities
)

// Expiry is when a certificate ends that the node uses.
type Expiry struct {
	Kind     string
	Of       string // whose it is: an MSP, a peer, this node
	File     string // where it is; empty for what the channel's configuration has
	Subject  string
	NotAfter time.Time
	Advice   string // what to do before that
}

// Left is how long a certificate is in force yet; negative when it has expired.
func (e *Expiry) Left(now time.Time) time.Duration { return e.NotAfter.Sub(now) }

// certificates lists every certificate on which the node depends, the first to
// expire first.
func (n *process) certificates() []Expiry {
	connection := n.party.ledger.Connection()
	own := n.mutual.Credential.Current().Leaf
	all := []Expiry{{
		Kind: OwnCertificate, Of: connection.MSPID, File: connection.ClientCert, Subject: own.Subject.String(), NotAfter: own.NotAfter,
		Advice: "have the authority of " + connection.MSPID + " issue a new one for the same subject, and put certificate and key into their files: they are read again without a restart",
	}}
	if n.shown != nil {
		leaf := n.shown.Current().Leaf
		all = append(all, Expiry{
			Kind: WalletsCertificate, Of: n.party.config.Name, File: n.party.config.Wallets.Certificate, Subject: leaf.Subject.String(), NotAfter: leaf.NotAfter,
			Advice: "put a new certificate and key into their files: they are read again without a restart; when another authority issued it, tell those whose directories list this node",
		})
	}
	all = append(all, peerRoots(connection)...)
	for _, a := range n.mutual.Trust.Authorities() {
		all = append(all, Expiry{
			Kind: MSPRoot, Of: a.MSP, Subject: a.Certificate.Subject.String(), NotAfter: a.Certificate.NotAfter,
			Advice: "the administrators of " + a.MSP + " have to put a new authority into the channel's configuration, beside this one, and have certificates issued by it",
		})
	}
	slices.SortStableFunc(all, func(a, b Expiry) int { return a.NotAfter.Compare(b.NotAfter) })
	return all
}

// peerRoots are the authorities behind the peers' TLS certificates. A file that
// cannot be read is not this function's to report.
func peerRoots(connection ledger.Connection) []Expiry {
	var all []Expiry
	seen := map[string]bool{}
	for _, peer := range connection.Peers {
		if seen[peer.TLSRootCert] {
			continue
		}
		seen[peer.TLSRootCert] = true
		found, err := certificatesIn(peer.TLSRootCert)
		if err != nil {
			continue
		}
		for _, c := range found {
			all = append(all, Expiry{
				Kind: PeerRoot, Of: peer.Endpoint, File: peer.TLSRootCert, Subject: c.Subject.String(), NotAfter: c.NotAfter,
				Advice: "get the new one from the peer's operator, append it to the file, and restart the node",
			})
		}
	}
	return all
}

const (
	day         = 24 * time.Hour
	expiryEvery = day
)

// ExpirySoon is how long before its end a certificate is spoken of.
const ExpirySoon = 30 * day

// expiryLoop speaks of certificates that end soon, at start and daily.
func (n *process) expiryLoop(ctx context.Context) error {
	for {
		now := time.Now()
		for _, e := range n.certificates() {
			e.warn(ctx, n.party.log, now)
		}
		if !pause(ctx, expiryEvery) {
			return nil
		}
	}
}

// warn speaks of a certificate in its last 30 days, louder in the last 7, and
// as of an error on the last day and after.
func (e *Expiry) warn(ctx context.Context, log *slog.Logger, now time.Time) {
	left := e.Left(now)
	if left > ExpirySoon {
		return
	}
	level, what := slog.LevelWarn, fmt.Sprintf("a certificate expires in %d days", int(left/day)+1)
	switch {
	case left <= 0:
		level, what = slog.LevelError, "a certificate has expired"
	case left <= day:
		level, what = slog.LevelError, "a certificate expires within a day"
	case left <= 7*day:
		what += ", which is soon"
	}
	log.Log(ctx, level, what, "certificate", e.Kind, "of", e.Of, "subject", e.Subject, "file", cmp.Or(e.File, "the channel's configuration"),
		"expires", e.NotAfter.UTC().Format(time.RFC3339), "do", e.Advice)
}
