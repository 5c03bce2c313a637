package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/document"
)

// The values that the examples are about come from elsewhere in an insurer's
// program: the member from its set-up, the policy from its own systems.
var (
	member *client.Member
	proxy  interface { // client/remote has one that speaks with the proxy's node
		Release(context.Context, client.Demand) ([]client.Handover, error)
	}
	holder client.Holder // client/remote has one for a shop's node
)

// An insurer issues a policy: it seals it for the owner and keeps the proposal
// until the owner has signed. Then it submits what is ready, up to 100 records in
// a transaction.
func ExampleMember_ProposePolicy() {
	ctx := context.Background()
	var ownerID record.PartyID
	var policy document.Policy
	owner, err := member.Chain().Party(ctx, ownerID)
	if err != nil {
		log.Fatal(err)
	}
	proposal, err := member.ProposePolicy(ctx, owner, "policy/2026", policy, os.DirFS("attachments"))
	if err != nil {
		log.Fatal(err)
	}
	defer proposal.Close()
	if err := member.Offer(ctx, proposal); err != nil {
		log.Fatal(err)
	}

	// When the owner has signed:
	var signature record.Signature
	if err := member.Countersigned(ctx, proposal.Statement.ID, signature); err != nil {
		log.Fatal(err)
	}
	submitted, err := member.Flush(ctx, record.MaxBatch)
	if err != nil {
		log.Fatal(err) // names each record that the ledger refuses, and why
	}
	for _, batch := range submitted {
		fmt.Println(batch.Answer.Recorded, "records in transaction", batch.TxID)
	}
}

// An insurer asks an owner for access to repair records.
func ExampleMember_Ask() {
	ctx := context.Background()
	var ownerID, shopID record.PartyID
	request, err := member.Ask(ctx, record.AccessRequest{
		Owner: ownerID, Holder: shopID, Label: "repair/2026", Purpose: "claim", Claim: "C-2026-0417",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("asked, request", request.ID)
}

// After the owner's grant and the system manager's approval, an insurer demands
// the records of the proxy and receives them. Every check has passed when Receive
// returns; a tampered payload comes with the evidence for a dispute.
func ExampleMember_Receive() {
	ctx := context.Background()
	var consentID record.ConsentID
	consent, err := member.Chain().Consent(ctx, consentID)
	if err != nil {
		log.Fatal(err)
	}
	covered, err := member.Chain().CoveredBy(ctx, consent)
	if err != nil {
		log.Fatal(err)
	}
	demand := client.Demand{AsOf: member.Chain().Seen(), Requester: member.ID(), Consent: consentID}
	for _, r := range covered {
		demand.Records = append(demand.Records, r.ID)
	}
	handovers, err := proxy.Release(ctx, demand)
	switch {
	case errors.Is(err, record.ErrConsentRevoked), errors.Is(err, record.ErrConsentExpired):
		log.Fatal("ask the owner again: ", err)
	case err != nil:
		log.Fatal(err)
	}
	for _, handover := range handovers {
		receipt, err := member.Receive(ctx, handover, holder, func(plaintext io.Reader) error {
			repair, err := document.Unpack(plaintext, document.Limits{}, nil)
			if err == nil {
				fmt.Println(string(repair.JSON()))
			}
			return err
		})
		var tampered *client.TamperedError
		if errors.As(err, &tampered) {
			_, err = member.Dispute(ctx, tampered.Release, record.GroundPayload, "not the recorded payload", tampered.Trailer)
		}
		if err != nil {
			log.Fatal(err)
		}
		if receipt == nil {
			continue // disputed
		}
		for _, check := range receipt.Checks {
			fmt.Println(check)
		}
	}
}

// A wallet answers who has seen its owner's records.
func ExampleOwner_History() {
	var owner *client.Owner
	history, err := owner.History(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	for _, release := range history.Releases {
		fmt.Println(record.FormatTime(release.Time), "record", release.Statement.Record, "to", release.Receiver, release.Status)
	}
}
