package story

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/document"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store/sqlite"
	"github.com/claimshare/claimshare/client/wallet"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

// relationship is an owner and an insurer with paper-mode keys. Nodes and wallets
// do not offer paper mode: the two, and the proxy's part, are the story's own
// programs, which talk to the nodes of the shop and the system manager.
type relationship struct {
	*tale
	owner     *client.Keys
	signs     *client.Owner
	insurer   *client.Member
	insurerAt *program
	proxy     *client.Proxy
	proxyAt   *program
	shop      *organisation
	close     []func() error
}

func (t *tale) paperClaim(ctx context.Context, s *Scene) (err error) {
	r := &relationship{tale: t, shop: t.shops[0]}
	defer func() {
		for _, end := range r.close {
			err = errors.Join(err, end())
		}
	}()
	if err := r.enrol(ctx); err != nil {
		return err
	}
	s.done("owner and insurer join once more", "with paper-mode keys, for this one relationship only; in programs of this demonstration, for nodes do not offer paper mode")
	if err := r.record(ctx); err != nil {
		return err
	}
	s.done(r.shop.title()+" records a repair", "encrypted as in section 3.4, without a label")
	consent, found, err := r.agree(ctx, s)
	if err != nil {
		return err
	}
	if err := r.rekey(ctx, s, consent); err != nil {
		return err
	}
	if err := r.read(ctx, s, consent, found); err != nil {
		return err
	}
	s.fact("records", found)
	return r.modes(ctx, s)
}

// enrol has both get pseudo-identities from the system manager's node, and opens
// their programs and the proxy's.
func (r *relationship) enrol(ctx context.Context) error {
	identity := r.insurers[0].Node.Identity + "-paper"
	connection, err := ledger.LoadConnection(r.network.ConnectionFile(identity))
	if err != nil {
		return err
	}
	certificate, err := connection.Certificate()
	if err != nil {
		return err
	}
	keys, err := r.enrolPaper(ctx, record.RoleInsurer, r.insurers[0].title(), connection.MSPID, certificate.Subject.String())
	if err != nil {
		return err
	}
	who := r.data.Policyholders[r.data.Cast["paper"]]
	if r.owner, err = r.enrolPaper(ctx, record.RolePolicyholder, who.Identity, "", ""); err != nil {
		return err
	}
	if err := r.catchUp(ctx); err != nil {
		return err
	}
	if r.insurerAt, err = r.start(ctx, identity, keys); err != nil {
		return err
	}
	if r.proxyAt, err = r.programOf(ctx, r.nodes.Proxy()); err != nil {
		return err
	}
	folder := filepath.Join(r.network.Dir(), Parties, "paper")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	received, err := sqlite.Open(ctx, filepath.Join(folder, "insurer.sqlite"))
	if err != nil {
		return err
	}
	r.close = append(r.close, received.Close)
	tokens, err := sqlite.Open(ctx, filepath.Join(folder, "proxy.sqlite"))
	if err != nil {
		return err
	}
	r.close = append(r.close, tokens.Close)
	r.signs = client.NewOwner(r.insurerAt.chain, r.owner)
	r.insurer = client.NewMember(r.insurerAt.chain, keys, received)
	r.proxy = client.NewProxy(r.proxyAt.chain, r.proxyAt.keys, tokens)
	return nil
}

// enrolPaper registers new paper-mode keys with a one-time code.
func (t *tale) enrolPaper(ctx context.Context, role record.Role, identity, msp, subject string) (*client.Keys, error) {
	code, pid, err := t.invite(ctx, role, identity, msp)
	if err != nil {
		return nil, err
	}
	var seed [32]byte
	if _, err := rand.Read(seed[:]); err != nil {
		return nil, err
	}
	if err := t.reveal(seed, pid, pre.ModePaper); err != nil {
		return nil, err
	}
	keys, err := client.DeriveKeys(seed, pseudonym.PID(pid), pre.ModePaper)
	if err != nil {
		return nil, err
	}
	registration, err := keys.Apply(t.look.Parameters(), role, msp, subject)
	if err != nil {
		return nil, err
	}
	conn, err := dialWallet(t.nodes.Authority(), nil)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	_, err = nodev1.NewEnrolmentServiceClient(conn).Register(ctx, &nodev1.RegisterRequest{Code: code.Text(), Registration: registration.Encode()})
	return keys, err
}

// record has the shop's node seal a repair, and the owner sign it.
func (r *relationship) record(ctx context.Context) error {
	item := &r.data.Repairs[0]
	for i := range r.data.Repairs {
		if r.data.Repairs[i].Holder == r.data.Cast["paper"] {
			item = &r.data.Repairs[i]
		}
	}
	id, err := r.issueRepair(ctx, r.shop, r.owner.ID(), "", item.Document, item.Files)
	if err != nil {
		return err
	}
	conn, err := dialWallet(r.shop.Node, r.owner)
	if err != nil {
		return err
	}
	defer conn.Close()
	custody := nodev1.NewCustodyServiceClient(conn)
	proposal, err := proposed(ctx, custody, string(r.owner.PID), id)
	if err != nil {
		return err
	}
	seen := &reader{}
	signature, err := r.signs.Countersign(proposal, seen.inspect)
	if err != nil {
		return err
	}
	if _, err := custody.Countersign(ctx, &nodev1.CountersignRequest{Record: id[:], Signature: signature[:]}); err != nil {
		return err
	}
	if err := r.shop.Settled(ctx); err != nil {
		return err
	}
	return r.catchUp(ctx)
}

// proposed fetches a proposal from its issuer's node.
func proposed(ctx context.Context, custody nodev1.CustodyServiceClient, ownerPID string, id record.RecordID) (*client.Proposal, error) {
	list, err := custody.Proposals(ctx, &nodev1.ProposalsRequest{})
	if err != nil {
		return nil, err
	}
	if err := expect(len(list.Proposals) == 1, "%d proposals wait", len(list.Proposals)); err != nil {
		return nil, err
	}
	statement, err := record.DecodeRecordStatement(list.Proposals[0].Statement)
	if err != nil {
		return nil, err
	}
	capsule, err := custody.Capsule(ctx, &nodev1.CapsuleRequest{Record: id[:]})
	if err != nil {
		return nil, err
	}
	stream, err := custody.Payload(ctx, &nodev1.PayloadRequest{Record: id[:]})
	if err != nil {
		return nil, err
	}
	var payload inMemory
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		payload = append(payload, part.Chunk...)
	}
	return &client.Proposal{Statement: *statement, OwnerPID: ownerPID, IssuerPID: list.Proposals[0].IssuerPid, Capsule: capsule.Capsule, Payload: payload}, nil
}

// inMemory is a small payload.
type inMemory []byte

// Open implements client.Payload.
func (m inMemory) Open() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(m)), nil }

// agree is request, consent and approval.
func (r *relationship) agree(ctx context.Context, s *Scene) (consent record.ConsentID, found []record.RecordID, err error) {
	request, err := r.insurer.Ask(ctx, record.AccessRequest{Owner: r.owner.ID(), Holder: r.shop.id(), Purpose: "claim", Claim: "MM-C-2026-0102"})
	if err != nil {
		return consent, nil, err
	}
	now := time.Now()
	p, err := r.signs.Grant(ctx, request, client.Terms{
		Holder: r.shop.id(), NotBefore: now.Add(-time.Minute), Expiry: now.Add(time.Hour), MaxReleases: 1, Proxy: r.proxy.ID(),
	})
	if err != nil {
		return consent, nil, err
	}
	chain := r.insurer.Chain()
	if _, err := chain.CarryGrant(ctx, p.Statement, p.Signature); err != nil {
		return consent, nil, err
	}
	conn, err := dialWallet(r.nodes.Authority(), r.owner)
	if err != nil {
		return consent, nil, err
	}
	defer conn.Close()
	approved, err := nodev1.NewManagerServiceClient(conn).Approve(ctx, &nodev1.ApproveRequest{
		AsOf: chain.Seen(), Consent: p.Statement.Consent[:], Search: p.ToManager.Search.Bytes(),
	})
	if err != nil {
		return consent, nil, err
	}
	for _, id := range approved.Records {
		found = append(found, record.RecordID(id))
	}
	s.done("request, consent, search and approval", "U1 = g^r', U2 = g2^(1/x_n) H1(Y^r'): %s found", plural(len(found), "record"))
	return p.Statement.Consent, found, r.catchUp(ctx)
}

// rekey is the exchange of the three that makes rk.
func (r *relationship) rekey(ctx context.Context, s *Scene, consent record.ConsentID) error {
	blinding, challenge, err := r.signs.StartRekey()
	if err != nil {
		return err
	}
	response, err := r.insurer.AnswerRekey(challenge)
	if err != nil {
		return err
	}
	r.secret("paper mode, t", blinding.Bytes())
	r.secret("paper mode, t/x_n", challenge.Bytes())
	r.secret("paper mode, x_i t/x_n", response.Bytes())
	if err := r.proxy.AcceptRekey(ctx, consent, blinding, response); err != nil {
		return err
	}
	s.done("the three make rk", "owner: t and t/x_n; insurer: x_i t/x_n; proxy: rk = x_i/x_n, checked with PK_n^rk = PK_i")
	return nil
}

// read has the proxy release and the insurer open the record, once.
func (r *relationship) read(ctx context.Context, s *Scene, consent record.ConsentID, found []record.RecordID) error {
	demand := client.Demand{AsOf: r.insurer.Chain().Seen(), Requester: r.insurer.ID(), Consent: consent, Records: found}
	handovers, err := r.proxy.Release(ctx, demand, r.proxyAt.nodes.Holder(r.shop.id()))
	if err != nil {
		return err
	}
	seen := &reader{}
	receipt, err := r.insurer.Receive(ctx, handovers[0], r.insurerAt.nodes.Holder(r.shop.id()), seen.inspect)
	if err != nil {
		return err
	}
	repair, _ := seen.doc.Repair()
	s.done("the proxy computes C2' = C2^rk", "the record's digest on the ledger stays good")
	s.done("the insurer opens it with its own key", "K = e(C2', g)^(1/x_i), %d checks; order %s, %s", len(receipt.Checks), repair.OrderNumber, document.FormatAmount(repair.Totals.Total, repair.Currency))
	if err := r.catchUp(ctx); err != nil {
		return err
	}
	_, err = r.proxy.Release(ctx, demand, r.proxyAt.nodes.Holder(r.shop.id()))
	return s.refused("exhausted", "a second release under a consent for one", err, record.ErrConsentExhausted)
}

// modes has the insurer ask somebody with scoped keys.
func (r *relationship) modes(ctx context.Context, s *Scene) error {
	scoped := r.holders[r.data.Cast["paper"]]
	request, err := r.insurer.Ask(ctx, record.AccessRequest{Owner: scoped.id(), Label: "repair/2026", Purpose: "claim"})
	if err != nil {
		return fmt.Errorf("ask a wallet: %w", err)
	}
	if err := r.catchUp(ctx); err != nil {
		return err
	}
	_, err = scoped.wallet.Prepare(ctx, request.ID, wallet.Terms{Until: time.Now().Add(time.Hour)})
	return s.refused("modes", "a scoped key for a paper-mode receiver", err, client.ErrMode)
}
