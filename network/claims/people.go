package claims

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/wallet"
	"github.com/claimshare/claimshare/client/walletauth"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/client/wire/refusal"
	"github.com/claimshare/claimshare/network/consortium"
)

// Person is a policyholder with a wallet, whose file can be opened with Lock.
type Person struct {
	Wallet *wallet.Wallet
	Path   string
	Lock   wallet.Lock
}

// glance is between two looks at something that takes its time.
const glance = 50 * time.Millisecond

// Join has the authority invite a person, whose wallet then enrols with the
// one-time code. The wallet's file is made in dir. Many enrolments from one
// address are slowed down by the authority, and its node may be away: this tries
// again until it works or ctx ends.
func Join(ctx context.Context, c *consortium.Consortium, dir, identity string) (*Person, error) {
	invitation, err := invite(ctx, c.Authority(), identity)
	if err != nil {
		return nil, err
	}
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	var name [8]byte
	if _, err := rand.Read(name[:]); err != nil {
		return nil, err
	}
	p := &Person{Path: filepath.Join(dir, hex.EncodeToString(name[:])+".wallet"), Lock: wallet.Lock{Recipient: key.Recipient(), Identity: key}}
	for {
		p.Wallet, err = wallet.Enrol(ctx, p.Path, p.Lock, *invitation)
		if !errors.Is(err, refusal.ErrBusy) && !errors.Is(err, wallet.ErrUnreachable) {
			break
		}
		if late := pause(ctx, time.Second); late != nil {
			return nil, errors.Join(late, err)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("enrol the wallet: %w", err)
	}
	return p, nil
}

func invite(ctx context.Context, authority *consortium.Node, identity string) (*wallet.Invitation, error) {
	root, err := os.ReadFile(authority.Server.Authority)
	if err != nil {
		return nil, err
	}
	for {
		invited, err := authority.Ask.Invite(ctx, &nodev1.InviteRequest{
			Role: record.RolePolicyholder.String(), Identity: identity, LifetimeSeconds: int64(time.Hour.Seconds()),
		})
		if err == nil {
			code, err := walletauth.ParseCode(invited.Code)
			return &wallet.Invitation{Code: code, Address: authority.Wallets, Authority: root}, err
		}
		if status.Code(err) != codes.Unavailable {
			return nil, fmt.Errorf("invite: %w", err)
		}
		if late := pause(ctx, glance); late != nil {
			return nil, errors.Join(late, err)
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// Proposal finds a proposal among those that wait for the person's signature.
func (p *Person) Proposal(ctx context.Context, id record.RecordID) (*wallet.Proposal, error) {
	all, err := p.Wallet.Proposals(ctx)
	for i := range all {
		if all[i].Statement.ID == id {
			return &all[i], nil
		}
	}
	return nil, errors.Join(fmt.Errorf("proposal %s is not waiting", id), err)
}

// Sign reads a proposal and signs it. The answer is what was read; attachments
// come into the new directory dir, unless that is empty.
func (p *Person) Sign(ctx context.Context, id record.RecordID, dir string) (*wallet.Reviewed, error) {
	proposal, err := p.Proposal(ctx, id)
	if err != nil {
		return nil, err
	}
	read, err := p.Wallet.Review(ctx, *proposal, dir)
	if err != nil {
		return nil, fmt.Errorf("review: %w", err)
	}
	if err := p.Wallet.Countersign(ctx, read); err != nil {
		return nil, fmt.Errorf("countersign: %w", err)
	}
	return read, nil
}

// Grant prepares the consent that answers a request, has look read what it would
// mean, and gives it.
func (p *Person) Grant(ctx context.Context, request record.RequestID, terms wallet.Terms, look func([]string)) (record.ConsentID, error) {
	draft, err := p.Wallet.Prepare(ctx, request, terms)
	if err != nil {
		return record.ConsentID{}, fmt.Errorf("prepare: %w", err)
	}
	if look != nil {
		look(p.Wallet.DescribeDraft(draft))
	}
	if err := p.Wallet.Grant(ctx, draft); err != nil {
		return draft.Statement.Consent, fmt.Errorf("grant: %w", err)
	}
	return draft.Statement.Consent, nil
}
