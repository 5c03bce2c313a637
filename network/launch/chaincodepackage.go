package launch

import (
	"github.com/claimshare/claimshare/network/pack"
	"github.com/claimshare/claimshare/network/topology"
)

// chaincodePackage makes the package that every peer installs. It holds no code,
// no address and no key: where a peer finds its service, its builder fills in.
// The same topology always gives the same bytes, and so the same package id.
func chaincodePackage(c topology.Chaincode) (archive []byte, id string, err error) {
	service := pack.Connection{Address: "{{.address}}", TLS: true, ClientAuth: true}
	return pack.Service(c.Name+"_"+c.Version, service)
}
