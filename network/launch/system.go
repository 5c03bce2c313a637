package launch

import (
	"encoding/json"
	"fmt"

	"github.com/claimshare/claimshare/network/topology"
)

// system is what the chaincode must know before its first transaction: who the
// system managers are. It is given to the service, never taken from a caller.
type system struct {
	Agencies  []agency `json:"agencies"`
	Threshold int      `json:"threshold"`
}

type agency struct {
	MSPID    string   `json:"msp"`
	Subjects []string `json:"subjects"`
}

func writeSystem(l layout, t topology.Topology) error {
	made := system{Threshold: t.Chaincode.Threshold}
	for _, o := range t.Organizations {
		if o.Kind != topology.SystemManager {
			continue
		}
		found := agency{MSPID: o.MSPID}
		for _, identity := range o.Identities {
			if identity.Role != topology.AuthorityRole {
				continue
			}
			certificate, err := readCertificate(l.identity(identity.Name).cert)
			if err != nil {
				return fmt.Errorf("describe the system managers: %w", err)
			}
			found.Subjects = append(found.Subjects, certificate.Subject.String())
		}
		made.Agencies = append(made.Agencies, found)
	}
	raw, err := json.MarshalIndent(made, "", "  ")
	if err != nil {
		return fmt.Errorf("describe the system managers: %w", err)
	}
	return writeFile(l.system(), append(raw, '\n'))
}
