package story

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/document"
	"github.com/claimshare/claimshare/client/store"
)

// issued is a record that was sealed, countersigned and kept.
type issued struct {
	id     record.RecordID
	issuer *organisation
	owner  *holder
	label  string
}

// reader inspects a record's plaintext and remembers what it saw.
type reader struct {
	doc    *document.Document
	photos int
}

// inspect reads a plaintext completely; the document checks itself against its
// schema and its attachments against their digests.
func (r *reader) inspect(plaintext io.Reader) (err error) {
	r.doc, err = document.Unpack(plaintext, document.Limits{}, func(_ document.Attachment, content io.Reader) error {
		r.photos++
		_, err := io.Copy(io.Discard, content)
		return err
	})
	return err
}

func (t *tale) issuePolicies(ctx context.Context, s *Scene) error {
	began := time.Now()
	t.policies = make([]issued, len(t.data.Policies))
	err := each(ctx, len(t.data.Policies), func(ctx context.Context, i int) error {
		item := &t.data.Policies[i]
		insurer, owner := t.insurers[item.Insurer], t.holders[item.Holder]
		draft, err := json.Marshal(item.Policy)
		if err != nil {
			return err
		}
		id, err := insurer.Issue(ctx, owner.id(), record.KindPolicy, item.Label, draft, "")
		t.policies[i] = issued{id, insurer, owner, item.Label}
		return err
	})
	if err != nil {
		return fmt.Errorf("issue policies: %w", err)
	}
	s.done(fmt.Sprintf("%d policies sealed", len(t.policies)), "%.1f s: checked against the standard and encrypted by the insurers' nodes", seconds(time.Since(began)))
	if _, _, err := t.signAll(ctx, s, t.policies); err != nil {
		return err
	}
	return t.onLedger(ctx, s, t.insurers, len(t.policies), "policies")
}

// signAll has every owner fetch what waits for a signature, read it and sign it.
func (t *tale) signAll(ctx context.Context, s *Scene, all []issued) (photos, withPhotos int, err error) {
	began := time.Now()
	byOwner := map[*holder]int{}
	for _, x := range all {
		byOwner[x.owner]++
	}
	var owners []*holder
	for _, h := range t.holders {
		if byOwner[h] > 0 {
			owners = append(owners, h)
		}
	}
	var mu sync.Mutex
	err = each(ctx, len(owners), func(ctx context.Context, i int) error {
		signed, err := t.sign(ctx, owners[i])
		mu.Lock()
		defer mu.Unlock()
		for _, doc := range signed {
			if n := len(doc.Attachments()); n > 0 {
				photos, withPhotos = photos+n, withPhotos+1
			}
		}
		if err == nil {
			err = expect(len(signed) == byOwner[owners[i]], "a wallet found %d proposals, not %d", len(signed), byOwner[owners[i]])
		}
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("countersign: %w", err)
	}
	s.done(fmt.Sprintf("%d policyholders read and signed them", len(owners)), "%.1f s: each wallet fetches, decrypts, checks and signs its own", seconds(time.Since(began)))
	return photos, withPhotos, nil
}

// sign has one wallet sign everything that waits for it.
func (t *tale) sign(ctx context.Context, owner *holder) ([]*document.Document, error) {
	proposals, err := owner.wallet.Proposals(ctx)
	if err != nil {
		return nil, err
	}
	var signed []*document.Document
	for _, p := range proposals {
		read, err := owner.wallet.Review(ctx, p, "")
		if err != nil {
			return nil, err
		}
		if policy, ok := read.Document.Policy(); ok {
			delta, err := policy.Delta()
			if err != nil {
				return nil, err
			}
			t.secret("evidence of a policy", delta[:])
		}
		if err := owner.wallet.Countersign(ctx, read); err != nil {
			return nil, err
		}
		signed = append(signed, read.Document)
	}
	return signed, nil
}

// onLedger waits until the parties' nodes have everything on the ledger and says
// what it took.
func (t *tale) onLedger(ctx context.Context, s *Scene, parties []*organisation, want int, what string) error {
	began := time.Now()
	transactions := map[string]bool{}
	records := 0
	for _, o := range parties {
		if err := o.Settled(ctx); err != nil {
			return err
		}
		err := peek(ctx, o.Node, func(db store.Store) error {
			for e, err := range db.Find(ctx, store.Query{}) {
				if err != nil {
					return err
				}
				records++
				transactions[e.TxID] = true
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	s.done(fmt.Sprintf("%d %s on the ledger", records, what), "%d transactions, the last %.1f s after the last signature; the system manager's node submits them, the ledger verifies both signatures of each", len(transactions), seconds(time.Since(began)))
	for _, o := range parties {
		s.shown(o.title(), "keeps the ciphertexts in its node's own database")
	}
	s.fact(what, records)
	s.fact("transactions", len(transactions))
	s.fact("submitSeconds", seconds(time.Since(began)))
	return expect(records == want, "%d %s recorded, not %d", records, what, want)
}

func (t *tale) issueRepairs(ctx context.Context, s *Scene) error {
	began := time.Now()
	t.repairs = make([]issued, len(t.data.Repairs))
	err := each(ctx, len(t.data.Repairs), func(ctx context.Context, i int) error {
		item := &t.data.Repairs[i]
		shop, owner := t.shops[item.Shop], t.holders[item.Holder]
		id, err := t.issueRepair(ctx, shop, owner.id(), item.Label, item.Document, item.Files)
		t.repairs[i] = issued{id, shop, owner, item.Label}
		return err
	})
	if err != nil {
		return fmt.Errorf("issue repair records: %w", err)
	}
	took := time.Since(began)
	at := len(s.Lines)
	photos, withPhotos, err := t.signAll(ctx, s, t.repairs)
	if err != nil {
		return err
	}
	sealed := Line{Done, fmt.Sprintf("%d repair records sealed", len(t.repairs)), fmt.Sprintf("%.1f s; %d of them with %d photos", seconds(took), withPhotos, photos)}
	s.Lines = append(s.Lines[:at:at], append([]Line{sealed}, s.Lines[at:]...)...)
	s.fact("photos", photos)
	return t.onLedger(ctx, s, t.shops, len(t.repairs), "repairs")
}

// issueRepair has a shop's node seal a repair record with its photos, which the
// shop has in a folder.
func (t *tale) issueRepair(ctx context.Context, shop *organisation, owner record.PartyID, label string, doc *document.Document, photos fs.FS) (id record.RecordID, err error) {
	folder := ""
	if len(doc.Attachments()) > 0 {
		if folder, err = os.MkdirTemp("", "claimshare-photos-*"); err != nil {
			return id, err
		}
		defer os.RemoveAll(folder)
		if err := os.CopyFS(folder, photos); err != nil {
			return id, err
		}
	}
	return shop.Issue(ctx, owner, record.KindRepair, label, doc.JSON(), folder)
}

// where lists the records that fit.
func where(all []issued, fits func(issued) bool) []issued {
	var out []issued
	for _, x := range all {
		if fits(x) {
			out = append(out, x)
		}
	}
	return out
}
