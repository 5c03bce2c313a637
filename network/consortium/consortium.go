package consortium

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/claimshare/claimshare/chaincode/record"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/network/launch"
	"github.com/claimshare/claimshare/network/programs"
	"github.com/claimshare/claimshare/network/progress"
	"github.com/claimshare/claimshare/network/supervise"
)

// Folder is where the nodes' files are in a network's directory.
const Folder = "parties"

// Options changes what is set up.
type Options struct {
	// System is the public name of the deployment.
	System string
	// Submit says who takes issuers' batches to the ledger: node.SubmitDirect or
	// node.SubmitAuthority.
	Submit string
	// LogLevel of the nodes: debug, info, warn or error; info when empty.
	LogLevel string
	// Program is the claimshare program to run; empty for one built from this
	// checkout.
	Program string
	// Absent are identities of the network that run no node.
	Absent []string
	// Database makes a new PostgreSQL database for a node and answers its URL; nil
	// gives every node an SQLite file. The server is the caller's.
	Database func(context.Context) (string, error)
	// Data names the folder of a node's database by the node's identity, where
	// that is not the node's own.
	Data map[string]string
	// Enrolments is how many calls with one-time codes a second the authority's
	// node takes from this machine; 0 for what is usual.
	Enrolments float64
	// Env is added to the nodes' environment.
	Env []string
	// Secret is told of every secret that is drawn here, for a leak search.
	Secret func(name string, value []byte)
}

// Consortium is the nodes of a network.
type Consortium struct {
	network *launch.Network
	dir     string
	sockets string // where the operator sockets are
	program string
	options Options

	nodes      []*Node
	programs   *programs.Set
	supervised []supervised
}

// supervised is a group of processes that started together.
type supervised struct {
	dir        string
	supervisor *supervise.Supervisor
}

// Found sets a new consortium up on a network whose ledger is empty, and starts
// the nodes. Their files are in a folder of the network's directory, and they
// end with this process unless Keep is called.
func Found(ctx context.Context, network *launch.Network, options Options, report progress.Func) (_ *Consortium, err error) {
	checkout, err := programs.Checkout()
	if err != nil {
		return nil, err
	}
	c := &Consortium{network: network, dir: filepath.Join(network.Dir(), Folder), options: options}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Stop(context.WithoutCancel(ctx)))
		}
	}()
	if c.sockets, err = socketFolder(c.dir); err != nil {
		return nil, err
	}
	if c.program = options.Program; c.program == "" {
		if c.program, err = programs.ClaimShare(ctx, checkout, report); err != nil {
			return nil, err
		}
	}
	if c.programs, err = programs.Build(ctx, checkout, network.Topology().Chaincode.Program, report); err != nil {
		return nil, err
	}
	phase := report.Start("enrol the nodes")
	if err := c.found(ctx, phase); err != nil {
		return nil, phase.Fail(err)
	}
	phase.Done(fmt.Sprintf("%d nodes", len(c.nodes)))
	return c, nil
}

func (c *Consortium) found(ctx context.Context, phase *progress.Phase) error {
	taken := map[string]bool{}
	for _, who := range c.network.Topology().Identities() {
		if roleOf(who) == 0 || slices.Contains(c.options.Absent, who.Name) {
			continue
		}
		n, err := prepare(ctx, c.network, c.dir, c.sockets, who, c.options, taken)
		if err != nil {
			return fmt.Errorf("prepare the node of %s: %w", who.Name, err)
		}
		c.nodes = append(c.nodes, n)
	}
	if err := c.writeDirectory(); err != nil { // empty: nobody is registered
		return err
	}
	authority := c.Authority()
	if authority == nil {
		return errors.New("the network has no identity of the system manager")
	}
	phase.Detail("set the deployment up")
	if err := c.setUp(ctx, authority); err != nil {
		return err
	}
	if err := c.start(ctx, authority); err != nil {
		return err
	}
	var others []*Node
	for _, n := range c.nodes {
		if n == authority {
			continue
		}
		phase.Detail("enrol %s", n.Title)
		if err := c.enrol(ctx, authority, n); err != nil {
			return fmt.Errorf("enrol %s: %w", n.Identity, err)
		}
		others = append(others, n)
	}
	if err := c.writeDirectory(); err != nil {
		return err
	}
	return c.start(ctx, others...)
}

// start runs nodes under a supervisor of their own and waits until they serve.
func (c *Consortium) start(ctx context.Context, nodes ...*Node) error {
	var plan supervise.Plan
	for _, n := range nodes {
		plan.Processes = append(plan.Processes, supervise.Process{
			Name: n.Identity, Path: c.program, Args: []string{"node", "run", "--config", n.Config, "--log-level", c.logLevel()},
			Env: append(environment(), c.options.Env...), Dir: n.Dir, Log: n.Log,
		})
	}
	dir := filepath.Join(c.dir, fmt.Sprintf("supervisor-%d", len(c.supervised)))
	s, err := supervise.Start(ctx, c.programs.Supervisor, dir, plan)
	if err != nil {
		return fmt.Errorf("start nodes: %w", err)
	}
	c.supervised = append(c.supervised, supervised{dir, s})
	ready, ctx := errgroup.WithContext(ctx)
	for _, n := range nodes {
		if err := n.dial(); err != nil {
			return err
		}
		ready.Go(func() error { return c.AwaitServing(ctx, n) })
	}
	return ready.Wait()
}

func (c *Consortium) logLevel() string {
	if c.options.LogLevel == "" {
		return "info"
	}
	return c.options.LogLevel
}

// environment is what a node sees of this process's.
func environment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir()}
}

const (
	startUp = 3 * time.Minute // on a machine that does a lot else
	glance  = 50 * time.Millisecond
)

// AwaitServing waits until a node answers on its operator socket.
func (c *Consortium) AwaitServing(ctx context.Context, n *Node) error {
	ctx, cancel := context.WithTimeout(ctx, startUp)
	defer cancel()
	for {
		_, err := n.Ask.Status(ctx, &nodev1.StatusRequest{Strict: true})
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the node of %s does not serve: %w; its log is %s", n.Identity, err, n.Log)
		case <-time.After(glance):
		}
	}
}

// Nodes lists all nodes.
func (c *Consortium) Nodes() []*Node { return c.nodes }

// Node finds the node of an identity, nil when there is none.
func (c *Consortium) Node(identity string) *Node {
	for _, n := range c.nodes {
		if n.Identity == identity {
			return n
		}
	}
	return nil
}

// Authority is the system manager's node.
func (c *Consortium) Authority() *Node { return c.first(record.RoleAuthority) }

// Proxy is the proxy's node.
func (c *Consortium) Proxy() *Node { return c.first(record.RoleProxy) }

func (c *Consortium) first(role record.Role) *Node {
	for _, n := range c.nodes {
		if n.Role == role {
			return n
		}
	}
	return nil
}

// Announce tells all nodes that a node's listener for other nodes is
// at another address from now on. They look at their directory once a second.
// It is for tests that have a program of their own answer for a party.
func (c *Consortium) Announce(n *Node, parties string) error {
	n.Parties = parties
	return c.writeDirectory()
}

// PID is the process id of a node, 0 while it does not run.
func (c *Consortium) PID(n *Node) (int, error) {
	for _, s := range c.supervised {
		status, err := supervise.Read(s.dir)
		if err != nil {
			return 0, err
		}
		for _, p := range status.Processes {
			if p.Name == n.Identity {
				return p.PID, nil
			}
		}
	}
	return 0, fmt.Errorf("no process of %s is supervised", n.Identity)
}

// Kill kills a node's process; the supervisor starts it again.
func (c *Consortium) Kill(n *Node) error {
	pid, err := c.PID(n)
	if err != nil || pid == 0 {
		return err
	}
	return syscall.Kill(pid, syscall.SIGKILL)
}

// Keep lets the nodes live on after this process.
func (c *Consortium) Keep() error {
	var all []error
	for _, s := range c.supervised {
		all = append(all, s.supervisor.Keep())
	}
	return errors.Join(all...)
}

// Stop ends the nodes, the authority's last.
func (c *Consortium) Stop(ctx context.Context) error {
	var all []error
	for _, n := range c.nodes {
		all = append(all, n.close())
	}
	for i := len(c.supervised) - 1; i >= 0; i-- {
		if err := supervise.Stop(ctx, c.supervised[i].dir); err != nil && !errors.Is(err, supervise.ErrNotRunning) {
			all = append(all, err)
		}
	}
	c.supervised = nil
	if c.sockets != c.dir && c.sockets != "" {
		all = append(all, os.RemoveAll(c.sockets))
	}
	return errors.Join(all...)
}
