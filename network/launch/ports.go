package launch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"time"

	"github.com/claimshare/claimshare/network/filelock"
	"github.com/claimshare/claimshare/network/topology"
)

// What a process listens on.
const (
	mainPort       = "main"       // an orderer's and a peer's service
	adminPort      = "admin"      // an orderer's channel participation
	operationsPort = "operations" // health and metrics
	shimPort       = "shim"       // where a peer would take chaincode that dials in
	chaincodePort  = "chaincode"  // a chaincode service
)

// ports are chosen once for a network and kept: the orderers' are in the
// genesis block, the chaincodes' in what the peers built of the package.
type ports map[string]int

func portKey(process, purpose string) string { return process + " " + purpose }

func (p ports) of(process, purpose string) int { return p[portKey(process, purpose)] }

func (p ports) address(process, purpose string) string {
	return net.JoinHostPort(loopback, strconv.Itoa(p.of(process, purpose)))
}

const loopback = "127.0.0.1"

// The ports lie below those that Linux gives to outgoing connections, which
// could otherwise take one while its process restarts.
const firstPort, lastPort = 20000, 31999

func choosePorts(t topology.Topology) (ports, error) {
	var keys []string
	for _, o := range t.Organizations {
		for _, host := range o.Orderers {
			for _, purpose := range []string{mainPort, adminPort, operationsPort} {
				keys = append(keys, portKey(nodeName(o, host), purpose))
			}
		}
		for _, host := range o.Peers {
			for _, purpose := range []string{mainPort, operationsPort, shimPort, chaincodePort} {
				keys = append(keys, portKey(nodeName(o, host), purpose))
			}
		}
	}
	chosen, taken := ports{}, map[int]bool{}
	for _, key := range keys {
		port, err := freePort(taken)
		if err != nil {
			return nil, err
		}
		chosen[key], taken[port] = port, true
	}
	return chosen, nil
}

func freePort(taken map[int]bool) (int, error) {
	const attempts = 500
	for range attempts {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		if !taken[port] && isFree(port) == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free port found between %d and %d", firstPort, lastPort)
}

func isFree(port int) error {
	listener, err := net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return listener.Close()
}

// waitUntilFree gives processes that were killed just now a moment to let go of
// their ports: the kernel closes these a little after the process seems gone.
func (p ports) waitUntilFree(ctx context.Context) error {
	const moment = 5 * time.Second
	limited, cancel := context.WithTimeout(ctx, moment)
	defer cancel()
	var taken error
	_ = retry(limited, func(context.Context) error { // its error would only add that time is up
		taken = p.check()
		return taken
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return taken
}

// check says which of the kept ports other programs have taken meanwhile.
func (p ports) check() error {
	keys := make([]string, 0, len(p))
	for key := range p {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	var taken []error
	for _, key := range keys {
		if err := isFree(p[key]); err != nil {
			taken = append(taken, fmt.Errorf("port %d (%s) is taken by another program", p[key], key))
		}
	}
	if len(taken) > 0 {
		return fmt.Errorf("%w\nA network keeps its ports for life: end that program, or start afresh after `down --purge`", errors.Join(taken...))
	}
	return nil
}

// reservePorts keeps other launchers of this user from choosing ports until
// this one's processes listen.
func reservePorts(ctx context.Context, busy func()) (*filelock.Lock, error) {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("claimshare-ports-%d.lock", os.Getuid()))
	return filelock.Wait(ctx, path, busy)
}

// FreeAddress finds a port of this machine that nobody listens on and that is
// not among those taken already.
func FreeAddress(taken map[string]bool) (string, error) {
	for {
		port, err := freePort(nil)
		if err != nil {
			return "", err
		}
		if address := net.JoinHostPort(loopback, strconv.Itoa(port)); !taken[address] {
			return address, nil
		}
	}
}
