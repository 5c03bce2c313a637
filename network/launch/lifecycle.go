package launch

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/hyperledger/fabric-admin-sdk/pkg/chaincode"
	"github.com/hyperledger/fabric-admin-sdk/pkg/channel"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"

	"github.com/claimshare/claimshare/network/topology"
)

// member is a peer together with what its organisation needs to administer it.
type member struct {
	organization topology.Organization
	host         string
}

func members(t topology.Topology) []member {
	var all []member
	for _, o := range t.WithPeers() {
		for _, host := range o.Peers {
			all = append(all, member{organization: o, host: host})
		}
	}
	return all
}

func (m member) name() string { return nodeName(m.organization, m.host) }

// joinChannel makes every orderer and every peer a member of the channel.
func joinChannel(ctx context.Context, l layout, t topology.Topology, p ports) error {
	raw, err := os.ReadFile(l.genesis())
	if err != nil {
		return fmt.Errorf("join the channel: %w", err)
	}
	block := new(common.Block)
	if err := proto.Unmarshal(raw, block); err != nil {
		return fmt.Errorf("join the channel: read the first block: %w", err)
	}
	for _, o := range t.WithOrderers() {
		for _, host := range o.Orderers {
			if err := joinOrderer(l, o, p.address(nodeName(o, host), adminPort), block); err != nil {
				return fmt.Errorf("join %s to the channel: %w", nodeName(o, host), err)
			}
		}
	}
	return eachPeer(ctx, "join to the channel", l, t, p, func(ctx context.Context, at administered) error {
		return channel.JoinChannel(ctx, at.conn, at.admin, block)
	})
}

func joinOrderer(l layout, o topology.Organization, address string, block *common.Block) error {
	certificate, err := tls.LoadX509KeyPair(l.admin(o, "tls", "client.crt"), l.admin(o, "tls", "client.key"))
	if err != nil {
		return err
	}
	root, err := os.ReadFile(l.tlsRoot(o))
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(root)
	response, err := channel.CreateChannel("https://"+address, block, pool, certificate)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		answer, _ := io.ReadAll(response.Body) // only decorates the refusal
		return fmt.Errorf("%s: %s", response.Status, bytes.TrimSpace(answer))
	}
	return nil
}

// installChaincode gives every peer the package, lets every organisation approve
// its definition and commits that.
func installChaincode(ctx context.Context, l layout, t topology.Topology, p ports, archive []byte, packageID string) error {
	policy, err := chaincode.NewApplicationPolicy(t.Chaincode.Policy, "")
	if err != nil {
		return fmt.Errorf("endorsement policy %s: %w", t.Chaincode.Policy, err)
	}
	definition := &chaincode.Definition{
		ChannelName: t.Channel, PackageID: packageID,
		Name: t.Chaincode.Name, Version: t.Chaincode.Version, Sequence: 1,
		ApplicationPolicy: policy,
	}
	err = eachPeer(ctx, "install and approve the chaincode", l, t, p, func(ctx context.Context, at administered) error {
		if _, err := chaincode.NewPeer(at.conn, at.admin).Install(ctx, bytes.NewReader(archive)); err != nil {
			return fmt.Errorf("install: %w", err)
		}
		if at.host != at.organization.Peers[0] {
			return nil // one approval for each organisation
		}
		return retry(ctx, func(ctx context.Context) error { // until the orderers have a leader
			err := chaincode.NewGateway(at.conn, at.admin).Approve(ctx, definition)
			if err != nil && strings.Contains(err.Error(), "unchanged content") {
				return nil // an earlier attempt went through after all
			}
			return err
		})
	})
	if err != nil {
		return err
	}
	first := members(t)[0]
	at, err := administer(l, p, first)
	if err != nil {
		return fmt.Errorf("commit the chaincode: %w", err)
	}
	defer at.conn.Close()
	gateway := chaincode.NewGateway(at.conn, at.admin)
	err = retry(ctx, func(ctx context.Context) error { // until the peers know of each other and of the approvals
		committed, err := gateway.QueryCommittedWithName(ctx, t.Channel, t.Chaincode.Name)
		if err == nil && committed.GetSequence() == definition.Sequence {
			return nil
		}
		return gateway.Commit(ctx, definition)
	})
	if err != nil {
		return fmt.Errorf("commit the chaincode: %w", err)
	}
	return nil
}

// eachPeer does the same at all peers at once.
func eachPeer(ctx context.Context, what string, l layout, t topology.Topology, p ports, do func(context.Context, administered) error) error {
	all := members(t)
	failures := make([]error, len(all))
	var running sync.WaitGroup
	for i, one := range all {
		running.Add(1)
		go func() {
			defer running.Done()
			at, err := administer(l, p, one)
			if err == nil {
				err = do(ctx, at)
				err = errors.Join(err, at.conn.Close())
			}
			if err != nil {
				failures[i] = fmt.Errorf("%s: %s: %w", one.name(), what, err)
			}
		}()
	}
	running.Wait()
	return errors.Join(failures...)
}
