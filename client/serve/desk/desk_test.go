package desk

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/walletauth"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/client/wire/refusal"
)

// Without a guard before a service, nobody calls: it refuses.
func TestNobodyCalls(t *testing.T) {
	ctx := t.Context()
	gateway, manager, delegation, holdings := NewGateway(nil), NewManager(nil, nil, nil, nil), NewDelegation(nil, nil), NewHoldings(nil)
	for name, call := range map[string]func() error{
		"Evaluate":        func() error { _, err := gateway.Evaluate(ctx, &nodev1.EvaluateRequest{}); return err },
		"CarryGrant":      func() error { _, err := gateway.CarryGrant(ctx, &nodev1.CarryGrantRequest{}); return err },
		"CarryRevocation": func() error { _, err := gateway.CarryRevocation(ctx, &nodev1.CarryRevocationRequest{}); return err },
		"Approve":         func() error { _, err := manager.Approve(ctx, &nodev1.ApproveRequest{}); return err },
		"Rotate":          func() error { _, err := manager.Rotate(ctx, &nodev1.RotateRequest{}); return err },
		"Accept":          func() error { _, err := delegation.Accept(ctx, &nodev1.AcceptRequest{}); return err },
		"Proposals":       func() error { _, err := holdings.Proposals(ctx, &nodev1.ProposalsRequest{}); return err },
		"Countersign":     func() error { _, err := holdings.Countersign(ctx, &nodev1.CountersignRequest{}); return err },
		"Decline":         func() error { _, err := holdings.Decline(ctx, &nodev1.DeclineRequest{}); return err },
		"ReplaceCapsule":  func() error { _, err := holdings.ReplaceCapsule(ctx, &nodev1.ReplaceCapsuleRequest{}); return err },
		"Capsule":         func() error { _, err := holdings.Capsule(ctx, &nodev1.CapsuleRequest{}); return err },
	} {
		require.ErrorIs(t, call(), walletauth.ErrNoProof, name)
	}
}

func TestIdentifier(t *testing.T) {
	id, err := identifier[record.RecordID]("record id", bytes.Repeat([]byte{7}, 16))
	require.NoError(t, err)
	require.Equal(t, record.RecordID(bytes.Repeat([]byte{7}, 16)), id)
	for _, b := range [][]byte{nil, make([]byte, 16), make([]byte, 15), bytes.Repeat([]byte{1}, 17)} {
		_, err := identifier[record.RecordID]("record id", b)
		require.ErrorIs(t, err, record.ErrMalformed)
	}
	_, err = signature(make([]byte, 31))
	require.ErrorIs(t, err, record.ErrMalformed)
}

// Pieces of any size become messages of one size, and a message that was sent is
// left alone.
func TestChunker(t *testing.T) {
	var sent [][]byte
	c := &chunker{send: func(b []byte) error { sent = append(sent, b); return nil }}
	whole := make([]byte, 2*chunkSize+chunkSize/2)
	for i := range whole {
		whole[i] = byte(i * 7)
	}
	for at, step := 0, 1; at < len(whole); step = step*3 + 1 {
		n, err := c.Write(whole[at:min(at+step, len(whole))])
		require.NoError(t, err)
		at += n
	}
	require.NoError(t, c.flush())
	require.NoError(t, c.flush(), "nothing is left")
	require.Len(t, sent, 3)
	require.Equal(t, whole, bytes.Join(sent, nil))

	broken := &chunker{send: func([]byte) error { return io.ErrClosedPipe }}
	_, err := broken.Write(whole)
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

func from(t *testing.T, address string) context.Context {
	t.Helper()
	a, err := net.ResolveTCPAddr("tcp", address)
	require.NoError(t, err)
	return peer.NewContext(t.Context(), &peer.Peer{Addr: a})
}

func TestAddress(t *testing.T) {
	require.Equal(t, "192.0.2.7", Address(from(t, "192.0.2.7:1234")))
	require.Equal(t, Address(from(t, "[2001:db8:1:2::1]:1")), Address(from(t, "[2001:db8:1:2:ffff::9]:2")), "one subscriber")
	require.NotEqual(t, Address(from(t, "[2001:db8:1:2::1]:1")), Address(from(t, "[2001:db8:1:3::1]:1")))
	require.Empty(t, Address(t.Context()))
}

func TestElsewhere(t *testing.T) {
	for _, own := range []string{"127.0.0.1:1", "127.0.0.7:2", "[::1]:3", "[::ffff:127.0.0.1]:4"} {
		require.Empty(t, elsewhere(from(t, own)), own)
	}
	require.Equal(t, "192.0.2.7", elsewhere(from(t, "192.0.2.7:1234")))
	require.Equal(t, "2001:db8:1:2::/64", elsewhere(from(t, "[2001:db8:1:2::1]:1")))
}

func TestLimiter(t *testing.T) {
	l := newLimiter(Rate{PerSecond: 0.001, Burst: 3})
	for range 3 {
		require.True(t, l.allow("a"))
	}
	require.False(t, l.allow("a"))
	require.True(t, l.allow("b"), "each has its own")
	for i := range remembered + 1 {
		l.allow(string(rune(i)) + "x")
	}
	require.LessOrEqual(t, l.keys.Len(), remembered)
}

// Codes are counted by address, whatever else comes from there.
func TestCodesAreCounted(t *testing.T) {
	guard := walletauth.NewGuard(record.PartyID{1}, walletauth.NewNonceBook(), nil)
	unary, _ := Interceptors(guard, Limits{Codes: Rate{PerSecond: 0.001, Burst: 2}, Owner: Rate{1, 1}, InHand: 1})
	call := func(address, method string) error {
		_, err := unary[0](from(t, address), nil, &grpc.UnaryServerInfo{FullMethod: method}, func(context.Context, any) (any, error) { return nil, nil })
		return err
	}
	for _, method := range []string{nodev1.EnrolmentService_Enrol_FullMethodName, nodev1.EnrolmentService_Register_FullMethodName} {
		require.NoError(t, call("192.0.2.7:1", method))
	}
	require.ErrorIs(t, call("192.0.2.7:2", nodev1.EnrolmentService_Enrol_FullMethodName), refusal.ErrBusy)
	require.NoError(t, call("192.0.2.7:3", nodev1.WalletService_Challenge_FullMethodName))
	require.NoError(t, call("192.0.2.8:1", nodev1.EnrolmentService_Enrol_FullMethodName))
}

// What one policyholder has in hand is bounded; others go on.
func TestInHand(t *testing.T) {
	a := &allowances{rate: newLimiter(Rate{PerSecond: 100, Burst: 100}), max: 2, inHand: map[record.PartyID]int{}}
	alice := walletauth.WithOwner(t.Context(), &record.Party{ID: record.PartyID{1}})
	bob := walletauth.WithOwner(t.Context(), &record.Party{ID: record.PartyID{2}})
	first, err := a.admit(alice)
	require.NoError(t, err)
	second, err := a.admit(alice)
	require.NoError(t, err)
	_, err = a.admit(alice)
	require.ErrorIs(t, err, refusal.ErrBusy)
	other, err := a.admit(bob)
	require.NoError(t, err)
	first()
	first, err = a.admit(alice)
	require.NoError(t, err)
	first()
	second()
	other()
	require.Empty(t, a.inHand)
	release, err := a.admit(t.Context())
	require.NoError(t, err)
	release()
}
