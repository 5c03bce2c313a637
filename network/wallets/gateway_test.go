package wallets

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/crypto/pre"
)

// A gateway tells the truth when it is asked the first time, and lies when the
// consent is made; or it tells of records what the owner did not sign.
func TestGatewayThatLiesLater(t *testing.T) {
	w := newWorld(t)
	alice := w.person("Alice Example")
	alice.sign(alice.offer("nordhaven", "policy/2026"))
	repair := alice.offer("shop", "repair/2026")
	alice.sign(repair)
	request := alice.asked("suedhaven", "shop", "repair/2026")
	liar := w.nodes["nordhaven"]
	stranger, err := pre.GenerateScopedKey()
	require.NoError(t, err)
	theirs := record.EncryptionKeyCompressed(stranger.PublicKey().Bytes())
	require.NoError(t, alice.w.Via(liar.keys.ID()))
	var asked atomic.Int32
	liar.lying(altered(record.TxParty, func(doc map[string]any) {
		if doc["role"] == "insurer" && asked.Add(1) > 1 {
			doc["keys"].([]any)[0].(map[string]any)["encryption"] = map[string]any{"mode": "scoped", "key": theirs.String()}
		}
	}))
	d, err := alice.w.Prepare(t.Context(), request, terms())
	if err == nil {
		require.NotEqual(t, theirs, d.Statement.RequesterKey.Key, "the consent is made out to a stranger")
	}
	liar.lying(altered(record.TxRecordsByOwner, func(doc map[string]any) {
		for _, item := range doc["items"].([]any) {
			item.(map[string]any)["label"] = "repair/2026"
		}
	}))
	_, err = alice.w.Records(t.Context())
	require.ErrorIs(t, err, client.ErrSignature)
	_, err = alice.w.Requests(t.Context())
	require.ErrorIs(t, err, client.ErrSignature)
	_, err = alice.w.Prepare(t.Context(), request, terms())
	require.ErrorIs(t, err, client.ErrSignature)
}

// That something is there, and another's, is not told from that it is not.
func TestNothingIsToldOfOthers(t *testing.T) {
	w := newWorld(t)
	alice := w.person("Alice Example")
	policy := alice.offer("nordhaven", "policy/2026")
	alice.sign(policy)
	gateway := nodev1.NewGatewayServiceClient(w.dialAs(w.nodes["nordhaven"], w.register("Mallory")))
	evaluate := func(transaction, arg string) string {
		_, err := gateway.Evaluate(t.Context(), &nodev1.EvaluateRequest{Transaction: transaction, Args: []string{arg}})
		require.Error(t, err)
		known := new(record.Error)
		require.ErrorAs(t, err, &known)
		return known.Error()
	}
	nobody := record.PartyID{0xab}.String()
	for _, transaction := range []string{record.TxParty, record.TxStanding} {
		require.Equal(t, evaluate(transaction, nobody), evaluate(transaction, alice.id.String()), transaction)
	}
	require.Equal(t, evaluate(record.TxRecord, record.RecordID{0xab}.String()), evaluate(record.TxRecord, policy.String()))
}
