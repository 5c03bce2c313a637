package launch

import (
	"fmt"

	chaincoderecord "github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/network/topology"
)

// writeSystem writes what the chaincode must know before its first transaction:
// who the system managers are. It is given to the service, never taken from a
// caller.
func writeSystem(l layout, t topology.Topology) error {
	made := chaincoderecord.SystemFile{Threshold: uint32(t.Chaincode.Threshold)}
	for _, o := range t.Organizations {
		if o.Kind != topology.SystemManager {
			continue
		}
		for _, identity := range o.Identities {
			if identity.Role != topology.AuthorityRole {
				continue
			}
			certificate, err := readCertificate(l.identity(identity.Name).cert)
			if err != nil {
				return fmt.Errorf("describe the system managers: %w", err)
			}
			made.Add(o.MSPID, certificate.Subject.String())
		}
	}
	return writeFile(l.system(), made.Encode())
}
