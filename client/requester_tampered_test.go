package client_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/crypto/bls"
)

// alteringHolder sends another payload than the recorded one.
type alteringHolder struct {
	client.Holder
	sign func(*client.Trailer) // vouches for what it sends; nil leaves the trailer
}

func (h *alteringHolder) SendPayload(ctx context.Context, o client.PayloadOrder, dst io.Writer) (*client.Trailer, error) {
	var payload bytes.Buffer
	trailer, err := h.Holder.SendPayload(ctx, o, &payload)
	if err != nil {
		return nil, err
	}
	altered := payload.Bytes()
	altered[len(altered)/2] ^= 1
	if h.sign != nil {
		trailer.Statement.Sent, trailer.Statement.Length = sha256.Sum256(altered), uint64(len(altered))
		h.sign(trailer)
	}
	_, err = dst.Write(altered)
	return trailer, err
}

// Who signs for an altered payload gives the evidence against itself away; an
// altered payload without a valid trailer is none.
func TestAnAlteredPayload(t *testing.T) {
	p := newPlay(t)
	shop := p.shopKeys
	for name, one := range map[string]struct {
		sign     func(*client.Trailer)
		evidence bool
	}{
		"signed": {func(tr *client.Trailer) {
			tr.Signature = record.Signature(shop.Signing.Sign(bls.RoleHolder, tr.Statement.Hash(p.shop.Chain().Context())))
		}, true},
		"signed by nobody": {func(*client.Trailer) {}, false},
		"the old trailer":  {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			proxy := client.NewProxy(p.chain(t, nil), p.proxy, p.tokens)
			handovers, err := proxy.Release(t.Context(), p.demand, p.shop)
			require.NoError(t, err)
			member := client.NewMember(p.ledger.Chain(t, p.insurer.ID()), p.insurer, database(t))
			_, err = member.Receive(t.Context(), handovers[0], &alteringHolder{p.shop, one.sign}, func(r io.Reader) error {
				_, err := io.Copy(io.Discard, r)
				return err
			})
			require.Error(t, err)
			var tampered *client.TamperedError
			if !one.evidence {
				require.NotErrorAs(t, err, &tampered)
				return
			}
			require.ErrorAs(t, err, &tampered)
			require.Equal(t, handovers[0].Release, tampered.Release)
			require.Equal(t, handovers[0].Release, tampered.Trailer.Statement.Release)
			require.ErrorContains(t, err, tampered.Err.Error())
			require.ErrorIs(t, err, tampered.Err)
			release, err := p.shop.Chain().Release(t.Context(), handovers[0].Release)
			require.NoError(t, err)
			require.Equal(t, record.ReleaseOpen, release.Status, "it was not acknowledged")
		})
	}
}
