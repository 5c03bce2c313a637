package audit_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/audit"
	"github.com/claimshare/claimshare/client/internal/nodetest"
	"github.com/claimshare/claimshare/client/store"
)

// TestAtWork: an audit of databases that are written all the time finds nothing.
func TestAtWork(t *testing.T) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, open)
			s.submit(t, s.keep(t, 500))
			stop := make(chan struct{})
			type result struct {
				reports []*audit.Report
				err     error
			}
			ended := make(chan result, 3)
			for _, x := range []*actor{s.shop, s.insurer, s.proxy} {
				a, err := audit.New(t.Context(), audit.Config{
					Party: x.keys.ID(), Store: x.db.(audit.Database), Chaincode: nodetest.Chaincode, Blocks: s.blocks, Folder: t.TempDir(),
				})
				require.NoError(t, err)
				t.Cleanup(func() { require.NoError(t, a.Close()) })
				go func() {
					var r result
					for over := false; !over && r.err == nil; {
						select {
						case <-stop:
							over = true
						default:
						}
						var report *audit.Report
						if report, r.err = a.Run(t.Context()); r.err == nil {
							r.reports = append(r.reports, report)
						}
					}
					ended <- r
				}()
			}
			for range 6 {
				id, gone := s.keep(t, 300_000), s.keep(t, 500)
				s.submit(t, id, gone)
				consent := s.grant(t)
				s.fetch(t, consent, id)
				s.consent(consent, func(c *record.Consent) { c.Status = record.ConsentRevoked })
				s.erase(t, gone)
				time.Sleep(20 * time.Millisecond) // as long as a node takes to notice
				require.NoError(t, s.shop.db.Erase(t.Context(), gone, "the owner asked"))
				require.NoError(t, retried(t.Context(), func() error { return s.proxy.db.DestroyToken(t.Context(), consent, "withdrawn") }))
				waiting := s.propose(t, 500)
				require.NoError(t, s.member(s.shop).Offer(t.Context(), waiting))
				sig, err := s.owner.Countersign(waiting, read)
				require.NoError(t, err)
				require.NoError(t, s.member(s.shop).Countersigned(t.Context(), waiting.Statement.ID, sig))
			}
			close(stop)
			audits := 0
			for range 3 {
				r := <-ended
				require.NoError(t, r.err)
				for _, report := range r.reports {
					require.Empty(t, report.Findings)
					audits++
				}
			}
			t.Logf("%d audits", audits)
		})
	}
}

// retried does what an SQLite store may have to do again while somebody reads.
func retried(ctx context.Context, do func() error) error {
	var err error
	for range 50 {
		if err = do(); err == nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
	return err
}

// dump is a snapshot of a party's database.
func dump(t *testing.T, x *actor) []byte {
	t.Helper()
	var b bytes.Buffer
	_, err := x.db.(store.Portable).Dump(t.Context(), &b)
	require.NoError(t, err)
	return b.Bytes()
}

// restored is a party with the database of a snapshot, which follows the ledger.
func (s *stage) restored(t *testing.T, x *actor, snapshot []byte, open opener) *actor {
	t.Helper()
	back := s.actor(t, x.keys, open)
	_, err := back.db.(store.Portable).Restore(t.Context(), bytes.NewReader(snapshot))
	require.NoError(t, err)
	return back
}

// TestRestored: what has been restored from an older backup, into a database of
// either engine, comes to what the ledger says by a node's usual work: ended
// consents' keys are destroyed, records are found recorded, erased ones go.
func TestRestored(t *testing.T) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, openSQLite)
			ctx := t.Context()
			kept, gone := s.keep(t, 400_000), s.keep(t, 400_000)
			s.submit(t, gone)
			consent := s.grant(t)
			shop, proxy := dump(t, s.shop), dump(t, s.proxy)

			s.submit(t, kept)
			s.erase(t, gone)
			s.consent(consent, func(c *record.Consent) { c.Status = record.ConsentRevoked })
			s.commit(t)
			require.NoError(t, s.proxy.db.DestroyToken(ctx, consent, "withdrawn"))

			back := s.restored(t, s.proxy, proxy, open)
			_, err := back.db.Token(ctx, consent)
			require.NoError(t, err, "the backup brings the key back")
			report, err := s.auditor(t, back).Run(ctx)
			require.NoError(t, err)
			require.True(t, report.Complete, "as of the backup's block it is in force")
			require.NoError(t, back.next.Apply(ctx, s.blocks.blocks...))
			report, err = s.auditor(t, back).Run(ctx)
			require.NoError(t, err)
			require.Len(t, report.Findings, 1, "and then it is not")
			require.Equal(t, []string{"token", "payload_token"}, []string{report.Findings[0].Table, report.Findings[0].Column})
			again := client.NewProxy(back.chain, back.keys, back.db)
			_, err = again.Release(ctx, client.Demand{Requester: s.insurer.keys.ID(), Consent: consent, Records: []record.RecordID{kept}}, s.member(s.shop))
			require.ErrorIs(t, err, record.ErrConsentRevoked, "nor is it of use before it is destroyed")
			_, err = again.Sweep(ctx)
			require.NoError(t, err)
			_, err = back.db.Token(ctx, consent)
			require.ErrorIs(t, err, store.ErrDestroyed)
			report, err = s.auditor(t, back).Run(ctx)
			require.NoError(t, err)
			require.True(t, report.Complete, report.Findings)

			holder := s.restored(t, s.shop, shop, open)
			pending, err := holder.db.PendingRecords(ctx, 10)
			require.NoError(t, err)
			require.Len(t, pending, 1)
			require.Equal(t, kept, pending[0].RecordID)
			require.NoError(t, holder.next.Apply(ctx, s.blocks.blocks...))
			e, err := holder.db.Record(ctx, kept)
			require.NoError(t, err)
			require.Equal(t, store.Recorded, e.State)
			report, err = s.auditor(t, holder).Run(ctx)
			require.NoError(t, err)
			require.Len(t, report.Findings, 1, "the erased record is back")
			require.Equal(t, "erased_at", report.Findings[0].Column)
			require.NoError(t, holder.db.Erase(ctx, gone, "the ledger says so"))
			report, err = s.auditor(t, holder).Run(ctx)
			require.NoError(t, err)
			require.True(t, report.Complete, report.Findings)
		})
	}
}

// TestLost: a backup from before something was kept lacks it, and the audit says
// so.
func TestLost(t *testing.T) {
	s := newStage(t, openSQLite)
	old, oldInsurer, oldProxy := dump(t, s.shop), dump(t, s.insurer), dump(t, s.proxy)
	id := s.keep(t, 500)
	s.submit(t, id)
	consent := s.grant(t)
	release := s.fetch(t, consent, id)
	for _, one := range []struct {
		of       *actor
		snapshot []byte
		table    string
		row      string
	}{{s.shop, old, "record", id.String()}, {s.insurer, oldInsurer, "received", release.String()}, {s.proxy, oldProxy, "token", consent.String()}} {
		back := s.restored(t, one.of, one.snapshot, openSQLite)
		require.NoError(t, back.next.Apply(t.Context(), s.blocks.blocks...))
		report, err := s.auditor(t, back).Run(t.Context())
		require.NoError(t, err)
		require.Len(t, report.Findings, 1)
		f := report.Findings[0]
		require.Equal(t, []string{string(audit.Missing), one.table, one.row}, []string{string(f.Kind), f.Table, f.Row})
	}
}

// TestCatchingUp: a database whose node reads the ledger anew is waited for.
func TestCatchingUp(t *testing.T) {
	s := newStage(t, openSQLite)
	id := s.keep(t, 500)
	s.submit(t, id)
	s.fetch(t, s.grant(t), id)
	require.NoError(t, s.insurer.db.ForgetWorld(t.Context()))
	require.NoError(t, s.insurer.next.Apply(t.Context(), s.blocks.blocks[0]))
	a, err := audit.New(t.Context(), audit.Config{
		Party: s.insurer.keys.ID(), Store: s.insurer.db.(audit.Database), Chaincode: nodetest.Chaincode, Blocks: s.blocks, Folder: t.TempDir(),
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, a.Close()) }()
	read := make(chan error, 1)
	go func() {
		for _, b := range s.blocks.blocks[1:] {
			time.Sleep(100 * time.Millisecond)
			if err := s.insurer.next.Apply(t.Context(), b); err != nil {
				read <- err
				return
			}
		}
		read <- nil
	}()
	report, err := a.Run(t.Context())
	require.NoError(t, err)
	require.NoError(t, <-read)
	require.True(t, report.Complete, report.Findings)
	require.Equal(t, s.blocks.height(), report.Blocks)
}

// TestBehind: a peer without the database's blocks is no ground for findings.
func TestBehind(t *testing.T) {
	s := newStage(t, openSQLite)
	s.submit(t, s.keep(t, 500))
	s.blocks.blocks = s.blocks.blocks[:1]
	_, err := s.auditor(t, s.shop).Run(t.Context())
	require.ErrorIs(t, err, audit.ErrBehind)
}

// TestErased: what the ledger calls erased is handed out to nobody, and is found
// until it is destroyed. Who received it before still has it.
func TestErased(t *testing.T) {
	s := newStage(t, openSQLite)
	ctx := t.Context()
	id := s.keep(t, 500)
	s.submit(t, id)
	consent := s.grant(t)
	release := s.fetch(t, consent, id)
	s.erase(t, id)
	holder, proxy := s.member(s.shop), client.NewProxy(s.proxy.chain, s.proxy.keys, s.proxy.db)
	order := client.Order{Consent: consent, Record: id, Proxy: s.proxy.keys.ID(), Nonce: record.Nonce{1}}
	order.Release = record.NewReleaseID(order.Consent, order.Record, order.Proxy, order.Nonce)
	_, err := holder.Deliver(ctx, order)
	require.ErrorIs(t, err, record.ErrRecordErased)
	_, err = proxy.Release(ctx, client.Demand{Requester: s.insurer.keys.ID(), Consent: consent, Records: []record.RecordID{id}}, holder)
	require.ErrorIs(t, err, record.ErrRecordErased)

	report, err := s.auditor(t, s.shop).Run(ctx)
	require.NoError(t, err)
	require.Len(t, report.Findings, 1)
	require.Equal(t, "erased_at", report.Findings[0].Column)
	require.NoError(t, s.shop.db.Erase(ctx, id, "the owner asked"))
	_, err = holder.SendPayload(ctx, client.PayloadOrder{Release: release}, new(bytes.Buffer))
	require.ErrorIs(t, err, store.ErrErased)
	for _, x := range []*actor{s.shop, s.insurer, s.proxy} {
		report, err := s.auditor(t, x).Run(ctx)
		require.NoError(t, err)
		require.True(t, report.Complete, report.Findings)
	}
	var copied bytes.Buffer
	require.NoError(t, s.insurer.db.ReceivedPayload(ctx, release, &copied))
	require.NotZero(t, copied.Len())
}
