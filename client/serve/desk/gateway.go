package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
)

// Gateway is the GatewayService: the ledger as a policyholder may see it, and a
// carrier for what it has signed.
type Gateway struct {
	nodev1.UnimplementedGatewayServiceServer
	chain *client.Chain
}

// NewGateway makes the service of a member's node, over its view of the ledger.
func NewGateway(chain *client.Chain) *Gateway { return &Gateway{chain: chain} }

// Bounds of a query.
const (
	maxArgs = 3
	maxArg  = 256 // bytes: identifiers and bookmarks
)

// admission is the rule for one query: who may ask it, judged by its first
// argument before, and by its answer after it was asked.
type admission struct {
	before  func(caller *record.Party, first string) error
	after   func(caller *record.Party, answer []byte) error
	unknown *record.Error // what is answered about what is not there or is another's
}

// about is a query about what belongs to one owner. The answer says whose it is:
// another's is treated as if there were none.
func about(unknown *record.Error) admission {
	return admission{unknown: unknown, after: func(caller *record.Party, answer []byte) error {
		var d struct {
			Owner record.PartyID `json:"owner"`
		}
		if err := json.Unmarshal(answer, &d); err != nil {
			return fmt.Errorf("desk: the ledger's answer: %w", err)
		}
		if d.Owner != caller.ID {
			return unknown
		}
		return nil
	}}
}

// own is a list of the caller's.
var own = admission{before: func(caller *record.Party, first string) error {
	if first != caller.ID.String() && first != caller.PID {
		return record.ErrForbidden.With("a wallet asks about its own affairs only")
	}
	return nil
}}

// public is a query about a party: an organisation, or the caller itself.
func public(id func(answer []byte) (record.PartyID, record.Role, error)) admission {
	return admission{unknown: record.ErrPartyUnknown, after: func(caller *record.Party, answer []byte) error {
		party, role, err := id(answer)
		if err != nil {
			return fmt.Errorf("desk: the ledger's answer: %w", err)
		}
		if role == record.RolePolicyholder && party != caller.ID {
			return record.ErrPartyUnknown
		}
		return nil
	}}
}

func partyOf(answer []byte) (record.PartyID, record.Role, error) {
	var p struct {
		ID   record.PartyID `json:"id"`
		Role record.Role    `json:"role"`
	}
	err := json.Unmarshal(answer, &p)
	return p.ID, p.Role, err
}

func standingOf(answer []byte) (record.PartyID, record.Role, error) {
	var s struct {
		Party record.PartyID `json:"party"`
		Role  record.Role    `json:"role"`
	}
	err := json.Unmarshal(answer, &s)
	return s.Party, s.Role, err
}

// admissions are the queries that wallets may ask; there are no others.
var admissions = map[string]admission{
	record.TxSystem:          {},
	record.TxParty:           public(partyOf),
	record.TxStanding:        public(standingOf),
	record.TxRecord:          about(record.ErrRecordUnknown),
	record.TxRecordVersion:   about(record.ErrRecordUnknown),
	record.TxRequest:         about(record.ErrRequestUnknown),
	record.TxConsent:         about(record.ErrConsentUnknown),
	record.TxReleaseByID:     about(record.ErrReleaseUnknown),
	record.TxRecordsByOwner:  own,
	record.TxRequestsByOwner: own,
	record.TxConsentsByOwner: own,
	record.TxReleasesByOwner: own,
}

// Evaluate asks a query for the caller.
func (g *Gateway) Evaluate(ctx context.Context, r *nodev1.EvaluateRequest) (*nodev1.EvaluateResponse, error) {
	caller, err := owner(ctx)
	if err != nil {
		return nil, err
	}
	rule, ok := admissions[r.GetTransaction()]
	if !ok {
		return nil, record.ErrForbidden.With("wallets do not ask this query")
	}
	args := r.GetArgs()
	if len(args) > maxArgs {
		return nil, record.ErrMalformed.With("a query has at most %d arguments", maxArgs)
	}
	for _, arg := range args {
		if len(arg) > maxArg {
			return nil, record.ErrMalformed.With("an argument has at most %d bytes", maxArg)
		}
	}
	if rule.before != nil {
		if err := rule.before(caller, append(args, "")[0]); err != nil {
			return nil, err
		}
	}
	contract, transaction, _ := strings.Cut(r.GetTransaction(), ":")
	answer, err := g.chain.Ledger().Evaluate(ctx, contract, transaction, args...)
	if rule.unknown != nil && errors.Is(err, rule.unknown) {
		return nil, rule.unknown // in the very words in which another's is
	}
	if err != nil {
		return nil, err
	}
	if rule.after != nil {
		if err := rule.after(caller, answer); err != nil {
			return nil, err
		}
	}
	return &nodev1.EvaluateResponse{Answer: answer}, nil
}

// Height is how many blocks the peer has.
func (g *Gateway) Height(ctx context.Context, _ *nodev1.HeightRequest) (*nodev1.HeightResponse, error) {
	height, err := g.chain.Ledger().Height(ctx)
	if err != nil {
		return nil, err
	}
	return &nodev1.HeightResponse{Height: height}, nil
}

// CarryGrant puts the caller's own signed consent on the ledger.
func (g *Gateway) CarryGrant(ctx context.Context, r *nodev1.CarryGrantRequest) (*nodev1.CarryGrantResponse, error) {
	caller, err := owner(ctx)
	if err != nil {
		return nil, err
	}
	s, err := record.DecodeGrantStatement(r.GetStatement())
	if err != nil {
		return nil, err
	}
	sig, err := signature(r.GetSignature())
	if err != nil {
		return nil, err
	}
	if s.Owner != caller.ID {
		return nil, record.ErrForbidden.With("the consent is another owner's")
	}
	if _, err := g.chain.CarryGrant(ctx, *s, sig); err != nil {
		return nil, err
	}
	return &nodev1.CarryGrantResponse{AsOf: g.chain.Seen()}, nil
}

// CarryRevocation puts the caller's own signed withdrawal on the ledger.
func (g *Gateway) CarryRevocation(ctx context.Context, r *nodev1.CarryRevocationRequest) (*nodev1.CarryRevocationResponse, error) {
	caller, err := owner(ctx)
	if err != nil {
		return nil, err
	}
	s, err := record.DecodeRevokeStatement(r.GetStatement())
	if err != nil {
		return nil, err
	}
	sig, err := signature(r.GetSignature())
	if err != nil {
		return nil, err
	}
	if s.Owner != caller.ID {
		return nil, record.ErrForbidden.With("the withdrawal is another owner's")
	}
	if _, err := g.chain.CarryRevocation(ctx, *s, sig); err != nil {
		return nil, err
	}
	return &nodev1.CarryRevocationResponse{AsOf: g.chain.Seen()}, nil
}
