package topology

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestProfilesAreValid(t *testing.T) {
	for _, name := range ProfileNames() {
		made, err := Profile(name)
		require.NoError(t, err)
		require.NoError(t, made.Validate())
		require.Equal(t, name, made.Profile)
	}
	_, err := Profile("production")
	require.ErrorContains(t, err, "development or paper or agencies")
}

func TestPaperProfileCutsBlocksAsThePaperDoes(t *testing.T) {
	require.Equal(t, Batch{MaxMessages: 20, Timeout: 60 * time.Second}, Paper().Ordering.Batch)
}

func TestDevelopmentHasEveryParty(t *testing.T) {
	var names []string
	for _, identity := range Development().Identities() {
		names = append(names, identity.Name)
	}
	require.Equal(t, []string{"authority", "proxy", "insurer1", "insurer1-paper", "insurer2", "shop1", "shop2"}, names)
	require.Len(t, Development().WithPeers(), 5)
	require.Len(t, Development().WithOrderers(), 1)
}

func TestAgenciesEndorseTwoOfThree(t *testing.T) {
	made := Agencies()
	require.Equal(t, "OutOf(2,'SMMSP.peer','SM2MSP.peer','SM3MSP.peer')", made.Chaincode.Policy)
	require.Equal(t, []string{"SMMSP", "SM2MSP", "SM3MSP"}, made.Chaincode.Endorsers)
	require.Equal(t, 2, made.Chaincode.Threshold)
	require.Len(t, made.WithPeers(), 5)
}

func TestTopologyGrowsWithoutAnotherShape(t *testing.T) {
	raft := Development()
	raft.Organizations[0].Orderers = []string{"orderer0", "orderer1", "orderer2"}
	require.NoError(t, raft.Validate())

	bft := raft
	bft.Ordering.Consensus = BFT
	require.ErrorContains(t, bft.Validate(), "BFT needs 4")
	bft.Organizations[0].Orderers = append(bft.Organizations[0].Orderers, "orderer3")
	require.NoError(t, bft.Validate())
}

func TestValidateNamesTheFault(t *testing.T) {
	for want, spoil := range map[string]func(*Topology){
		"channel":             func(t *Topology) { t.Channel = "Claims!" },
		"unknown consensus":   func(t *Topology) { t.Ordering.Consensus = "solo" },
		"batch":               func(t *Topology) { t.Ordering.Batch.Timeout = 0 },
		"threshold 2":         func(t *Topology) { t.Chaincode.Threshold = 2 },
		"has no peer":         func(t *Topology) { t.Chaincode.Endorsers = []string{"NobodyMSP"} },
		"both use the MSP ID": func(t *Topology) { t.Organizations[2].MSPID = "SMMSP" },
		`identity "shop1"`:    func(t *Topology) { t.Organizations[5].Identities[0].Name = "shop1" },
		"orderers and peers":  func(t *Topology) { t.Organizations[0].Peers = []string{"peer0"} },
		"runs nothing":        func(t *Topology) { t.Organizations[5].Peers = nil },
		"domain":              func(t *Topology) { t.Organizations[1].Domain = "../x" },
	} {
		spoiled := Development()
		spoil(&spoiled)
		require.ErrorContains(t, spoiled.Validate(), want)
	}
}

func TestTopologySurvivesJSON(t *testing.T) {
	raw, err := json.Marshal(Paper())
	require.NoError(t, err)
	var read Topology
	require.NoError(t, json.Unmarshal(raw, &read))
	require.Equal(t, Paper(), read)
}
