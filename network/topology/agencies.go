package topology

import "fmt"

// AgenciesProfile names the network in which the system manager is several
// agencies.
const AgenciesProfile = "agencies"

// threeAgencies are those of [Agencies], each with its own peer and chaincode
// service.
func threeAgencies() []Organization {
	return []Organization{
		{
			Name: "sm", Title: "Motor Insurance Bureau", Kind: SystemManager,
			MSPID: "SMMSP", Domain: "motor-bureau.example",
			Peers:      []string{"peer0"},
			Identities: []Identity{{Name: "authority", Role: AuthorityRole}, {Name: "proxy", Role: ProxyRole}},
		},
		{
			Name: "sm2", Title: "Vehicle Register", Kind: SystemManager,
			MSPID: "SM2MSP", Domain: "vehicle-register.example",
			Peers:      []string{"peer0"},
			Identities: []Identity{{Name: "authority2", Role: AuthorityRole}},
		},
		{
			Name: "sm3", Title: "Insurance Supervisor", Kind: SystemManager,
			MSPID: "SM3MSP", Domain: "insurance-supervisor.example",
			Peers:      []string{"peer0"},
			Identities: []Identity{{Name: "authority3", Role: AuthorityRole}},
		},
	}
}

// Agencies is the paper's system manager made of several agencies: three of
// them, of which any two must endorse a transaction and agree on a decision, an
// insurer and a repair shop. No agency alone can change anything, and the
// network goes on without any one of them.
func Agencies() Topology {
	const threshold = 2
	made := Development()
	made.Profile = AgenciesProfile
	agencies, ordering, others := threeAgencies(), made.Organizations[0], made.Organizations[2:]
	made.Organizations = append([]Organization{ordering}, agencies...)
	for _, o := range others {
		if o.Name == "insurer1" || o.Name == "shop1" {
			made.Organizations = append(made.Organizations, o)
		}
	}
	made.Chaincode.Threshold = threshold
	made.Chaincode.Endorsers = nil
	policy := fmt.Sprintf("OutOf(%d", threshold)
	for _, o := range agencies {
		policy += fmt.Sprintf(",'%s.peer'", o.MSPID)
		made.Chaincode.Endorsers = append(made.Chaincode.Endorsers, o.MSPID)
	}
	made.Chaincode.Policy = policy + ")"
	return made
}
