package wallets

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/keyfile"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/wallet"
	"github.com/claimshare/claimshare/client/walletauth"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/client/wire/refusal"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

// judge has the system manager suspend or reinstate.
func (w *world) judge(transaction string, id record.PartyID) {
	_, err := w.sm.Ledger().Submit(w.t.Context(), ledger.Call{Contract: "registry", Transaction: transaction, Args: []string{id.String(), "reported stolen"}})
	require.NoError(w.t, err)
}

// stolen is another run of the program with a copy of the wallet's file.
func (h *holder) stolen() *wallet.Wallet {
	raw, err := os.ReadFile(h.path)
	require.NoError(h.t, err)
	path := filepath.Join(h.t.TempDir(), "stolen")
	require.NoError(h.t, os.WriteFile(path, raw, 0o600))
	w, err := wallet.Open(path, h.lock)
	require.NoError(h.t, err)
	h.t.Cleanup(func() { require.NoError(h.t, w.Close()) })
	return w
}

// Who has copied a wallet cannot replace its keys, reported or not; the owner can,
// also while it is suspended.
func TestThief(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("Alice Example"), w.person("Bob Example")
	alice.sign(alice.offer("nordhaven", "policy/2026"))
	repair := alice.offer("shop", "repair/2026")
	alice.sign(repair)
	thief := alice.stolen()
	_, err := thief.Records(t.Context())
	require.NoError(t, err, "which nobody has noticed")

	desk := w.nodes["manager"].rotations
	_, err = desk.Allow(t.Context(), alice.id, "Bob Example", time.Hour)
	require.ErrorIs(t, err, record.ErrForbidden)
	_, err = desk.Allow(t.Context(), w.nodes["shop"].keys.ID(), "shop", time.Hour)
	require.ErrorIs(t, err, record.ErrOwnerRole)
	_, err = desk.Allow(t.Context(), record.PartyID{1}, "Alice Example", time.Hour)
	require.ErrorIs(t, err, record.ErrPartyUnknown)
	late, err := desk.Allow(t.Context(), alice.id, "Alice Example", -time.Second)
	require.NoError(t, err)
	invented, err := walletauth.NewCode()
	require.NoError(t, err)
	for name, code := range map[string]walletauth.Code{
		"invented": invented, "expired": late, "another's": w.permit(bob.id, "Bob Example"), "for an enrolment": w.invite("Alice Example").Code,
	} {
		require.ErrorIs(t, thief.Rotate(t.Context(), code), refusal.ErrWalletCode, name)
	}
	st, err := thief.Status(t.Context())
	require.NoError(t, err)
	require.False(t, st.Rotating, "as if nothing had been")
	_, err = thief.Backup()
	require.NoError(t, err)

	w.judge("Suspend", alice.id)
	_, err = thief.Read(t.Context(), repair, "")
	require.ErrorIs(t, err, walletauth.ErrSuspended)
	require.ErrorIs(t, thief.Rotate(t.Context(), invented), refusal.ErrWalletCode)
	code := w.permit(alice.id, "Alice Example")
	require.NoError(t, alice.w.Rotate(t.Context(), code))
	s, err := alice.w.Sync(t.Context())
	require.NoError(t, err)
	require.Len(t, s.Left, 2)
	require.ErrorIs(t, s.Left[0].Err, walletauth.ErrSuspended)
	require.ErrorIs(t, bob.w.Rotate(t.Context(), code), refusal.ErrWalletCode, "used, and another's")
	w.judge("Reinstate", alice.id)
	_, err = thief.Records(t.Context())
	require.Error(t, err)
	require.ErrorIs(t, alice.stolen().Rotate(t.Context(), late), refusal.ErrWalletCode)

	request := alice.asked("suedhaven", "shop", "repair/2026")
	d, err := alice.w.Prepare(t.Context(), request, terms())
	require.NoError(t, err, "which brings the records along, too")
	require.NoError(t, alice.w.Grant(t.Context(), d))
	require.NoError(t, alice.fetch("suedhaven", "shop", d.Statement.Consent, repair))
	require.Contains(t, alice.w.DescribeSynced(&wallet.Synced{}), "All your records can be shared.")
}

// A record that has stayed behind is refused for what it is, and one that came
// along under a consent of before, too.
func TestStayedBehind(t *testing.T) {
	w := newWorld(t)
	alice := w.person("Alice Example")
	alice.sign(alice.offer("nordhaven", "policy/2026"))
	first := alice.offer("shop", "repair/2026")
	alice.sign(first)
	shop := w.nodes["shop"]
	kept, err := shop.db.Record(t.Context(), first)
	require.NoError(t, err)
	before := alice.grant(alice.asked("suedhaven", "shop", "repair/2026"))
	alice.rotate()
	require.ErrorIs(t, alice.fetch("suedhaven", "shop", before, first), record.ErrStaleKeyVersion)
	asked, err := alice.w.Requests(t.Context())
	require.NoError(t, err)
	require.True(t, asked[0].Waits(), "the answer has ended")
	require.Contains(t, strings.Join(alice.w.DescribeRequest(&asked[0]), "\n"), "ended when you replaced your keys")
	none, err := alice.w.InForce(t.Context(), asked[0].Request.ID)
	require.NoError(t, err)
	require.Nil(t, none)
	history, err := alice.w.History(t.Context())
	require.NoError(t, err)
	require.Contains(t, strings.Join(alice.w.DescribeHistory(history), "\n"), "ended when you replaced your keys")
	second := alice.offer("shop", "repair/2026")
	alice.sign(second)
	require.NoError(t, shop.db.ReplaceCapsule(t.Context(), first, kept.Capsule)) // the shop restores an old backup
	consent := alice.grant(alice.asked("suedhaven", "shop", "repair/2026"))
	require.ErrorIs(t, alice.fetch("suedhaven", "shop", consent, first), client.ErrFormerKey)
	require.NoError(t, alice.fetch("suedhaven", "shop", consent, second))
	s, err := alice.w.Sync(t.Context())
	require.NoError(t, err)
	require.Len(t, s.Moved, 1)
	require.NoError(t, alice.fetch("suedhaven", "shop", consent, first))

	// Twice in a row, the holder away at the first.
	shop.losing(nodev1.CustodyService_ReplaceCapsule_FullMethodName, 2, 0)
	require.Len(t, alice.rotate().Left, 2)
	shop.losing(nodev1.CustodyService_ReplaceCapsule_FullMethodName, 0, 0)
	require.Len(t, alice.rotate().Moved, 3)
	_, err = alice.w.Read(t.Context(), first, "")
	require.NoError(t, err)
}

// The desk takes a capsule of its caller's own records alone.
func TestReplaceAnothersCapsule(t *testing.T) {
	w := newWorld(t)
	alice := w.person("Alice Example")
	id := alice.offer("shop", "repair/2026")
	waiting := alice.offer("shop", "repair/2026")
	alice.sign(id)
	kept, err := w.nodes["shop"].db.Record(t.Context(), id)
	require.NoError(t, err)
	mallory := nodev1.NewCustodyServiceClient(w.dialAs(w.nodes["shop"], w.register("Mallory")))
	_, err = mallory.ReplaceCapsule(t.Context(), &nodev1.ReplaceCapsuleRequest{Record: id[:], Capsule: kept.Capsule})
	require.ErrorIs(t, err, client.ErrNotOurs)
	_, err = mallory.ReplaceCapsule(t.Context(), &nodev1.ReplaceCapsuleRequest{Record: waiting[:], Capsule: kept.Capsule})
	require.Error(t, err)
	_, err = mallory.ReplaceCapsule(t.Context(), &nodev1.ReplaceCapsuleRequest{Record: id[:15]})
	require.ErrorIs(t, err, record.ErrMalformed)
	_, err = w.nodes["shop"].db.Record(t.Context(), waiting)
	require.ErrorIs(t, err, store.ErrNotFound)
}

// A gateway says that it has carried a withdrawal, and has not.
func TestUncarriedWithdrawal(t *testing.T) {
	w := newWorld(t)
	alice := w.person("Alice Example")
	alice.sign(alice.offer("nordhaven", "policy/2026"))
	alice.sign(alice.offer("shop", "repair/2026"))
	consent := alice.grant(alice.asked("suedhaven", "shop", "repair/2026"))
	liar := w.nodes["nordhaven"]
	require.NoError(t, alice.w.Via(liar.keys.ID()))
	status := func() record.ConsentStatus {
		c, err := w.sm.Consent(t.Context(), consent)
		require.NoError(t, err)
		return c.Status
	}
	liar.pretending(nodev1.GatewayService_CarryRevocation_FullMethodName, &nodev1.CarryRevocationResponse{AsOf: 1})
	others := []*node{w.nodes["manager"], w.nodes["suedhaven"], w.nodes["shop"]}
	for _, n := range others {
		n.losing(nodev1.GatewayService_CarryRevocation_FullMethodName, 1, 0)
	}
	require.ErrorIs(t, alice.w.Revoke(t.Context(), consent), wallet.ErrUnconfirmed)
	require.Equal(t, record.ConsentApproved, status())
	require.NoError(t, alice.w.Revoke(t.Context(), consent), "another node carries it, too")
	require.Equal(t, record.ConsentRevoked, status())
}

// A gateway takes the next keys' signature for good, though the ledger has not got
// them.
func TestRotationThatDidNotHappen(t *testing.T) {
	w := newWorld(t)
	alice := w.person("Alice Example")
	code := w.permit(alice.id, "Alice Example")
	manager := w.nodes["manager"]
	manager.losing(nodev1.ManagerService_Rotate_FullMethodName, 1, 0)
	require.Error(t, alice.w.Rotate(t.Context(), code))
	next := alice.next()
	for _, name := range []string{"nordhaven", "suedhaven", "shop"} {
		n := w.nodes[name]
		n.believing(func(ctx context.Context, id record.PartyID) (*record.Party, error) {
			p, err := n.chain.Party(ctx, id)
			if err == nil && id == alice.id {
				p.Keys = append(p.Keys, record.KeyVersion{Version: 2, Signing: record.SigningKey(next.Signing.PublicKey().Bytes())})
			}
			return p, err
		})
		n.lying(altered(record.TxParty, func(doc map[string]any) {
			if doc["id"] != alice.id.String() {
				return
			}
			first := doc["keys"].([]any)[0]
			second := maps.Clone(first.(map[string]any))
			second["version"], second["signing"] = 2, record.SigningKey(next.Signing.PublicKey().Bytes()).String()
			doc["keys"] = []any{first, second}
		}))
	}
	alice.again()
	_, err := alice.w.Records(t.Context())
	require.Error(t, err)
	st, err := alice.w.Status(t.Context())
	require.Error(t, err)
	require.True(t, st.Rotating)
	require.Equal(t, 1, st.Keys, "the keys that the ledger has")
	for _, name := range []string{"nordhaven", "suedhaven", "shop"} {
		w.nodes[name].believing(nil)
		w.nodes[name].lying(nil)
	}
	require.NoError(t, alice.w.Rotate(t.Context(), code))
	st, err = alice.w.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, st.Keys)
	require.Len(t, st.Party.Keys, 2)
}

// A rotation whose code expires on the way waits for another one, and keeps
// nothing else from being done.
func TestRotationWaitsForACode(t *testing.T) {
	w := newWorld(t)
	alice := w.person("Alice Example")
	repair := alice.offer("shop", "repair/2026")
	alice.sign(repair)
	code, err := w.nodes["manager"].rotations.Allow(t.Context(), alice.id, "Alice Example", time.Second)
	require.NoError(t, err)
	w.nodes["manager"].losing(nodev1.ManagerService_Rotate_FullMethodName, 1, 0)
	require.Error(t, alice.w.Rotate(t.Context(), code))
	time.Sleep(1100 * time.Millisecond) // the code expires
	alice.again()
	_, err = alice.w.Read(t.Context(), repair, "")
	require.NoError(t, err)
	st, err := alice.w.Status(t.Context())
	require.NoError(t, err)
	require.True(t, st.Rotating)
	require.ErrorIs(t, alice.w.Rotate(t.Context(), code), refusal.ErrWalletCode)
	require.Len(t, alice.rotate().Moved, 1)
	st, err = alice.w.Status(t.Context())
	require.NoError(t, err)
	require.False(t, st.Rotating)
	require.Equal(t, 2, st.Keys)
}

// next is the keys of a rotation on its way, of the wallet's file.
func (h *holder) next() *client.Keys {
	sealed, err := os.ReadFile(h.path)
	require.NoError(h.t, err)
	plain, err := keyfile.Unseal(sealed, h.lock.Identity)
	require.NoError(h.t, err)
	var c struct{ Next string }
	require.NoError(h.t, json.Unmarshal(plain, &c))
	seed, err := hex.DecodeString(c.Next)
	require.NoError(h.t, err)
	me, err := h.sm.Party(h.t.Context(), h.id)
	require.NoError(h.t, err)
	keys, err := client.DeriveKeys([32]byte(seed), pseudonym.PID(me.PID), pre.ModeScoped)
	require.NoError(h.t, err)
	return keys
}
