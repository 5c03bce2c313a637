package launch

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/claimshare/claimshare/network/topology"
)

// object is one YAML mapping of configtx.yaml.
type object = map[string]any

const configProfile = "ClaimShare"

// startBatch cuts blocks while the network is set up. The topology's own batch
// comes last: with the paper's, every step of the set-up would take a minute.
var startBatch = topology.Batch{MaxMessages: 500, Timeout: 200 * time.Millisecond}

// writeGenesis makes the channel's first block.
func writeGenesis(ctx context.Context, l layout, configtxgen string, t topology.Topology, p ports) error {
	config := object{"Profiles": object{configProfile: channelConfig(l, t, p)}}
	if err := writeYAML(filepath.Join(l.config(), "configtx.yaml"), config); err != nil {
		return err
	}
	err := runTool(ctx, []string{"FABRIC_CFG_PATH=" + l.config()}, configtxgen,
		"-profile", configProfile, "-channelID", t.Channel, "-outputBlock", l.genesis())
	if err != nil {
		return fmt.Errorf("make the channel's first block: %w", err)
	}
	return nil
}

func channelConfig(l layout, t topology.Topology, p ports) object {
	var application []object
	for _, o := range t.WithPeers() {
		application = append(application, peerOrganization(l, o, p))
	}
	return object{
		"Policies":     implicitPolicies(nil),
		"Capabilities": object{"V3_0": true},
		"Orderer":      orderingConfig(l, t, p),
		"Application": object{
			"Organizations": application,
			"Policies": implicitPolicies(object{
				"LifecycleEndorsement": policy("ImplicitMeta", "MAJORITY Endorsement"),
				"Endorsement":          policy("ImplicitMeta", "MAJORITY Endorsement"),
			}),
			"Capabilities": object{"V2_5": true},
		},
	}
}

func orderingConfig(l layout, t topology.Topology, p ports) object {
	var organizations, raft, bft []object
	for _, o := range t.WithOrderers() {
		var endpoints []string
		for _, host := range o.Orderers {
			name, tls := nodeName(o, host), l.orderer(o, host, "tls", "server.crt")
			endpoints = append(endpoints, p.address(name, mainPort))
			consenter := object{"Host": loopback, "Port": p.of(name, mainPort), "ClientTLSCert": tls, "ServerTLSCert": tls}
			raft = append(raft, consenter)
			bft = append(bft, object{
				"ID": len(bft) + 1, "MSPID": o.MSPID,
				"Identity": l.orderer(o, host, "msp", "signcerts", host+"."+o.Domain+"-cert.pem"),
				"Host":     loopback, "Port": p.of(name, mainPort), "ClientTLSCert": tls, "ServerTLSCert": tls,
			})
		}
		organizations = append(organizations, object{
			"Name": o.MSPID, "ID": o.MSPID, "MSPDir": l.organization(o, "msp"),
			"Policies": memberPolicies(o.MSPID), "OrdererEndpoints": endpoints,
		})
	}
	config := object{
		"BatchTimeout": startBatch.Timeout.String(),
		"BatchSize": object{
			"MaxMessageCount": startBatch.MaxMessages, "AbsoluteMaxBytes": "10 MB", "PreferredMaxBytes": "2 MB",
		},
		"Organizations": organizations,
		"Policies":      implicitPolicies(object{"BlockValidation": policy("ImplicitMeta", "ANY Writers")}),
		"Capabilities":  object{"V2_0": true},
	}
	if t.Ordering.Consensus == topology.BFT {
		config["OrdererType"] = "BFT"
		config["ConsenterMapping"] = bft
		config["SmartBFT"] = smartBFT()
		return config
	}
	config["OrdererType"] = "etcdraft"
	config["EtcdRaft"] = object{
		"Consenters": raft,
		// A dead leader is noticed after ten ticks; Fabric's 500ms makes that a long outage.
		"Options": object{
			"TickInterval": "100ms", "ElectionTick": 10, "HeartbeatTick": 1,
			"MaxInflightBlocks": 5, "SnapshotIntervalSize": "16 MB",
		},
	}
	return config
}

// smartBFT has timeouts for machines that see each other at once: with Fabric's
// own a dead leader stops the channel for 20 seconds.
func smartBFT() object {
	return object{
		"RequestBatchMaxInterval": startBatch.Timeout.String(),
		"RequestForwardTimeout":   "1s", "RequestComplainTimeout": "3s", "RequestAutoRemoveTimeout": "3m0s",
		"ViewChangeResendInterval": "1s", "ViewChangeTimeout": "5s",
		"LeaderHeartbeatTimeout": "3s", "LeaderHeartbeatCount": 10,
		"CollectTimeout": "1s", "IncomingMessageBufferSize": 200, "RequestPoolSize": 100000,
	}
}

func peerOrganization(l layout, o topology.Organization, p ports) object {
	rule := func(format string) object { return policy("Signature", fmt.Sprintf(format, o.MSPID)) }
	first := nodeName(o, o.Peers[0])
	return object{
		"Name": o.MSPID, "ID": o.MSPID, "MSPDir": l.organization(o, "msp"),
		"Policies": object{
			"Readers":     policy("Signature", fmt.Sprintf("OR('%[1]s.admin', '%[1]s.peer', '%[1]s.client')", o.MSPID)),
			"Writers":     policy("Signature", fmt.Sprintf("OR('%[1]s.admin', '%[1]s.client')", o.MSPID)),
			"Admins":      rule("OR('%s.admin')"),
			"Endorsement": rule("OR('%s.peer')"),
		},
		"AnchorPeers": []object{{"Host": loopback, "Port": p.of(first, mainPort)}},
	}
}

func memberPolicies(mspID string) object {
	member := policy("Signature", fmt.Sprintf("OR('%s.member')", mspID))
	return object{
		"Readers": member, "Writers": member,
		"Admins": policy("Signature", fmt.Sprintf("OR('%s.admin')", mspID)),
	}
}

func implicitPolicies(more object) object {
	policies := object{
		"Readers": policy("ImplicitMeta", "ANY Readers"),
		"Writers": policy("ImplicitMeta", "ANY Writers"),
		"Admins":  policy("ImplicitMeta", "MAJORITY Admins"),
	}
	for name, rule := range more {
		policies[name] = rule
	}
	return policies
}

func policy(kind, rule string) object { return object{"Type": kind, "Rule": rule} }
