package topology

import (
	"fmt"
	"strings"
	"time"

	"github.com/claimshare/claimshare/network/programs"
)

// The profiles.
const (
	DevelopmentProfile = "development"
	PaperProfile       = "paper"
)

var profiles = map[string]func() Topology{
	DevelopmentProfile: Development,
	PaperProfile:       Paper,
	AgenciesProfile:    Agencies,
}

// Profile returns the topology of that name.
func Profile(name string) (Topology, error) {
	made, known := profiles[name]
	if !known {
		return Topology{}, fmt.Errorf("unknown profile %q: use %s", name, strings.Join(ProfileNames(), " or "))
	}
	return made(), nil
}

// ProfileNames lists the profiles.
func ProfileNames() []string { return []string{DevelopmentProfile, PaperProfile, AgenciesProfile} }

// Development is the everyday network: one orderer that cuts blocks quickly, a
// system manager, two insurers and two repair shops with one peer each.
func Development() Topology {
	return Topology{
		Profile: DevelopmentProfile,
		Channel: "claims",
		Chaincode: Chaincode{
			Name:      "claimshare",
			Version:   "1",
			Program:   programs.ClaimShareChaincode,
			Policy:    "OutOf(1,'SMMSP.peer')",
			Endorsers: []string{"SMMSP"},
			Threshold: 1,
		},
		Ordering: Ordering{Consensus: Raft, Batch: Batch{MaxMessages: 500, Timeout: 200 * time.Millisecond}},
		Organizations: []Organization{
			{
				Name: "ordering", Title: "Motor Insurance Bureau, ordering service", Kind: OrderingService,
				MSPID: "OrdererMSP", Domain: "ordering.motor-bureau.example",
				Orderers: []string{"orderer0"},
			},
			{
				Name: "sm", Title: "Motor Insurance Bureau", Kind: SystemManager,
				MSPID: "SMMSP", Domain: "motor-bureau.example",
				Peers:      []string{"peer0"},
				Identities: []Identity{{Name: "authority", Role: AuthorityRole}, {Name: "proxy", Role: ProxyRole}},
			},
			{
				Name: "insurer1", Title: "Meridian Mutual", Kind: Insurer,
				MSPID: "Insurer1MSP", Domain: "meridian-mutual.example",
				Peers:      []string{"peer0"},
				Identities: []Identity{{Name: "insurer1", Role: PartyRole}, {Name: "insurer1-paper", Role: PartyRole}},
			},
			{
				Name: "insurer2", Title: "Northlight Insurance", Kind: Insurer,
				MSPID: "Insurer2MSP", Domain: "northlight-insurance.example",
				Peers:      []string{"peer0"},
				Identities: []Identity{{Name: "insurer2", Role: PartyRole}},
			},
			{
				Name: "shop1", Title: "Kestrel Collision Center", Kind: RepairShop,
				MSPID: "Shop1MSP", Domain: "kestrel-collision.example",
				Peers:      []string{"peer0"},
				Identities: []Identity{{Name: "shop1", Role: PartyRole}},
			},
			{
				Name: "shop2", Title: "Foundry Lane Autobody", Kind: RepairShop,
				MSPID: "Shop2MSP", Domain: "foundry-lane.example",
				Peers:      []string{"peer0"},
				Identities: []Identity{{Name: "shop2", Role: PartyRole}},
			},
		},
	}
}

// Paper cuts blocks as the paper's Algorithm 1 has it: 20 transactions or one
// minute.
func Paper() Topology {
	made := Development()
	made.Profile = PaperProfile
	made.Ordering.Batch = Batch{MaxMessages: 20, Timeout: time.Minute}
	return made
}

// WithTestChaincode returns the topology with the chaincode that only stores
// and reads bytes: for tests of the network, and as a yardstick.
func (t Topology) WithTestChaincode() Topology {
	t.Chaincode.Program = programs.TestChaincode
	return t
}
