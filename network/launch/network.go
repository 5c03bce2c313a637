// Package launch runs a ClaimShare network on this machine: real Hyperledger
// Fabric orderers and peers and a chaincode service for each peer, as plain
// processes under one supervisor, with all their state in one directory.
//
// Up makes or restarts a network, Open finds one, Down stops it. The processes
// outlive the program that called Up, and never outlive their supervisor.
//
// Everything listens on the loopback interface alone and every private key lies
// unencrypted in the state directory, readable to its owner: this is for
// development and demonstration, not for production.
package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/claimshare/claimshare/network/filelock"
	"github.com/claimshare/claimshare/network/supervise"
	"github.com/claimshare/claimshare/network/topology"
)

// Network is a network that has been made, running or not.
type Network struct {
	layout layout
	record *record
}

// ErrNoNetwork says that a directory holds no network.
var ErrNoNetwork = errors.New("there is no network")

// Open finds the network whose state is in dir.
func Open(dir string) (*Network, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open the network: %w", err)
	}
	l := layout{root: root}
	found, err := readRecord(l)
	if errors.Is(err, errNoRecord) {
		return nil, fmt.Errorf("%w in %s: make one with `up`", ErrNoNetwork, root)
	}
	if err != nil {
		return nil, fmt.Errorf("open the network: %w", err)
	}
	return &Network{layout: l, record: found}, nil
}

// Dir is the state directory.
func (n *Network) Dir() string { return n.layout.root }

// Topology is what the network was made from.
func (n *Network) Topology() topology.Topology { return n.record.Topology }

// Connection is what a client needs to act as the named identity.
func (n *Network) Connection(identity string) (Connection, error) {
	for _, who := range n.record.Topology.Identities() {
		if who.Name == identity {
			return connection(n.layout, n.record.Topology, n.record.Ports, who), nil
		}
	}
	return Connection{}, fmt.Errorf("the network has no identity %q", identity)
}

// ConnectionFile is the file that holds the identity's Connection.
func (n *Network) ConnectionFile(identity string) string {
	return filepath.Join(n.layout.connections(), identity+".json")
}

// SystemFile is the file that tells the chaincode who the system managers are.
func (n *Network) SystemFile() string { return n.layout.system() }

// SetBatch changes how the orderers cut blocks from now on. It outlasts restarts.
func (n *Network) SetBatch(ctx context.Context, batch topology.Batch) error {
	return setBatch(ctx, n.layout, n.record.Topology, n.record.Ports, batch)
}

// Down stops the network and waits until every process is gone. The state stays
// for the next Up. To stop one that does not run is no error.
func (n *Network) Down(ctx context.Context) error {
	err := supervise.Stop(ctx, n.layout.supervisor())
	if err != nil && !errors.Is(err, supervise.ErrNotRunning) {
		return fmt.Errorf("stop the network: %w", err)
	}
	held.Delete(n.layout.root)
	// A supervisor that died left its last words; the network now is down in order.
	if err := supervise.Forget(n.layout.supervisor()); err != nil {
		return fmt.Errorf("stop the network: %w", err)
	}
	return nil
}

// Remove deletes the state of a network that does not run: ledgers, keys, logs.
func (n *Network) Remove() error {
	if _, err := supervise.Read(n.layout.supervisor()); !errors.Is(err, supervise.ErrNotRunning) {
		return errors.Join(errors.New("remove the network: it is running"), err)
	}
	turn, err := filelock.Try(n.layout.upLock())
	if err != nil {
		return fmt.Errorf("remove the network: %w", err)
	}
	if turn == nil {
		return errors.New("remove the network: it is being started")
	}
	defer turn.Release()
	return removeState(n.layout)
}

// removeState deletes what the launcher made, and the directory if nothing else
// is in it.
func removeState(l layout) error {
	if err := removeContents(l); err != nil {
		return err
	}
	if err := os.Remove(l.upLock()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the network's state: %w", err)
	}
	_ = os.Remove(l.root) // fails, rightly, when it holds anything else
	return nil
}

// removeContents leaves nothing but the lock that its caller may hold. The
// record goes last: until then the rest is known to be ours.
func removeContents(l layout) error {
	ours := []string{
		l.supervisor(), l.temporary(), l.logs(), l.connections(), l.crypto(), l.config(),
		l.in("nodes"), l.in("chaincode"), l.in("identities"), l.record() + ".new", l.record(),
	}
	for _, path := range ours {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("remove the network's state: %w", err)
		}
	}
	return nil
}

// Condition of a network as a whole.
type Condition string

// The conditions.
const (
	Running Condition = "running"
	Stopped Condition = "stopped"
	// Crashed: the supervisor was killed, and the processes with it.
	Crashed Condition = "crashed"
	// Incomplete: it was stopped before it was first ready; Up starts it afresh.
	Incomplete Condition = "incomplete"
)

// Status is how a network does.
type Status struct {
	Condition  Condition `json:"condition"`
	Profile    string    `json:"profile"`
	Dir        string    `json:"dir"`
	Supervisor int       `json:"supervisor,omitempty"` // process id
	Since      time.Time `json:"since,omitzero"`
	Processes  []Process `json:"processes"`
}

// Kinds of processes.
const (
	OrdererProcess   = "orderer"
	PeerProcess      = "peer"
	ChaincodeProcess = "chaincode"
)

// Process is one process of a network, and where its traces are.
type Process struct {
	Name         string `json:"name"`
	Kind         string `json:"kind"`
	Organization string `json:"organization"`
	MSPID        string `json:"mspId"`
	Endpoint     string `json:"endpoint"`
	Operations   string `json:"operations,omitempty"` // health and metrics over HTTP
	Log          string `json:"log"`
	Ledger       string `json:"ledger,omitempty"` // directory: ledger, state database and the rest
	PID          int    `json:"pid"`              // 0 while it does not run
	Restarts     int    `json:"restarts"`
	LastExit     string `json:"lastExit,omitempty"`
}

// Status asks the supervisor.
func (n *Network) Status() (*Status, error) {
	made := &Status{Condition: Stopped, Profile: n.record.Topology.Profile, Dir: n.layout.root, Processes: n.processes()}
	seen, err := supervise.Read(n.layout.supervisor())
	switch {
	case err == nil:
		made.Condition, made.Supervisor, made.Since = Running, seen.PID, seen.Started
		byName := map[string]supervise.ProcessStatus{}
		for _, process := range seen.Processes {
			byName[process.Name] = process
		}
		for i := range made.Processes {
			process := &made.Processes[i]
			now := byName[process.Name]
			process.PID, process.Restarts, process.LastExit = now.PID, now.Restarts, now.LastExit
		}
	case !errors.Is(err, supervise.ErrNotRunning):
		return nil, fmt.Errorf("ask the supervisor: %w", err)
	case !n.record.Complete:
		made.Condition = Incomplete
	case seen != nil:
		made.Condition = Crashed
	}
	return made, nil
}

// processes lists what the network is made of, without what only the supervisor
// knows.
func (n *Network) processes() []Process {
	var all []Process
	for _, o := range n.record.Topology.Organizations {
		add := func(name, kind, endpoint, operations, ledger string) {
			all = append(all, Process{
				Name: name, Kind: kind, Organization: o.Name, MSPID: o.MSPID,
				Endpoint: endpoint, Operations: operations, Log: n.layout.log(name), Ledger: ledger,
			})
		}
		ports := n.record.Ports
		for _, host := range o.Orderers {
			name := nodeName(o, host)
			add(name, OrdererProcess, ports.address(name, mainPort), ports.address(name, operationsPort), n.layout.node(name))
		}
		for _, host := range o.Peers {
			name := nodeName(o, host)
			add(name, PeerProcess, ports.address(name, mainPort), ports.address(name, operationsPort), n.layout.node(name))
			add(chaincodeName(name), ChaincodeProcess, ports.address(name, chaincodePort), "", "")
		}
	}
	return all
}
