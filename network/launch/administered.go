package launch

import (
	"github.com/hyperledger/fabric-admin-sdk/pkg/identity"
	"google.golang.org/grpc"
)

// administered is an open connection to a peer as its organisation's
// administrator.
type administered struct {
	member
	conn  *grpc.ClientConn
	admin identity.SigningIdentity
}

func administer(l layout, p ports, m member) (administered, error) {
	admin, err := administrator(l, m.organization)
	if err != nil {
		return administered{}, err
	}
	conn, err := dial(p.address(m.name(), mainPort), l.tlsRoot(m.organization), m.host+"."+m.organization.Domain)
	if err != nil {
		return administered{}, err
	}
	return administered{member: m, conn: conn, admin: admin}, nil
}
