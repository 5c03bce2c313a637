package e2e

import (
	"bytes"
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
)

// necessary is the cryptography without which there is no release: the holder's
// signature, the capsule's validity, and the re-encryption, as crypto's own
// benchmarks have them.
type necessary struct {
	params   *pre.Parameters
	owner    *pre.ScopedSecretKey
	token    *pre.VerifiedToken
	capsule  *pre.Capsule
	signing  *bls.SecretKey
	signed   [32]byte
	delivery bls.Signature
}

func newNecessary(t *testing.T) *necessary {
	t.Helper()
	master, err := pre.GenerateMasterKey()
	require.NoError(t, err)
	n := &necessary{}
	n.params, err = pre.NewParameters("cost", master.PublicKey())
	require.NoError(t, err)
	n.owner, err = pre.GenerateScopedKey()
	require.NoError(t, err)
	receiver, err := pre.GenerateScopedKey()
	require.NoError(t, err)
	consent := [32]byte{1}
	token, err := n.owner.DelegateReencryption(n.params, "repair/2026", consent, receiver.PublicKey())
	require.NoError(t, err)
	n.token, err = token.Verify(n.params, token.Commitment(n.params))
	require.NoError(t, err)
	n.capsule, err = n.params.Seal(n.owner.PublicKey(), "repair/2026", pre.RecordInfo{RecordID: [16]byte{1}, Kind: 2}, io.Discard, bytes.NewReader(nil))
	require.NoError(t, err)
	n.signing, err = bls.GenerateKey()
	require.NoError(t, err)
	n.delivery = n.signing.Sign(bls.RoleHolder, n.signed)
	return n
}

func (n *necessary) once() error {
	if err := bls.Verify(n.signing.PublicKey(), bls.RoleHolder, n.signed, n.delivery); err != nil {
		return err
	}
	verified, err := n.capsule.Verify(n.params, n.owner.PublicKey())
	if err != nil {
		return err
	}
	_, err = pre.Reencrypt(n.token, verified)
	return err
}

// cost is the processor time of the necessary cryptography in this process, which
// must have nothing else to do.
func (n *necessary) cost(t *testing.T) time.Duration {
	t.Helper()
	const rounds = 300
	before := ownTime()
	for range rounds {
		require.NoError(t, n.once())
	}
	return (ownTime() - before) / rounds
}

// ownTime is the processor time that this process has used.
func ownTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // it fails for a wrong argument only
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
