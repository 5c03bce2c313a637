package claims

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/claimshare/claimshare/chaincode/record"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/network/consortium"
)

// Clerk works at an organisation's operator socket. Errors that the ledger and
// the parties name come back as themselves where they are the ledger's, and
// otherwise as text.
type Clerk struct{ Node *consortium.Node }

// Issue has the node seal a document, given in JSON, with the attachments in a
// folder that the node can read, or none.
func (c Clerk) Issue(ctx context.Context, owner record.PartyID, kind record.Kind, label string, document []byte, files string) (id record.RecordID, err error) {
	answer, err := c.Node.Ask.Issue(ctx, &nodev1.IssueRequest{Owner: owner.String(), Kind: kind.String(), Label: label, Document: document, Files: files})
	if err != nil {
		return id, named(err)
	}
	return identifier[record.RecordID](answer.Record)
}

// Request has the node ask for a policyholder's records.
func (c Clerk) Request(ctx context.Context, r record.AccessRequest) (id record.RequestID, err error) {
	ask := &nodev1.AskRequest{Owner: r.Owner.String(), Label: r.Label, Purpose: r.Purpose, Claim: r.Claim}
	if !r.Holder.IsZero() {
		ask.Holder = r.Holder.String()
	}
	for _, id := range r.Records {
		ask.Records = append(ask.Records, id[:])
	}
	answer, err := c.Node.Ask.Ask(ctx, ask)
	if err != nil {
		return id, named(err)
	}
	return identifier[record.RequestID](answer.Request)
}

// Fetched is what became of one record.
type Fetched struct {
	Record  record.RecordID
	Release record.ReleaseID
	Checks  []string
	Err     error
}

// Fetch has the node fetch what a consent covers, or only some records of it.
// Also with an error it answers what arrived before.
func (c Clerk) Fetch(ctx context.Context, consent record.ConsentID, only ...record.RecordID) ([]Fetched, error) {
	r := &nodev1.FetchRequest{Consent: consent[:]}
	for _, id := range only {
		r.Records = append(r.Records, id[:])
	}
	stream, err := c.Node.Ask.Fetch(ctx, r)
	if err != nil {
		return nil, named(err)
	}
	var all []Fetched
	for {
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, named(err)
		}
		f := Fetched{Checks: answer.Checks}
		if f.Record, err = identifier[record.RecordID](answer.Record); err != nil {
			return all, err
		}
		if f.Release, err = identifier[record.ReleaseID](answer.Release); err != nil {
			return all, err
		}
		if answer.Error != "" {
			f.Err = named(errors.New(answer.Error))
		}
		all = append(all, f)
	}
}

// Read is the plaintext of a received record.
func (c Clerk) Read(ctx context.Context, release record.ReleaseID) ([]byte, error) {
	var plaintext bytes.Buffer
	stream, err := c.Node.Ask.Read(ctx, &nodev1.ReadRequest{Release: release[:]})
	if err != nil {
		return nil, named(err)
	}
	for {
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return plaintext.Bytes(), nil
		}
		if err != nil {
			return nil, named(err)
		}
		plaintext.Write(answer.Chunk)
	}
}

// Dispute complains about a release with the evidence that the node has kept.
func (c Clerk) Dispute(ctx context.Context, release record.ReleaseID, ground record.Ground, reason string) error {
	_, err := c.Node.Ask.Dispute(ctx, &nodev1.DisputeRequest{Release: release[:], Ground: ground.String(), Reason: reason})
	return named(err)
}

// Resolve decides a dispute, at the authority's node.
func (c Clerk) Resolve(ctx context.Context, release record.ReleaseID, outcome, reason string) error {
	_, err := c.Node.Ask.Resolve(ctx, &nodev1.ResolveRequest{Release: release[:], Outcome: outcome, Reason: reason})
	return named(err)
}

// Settled waits until the node has nothing that waits for the ledger. A record
// that the ledger refused is an error.
func (c Clerk) Settled(ctx context.Context) error {
	for {
		s, err := c.Node.Ask.Status(ctx, &nodev1.StatusRequest{Strict: true})
		switch {
		case err != nil:
			return err
		case s.Refused > 0:
			return fmt.Errorf("the ledger has refused %d records of %s", s.Refused, c.Node.Identity)
		case s.Pending == 0:
			return nil
		}
		if err := pause(ctx, glance); err != nil {
			return fmt.Errorf("%d records of %s wait for the ledger: %w", s.Pending, c.Node.Identity, err)
		}
	}
}

// named finds the ledger's error in a text.
func named(err error) error {
	if err == nil {
		return nil
	}
	if coded, ok := record.ParseError(err.Error()); ok {
		return errors.Join(err, coded)
	}
	return err
}

func identifier[T ~[16]byte | ~[32]byte](b []byte) (id T, err error) {
	if len(b) != len(id) {
		return id, fmt.Errorf("an identifier of %d bytes, not %d", len(b), len(id))
	}
	for i := range b {
		id[i] = b[i]
	}
	return id, nil
}
