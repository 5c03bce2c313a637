package wallets

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/wallet"
	"github.com/claimshare/claimshare/client/walletauth"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/client/wire/refusal"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
)

// altered changes a gateway's answer to one query.
func altered(transaction string, change func(doc map[string]any)) func(string, any, any) any {
	return func(_ string, request, answer any) any {
		r, ok := request.(*nodev1.EvaluateRequest)
		if !ok || r.GetTransaction() != transaction {
			return answer
		}
		doc := map[string]any{}
		if err := json.Unmarshal(answer.(*nodev1.EvaluateResponse).GetAnswer(), &doc); err != nil {
			return answer
		}
		change(doc)
		b, err := json.Marshal(doc)
		if err != nil {
			return answer
		}
		return &nodev1.EvaluateResponse{Answer: b}
	}
}

// A wallet's gateway lies, and what it lies about is found out.
func TestLyingGateway(t *testing.T) {
	w := newWorld(t)
	alice := w.person("Alice Example")
	alice.sign(alice.offer("nordhaven", "policy/2026"))
	repair := alice.offer("shop", "repair/2026")
	alice.sign(repair)
	request := alice.asked("suedhaven", "shop", "repair/2026")
	liar := w.nodes["nordhaven"] // the first of the directory
	stranger, err := pre.GenerateScopedKey()
	require.NoError(t, err)
	strangers, err := bls.GenerateKey()
	require.NoError(t, err)
	keyOf := func(role, field string, value any) func(doc map[string]any) {
		return func(doc map[string]any) {
			if doc["role"] != role {
				return
			}
			doc["keys"].([]any)[0].(map[string]any)[field] = value
		}
	}
	theirKey := map[string]any{"mode": "scoped", "key": record.EncryptionKeyCompressed(stranger.PublicKey().Bytes()).String()}
	theirSigning := record.SigningKey(strangers.PublicKey().Bytes()).String()

	read := func() error { _, err := alice.w.Read(t.Context(), repair, ""); return err }
	prepare := func() error { _, err := alice.w.Prepare(t.Context(), request, terms()); return err }
	for name, one := range map[string]struct {
		lie  func(string, any, any) any
		do   func() error
		want error
	}{
		"another receiver's key in a consent": {altered(record.TxParty, keyOf("insurer", "encryption", theirKey)), prepare, wallet.ErrDisagree},
		"another issuer's key under a record": {altered(record.TxParty, keyOf("repair-shop", "signing", theirSigning)), read, wallet.ErrDisagree},
		"another record than was signed": {altered(record.TxRecordVersion, func(doc map[string]any) {
			doc["payloadSize"] = doc["payloadSize"].(float64) + 1
		}), read, client.ErrSignature},
		"another label than was signed": {altered(record.TxRecordVersion, func(doc map[string]any) { doc["label"] = "repair/all" }), read, client.ErrSignature},
		"another party":                 {altered(record.TxParty, func(doc map[string]any) { doc["id"] = strings.Repeat("ab", 16) }), read, client.ErrAnswer},
		"another deployment": {altered(record.TxSystem, func(doc map[string]any) {
			master, err := pre.GenerateMasterKey()
			require.NoError(t, err)
			params, err := pre.NewParameters("another", master.PublicKey())
			require.NoError(t, err)
			doc["parameters"], doc["paramsId"] = record.EncodeText(params.Bytes()), record.Digest(params.ID()).String()
		}), read, client.ErrSystem},
		"another channel": {altered(record.TxSystem, func(doc map[string]any) { doc["channel"] = "other" }), read, client.ErrSystem},
		"nonsense": {func(_ string, r, answer any) any {
			if _, ok := r.(*nodev1.EvaluateRequest); ok {
				return &nodev1.EvaluateResponse{Answer: []byte("{}")}
			}
			return answer
		}, read, client.ErrAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			alice.again()
			require.NoError(t, alice.w.Via(liar.keys.ID()))
			liar.lying(one.lie)
			defer liar.lying(nil)
			require.ErrorIs(t, one.do(), one.want)
		})
	}
	// It tells the truth until it has been compared with another's.
	alice.again()
	require.NoError(t, alice.w.Via(liar.keys.ID()))
	asked := 0
	turning := altered(record.TxParty, keyOf("insurer", "encryption", theirKey))
	liar.lying(func(method string, request, answer any) any {
		if r, ok := request.(*nodev1.EvaluateRequest); ok && r.GetTransaction() == record.TxParty && r.GetArgs()[0] == w.nodes["suedhaven"].keys.ID().String() {
			if asked++; asked > 1 {
				return turning(method, request, answer)
			}
		}
		return answer
	})
	d, err := alice.w.Prepare(t.Context(), request, terms())
	liar.lying(nil)
	require.NoError(t, err)
	theirs, err := w.sm.Party(t.Context(), w.nodes["suedhaven"].keys.ID())
	require.NoError(t, err)
	require.Equal(t, theirs.Current().Encryption, d.Statement.RequesterKey)

	alice.again()
	require.NoError(t, read())
	require.NoError(t, prepare())
}

// A holder hands its owner something else than was signed.
func TestLyingHolder(t *testing.T) {
	w := newWorld(t)
	alice := w.person("Alice Example")
	first, second := alice.offer("shop", "repair/2026"), alice.offer("shop", "repair/2026")
	alice.sign(first)
	shop := w.nodes["shop"]
	other, err := shop.db.Proposal(t.Context(), second)
	require.NoError(t, err)
	read := func() error { _, err := alice.w.Read(t.Context(), first, ""); return err }
	capsule := func(change func(b []byte) []byte) func(string, any, any) any {
		return func(_ string, _, answer any) any {
			if c, ok := answer.(*nodev1.CapsuleResponse); ok {
				return &nodev1.CapsuleResponse{Capsule: change(append([]byte{}, c.GetCapsule()...))}
			}
			return answer
		}
	}
	for name, one := range map[string]struct {
		lie  func(string, any, any) any
		want error
	}{
		"another record's capsule": {capsule(func([]byte) []byte { return other.Capsule }), client.ErrTampered},
		"a broken capsule":         {capsule(func(b []byte) []byte { b[len(b)-1] ^= 1; return b }), client.ErrTampered},
		"no capsule":               {capsule(func([]byte) []byte { return nil }), client.ErrTampered},
	} {
		t.Run(name, func(t *testing.T) {
			shop.lying(one.lie)
			defer shop.lying(nil)
			require.ErrorIs(t, read(), one.want)
		})
	}
	for name, one := range map[string]struct {
		payload func(b []byte) []byte
		want    error
	}{
		"an altered payload": {func(b []byte) []byte { b[len(b)/2] ^= 1; return b }, pre.ErrPayloadAltered},
		"a short payload":    {func(b []byte) []byte { return b[:len(b)-1] }, client.ErrTampered},
		"an endless payload": {func(b []byte) []byte { return append(b, make([]byte, 1<<20)...) }, client.ErrTampered},
		"no payload":         {func([]byte) []byte { return nil }, client.ErrTampered},
	} {
		t.Run(name, func(t *testing.T) {
			shop.payload = one.payload
			defer func() { shop.payload = nil }()
			require.ErrorIs(t, read(), one.want)
		})
	}

	// A proposal of another issuer, and one whose statement is about another.
	for name, change := range map[string]func(s *record.RecordStatement){
		"another issuer": func(s *record.RecordStatement) { s.Issuer[0] ^= 1 },
		"another owner":  func(s *record.RecordStatement) { s.Owner[0] ^= 1 },
	} {
		t.Run(name, func(t *testing.T) {
			shop.lying(func(_ string, _, answer any) any {
				p, ok := answer.(*nodev1.ProposalsResponse)
				if !ok {
					return answer
				}
				s, err := record.DecodeRecordStatement(p.GetProposals()[0].GetStatement())
				require.NoError(t, err)
				change(s)
				return &nodev1.ProposalsResponse{Proposals: []*nodev1.Proposal{{Statement: s.Encode(), IssuerPid: p.GetProposals()[0].GetIssuerPid()}}}
			})
			defer shop.lying(nil)
			_, err := alice.w.Proposals(t.Context())
			require.ErrorIs(t, err, client.ErrNotOurs)
		})
	}
	require.NoError(t, read())
}

// A payload comes over connections that break, again and again: what has arrived
// is not sent again.
func TestBrokenPayload(t *testing.T) {
	w := newWorld(t)
	alice := w.person("Alice Example")
	id := alice.offerWithPhoto("shop", "repair/2026")
	shop := w.nodes["shop"]
	shop.breaking(3)
	alice.sign(id)
	shop.breaking(3)
	_, err := alice.w.Read(t.Context(), id, "")
	require.NoError(t, err)
	require.False(t, shop.take(shop.snap, ""), "it broke three times")
}

func (n *node) breaking(times int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.snap[""] = times
}

// dialAs is a signed connection of a stranger's wallet, or of another's.
func (w *world) dialAs(n *node, keys *client.Keys) *grpc.ClientConn {
	roots := x509.NewCertPool()
	require.True(w.t, roots.AppendCertsFromPEM(n.pem))
	cc, err := grpc.NewClient("passthrough:///"+n.address, append(walletauth.NewClient(keys.PID, keys.Signing, n.keys.ID()).DialOptions(),
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13})))...)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { cc.Close() })
	return cc
}

// register makes a policyholder without a wallet file.
func (w *world) register(name string) *client.Keys {
	pid, err := w.authority.Enrol(record.RolePolicyholder, name)
	require.NoError(w.t, err)
	keys, err := client.DeriveKeys([32]byte{1, byte(len(name))}, pid, pre.ModeScoped)
	require.NoError(w.t, err)
	r, err := keys.Apply(w.sm.Parameters(), record.RolePolicyholder, "", "")
	require.NoError(w.t, err)
	_, err = w.authority.Register(w.t.Context(), r)
	require.NoError(w.t, err)
	return keys
}

// What a policyholder may not see or do in another's name.
func TestNosyWallet(t *testing.T) {
	w := newWorld(t)
	alice := w.person("Alice Example")
	alice.sign(alice.offer("nordhaven", "policy/2026"))
	repair := alice.offer("shop", "repair/2026")
	alice.sign(repair)
	waiting := alice.offer("shop", "repair/2026")
	request := alice.asked("suedhaven", "shop", "repair/2026")
	consent := alice.grant(request)
	require.NoError(t, alice.fetch("suedhaven", "shop", consent, repair))
	releases, err := w.sm.ReleasesOf(t.Context(), alice.id)
	require.NoError(t, err)
	given, err := w.sm.Consent(t.Context(), consent)
	require.NoError(t, err)
	listed, err := w.sm.Record(t.Context(), repair)
	require.NoError(t, err)

	mallory := w.register("Mallory")
	gateway := nodev1.NewGatewayServiceClient(w.dialAs(w.nodes["nordhaven"], mallory))
	evaluate := func(transaction string, args ...string) error {
		_, err := gateway.Evaluate(t.Context(), &nodev1.EvaluateRequest{Transaction: transaction, Args: args})
		return err
	}
	me := mallory.ID().String()
	require.NoError(t, evaluate(record.TxParty, me))
	require.NoError(t, evaluate(record.TxParty, string(mallory.PID)))
	require.NoError(t, evaluate(record.TxParty, w.nodes["shop"].keys.ID().String()))
	require.NoError(t, evaluate(record.TxStanding, w.nodes["shop"].keys.ID().String()))
	require.NoError(t, evaluate(record.TxRecordsByOwner, me, "10", ""))
	require.NoError(t, evaluate(record.TxSystem))
	her := alice.id.String()
	for _, one := range []struct {
		transaction string
		args        []string
		want        error
	}{
		{record.TxParty, []string{her}, record.ErrPartyUnknown},
		{record.TxStanding, []string{her}, record.ErrPartyUnknown},
		{record.TxRecord, []string{repair.String()}, record.ErrRecordUnknown},
		{record.TxRecordVersion, []string{repair.String(), listed.Digest.String()}, record.ErrRecordUnknown},
		{record.TxRequest, []string{request.String()}, record.ErrRequestUnknown},
		{record.TxConsent, []string{consent.String()}, record.ErrConsentUnknown},
		{record.TxReleaseByID, []string{releases[0].Statement.Release.String()}, record.ErrReleaseUnknown},
		{record.TxRecordsByOwner, []string{her, "10", ""}, record.ErrForbidden},
		{record.TxRequestsByOwner, []string{her, "10", ""}, record.ErrForbidden},
		{record.TxConsentsByOwner, []string{her, "10", ""}, record.ErrForbidden},
		{record.TxReleasesByOwner, []string{her, "10", ""}, record.ErrForbidden},
		{record.TxReleasesByOwner, nil, record.ErrForbidden},
		{record.TxRecordsByIssuer, []string{w.nodes["shop"].keys.ID().String(), "10", ""}, record.ErrForbidden},
		{record.TxReleasesByConsent, []string{consent.String(), "10", ""}, record.ErrForbidden},
		{record.TxParties, []string{"10", ""}, record.ErrForbidden},
		{record.TxPartyHistory, []string{her}, record.ErrForbidden},
		{record.TxRegister, []string{"00"}, record.ErrForbidden},
		{record.TxGrant, []string{"00", "00"}, record.ErrForbidden},
		{"nothing:Such", nil, record.ErrForbidden},
		{record.TxParty, []string{her, her, her, her}, record.ErrMalformed},
		{record.TxParty, []string{strings.Repeat("a", 300)}, record.ErrMalformed},
	} {
		require.ErrorIs(t, evaluate(one.transaction, one.args...), one.want, "%s %v", one.transaction, one.args)
	}

	_, err = gateway.CarryGrant(t.Context(), &nodev1.CarryGrantRequest{Statement: given.Statement().Encode(), Signature: given.OwnerSignature[:]})
	require.ErrorIs(t, err, record.ErrForbidden)
	revoke := record.RevokeStatement{Consent: consent, Owner: alice.id, OwnerVersion: 1, Time: time.Now().Unix()}
	_, err = gateway.CarryRevocation(t.Context(), &nodev1.CarryRevocationRequest{Statement: revoke.Encode(), Signature: make([]byte, 32)})
	require.ErrorIs(t, err, record.ErrForbidden)
	for _, broken := range []*nodev1.CarryGrantRequest{{}, {Statement: []byte{1}}, {Statement: given.Statement().Encode(), Signature: []byte{1}}} {
		_, err = gateway.CarryGrant(t.Context(), broken)
		require.ErrorIs(t, err, record.ErrMalformed)
	}

	desk := nodev1.NewCustodyServiceClient(w.dialAs(w.nodes["shop"], mallory))
	list, err := desk.Proposals(t.Context(), &nodev1.ProposalsRequest{})
	require.NoError(t, err)
	require.Empty(t, list.GetProposals())
	for _, id := range []record.RecordID{repair, waiting} {
		_, err = desk.Capsule(t.Context(), &nodev1.CapsuleRequest{Record: id[:]})
		require.ErrorIs(t, err, store.ErrNotFound)
		stream, err := desk.Payload(t.Context(), &nodev1.PayloadRequest{Record: id[:]})
		require.NoError(t, err)
		_, err = stream.Recv()
		require.ErrorIs(t, err, store.ErrNotFound)
	}
	_, err = desk.Decline(t.Context(), &nodev1.DeclineRequest{Record: waiting[:], Reason: "no"})
	require.ErrorIs(t, err, store.ErrNotFound)
	for _, broken := range []*nodev1.DeclineRequest{{Record: waiting[:]}, {Record: waiting[:], Reason: strings.Repeat("x", 257)}, {Record: make([]byte, 16), Reason: "x"}, {Record: waiting[:15], Reason: "x"}} {
		_, err = desk.Decline(t.Context(), broken)
		require.ErrorIs(t, err, record.ErrMalformed)
	}
	_, err = desk.Decline(t.Context(), &nodev1.DeclineRequest{Record: waiting[:], Reason: strings.Repeat("x", 1<<20)})
	require.Equal(t, codes.ResourceExhausted, status.Code(err), "too large a message")

	approve := nodev1.NewManagerServiceClient(w.dialAs(w.nodes["manager"], mallory))
	_, err = approve.Approve(t.Context(), &nodev1.ApproveRequest{Consent: consent[:]})
	require.ErrorIs(t, err, record.ErrConsentUnknown)
	_, err = approve.Rotate(t.Context(), &nodev1.RotateRequest{Statement: (&record.RotateStatement{Party: alice.id, Version: 2,
		Encryption: listed.OwnerKey, Signing: record.SigningKey{1}, Time: 1}).Encode()})
	require.ErrorIs(t, err, record.ErrForbidden)
	accept := nodev1.NewDelegationServiceClient(w.dialAs(w.nodes["proxy"], mallory))
	_, err = accept.Accept(t.Context(), &nodev1.AcceptRequest{Consent: consent[:]})
	require.ErrorIs(t, err, record.ErrConsentUnknown)
}

// expel is the system manager's act.
func (w *world) expel(id record.PartyID) {
	_, err := w.sm.Ledger().Submit(w.t.Context(), ledger.Call{Contract: "registry", Transaction: "Expel", Args: []string{id.String(), "fraud"}})
	require.NoError(w.t, err)
}

// Who is expelled can look and withdraw, no more.
func TestExpelledWallet(t *testing.T) {
	w := newWorld(t)
	alice := w.person("Alice Example")
	alice.sign(alice.offer("nordhaven", "policy/2026"))
	repair := alice.offer("shop", "repair/2026")
	alice.sign(repair)
	consent := alice.grant(alice.asked("suedhaven", "shop", "repair/2026"))
	w.expel(alice.id)
	_, err := alice.w.Records(t.Context())
	require.NoError(t, err)
	_, err = alice.w.Proposals(t.Context())
	require.ErrorIs(t, err, walletauth.ErrExpelled)
	require.NoError(t, alice.w.Revoke(t.Context(), consent))
	require.ErrorIs(t, alice.fetch("suedhaven", "shop", consent, repair), record.ErrConsentRevoked)
}

// TLS: a node with a certificate of another authority is not spoken to, and a
// wallet whose node was moved says so.
func TestWrongCertificate(t *testing.T) {
	w := newWorld(t)
	i := w.invite("Alice Example")
	i.Authority = w.nodes["shop"].pem
	path := filepath.Join(t.TempDir(), "w")
	_, err := wallet.Enrol(t.Context(), path, newLock(t), i)
	require.ErrorIs(t, err, wallet.ErrUnreachable)
	require.NoFileExists(t, path)

	i = w.invite("Bob")
	i.Address, i.Authority = w.nodes["shop"].address, w.nodes["shop"].pem
	_, err = wallet.Enrol(t.Context(), path, newLock(t), i)
	require.Error(t, err, "the shop enrols nobody")
	require.NoFileExists(t, path)
}

// A wallet waits when a node is busy, and goes on.
func TestPatientWallet(t *testing.T) {
	w := newWorld(t)
	alice := w.person("Alice Example")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 { // far more than the 200 calls that are let in at once
				_, err := alice.w.Requests(t.Context())
				require.NoError(t, err)
				_, err = alice.w.Records(t.Context())
				require.NoError(t, err)
			}
		})
	}
	group.Wait()
}

// One policyholder cannot keep a node busy.
func TestBusyWallet(t *testing.T) {
	w := newWorld(t)
	keys := w.register("Busy")
	gateway := nodev1.NewGatewayServiceClient(w.dialAs(w.nodes["shop"], keys))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	busy := make(chan bool, 8)
	for range cap(busy) {
		go func() {
			for range 60 {
				if _, err := gateway.Height(ctx, &nodev1.HeightRequest{}); err != nil {
					require.ErrorIs(t, err, refusal.ErrBusy)
					busy <- true
					return
				}
			}
			busy <- false
		}()
	}
	seen := false
	for range cap(busy) {
		seen = <-busy || seen
	}
	require.True(t, seen)
	other := nodev1.NewGatewayServiceClient(w.dialAs(w.nodes["shop"], w.register("Patient One")))
	_, err := other.Height(t.Context(), &nodev1.HeightRequest{})
	require.NoError(t, err, "others go on")
}
