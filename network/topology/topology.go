// Package topology describes a network as a value: who takes part, what each
// runs, and how the orderers cut blocks. It says nothing about where things run
// (ports, files, processes): that is the launcher's business.
package topology

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"time"
)

// Topology is one network with one channel and one chaincode on it.
type Topology struct {
	Profile       string         `json:"profile"`
	Channel       string         `json:"channel"`
	Chaincode     Chaincode      `json:"chaincode"`
	Ordering      Ordering       `json:"ordering"`
	Organizations []Organization `json:"organizations"`
	// GoToolchain is a release of Go ("go1.23.5"): if there is one, the peers also
	// take Go chaincode packages and compile them with it, as Fabric's Docker
	// builder would, but unconfined. For tests.
	GoToolchain string `json:"goToolchain,omitempty"`
}

// Chaincode is what the peers run, and who must endorse it.
type Chaincode struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	// Program is the folder of the checkout that holds its main package.
	Program string `json:"program"`
	// Policy is the endorsement policy in Fabric's notation.
	Policy string `json:"policy"`
	// Endorsers are the MSPs that a client asks for endorsement: the agencies.
	Endorsers []string `json:"endorsers"`
	// Threshold is how many agencies must agree on an agencies' decision, and
	// how many of the endorsers endorse a transaction.
	Threshold int `json:"threshold"`
}

// Consensus is the orderers' protocol.
type Consensus string

// The protocols that Fabric offers. Raft survives the crash of a minority, BFT
// also the lies of fewer than a third.
const (
	Raft Consensus = "raft"
	BFT  Consensus = "bft"
)

// Ordering says how transactions become blocks.
type Ordering struct {
	Consensus Consensus `json:"consensus"`
	Batch     Batch     `json:"batch"`
}

// Batch ends a block: after so many transactions, or so long after the first.
type Batch struct {
	MaxMessages uint32        `json:"maxMessages"`
	Timeout     time.Duration `json:"timeout"`
}

// Kind is what an organisation is in ClaimShare.
type Kind string

// The kinds of organisations. Orderers have one of their own, because Fabric's
// tools give an organisation either orderers or peers.
const (
	OrderingService Kind = "ordering-service"
	SystemManager   Kind = "system-manager"
	Insurer         Kind = "insurer"
	RepairShop      Kind = "repair-shop"
)

// Organization is a member of the network with its own certificate authority.
type Organization struct {
	Name       string     `json:"name"`  // short, for files and processes
	Title      string     `json:"title"` // as people call it
	Kind       Kind       `json:"kind"`
	MSPID      string     `json:"mspId"`
	Domain     string     `json:"domain"`
	Orderers   []string   `json:"orderers,omitempty"` // host names in the domain
	Peers      []string   `json:"peers,omitempty"`    // the same; each has its own chaincode service
	Identities []Identity `json:"identities,omitempty"`
}

// Role is what an identity is for.
type Role string

// The roles of identities. Policyholders have none: no organisation vouches for
// them to Fabric, their own signatures do.
const (
	AuthorityRole Role = "authority"
	ProxyRole     Role = "proxy"
	PartyRole     Role = "party"
)

// Identity is a client certificate of an organisation. Its name is unique in
// the network and names its connection file.
type Identity struct {
	Name string `json:"name"`
	Role Role   `json:"role"`
}

// IdentityOf is an identity together with its organisation.
type IdentityOf struct {
	Identity
	Organization Organization
}

// Identities lists the identities of all organisations in order.
func (t Topology) Identities() []IdentityOf {
	var all []IdentityOf
	for _, organization := range t.Organizations {
		for _, identity := range organization.Identities {
			all = append(all, IdentityOf{Identity: identity, Organization: organization})
		}
	}
	return all
}

// WithPeers lists the organisations that run peers.
func (t Topology) WithPeers() []Organization {
	return t.filter(func(o Organization) bool { return len(o.Peers) > 0 })
}

// WithOrderers lists the organisations that run orderers.
func (t Topology) WithOrderers() []Organization {
	return t.filter(func(o Organization) bool { return len(o.Orderers) > 0 })
}

func (t Topology) filter(keep func(Organization) bool) []Organization {
	var kept []Organization
	for _, organization := range t.Organizations {
		if keep(organization) {
			kept = append(kept, organization)
		}
	}
	return kept
}

var (
	channelName = regexp.MustCompile(`^[a-z][a-z0-9.-]{0,248}$`)
	plainName   = regexp.MustCompile(`^[a-z][a-z0-9-]{0,40}$`)
	domainName  = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$`)
	mspName     = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*$`)
)

// Equal tells whether two topologies describe the same network.
func (t Topology) Equal(other Topology) bool { return reflect.DeepEqual(t, other) }

// Validate says what keeps the topology from being launched.
func (t Topology) Validate() error {
	if !channelName.MatchString(t.Channel) {
		return fmt.Errorf("topology: channel %q is not a Fabric channel name", t.Channel)
	}
	if err := t.validateChaincode(); err != nil {
		return err
	}
	if err := t.validateOrdering(); err != nil {
		return err
	}
	seen := map[string]string{}
	claim := func(what, name, holder string) error {
		if other, taken := seen[what+" "+name]; taken {
			return fmt.Errorf("topology: %s and %s both use the %s %q", other, holder, what, name)
		}
		seen[what+" "+name] = holder
		return nil
	}
	for _, o := range t.Organizations {
		if err := o.validate(); err != nil {
			return err
		}
		err := errors.Join(claim("name", o.Name, o.Name), claim("MSP ID", o.MSPID, o.Name), claim("domain", o.Domain, o.Name))
		for _, host := range append(append([]string{}, o.Orderers...), o.Peers...) {
			err = errors.Join(err, claim("host", host+"."+o.Domain, o.Name))
		}
		for _, identity := range o.Identities {
			err = errors.Join(err, claim("identity", identity.Name, o.Name))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t Topology) validateChaincode() error {
	c := t.Chaincode
	if c.Name == "" || c.Version == "" || c.Program == "" || c.Policy == "" || len(c.Endorsers) == 0 {
		return errors.New("topology: the chaincode needs a name, a version, a program, a policy and endorsers")
	}
	agencies := 0
	for _, o := range t.Organizations {
		if o.Kind == SystemManager {
			agencies++
		}
	}
	if c.Threshold < 1 || c.Threshold > agencies {
		return fmt.Errorf("topology: threshold %d with %d system managers", c.Threshold, agencies)
	}
	for _, mspID := range c.Endorsers {
		if len(t.filter(func(o Organization) bool { return o.MSPID == mspID && len(o.Peers) > 0 })) == 0 {
			return fmt.Errorf("topology: endorser %s has no peer", mspID)
		}
	}
	return nil
}

func (t Topology) validateOrdering() error {
	if t.Ordering.Batch.MaxMessages < 1 || t.Ordering.Batch.Timeout <= 0 {
		return errors.New("topology: the batch needs a size and a timeout")
	}
	orderers := 0
	for _, o := range t.Organizations {
		orderers += len(o.Orderers)
	}
	switch t.Ordering.Consensus {
	case Raft:
		if orderers < 1 {
			return errors.New("topology: no orderer")
		}
	case BFT:
		const fewest = 4 // 3f+1, and Fabric cannot run BFT with f = 0 usefully
		if orderers < fewest {
			return fmt.Errorf("topology: BFT needs %d orderers, not %d", fewest, orderers)
		}
	default:
		return fmt.Errorf("topology: unknown consensus %q: use %s or %s", t.Ordering.Consensus, Raft, BFT)
	}
	return nil
}

func (o Organization) validate() error {
	switch {
	case !plainName.MatchString(o.Name):
		return fmt.Errorf("topology: organisation name %q: use small letters, digits and dashes", o.Name)
	case !mspName.MatchString(o.MSPID):
		return fmt.Errorf("topology: %s: MSP ID %q", o.Name, o.MSPID)
	case !domainName.MatchString(o.Domain):
		return fmt.Errorf("topology: %s: domain %q", o.Name, o.Domain)
	case len(o.Orderers) > 0 && len(o.Peers) > 0:
		return fmt.Errorf("topology: %s has orderers and peers: give the orderers an organisation of their own", o.Name)
	case len(o.Orderers)+len(o.Peers) == 0:
		return fmt.Errorf("topology: %s runs nothing", o.Name)
	}
	for _, host := range append(append([]string{}, o.Orderers...), o.Peers...) {
		if !plainName.MatchString(host) {
			return fmt.Errorf("topology: %s: host name %q", o.Name, host)
		}
	}
	for _, identity := range o.Identities {
		if !plainName.MatchString(identity.Name) {
			return fmt.Errorf("topology: %s: identity name %q", o.Name, identity.Name)
		}
	}
	return nil
}
