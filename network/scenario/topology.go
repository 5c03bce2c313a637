package scenario

import (
	"time"

	"github.com/claimshare/claimshare/network/topology"
)

// Topology is the network that the suite needs: three agencies, of which two
// decide, while the endorsement of the first is enough, so that there is one
// order of events; and for every scenario parties of its own.
func Topology() topology.Topology {
	made := topology.Agencies()
	made.Chaincode.Policy, made.Chaincode.Endorsers = "OutOf(1,'SMMSP.peer')", []string{"SMMSP"}
	made.Ordering.Batch.Timeout = 50 * time.Millisecond
	for i := range made.Organizations {
		o := &made.Organizations[i]
		for who, msp := range parties {
			if msp != o.MSPID {
				continue
			}
			for _, one := range suite {
				o.Identities = append(o.Identities, topology.Identity{Name: one.name + "-" + who, Role: topology.PartyRole})
			}
		}
	}
	return made
}

// parties are those that every scenario has, with their MSPs.
var parties = map[string]string{
	"insurer": "Insurer1MSP", "rival": "Insurer1MSP",
	"shop": "Shop1MSP", "garage": "Shop1MSP", "visitor": "Shop1MSP",
	"proxy": "SMMSP", "relay": "SMMSP",
}

// The agencies' identities.
const (
	authority       = "authority"
	secondAuthority = "authority2"
	thirdAuthority  = "authority3"
)
