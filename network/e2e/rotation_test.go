package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/document"
	pocket "github.com/claimshare/claimshare/client/wallet"
	"github.com/claimshare/claimshare/client/walletauth"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/client/wire/refusal"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/network/claims"
	"github.com/claimshare/claimshare/network/consortium"
)

const rotating = "US 900-00-0001 Sam Specimen" // who newStage enrols

// permit is the code with which the stage's person may replace its keys.
func (s *stage) permit(t *testing.T, identity string) (walletauth.Code, error) {
	t.Helper()
	answer, err := s.Authority().Ask.AllowRotation(t.Context(), &nodev1.AllowRotationRequest{
		Party: s.person.Wallet.ID().String(), Identity: identity, LifetimeSeconds: 600,
	})
	if err != nil {
		return walletauth.Code{}, err
	}
	return walletauth.ParseCode(answer.Code)
}

// TestRotation has a policyholder replace the keys of its wallet, which a thief
// has copied. Records of before come along, through the death of their holder, and
// an insurer reads them under the new keys.
func TestRotation(t *testing.T) {
	t.Parallel()
	s := newStage(t, consortium.Options{System: "Claims of Ruritania", Submit: "direct"})
	ctx, owner := t.Context(), s.person.Wallet
	policy := s.issue(t, s.insurer, record.KindPolicy, "policy/2026")
	doc, folder := withPhotos(t)
	repair, err := s.shop.Issue(ctx, owner.ID(), record.KindRepair, hostileLabel, doc.JSON(), folder)
	require.NoError(t, err)
	_, err = s.person.Sign(ctx, repair, "")
	require.NoError(t, err)
	require.NoError(t, s.insurer.Settled(ctx))
	require.NoError(t, s.shop.Settled(ctx))
	before := s.agree(t, 5)
	sealed := s.capsule(t, s.shop, repair)
	stolen := s.copied(t)

	_, err = s.permit(t, "US 900-00-0002 Mallory Specimen")
	require.ErrorContains(t, err, "was issued to somebody else")
	code, err := s.permit(t, rotating)
	require.NoError(t, err)
	s.thief(t, stolen)
	require.NoError(t, owner.Rotate(ctx, code))
	require.NoError(t, s.Kill(s.shop.Node))
	first, err := owner.Sync(ctx)
	require.NoError(t, err)
	t.Logf("with the shop's node killed: %d records came along, %d did not", len(first.Moved), len(first.Left))
	require.NoError(t, s.AwaitServing(ctx, s.shop.Node))
	second, err := owner.Sync(ctx)
	require.NoError(t, err)
	require.Empty(t, second.Left)
	require.Equal(t, 2, len(first.Moved)+len(second.Moved))
	rotated := s.capsule(t, s.shop, repair)
	require.Equal(t, sealed.Digest(), rotated.Digest())
	require.NotEqual(t, sealed.FullDigest(), rotated.FullDigest())

	refused, err := s.rival.Fetch(ctx, before, repair)
	if err == nil {
		require.Len(t, refused, 1)
		err = refused[0].Err
	}
	require.ErrorIs(t, err, record.ErrStaleKeyVersion, "the consent has ended with the former keys")
	require.NotEmpty(t, s.capsule(t, s.insurer, policy))
	for _, id := range []record.RecordID{policy, repair} {
		_, err := owner.Read(ctx, id, "")
		require.NoError(t, err)
	}
	got := s.fetchOne(t, s.agree(t, 1), repair)
	require.NoError(t, got.Err)
	plaintext, err := s.rival.Read(ctx, got.Release)
	require.NoError(t, err)
	read, err := document.Unpack(bytes.NewReader(plaintext), document.Limits{}, nil)
	require.NoError(t, err)
	require.JSONEq(t, string(doc.JSON()), string(read.JSON()))

	thief, err := pocket.Open(stolen, s.person.Lock)
	require.NoError(t, err)
	defer thief.Close()
	_, err = thief.Records(ctx)
	require.ErrorIs(t, err, pocket.ErrRotated)
}

// capsule is what a clerk's node keeps of a record.
func (s *stage) capsule(t *testing.T, at claims.Clerk, id record.RecordID) *pre.Capsule {
	t.Helper()
	kept, err := database(t, at.Node).Record(t.Context(), id)
	require.NoError(t, err)
	c, err := pre.ParseCapsule(kept.Capsule)
	require.NoError(t, err)
	return c
}

// copied is a copy of the person's wallet file.
func (s *stage) copied(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile(s.person.Path)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "stolen.wallet")
	require.NoError(t, os.WriteFile(path, raw, 0o600))
	return path
}

// thief has the wallet's keys, and no code: it cannot replace them.
func (s *stage) thief(t *testing.T, path string) {
	t.Helper()
	w, err := pocket.Open(path, s.person.Lock)
	require.NoError(t, err)
	defer w.Close()
	_, err = w.Records(t.Context())
	require.NoError(t, err, "which nobody has reported")
	invented, err := walletauth.NewCode()
	require.NoError(t, err)
	began := time.Now()
	require.ErrorIs(t, w.Rotate(t.Context(), invented), refusal.ErrWalletCode)
	t.Logf("a thief was refused after %v", time.Since(began).Round(time.Millisecond))
}
