package launch

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hyperledger/fabric-admin-sdk/pkg/identity"
	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-gateway/pkg/hash"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"

	"github.com/claimshare/claimshare/network/topology"
)

// dial opens a TLS connection to a peer or an orderer.
func dial(endpoint, rootFile, serverName string) (*grpc.ClientConn, error) {
	root, err := os.ReadFile(rootFile)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", endpoint, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(root) {
		return nil, fmt.Errorf("dial %s: %s holds no certificate", endpoint, rootFile)
	}
	quick := backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.5, Jitter: 0.2, MaxDelay: 500 * time.Millisecond}
	const minConnect = 5 * time.Second
	connection, err := grpc.NewClient(endpoint,
		grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(pool, serverName)),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: quick, MinConnectTimeout: minConnect}))
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", endpoint, err)
	}
	return connection, nil
}

func readIdentity(mspID string, files keyPair) (identity.SigningIdentity, error) {
	certificate, err := identity.ReadCertificate(files.cert)
	if err != nil {
		return nil, fmt.Errorf("read identity: %w", err)
	}
	key, err := identity.ReadPrivateKey(files.key)
	if err != nil {
		return nil, fmt.Errorf("read identity: %w", err)
	}
	return identity.NewPrivateKeySigningIdentity(mspID, certificate, key)
}

// administrator is the organisation's, as cryptogen made it.
func administrator(l layout, o topology.Organization) (identity.SigningIdentity, error) {
	return readIdentity(o.MSPID, keyPair{
		cert: l.admin(o, "msp", "signcerts", "Admin@"+o.Domain+"-cert.pem"),
		key:  l.admin(o, "msp", "keystore", "priv_sk"),
	})
}

// probe asks, through the peer's gateway, first the peer's own chaincode service
// and then the endorsers', which the peer must have found by gossip. Nothing is
// written. Every chaincode built on the contract API answers this function.
func probe(ctx context.Context, connection Connection) error {
	const function = "org.hyperledger.fabric:GetMetadata"
	peer := connection.Peers[0]
	conn, err := dial(peer.Endpoint, peer.TLSRootCert, peer.ServerName)
	if err != nil {
		return err
	}
	defer conn.Close()
	who, err := readIdentity(connection.MSPID, keyPair{cert: connection.ClientCert, key: connection.ClientKey})
	if err != nil {
		return err
	}
	// The identity hashes what it signs.
	gateway, err := client.Connect(who, client.WithSign(who.Sign), client.WithHash(hash.NONE), client.WithClientConnection(conn))
	if err != nil {
		return err
	}
	defer gateway.Close()
	contract := gateway.GetNetwork(connection.Channel).GetContract(connection.Chaincode)
	return retry(ctx, func(ctx context.Context) error {
		_, err := contract.EvaluateWithContext(ctx, function, client.WithEndorsingOrganizations(connection.MSPID))
		if err != nil {
			return fmt.Errorf("its own chaincode service: %w", err)
		}
		proposal, err := contract.NewProposal(function, client.WithEndorsingOrganizations(connection.Endorsers...))
		if err != nil {
			return err
		}
		if _, err := proposal.EndorseWithContext(ctx); err != nil {
			return fmt.Errorf("an endorser's chaincode service: %w", err)
		}
		return nil
	})
}

// retry repeats what fails until it succeeds or ctx ends, and then returns the
// last failure: a young network refuses many things for a second or two.
func retry(ctx context.Context, attempt func(context.Context) error) error {
	const pause, patience = 150 * time.Millisecond, 10 * time.Second
	for {
		limited, cancel := context.WithTimeout(ctx, patience)
		err := attempt(limited)
		cancel()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return errors.Join(ctx.Err(), err)
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(pause):
		}
	}
}

// writeDefaults puts Fabric's own configuration where the programs look.
func writeDefaults(l layout, from string) error {
	for _, name := range []string{"core.yaml", "orderer.yaml"} {
		raw, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return fmt.Errorf("copy Fabric's defaults: %w", err)
		}
		if err := writeFile(filepath.Join(l.config(), name), raw); err != nil {
			return fmt.Errorf("copy Fabric's defaults: %w", err)
		}
	}
	return nil
}
