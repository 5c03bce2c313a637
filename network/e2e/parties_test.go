package e2e

import (
	"context"
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/network/launch"
)

// system is a set-up ledger and its manager.
type system struct {
	manager   *client.Chain
	authority *client.Authority
}

func initialise(t *testing.T, network *launch.Network) *system {
	t.Helper()
	master, err := pre.GenerateMasterKey()
	require.NoError(t, err)
	params, err := pre.NewParameters("test", master.PublicKey())
	require.NoError(t, err)
	chain, err := client.Initialise(t.Context(), dial(t, network, "authority"), params)
	require.NoError(t, err)
	authority, err := client.NewAuthority(chain, master)
	require.NoError(t, err)
	return &system{manager: chain, authority: authority}
}

// newcomer is a party with keys that is not registered yet.
type newcomer struct {
	keys         *client.Keys
	registration record.Registration
}

func (s *system) enrol(t *testing.T, role record.Role, identity, msp, subject string) newcomer {
	t.Helper()
	var seed [32]byte
	_, err := rand.Read(seed[:])
	require.NoError(t, err)
	return s.enrolSeed(t, seed, role, identity, msp, subject)
}

// enrolSeed is enrol with the seed of the keys.
func (s *system) enrolSeed(t *testing.T, seed [32]byte, role record.Role, identity, msp, subject string) newcomer {
	t.Helper()
	pid, err := s.authority.Enrol(role, identity)
	require.NoError(t, err)
	keys, err := client.DeriveKeys(seed, pid, pre.ModeScoped)
	require.NoError(t, err)
	registration, err := keys.Apply(s.manager.Parameters(), role, msp, subject)
	require.NoError(t, err)
	return newcomer{keys, registration}
}

func (s *system) register(ctx context.Context, n newcomer) (*record.Party, error) {
	return s.authority.Register(ctx, n.registration)
}

// signedPolicy is a policy record of an owner, signed by both sides. What its
// digest is of does not matter to the ledger.
func (s *system) signedPolicy(t *testing.T, issuer, owner newcomer) record.Batch {
	t.Helper()
	statement := record.RecordStatement{
		Kind: record.KindPolicy, Label: "policy/2026", PayloadSize: 1,
		Owner: owner.keys.ID(), OwnerVersion: 1, OwnerKey: owner.registration.Encryption,
		Issuer: issuer.keys.ID(), IssuerVersion: 1, IssuedAt: time.Now().Unix(),
	}
	for _, random := range [][]byte{statement.ID[:], statement.Digest[:], statement.Evidence[:]} {
		_, err := rand.Read(random)
		require.NoError(t, err)
	}
	require.NoError(t, statement.Validate())
	hash := statement.Hash(s.manager.Context())
	return record.Batch{Entries: []record.Entry{{
		Statement:       statement,
		OwnerSignature:  record.Signature(owner.keys.Signing.Sign(bls.RoleOwner, hash)),
		IssuerSignature: record.Signature(issuer.keys.Signing.Sign(bls.RoleIssuer, hash)),
	}}}
}

// insurer enrols the named member of the network.
func (s *system) insurer(t *testing.T, network *launch.Network, identity string) newcomer {
	t.Helper()
	connection := dial(t, network, identity).Connection()
	certificate, err := connection.Certificate()
	require.NoError(t, err)
	return s.enrol(t, record.RoleInsurer, identity, connection.MSPID, certificate.Subject.String())
}

func (s *system) owners(t *testing.T, n int) []newcomer {
	t.Helper()
	var all []newcomer
	for i := range n {
		all = append(all, s.enrol(t, record.RolePolicyholder, fmt.Sprint("owner ", i), "", ""))
	}
	return all
}
