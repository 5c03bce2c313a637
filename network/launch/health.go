package launch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/claimshare/claimshare/network/topology"
)

// waitForProcesses returns when every process listens and says it is well. A
// peer's health check answers before its service does, so both are asked.
func waitForProcesses(ctx context.Context, l layout, t topology.Topology, p ports, ended <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	go func() {
		select {
		case <-ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	type check struct {
		process string
		ready   func(context.Context) error
	}
	var checks []check
	node := func(name string) {
		checks = append(checks, check{name, func(ctx context.Context) error {
			return errors.Join(healthy(ctx, p.address(name, operationsPort)), listens(ctx, p.address(name, mainPort)))
		}})
	}
	for _, o := range t.Organizations {
		for _, host := range o.Orderers {
			node(nodeName(o, host))
		}
		for _, host := range o.Peers {
			peer := nodeName(o, host)
			node(peer)
			checks = append(checks, check{chaincodeName(peer), func(ctx context.Context) error {
				return listens(ctx, p.address(peer, chaincodePort))
			}})
		}
	}
	failures := make([]error, len(checks))
	var running sync.WaitGroup
	for i, one := range checks {
		running.Add(1)
		go func() {
			defer running.Done()
			if err := retry(ctx, one.ready); err != nil {
				failures[i] = fmt.Errorf("%s does not get ready: %w%s", one.process, err, lastWords(l.log(one.process)))
			}
		}()
	}
	running.Wait()
	return errors.Join(failures...)
}

func healthy(ctx context.Context, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/healthz", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("its health check answers %s", response.Status)
	}
	return nil
}

func listens(ctx context.Context, address string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// lastWords quotes the end of a log in an error.
func lastWords(path string) string {
	raw, err := os.ReadFile(path)
	if err != nil || len(raw) == 0 {
		return ""
	}
	const most = 3
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	if len(lines) > most {
		lines = lines[len(lines)-most:]
	}
	return "\n  its log ends: " + strings.Join(lines, "\n                ")
}
