package wallets

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"filippo.io/age"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/document"
	"github.com/claimshare/claimshare/client/wallet"
	"github.com/claimshare/claimshare/client/walletauth"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/client/wire/refusal"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if builtIn != "" {
			_ = os.RemoveAll(builtIn) // best effort
		}
		os.Exit(code)
	}))
}

// holder is a person with a wallet.
type holder struct {
	*world
	path string
	lock wallet.Lock
	w    *wallet.Wallet // nil where the program has it
	id   record.PartyID

	identity string
}

func newLock(t *testing.T) wallet.Lock {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	return wallet.Lock{Recipient: id.Recipient(), Identity: id}
}

func (w *world) invite(identity string) wallet.Invitation {
	code, _, err := w.nodes["manager"].enrol.Invite(w.t.Context(), record.RolePolicyholder, identity, "", time.Hour)
	require.NoError(w.t, err)
	return wallet.Invitation{Code: code, Address: w.nodes["manager"].address, Authority: w.nodes["manager"].pem}
}

// permit is the code with which a policyholder may replace its keys.
func (w *world) permit(id record.PartyID, identity string) walletauth.Code {
	code, err := w.nodes["manager"].rotations.Allow(w.t.Context(), id, identity, time.Hour)
	require.NoError(w.t, err)
	return code
}

// rotate replaces the keys, and brings the records along.
func (h *holder) rotate() *wallet.Synced {
	require.NoError(h.t, h.w.Rotate(h.t.Context(), h.permit(h.id, h.identity)))
	s, err := h.w.Sync(h.t.Context())
	require.NoError(h.t, err)
	return s
}

func (w *world) person(name string) *holder {
	h := &holder{world: w, path: filepath.Join(w.t.TempDir(), "wallet"), lock: newLock(w.t), identity: name}
	var err error
	h.w, err = wallet.Enrol(w.t.Context(), h.path, h.lock, w.invite(name))
	require.NoError(w.t, err)
	h.id = h.w.ID()
	w.t.Cleanup(func() { require.NoError(w.t, h.w.Close()) })
	return h
}

// again closes the wallet and opens it: another run of the program.
func (h *holder) again() {
	require.NoError(h.t, h.w.Close())
	var err error
	h.w, err = wallet.Open(h.path, h.lock)
	require.NoError(h.t, err)
}

// offer has a member seal its specimen for the holder.
func (h *holder) offer(name, label string) record.RecordID {
	t, n := h.t, h.nodes[name]
	owner, err := n.chain.Party(t.Context(), h.id)
	require.NoError(t, err)
	kind := record.KindPolicy
	if n.role == record.RoleRepairShop {
		kind = record.KindRepair
	}
	raw, err := os.ReadFile("../../client/document/testdata/" + kind.String() + ".json")
	require.NoError(t, err)
	doc, err := document.Parse(kind, raw)
	require.NoError(t, err)
	var p *client.Proposal
	if policy, ok := doc.Policy(); ok {
		policy.Attachments = nil
		p, err = n.member.ProposePolicy(t.Context(), owner, label, policy, nil)
	} else {
		repair, _ := doc.Repair()
		repair.Attachments = nil
		p, err = n.member.ProposeRepair(t.Context(), owner, label, repair, nil)
	}
	require.NoError(t, err)
	require.NoError(t, n.member.Offer(t.Context(), p))
	require.NoError(t, p.Close())
	return p.Statement.ID
}

// offerWithPhoto has a shop seal a repair with a photo of 1 MiB.
func (h *holder) offerWithPhoto(name, label string) record.RecordID {
	t, n := h.t, h.nodes[name]
	owner, err := n.chain.Party(t.Context(), h.id)
	require.NoError(t, err)
	raw, err := os.ReadFile("../../client/document/testdata/repair.json")
	require.NoError(t, err)
	doc, err := document.Parse(record.KindRepair, raw)
	require.NoError(t, err)
	repair, _ := doc.Repair()
	photo := append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, 1<<20)...)
	attachment, err := document.Describe("damage.png", "detail", bytes.NewReader(photo))
	require.NoError(t, err)
	repair.Attachments = []document.Attachment{attachment}
	p, err := n.member.ProposeRepair(t.Context(), owner, label, repair, fstest.MapFS{"damage.png": {Data: photo}})
	require.NoError(t, err)
	require.NoError(t, n.member.Offer(t.Context(), p))
	require.NoError(t, p.Close())
	return p.Statement.ID
}

func (h *holder) proposal(id record.RecordID) wallet.Proposal {
	all, err := h.w.Proposals(h.t.Context())
	require.NoError(h.t, err)
	for _, p := range all {
		if p.Statement.ID == id {
			return p
		}
	}
	require.FailNow(h.t, "no such proposal")
	return wallet.Proposal{}
}

func (h *holder) sign(id record.RecordID) {
	r, err := h.w.Review(h.t.Context(), h.proposal(id), "")
	require.NoError(h.t, err)
	require.Equal(h.t, r.Statement.Kind, r.Document.Kind())
	require.NoError(h.t, h.w.Countersign(h.t.Context(), r))
}

// asked has a member ask for the holder's records of a label at another.
func (h *holder) asked(by, at, label string) record.RequestID {
	r, err := h.nodes[by].member.Ask(h.t.Context(), record.AccessRequest{
		Owner: h.id, Holder: h.nodes[at].keys.ID(), Label: label, Purpose: "claim", Claim: "C-1",
	})
	require.NoError(h.t, err)
	return r.ID
}

func terms() wallet.Terms { return wallet.Terms{Until: time.Now().Add(time.Hour)} }

func (h *holder) grant(id record.RequestID) record.ConsentID {
	d, err := h.w.Prepare(h.t.Context(), id, terms())
	require.NoError(h.t, err)
	require.NoError(h.t, h.w.Grant(h.t.Context(), d))
	return d.Statement.Consent
}

// fetch has a member read what a consent covers.
func (h *holder) fetch(by, at string, consent record.ConsentID, ids ...record.RecordID) error {
	receiver, holder := h.nodes[by].member, h.nodes[at].member
	out, err := h.nodes["proxy"].proxy.Release(h.t.Context(), client.Demand{Requester: receiver.ID(), Consent: consent, Records: ids}, holder)
	if err != nil {
		return err
	}
	for _, handover := range out {
		_, err := receiver.Receive(h.t.Context(), handover, holder, func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err })
		if err != nil {
			return err
		}
	}
	return nil
}

// The whole path of a policyholder, from a code to who has seen the records.
func TestPath(t *testing.T) {
	w := newWorld(t)
	alice := w.person("Alice Example")
	policy, repair := alice.offer("nordhaven", "policy/2026"), alice.offer("shop", "repair/2026")
	alice.sign(policy)
	alice.again()
	alice.sign(repair)
	records, err := alice.w.Records(t.Context())
	require.NoError(t, err)
	require.Len(t, records, 2)
	left, err := alice.w.Proposals(t.Context())
	require.NoError(t, err)
	require.Empty(t, left)

	dir := filepath.Join(t.TempDir(), "repair")
	opened, err := alice.w.Read(t.Context(), repair, dir)
	require.NoError(t, err)
	require.Equal(t, record.KindRepair, opened.Document.Kind())
	require.FileExists(t, filepath.Join(dir, "repair.json"))

	request := alice.asked("suedhaven", "shop", "repair/2026")
	asked, err := alice.w.Requests(t.Context())
	require.NoError(t, err)
	require.Len(t, asked, 1)
	require.Equal(t, w.nodes["suedhaven"].keys.ID(), asked[0].Requester.ID)
	require.Len(t, asked[0].Covers, 1)
	require.Empty(t, asked[0].Answers)

	consent := alice.grant(request)
	require.NoError(t, alice.fetch("suedhaven", "shop", consent, repair))
	h, err := alice.w.History(t.Context())
	require.NoError(t, err)
	require.Len(t, h.Consents, 1)
	require.Len(t, h.Releases, 1)
	require.Equal(t, w.nodes["suedhaven"].keys.ID(), h.Releases[0].Receiver)
	require.Equal(t, record.ReleaseAcknowledged, h.Releases[0].Status)
	require.Equal(t, record.RoleInsurer, h.Parties[h.Releases[0].Receiver].Role)

	second := alice.grant(alice.asked("suedhaven", "shop", "repair/2026"))
	require.NoError(t, alice.w.Revoke(t.Context(), second))
	require.ErrorIs(t, alice.fetch("suedhaven", "shop", second, repair), record.ErrConsentRevoked)

	st, err := alice.w.Status(t.Context())
	require.NoError(t, err)
	require.Empty(t, st.Underway)
	require.Equal(t, record.StatusActive, st.Party.Status)
	require.Equal(t, 1, st.Policies)
	for _, n := range st.Nodes {
		require.NoError(t, n.Err, n.Name)
	}
}

// Keys are rotated, the wallet is lost, and the backup brings it back.
func TestRotateAndRestore(t *testing.T) {
	w := newWorld(t)
	alice := w.person("Alice Example")
	policy, repair := alice.offer("nordhaven", "policy/2026"), alice.offer("shop", "repair/2026")
	alice.sign(policy)
	alice.sign(repair)
	old, err := alice.w.Backup()
	require.NoError(t, err)
	before := alice.grant(alice.asked("suedhaven", "shop", "repair/2026"))

	require.Len(t, alice.rotate().Moved, 2)
	require.ErrorIs(t, alice.fetch("suedhaven", "shop", before, repair), record.ErrStaleKeyVersion)
	_, err = alice.w.Read(t.Context(), repair, "")
	require.NoError(t, err, "sealed under the former key")
	later := alice.offer("shop", "repair/2026")
	alice.sign(later)
	fresh, err := alice.w.Backup()
	require.NoError(t, err)
	require.NotContains(t, fresh, "hidden")
	require.NoError(t, alice.w.Close())

	restored := &holder{world: w, path: filepath.Join(t.TempDir(), "wallet"), lock: newLock(t)}
	restored.w, err = wallet.Restore(restored.path, restored.lock, fresh, "", nil)
	require.NoError(t, err)
	defer restored.w.Close()
	restored.id = restored.w.ID()
	_, err = wallet.Restore(restored.path, restored.lock, fresh, "", nil)
	require.ErrorIs(t, err, os.ErrExist)
	for _, id := range []record.RecordID{policy, repair, later} {
		_, err := restored.w.Read(t.Context(), id, "")
		require.NoError(t, err)
	}
	consent := restored.grant(restored.asked("suedhaven", "shop", "repair/2026"))
	require.NoError(t, restored.fetch("suedhaven", "shop", consent, later))
	require.NoError(t, restored.fetch("suedhaven", "shop", restored.grant(restored.asked("suedhaven", "shop", "repair/2026")), repair), "of before")

	stale, err := wallet.Restore(filepath.Join(t.TempDir(), "stale"), newLock(t), old, "", nil)
	require.NoError(t, err)
	defer stale.Close()
	_, err = stale.Records(t.Context())
	require.ErrorIs(t, err, wallet.ErrRotated)
}

// A restored wallet fetches δ out of the policy when it is needed.
func TestRestoredWalletFindsEvidence(t *testing.T) {
	w := newWorld(t)
	alice := w.person("Alice Example")
	alice.sign(alice.offer("nordhaven", "policy/2026"))
	repair := alice.offer("shop", "repair/2026")
	alice.sign(repair)
	sheet, err := alice.w.Backup()
	require.NoError(t, err)
	require.NoError(t, alice.w.Close())
	restored := &holder{world: w, path: filepath.Join(t.TempDir(), "wallet"), lock: newLock(t)}
	restored.w, err = wallet.Restore(restored.path, restored.lock, sheet, w.nodes["manager"].address, w.nodes["manager"].pem)
	require.NoError(t, err)
	defer restored.w.Close()
	restored.id = restored.w.ID()
	consent := restored.grant(restored.asked("suedhaven", "shop", "repair/2026"))
	require.NoError(t, restored.fetch("suedhaven", "shop", consent, repair))
}

// Whichever call or answer is lost, the next run finishes what was begun, once.
func TestLostOnTheWay(t *testing.T) {
	for _, lost := range []struct {
		name           string
		calls, answers int
	}{{"call", 1, 0}, {"answer", 0, 1}} {
		t.Run(lost.name, func(t *testing.T) {
			w := newWorld(t)
			manager, proxy := w.nodes["manager"], w.nodes["proxy"]
			gateways := []*node{w.nodes["nordhaven"], w.nodes["suedhaven"], w.nodes["shop"]}
			losing := func(method string, nodes ...*node) {
				for _, n := range nodes {
					n.losing(method, lost.calls, lost.answers)
				}
			}
			stop := func() {
				for _, n := range w.nodes {
					n.mu.Lock()
					clear(n.cut)
					clear(n.lose)
					n.mu.Unlock()
				}
			}

			alice := &holder{world: w, path: filepath.Join(t.TempDir(), "wallet"), lock: newLock(t)}
			invitation := w.invite("Alice Example")
			losing(nodev1.EnrolmentService_Enrol_FullMethodName, manager)
			_, err := wallet.Enrol(t.Context(), alice.path, alice.lock, invitation)
			require.Error(t, err)
			losing(nodev1.EnrolmentService_Register_FullMethodName, manager)
			_, err = wallet.Enrol(t.Context(), alice.path, alice.lock, invitation)
			require.Error(t, err)
			require.FileExists(t, alice.path)
			stop()
			alice.w, err = wallet.Enrol(t.Context(), alice.path, alice.lock, invitation)
			require.NoError(t, err)
			defer func() { require.NoError(t, alice.w.Close()) }()
			alice.id = alice.w.ID()
			_, err = wallet.Enrol(t.Context(), alice.path, alice.lock, invitation)
			require.ErrorIs(t, err, wallet.ErrInUse)

			policy, repair := alice.offer("nordhaven", "policy/2026"), alice.offer("shop", "repair/2026")
			alice.sign(policy)
			review, err := alice.w.Review(t.Context(), alice.proposal(repair), "")
			require.NoError(t, err)
			losing(nodev1.CustodyService_Countersign_FullMethodName, gateways...)
			require.Error(t, alice.w.Countersign(t.Context(), review))
			stop()
			require.NoError(t, alice.w.Countersign(t.Context(), review))

			request := alice.asked("suedhaven", "shop", "repair/2026")
			for _, one := range []struct {
				method string
				at     []*node
			}{
				{nodev1.GatewayService_CarryGrant_FullMethodName, gateways},
				{nodev1.DelegationService_Accept_FullMethodName, []*node{proxy}},
				{nodev1.ManagerService_Approve_FullMethodName, []*node{manager}},
			} {
				d, err := alice.w.Prepare(t.Context(), request, terms())
				require.NoError(t, err)
				losing(one.method, one.at...)
				require.Error(t, alice.w.Grant(t.Context(), d), one.method)
				stop()
				alice.again()
				done, err := alice.w.Resume(t.Context())
				require.NoError(t, err)
				require.Len(t, done, 1)
				require.Equal(t, d.Statement.Consent, done[0].Consent)
				require.NoError(t, alice.fetch("suedhaven", "shop", d.Statement.Consent, repair))
				st, err := alice.w.Status(t.Context())
				require.NoError(t, err)
				require.Empty(t, st.Underway)

				losing(nodev1.GatewayService_CarryRevocation_FullMethodName, gateways...)
				require.Error(t, alice.w.Revoke(t.Context(), d.Statement.Consent))
				stop()
				require.NoError(t, alice.w.Revoke(t.Context(), d.Statement.Consent))
			}

			losing(nodev1.ManagerService_Rotate_FullMethodName, manager)
			code := w.permit(alice.id, "Alice Example")
			require.Error(t, alice.w.Rotate(t.Context(), code))
			_, err = alice.w.Backup()
			require.Error(t, err, "which keys the ledger has is not known yet")
			stop()
			alice.again()
			_, err = alice.w.Read(t.Context(), repair, "")
			require.NoError(t, err)
			require.NoError(t, alice.w.Rotate(t.Context(), code), "it is done")

			losing(nodev1.CustodyService_ReplaceCapsule_FullMethodName, gateways...)
			half, err := alice.w.Sync(t.Context())
			require.NoError(t, err)
			require.Len(t, half.Left, 2)
			stop()
			alice.again()
			st, err := alice.w.Status(t.Context())
			require.NoError(t, err)
			require.False(t, st.Rotating)
			require.Equal(t, 2, st.Keys)
			require.Len(t, st.Party.Keys, 2)
			require.Empty(t, st.Synced.Left)
			require.NoError(t, alice.fetch("suedhaven", "shop", alice.grant(alice.asked("suedhaven", "shop", "repair/2026")), repair))
			st, err = alice.w.Status(t.Context())
			require.NoError(t, err)
			require.Nil(t, st.Synced, "there is nothing left to do")

			consents, err := w.sm.ConsentsOf(t.Context(), alice.w.ID())
			require.NoError(t, err)
			require.Len(t, consents, 4)
		})
	}
}

// A withdrawal works while the consent is on its way, too.
func TestRevokeOnTheWay(t *testing.T) {
	w := newWorld(t)
	alice := w.person("Alice Example")
	alice.sign(alice.offer("nordhaven", "policy/2026"))
	alice.sign(alice.offer("shop", "repair/2026"))
	d, err := alice.w.Prepare(t.Context(), alice.asked("suedhaven", "shop", "repair/2026"), terms())
	require.NoError(t, err)
	for _, name := range []string{"nordhaven", "suedhaven", "shop"} {
		w.nodes[name].losing(nodev1.GatewayService_CarryGrant_FullMethodName, 1, 0)
	}
	require.Error(t, alice.w.Grant(t.Context(), d))
	require.NoError(t, alice.w.Revoke(t.Context(), d.Statement.Consent))
	done, err := alice.w.Resume(t.Context())
	require.NoError(t, err)
	require.Empty(t, done)
	require.ErrorIs(t, alice.w.Grant(t.Context(), d), record.ErrConsentRevoked)
	st, err := alice.w.Status(t.Context())
	require.NoError(t, err)
	require.Empty(t, st.Underway, "it can never be given")
}

func TestCodes(t *testing.T) {
	w := newWorld(t)
	i := w.invite("Alice Example")
	used, err := wallet.Enrol(t.Context(), filepath.Join(t.TempDir(), "w"), newLock(t), i)
	require.NoError(t, err)
	defer used.Close()
	_, err = wallet.Enrol(t.Context(), filepath.Join(t.TempDir(), "w"), newLock(t), i)
	require.ErrorIs(t, err, refusal.ErrWalletCode, "used")
	i.Code, err = walletauth.NewCode()
	require.NoError(t, err)
	_, err = wallet.Enrol(t.Context(), filepath.Join(t.TempDir(), "w"), newLock(t), i)
	require.ErrorIs(t, err, refusal.ErrWalletCode, "invented")
	code, _, err := w.nodes["manager"].enrol.Invite(t.Context(), record.RolePolicyholder, "Bob", "", -time.Second)
	require.NoError(t, err)
	i.Code = code
	_, err = wallet.Enrol(t.Context(), filepath.Join(t.TempDir(), "w"), newLock(t), i)
	require.ErrorIs(t, err, refusal.ErrWalletCode, "expired")
	code, _, err = w.nodes["manager"].enrol.Invite(t.Context(), record.RoleInsurer, "Bob", "InsurerMSP", time.Hour)
	require.NoError(t, err)
	i.Code = code
	_, err = wallet.Enrol(t.Context(), filepath.Join(t.TempDir(), "w"), newLock(t), i)
	require.ErrorIs(t, err, wallet.ErrRole, "not a policyholder's")

	// Guessing is slow.
	busy := false
	for range 60 {
		if i.Code, err = walletauth.NewCode(); err != nil {
			break
		}
		_, err = wallet.Enrol(t.Context(), filepath.Join(t.TempDir(), "w"), newLock(t), i)
		busy = busy || errors.Is(err, refusal.ErrBusy)
	}
	require.True(t, busy)
}
