package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/document"
	"github.com/claimshare/claimshare/client/store"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/crypto/pseudonym"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// operator is the service on the operator socket.
type operator struct {
	nodev1.UnimplementedOperatorServiceServer
	party  *party
	others others
}

// forMembers refuses what only insurers and repair shops do.
func (o *operator) forMembers() error {
	if o.party.member == nil {
		return status.Errorf(codes.FailedPrecondition, "this node is a %s: ask an insurer's or repair shop's", o.party.role)
	}
	return nil
}

func (o *operator) forAuthority() error {
	if o.party.authority == nil {
		return status.Errorf(codes.FailedPrecondition, "this node is a %s: ask the authority's", o.party.role)
	}
	return nil
}

// Invite implements nodev1.OperatorServiceServer.
func (o *operator) Invite(ctx context.Context, r *nodev1.InviteRequest) (*nodev1.InviteResponse, error) {
	if err := o.forAuthority(); err != nil {
		return nil, err
	}
	role, err := record.ParseRole(r.Role)
	if err != nil || role == record.RoleAuthority {
		return nil, record.ErrMalformed.With("the role is policyholder, insurer, repair-shop or proxy, not %q", r.Role)
	}
	if r.Identity == "" {
		return nil, record.ErrMalformed.With("the identity that was checked is missing")
	}
	if r.LifetimeSeconds < 1 || r.LifetimeSeconds > maxInvitation {
		return nil, record.ErrMalformed.With("a code is good for 1 second to %d days", maxInvitation/86400)
	}
	code, pid, err := o.party.enrolment().Invite(ctx, role, r.Identity, r.Msp, time.Duration(r.LifetimeSeconds)*time.Second)
	if err != nil {
		return nil, err
	}
	return &nodev1.InviteResponse{Code: code.Text(), Pid: string(pid)}, nil
}

// AllowRotation implements nodev1.OperatorServiceServer.
func (o *operator) AllowRotation(ctx context.Context, r *nodev1.AllowRotationRequest) (*nodev1.AllowRotationResponse, error) {
	if err := o.forAuthority(); err != nil {
		return nil, err
	}
	if r.LifetimeSeconds < 1 || r.LifetimeSeconds > maxInvitation {
		return nil, record.ErrMalformed.With("a code is good for 1 second to %d days", maxInvitation/86400)
	}
	owner, err := o.owner(ctx, r.Party)
	if err != nil {
		return nil, err
	}
	code, err := o.party.rotations().Allow(ctx, owner.ID, r.Identity, time.Duration(r.LifetimeSeconds)*time.Second)
	if err != nil {
		return nil, err
	}
	o.party.log.Warn("a policyholder may replace its keys", "party", owner.ID.String())
	return &nodev1.AllowRotationResponse{Code: code.Text()}, nil
}

// maxInvitation is the longest life of a one-time code, in seconds.
const maxInvitation = 90 * 86400

// Issue implements nodev1.OperatorServiceServer.
func (o *operator) Issue(ctx context.Context, r *nodev1.IssueRequest) (*nodev1.IssueResponse, error) {
	if err := o.forMembers(); err != nil {
		return nil, err
	}
	owner, err := o.owner(ctx, r.Owner)
	if err != nil {
		return nil, err
	}
	kind, err := record.ParseKind(r.Kind)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	if (kind == record.KindPolicy) != (o.party.role == record.RoleInsurer) {
		return nil, record.ErrIssuerKind.With("this node is a %s's", o.party.role)
	}
	var files fs.FS
	if r.Files != "" {
		files = os.DirFS(r.Files)
	}
	proposal, err := o.propose(ctx, owner, kind, r, files)
	if err != nil {
		return nil, err
	}
	err = o.party.member.Offer(ctx, proposal)
	if err = errors.Join(err, proposal.Close()); err != nil {
		return nil, err
	}
	id := proposal.Statement.ID
	return &nodev1.IssueResponse{Record: id[:]}, nil
}

func (o *operator) propose(ctx context.Context, owner *record.Party, kind record.Kind, r *nodev1.IssueRequest, files fs.FS) (*client.Proposal, error) {
	if kind == record.KindPolicy {
		policy, err := document.DraftPolicy(r.Document)
		if err != nil {
			return nil, err
		}
		return o.party.member.ProposePolicy(ctx, owner, r.Label, policy, files)
	}
	doc, err := document.Parse(kind, r.Document)
	if err != nil {
		return nil, err
	}
	repair, _ := doc.Repair()
	return o.party.member.ProposeRepair(ctx, owner, r.Label, repair, files)
}

// named is the party that an operator names by id or pseudo-identity.
func named(name string) record.PartyID {
	if id, err := record.ParsePartyID(name); err == nil {
		return id
	}
	return record.NewPartyID(name)
}

// unknown speaks of what the operator typed where the ledger does not know the
// party: a mistyped id was taken for a pseudo-identity, and hashed.
func unknown(name string, err error) error {
	if _, noID := record.ParsePartyID(name); noID != nil && errors.Is(err, record.ErrPartyUnknown) {
		return record.ErrPartyUnknown.With("%q is no party's pseudo-identity, and no party id, which has 32 hexadecimal digits", name)
	}
	return err
}

// owner finds the policyholder that an operator names by id or pseudo-identity.
func (o *operator) owner(ctx context.Context, name string) (*record.Party, error) {
	party, err := o.party.chain.Party(ctx, named(name))
	if err != nil {
		return nil, unknown(name, err)
	}
	if party.Role != record.RolePolicyholder {
		return nil, record.ErrOwnerRole.With("party %s is a %s", party.ID, party.Role)
	}
	return party, nil
}

// Ask implements nodev1.OperatorServiceServer.
func (o *operator) Ask(ctx context.Context, r *nodev1.AskRequest) (*nodev1.AskResponse, error) {
	if err := o.forMembers(); err != nil {
		return nil, err
	}
	owner, err := o.owner(ctx, r.Owner)
	if err != nil {
		return nil, err
	}
	ask := record.AccessRequest{Owner: owner.ID, Label: r.Label, Purpose: r.Purpose, Claim: r.Claim}
	if r.Holder != "" {
		if ask.Holder, err = record.ParsePartyID(r.Holder); err != nil {
			return nil, err
		}
	}
	if ask.Records, err = recordIDs(r.Records); err != nil {
		return nil, err
	}
	request, err := o.party.member.Ask(ctx, ask)
	if err != nil {
		return nil, err
	}
	return &nodev1.AskResponse{Request: request.ID[:]}, nil
}

func recordIDs(raw [][]byte) ([]record.RecordID, error) {
	var ids []record.RecordID
	for _, b := range raw {
		var id record.RecordID
		if len(b) != len(id) {
			return nil, record.ErrMalformed.With("a record id has %d bytes, not %d", len(id), len(b))
		}
		ids = append(ids, record.RecordID(b))
	}
	return ids, nil
}

// Consents implements nodev1.OperatorServiceServer.
func (o *operator) Consents(ctx context.Context, _ *nodev1.ConsentsRequest) (*nodev1.ConsentsResponse, error) {
	if err := o.forMembers(); err != nil {
		return nil, err
	}
	requests, err := o.party.chain.RequestsBy(ctx, o.party.id())
	if err != nil {
		return nil, err
	}
	consents, err := o.party.chain.ConsentsTo(ctx, o.party.id())
	if err != nil {
		return nil, err
	}
	answer := &nodev1.ConsentsResponse{}
	answered := map[record.RequestID]bool{}
	now := time.Now().Unix()
	for i := range consents {
		c := &consents[i]
		a := &nodev1.AskedFor{
			Consent: c.Consent[:], Owner: c.Owner.String(), Label: c.Label, Purpose: c.Purpose, Claim: c.Claim, Status: c.Status.String(), Expiry: c.Expiry,
		}
		if !c.Request.IsZero() {
			a.Request, answered[c.Request] = c.Request[:], true
		}
		if now >= c.Expiry && c.Status != record.ConsentRevoked {
			a.Status = "expired"
		}
		answer.Asked = append(answer.Asked, a)
	}
	for i := range requests {
		if r := &requests[i]; !answered[r.ID] {
			answer.Asked = append(answer.Asked, &nodev1.AskedFor{
				Request: r.ID[:], Owner: r.Owner.String(), Label: r.Label, Purpose: r.Purpose, Claim: r.Claim, Status: "waiting",
			})
		}
	}
	return answer, nil
}

// Fetch implements nodev1.OperatorServiceServer.
func (o *operator) Fetch(r *nodev1.FetchRequest, stream grpc.ServerStreamingServer[nodev1.FetchResponse]) error {
	if err := o.forMembers(); err != nil {
		return err
	}
	only, err := recordIDs(r.Records)
	if err != nil {
		return err
	}
	var consent record.ConsentID
	if len(r.Consent) != len(consent) {
		return record.ErrMalformed.With("a consent id has %d bytes", len(consent))
	}
	consent = record.ConsentID(r.Consent)
	return o.party.fetch(stream.Context(), o.others, consent, only, func(f fetched) error {
		return stream.Send(&nodev1.FetchResponse{Record: f.record[:], Release: f.release[:], Checks: f.checks, Error: errorText(f.err), Before: f.before})
	})
}

// Read implements nodev1.OperatorServiceServer.
func (o *operator) Read(r *nodev1.ReadRequest, stream grpc.ServerStreamingServer[nodev1.ReadResponse]) error {
	if err := o.forMembers(); err != nil {
		return err
	}
	id, err := releaseID(r.Release)
	if err != nil {
		return err
	}
	_, err = o.party.member.Read(stream.Context(), id, func(plaintext io.Reader) error {
		_, err := io.Copy(chunks(func(b []byte) error { return stream.Send(&nodev1.ReadResponse{Chunk: b}) }), plaintext)
		return err
	})
	return err
}

// chunks is a writer that sends what it is given.
type chunks func([]byte) error

func (send chunks) Write(b []byte) (int, error) { return len(b), send(b) }

func releaseID(b []byte) (id record.ReleaseID, err error) {
	if len(b) != len(id) {
		return id, record.ErrMalformed.With("a release id has %d bytes, not %d", len(id), len(b))
	}
	return record.ReleaseID(b), nil
}

// Dispute implements nodev1.OperatorServiceServer.
func (o *operator) Dispute(ctx context.Context, r *nodev1.DisputeRequest) (*nodev1.DisputeResponse, error) {
	if err := o.forMembers(); err != nil {
		return nil, err
	}
	id, err := releaseID(r.Release)
	if err != nil {
		return nil, err
	}
	ground, err := record.ParseGround(r.Ground)
	if err != nil {
		return nil, err
	}
	var trailer *client.Trailer
	if ground == record.GroundPayload {
		if trailer, err = o.evidence(ctx, id); err != nil {
			return nil, err
		}
	}
	_, err = o.party.member.Dispute(ctx, id, ground, r.Reason, trailer)
	return &nodev1.DisputeResponse{}, err
}

func (o *operator) evidence(ctx context.Context, id record.ReleaseID) (*client.Trailer, error) {
	kept, err := o.party.store.Evidence(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, record.ErrTrailerMissing.With("this node has no evidence against the payload of release %s", id)
	}
	if err != nil {
		return nil, err
	}
	s, err := record.DecodeTrailerStatement(kept.Trailer)
	if err != nil {
		return nil, fmt.Errorf("evidence in this node's own database: %w", err)
	}
	return &client.Trailer{Statement: *s, Signature: record.Signature(kept.TrailerSignature)}, nil
}

// Resolve implements nodev1.OperatorServiceServer.
func (o *operator) Resolve(ctx context.Context, r *nodev1.ResolveRequest) (*nodev1.ResolveResponse, error) {
	if err := o.forAuthority(); err != nil {
		return nil, err
	}
	id, err := releaseID(r.Release)
	if err != nil {
		return nil, err
	}
	if r.Outcome != record.OutcomeUpheld && r.Outcome != record.OutcomeDismissed {
		return nil, record.ErrMalformed.With("the outcome is %s or %s", record.OutcomeUpheld, record.OutcomeDismissed)
	}
	_, err = o.party.chain.Resolve(ctx, id, r.Outcome == record.OutcomeUpheld, r.Reason)
	return &nodev1.ResolveResponse{}, err
}

// Trace implements nodev1.OperatorServiceServer. That it was asked for is in the
// log, the answer is not.
func (o *operator) Trace(ctx context.Context, r *nodev1.TraceRequest) (*nodev1.TraceResponse, error) {
	if err := o.forAuthority(); err != nil {
		return nil, err
	}
	role, err := record.ParseRole(r.Role)
	if err != nil {
		return nil, err
	}
	pid, err := pseudonym.Parse(r.Pid)
	if err != nil {
		return nil, err
	}
	identity, err := o.party.authority.Trace(role, pid)
	if err != nil {
		return nil, err
	}
	o.party.log.WarnContext(ctx, "a pseudo-identity was traced", "party", record.NewPartyID(r.Pid).String())
	return &nodev1.TraceResponse{Identity: identity}, nil
}
