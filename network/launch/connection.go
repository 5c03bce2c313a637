package launch

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/claimshare/claimshare/network/topology"
)

// Connection is what a client needs to act as one identity. It is also the
// format of the files connections/<identity>.json. All paths are absolute.
type Connection struct {
	MSPID     string   `json:"mspId"`
	Channel   string   `json:"channel"`
	Chaincode string   `json:"chaincode"`
	Endorsers []string `json:"endorsers"` // MSPs to ask for endorsement
	// Quorum is how many of the endorsers a transaction needs; 0 means all.
	Quorum int `json:"quorum,omitempty"`
	// Peers lists the organisation's own first, then the endorsers', then the
	// rest: an order in which to fall back.
	Peers      []Peer `json:"peers"`
	ClientCert string `json:"clientCert"`
	ClientKey  string `json:"clientKey"`
}

// Peer is the gateway of one peer.
type Peer struct {
	Endpoint    string `json:"endpoint"`
	TLSRootCert string `json:"tlsRootCert"`
	ServerName  string `json:"serverName"` // the name in its certificate
}

func connection(l layout, t topology.Topology, p ports, who topology.IdentityOf) Connection {
	files := l.identity(who.Name)
	made := Connection{
		MSPID: who.Organization.MSPID, Channel: t.Channel,
		Chaincode: t.Chaincode.Name, Endorsers: t.Chaincode.Endorsers,
		ClientCert: files.cert, ClientKey: files.key,
	}
	if t.Chaincode.Threshold < len(t.Chaincode.Endorsers) {
		made.Quorum = t.Chaincode.Threshold
	}
	var endorsers, others []Peer
	endorses := map[string]bool{}
	for _, mspID := range t.Chaincode.Endorsers {
		endorses[mspID] = true
	}
	for _, o := range t.WithPeers() {
		for _, host := range o.Peers {
			peer := Peer{
				Endpoint:    p.address(nodeName(o, host), mainPort),
				TLSRootCert: l.tlsRoot(o),
				ServerName:  host + "." + o.Domain,
			}
			switch {
			case o.MSPID == who.Organization.MSPID:
				made.Peers = append(made.Peers, peer)
			case endorses[o.MSPID]:
				endorsers = append(endorsers, peer)
			default:
				others = append(others, peer)
			}
		}
	}
	made.Peers = append(append(made.Peers, endorsers...), others...)
	return made
}

func writeConnections(l layout, t topology.Topology, p ports) error {
	for _, who := range t.Identities() {
		raw, err := json.MarshalIndent(connection(l, t, p, who), "", "  ")
		if err != nil {
			return fmt.Errorf("describe the connection of %s: %w", who.Name, err)
		}
		if err := writeFile(filepath.Join(l.connections(), who.Name+".json"), append(raw, '\n')); err != nil {
			return fmt.Errorf("write the connection of %s: %w", who.Name, err)
		}
	}
	return nil
}
