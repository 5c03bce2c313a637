package story

import (
	"context"
	"net"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/serve"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
)

// dishonest answers for a shop and signs for any capsule.
type dishonest struct {
	nodev1.UnimplementedHolderServiceServer
	*program
	capsule []byte
}

// Deliver is what an honest shop's node would refuse to do.
func (d *dishonest) Deliver(ctx context.Context, r *nodev1.DeliverRequest) (*nodev1.DeliverResponse, error) {
	listed, err := d.chain.Record(ctx, record.RecordID(r.GetRecord()))
	if err != nil {
		return nil, err
	}
	me, err := d.chain.Party(ctx, d.keys.ID())
	if err != nil {
		return nil, err
	}
	capsule, err := pre.ParseCapsule(d.capsule)
	if err != nil {
		return nil, err
	}
	s := record.DeliverStatement{
		Release: record.ReleaseID(r.GetRelease()), Consent: record.ConsentID(r.GetConsent()), Record: listed.ID, Digest: listed.Digest,
		Holder: me.ID, HolderVersion: me.Current().Version, Capsule: capsule.FullDigest(), Time: time.Now().Unix(),
	}
	signature := d.keys.Signing.Sign(bls.RoleHolder, s.Hash(d.chain.Context()))
	return &nodev1.DeliverResponse{Capsule: d.capsule, Statement: s.Encode(), Signature: signature[:]}, nil
}

// serve answers other parties' nodes at an address of this machine until stop is
// called.
func (p *program) serve(holder nodev1.HolderServiceServer) (address string, stop func(), err error) {
	on, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := serve.NewServer(serve.Config{
		Credentials: p.mutual.ServerCredentials(), Identify: p.mutual.Identify, Caller: serve.PartyCaller, Limits: serve.DefaultLimits(), Log: p.mutual.Log,
	})
	nodev1.RegisterHolderServiceServer(server, holder)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(on) // it ends with Stop
	}()
	return on.Addr().String(), func() { server.Stop(); <-ended }, nil
}
