package story

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/document"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

// batchSize is how many records the parties put into one transaction.
const batchSize = 50

// issued is a record that was sealed, countersigned and kept.
type issued struct {
	id     record.RecordID
	issuer *organisation
	owner  *holder
	label  string
	delta  pseudonym.Evidence // of a policy, as its owner read it
}

// reader inspects a record's plaintext and remembers what it saw.
type reader struct {
	doc    *document.Document
	photos int
	bytes  int64
}

// inspect reads a plaintext completely; the document checks itself against its
// schema and its attachments against their digests.
func (r *reader) inspect(plaintext io.Reader) error {
	count := &countingReader{r: plaintext}
	doc, err := document.Unpack(count, document.Limits{}, func(_ document.Attachment, content io.Reader) error {
		r.photos++
		_, err := io.Copy(io.Discard, content)
		return err
	})
	r.doc, r.bytes = doc, count.n
	return err
}

type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

// countersign has the owner read and sign a proposal, and the issuer keep it.
func countersign(ctx context.Context, issuer *organisation, owner *holder, p *client.Proposal) (*reader, error) {
	seen := &reader{}
	signature, err := owner.wallet.Countersign(p, seen.inspect)
	if err == nil {
		err = issuer.member.Keep(ctx, p, owner.party, signature)
	}
	return seen, errors.Join(err, p.Close())
}

// flush submits what the parties kept and returns the number of records and
// transactions.
func flush(ctx context.Context, parties []*organisation) (records, transactions int, err error) {
	var mu sync.Mutex
	err = each(ctx, len(parties), func(ctx context.Context, i int) error {
		submitted, err := parties[i].member.Flush(ctx, batchSize)
		mu.Lock()
		defer mu.Unlock()
		for _, x := range submitted {
			records += x.Answer.Recorded
		}
		transactions += len(submitted)
		return err
	})
	return records, transactions, err
}

func (t *tale) issuePolicies(ctx context.Context, s *Scene) error {
	began := time.Now()
	t.policies = make([]issued, len(t.data.Policies))
	err := each(ctx, len(t.data.Policies), func(ctx context.Context, i int) error {
		item := &t.data.Policies[i]
		insurer, owner := t.insurers[item.Insurer], t.holders[item.Holder]
		p, err := insurer.member.ProposePolicy(ctx, owner.party, item.Label, item.Policy, nil)
		if err != nil {
			return err
		}
		seen, err := countersign(ctx, insurer, owner, p)
		if err != nil {
			return err
		}
		policy, _ := seen.doc.Policy()
		delta, err := policy.Delta()
		t.secret("evidence of a policy", delta[:])
		t.policies[i] = issued{p.Statement.ID, insurer, owner, item.Label, delta}
		return err
	})
	if err != nil {
		return err
	}
	sealed := time.Since(began)
	s.done(fmt.Sprintf("%d policies sealed and countersigned", len(t.policies)), "%.1f s: checked against the standard, encrypted, read and signed by the owner", seconds(sealed))
	return t.submitAll(ctx, s, t.insurers, len(t.policies), "policies")
}

// submitAll flushes the parties' outboxes and says what it took.
func (t *tale) submitAll(ctx context.Context, s *Scene, parties []*organisation, want int, what string) error {
	began := time.Now()
	records, transactions, err := flush(ctx, parties)
	if err != nil {
		return err
	}
	took := time.Since(began)
	s.done(fmt.Sprintf("%d %s on the ledger", records, what), "%d transactions, %.1f s; both signatures of every record verified", transactions, seconds(took))
	for _, o := range parties {
		s.shown(o.title, "keeps the ciphertexts in its own database, %s", filepath.Base(o.database))
	}
	s.fact(what, records)
	s.fact("transactions", transactions)
	s.fact("submitSeconds", seconds(took))
	return expect(records == want, "%d %s recorded, not %d", records, what, want)
}

func (t *tale) issueRepairs(ctx context.Context, s *Scene) error {
	began := time.Now()
	t.repairs = make([]issued, len(t.data.Repairs))
	var mu sync.Mutex
	photos, withPhotos := 0, 0
	err := each(ctx, len(t.data.Repairs), func(ctx context.Context, i int) error {
		item := &t.data.Repairs[i]
		shop, owner := t.shops[item.Shop], t.holders[item.Holder]
		p, err := shop.member.ProposeRepair(ctx, owner.party, item.Label, item.Record, item.Files)
		if err != nil {
			return err
		}
		seen, err := countersign(ctx, shop, owner, p)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if photos += seen.photos; seen.photos > 0 {
			withPhotos++
		}
		t.repairs[i] = issued{id: p.Statement.ID, issuer: shop, owner: owner, label: item.Label}
		return nil
	})
	if err != nil {
		return err
	}
	s.done(fmt.Sprintf("%d repair records sealed and countersigned", len(t.repairs)), "%.1f s; %d of them with %d photos", seconds(time.Since(began)), withPhotos, photos)
	s.fact("photos", photos)
	return t.submitAll(ctx, s, t.shops, len(t.repairs), "repairs")
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
