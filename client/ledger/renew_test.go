package ledger

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

// renew puts a new certificate and key for a name into the network's files.
func (n *network) renew(t *testing.T, name string) *x509.Certificate {
	t.Helper()
	key, certificate := newCertificate(t, name, nil, nil)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	writePEM(t, n.file("client.pem"), "CERTIFICATE", certificate.Raw)
	writePEM(t, n.file("client.key"), "PRIVATE KEY", secret)
	return certificate
}

// signedBy checks that a signature is of the identity that is named beside it,
// and answers that identity's certificate.
func signedBy(t *testing.T, creator, message, signature []byte) *x509.Certificate {
	t.Helper()
	var id msp.SerializedIdentity
	require.NoError(t, proto.Unmarshal(creator, &id))
	block, _ := pem.Decode(id.GetIdBytes())
	require.NotNil(t, block)
	certificate, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	digest := sha256.Sum256(message)
	require.True(t, ecdsa.VerifyASN1(certificate.PublicKey.(*ecdsa.PublicKey), digest[:], signature))
	return certificate
}

func creatorOf(t *testing.T, header []byte) []byte {
	t.Helper()
	var h common.SignatureHeader
	require.NoError(t, proto.Unmarshal(header, &h))
	return h.GetCreator()
}

func proposalOf(t *testing.T, r *gateway.EndorseRequest) *x509.Certificate {
	t.Helper()
	signed := r.GetProposedTransaction()
	var proposal peer.Proposal
	require.NoError(t, proto.Unmarshal(signed.GetProposalBytes(), &proposal))
	var header common.Header
	require.NoError(t, proto.Unmarshal(proposal.GetHeader(), &header))
	return signedBy(t, creatorOf(t, header.GetSignatureHeader()), signed.GetProposalBytes(), signed.GetSignature())
}

// A Ledger takes a renewed pair while it is in use: no call is made in one
// certificate's name and signed with another's key.
func TestRenewal(t *testing.T) {
	n := newNetwork(t, 2)
	l := n.dial(t)
	renewed, err := l.Renew()
	require.NoError(t, err)
	require.False(t, renewed, "nothing is new")

	end := make(chan struct{})
	var work sync.WaitGroup
	var failed sync.Map
	for i := range 4 {
		work.Go(func() {
			for j := 0; ; j++ {
				select {
				case <-end:
					return
				default:
				}
				if _, err := l.Submit(t.Context(), Call{Contract: "records", Transaction: "Submit", Args: []string{"x"}}); err != nil {
					failed.Store(fmt.Sprint(i, j), err)
				}
			}
		})
	}
	var last *x509.Certificate
	for range 20 {
		last = n.renew(t, "client")
		renewed, err := l.Renew()
		require.NoError(t, err)
		require.True(t, renewed)
		time.Sleep(5 * time.Millisecond)
	}
	close(end)
	work.Wait()
	failed.Range(func(_, err any) bool { require.NoError(t, err.(error)); return true })

	seen := map[string]bool{}
	for _, p := range n.peers {
		var proposals []*gateway.EndorseRequest
		var questions []*gateway.SignedCommitStatusRequest
		p.set(func() { proposals, questions = slices.Clone(p.proposals), slices.Clone(p.questions) })
		for _, r := range proposals {
			seen[string(proposalOf(t, r).Raw)] = true
		}
		for _, q := range questions {
			var request gateway.CommitStatusRequest
			require.NoError(t, proto.Unmarshal(q.GetRequest(), &request))
			signedBy(t, request.GetIdentity(), q.GetRequest(), q.GetSignature())
		}
	}
	require.Greater(t, len(seen), 5, "many certificates were used")
	n.chain.mu.Lock()
	received := slices.Clone(n.chain.received)
	n.chain.mu.Unlock()
	for _, text := range received {
		var envelope common.Envelope
		var payload common.Payload
		require.NoError(t, errors.Join(proto.Unmarshal(text, &envelope), proto.Unmarshal(envelope.GetPayload(), &payload)))
		signedBy(t, creatorOf(t, payload.GetHeader().GetSignatureHeader()), envelope.GetPayload(), envelope.GetSignature())
	}

	_, err = l.Submit(t.Context(), Call{Contract: "records", Transaction: "Submit"})
	require.NoError(t, err)
	p := n.peers[0]
	p.set(func() { require.Equal(t, last.Raw, proposalOf(t, p.proposals[len(p.proposals)-1]).Raw) })
}

// What cannot be used is refused, and the pair from before stays in use.
func TestABrokenRenewalChangesNothing(t *testing.T) {
	n := newNetwork(t, 1)
	l := n.dial(t)
	first := l.peers[0].session().certificate
	for name, c := range map[string]struct {
		spoil func()
		says  string
	}{
		"another subject": {func() { n.renew(t, "somebody else") }, "is of CN=somebody else, and the one before of CN=client"},
		"half a pair": {func() {
			_, c := newCertificate(t, "client", nil, nil)
			writePEM(t, n.file("client.pem"), "CERTIFICATE", c.Raw)
		}, "does not belong to"},
		"no certificate":     {func() { require.NoError(t, os.WriteFile(n.file("client.pem"), []byte("x"), 0o600)) }, "a PEM certificate is wanted"},
		"a key for everyone": {func() { n.renew(t, "client"); require.NoError(t, os.Chmod(n.file("client.key"), 0o644)) }, "chmod 600"},
		"nothing":            {func() { require.NoError(t, os.Remove(n.file("client.key"))) }, "client.key"},
	} {
		t.Run(name, func(t *testing.T) {
			n.renew(t, "client")
			c.spoil()
			t.Cleanup(func() { _ = os.Chmod(n.file("client.key"), 0o600) })
			_, err := l.Renew()
			require.ErrorIs(t, err, ErrConnection)
			require.ErrorContains(t, err, c.says)
			require.Equal(t, first, l.peers[0].session().certificate)
		})
	}
	_, err := l.Submit(t.Context(), Call{Contract: "records", Transaction: "Submit"})
	require.NoError(t, err)
	p := n.peers[0]
	p.set(func() { require.Equal(t, first.Raw, proposalOf(t, p.proposals[0]).Raw) })
}
