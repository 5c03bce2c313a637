package mutual

import (
	"context"
	"fmt"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/wire/refusal"
)

// Caller is who is at the other end of a call.
type Caller struct {
	Party   *record.Party
	MSP     string
	Subject string // of the certificate
}

type callerKey struct{}

// With puts a caller into the context.
func With(ctx context.Context, c *Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// From is the caller in the context. It returns [record.ErrUnknownCaller] when
// nobody was identified: a service that asks is safe behind any listener.
func From(ctx context.Context) (*Caller, error) {
	c, _ := ctx.Value(callerKey{}).(*Caller)
	if c == nil {
		return nil, record.ErrUnknownCaller.With("the caller showed no certificate")
	}
	return c, nil
}

// Identify puts the party that calls into the context. It verifies the
// connection's certificate again, since connections may last longer than a
// certificate, and asks the ledger for the party, as it was no longer than
// [Timing.Status] ago. It returns [refusal.ErrCertificate],
// [record.ErrUnknownCaller], [record.ErrSuspended] and [record.ErrExpelled]; as
// on the ledger, a system manager's status does not keep it out.
func (n *Node) Identify(ctx context.Context) (context.Context, error) {
	from, ok := peer.FromContext(ctx)
	if !ok {
		return nil, fmt.Errorf("%w: none was shown", refusal.ErrCertificate)
	}
	info, ok := from.AuthInfo.(credentials.TLSInfo)
	if !ok {
		return nil, fmt.Errorf("%w: none was shown", refusal.ErrCertificate)
	}
	leaf, msps, err := n.verify(ctx, info.State)
	if err != nil {
		return nil, err
	}
	party, err := n.Registry.Member(ctx, msps, leaf.Subject.String())
	if err != nil {
		return nil, err
	}
	if err := admitted(party); err != nil {
		return nil, err
	}
	return With(ctx, &Caller{Party: party, MSP: party.MSP, Subject: party.Subject}), nil
}

func admitted(p *record.Party) error {
	switch {
	case p.Role == record.RoleAuthority:
		return nil
	case p.Status == record.StatusSuspended:
		return record.ErrSuspended.With("party %s is suspended", p.ID)
	case p.Status == record.StatusExpelled:
		return record.ErrExpelled.With("party %s is expelled", p.ID)
	}
	return nil
}
