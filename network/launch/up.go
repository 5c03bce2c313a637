package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/claimshare/claimshare/network/filelock"
	"github.com/claimshare/claimshare/network/programs"
	"github.com/claimshare/claimshare/network/progress"
	"github.com/claimshare/claimshare/network/supervise"
	"github.com/claimshare/claimshare/network/topology"
)

// ErrRunning says that the network in a directory already runs.
var ErrRunning = errors.New("the network is already running")

// Up builds what is missing, makes or restarts the network whose state is in
// dir, and returns when every organisation's gateway works. A stopped network
// keeps its ledgers; it must have the same topology. If Up fails, or ctx ends,
// or this process is killed meanwhile, no process of the network is left.
//
// Errors: ErrRunning.
func Up(ctx context.Context, t topology.Topology, dir string, report progress.Func) (*Network, error) {
	made, supervisor, err := bringUp(ctx, t, dir, report)
	if err != nil {
		return nil, err
	}
	if err := supervisor.Keep(); err != nil {
		supervisor.Abort()
		return nil, fmt.Errorf("start the network: %w", err)
	}
	return made, nil
}

// Hold is Up for a network that must not outlive this process, however that
// ends: a demonstration's or a test's.
//
// Errors: ErrRunning.
func Hold(ctx context.Context, t topology.Topology, dir string, report progress.Func) (*Network, error) {
	made, supervisor, err := bringUp(ctx, t, dir, report)
	if err != nil {
		return nil, err
	}
	held.Store(made.layout.root, supervisor) // or the garbage collector would let go of it
	return made, nil
}

var held sync.Map

func bringUp(ctx context.Context, t topology.Topology, dir string, report progress.Func) (*Network, *supervise.Supervisor, error) {
	if err := t.Validate(); err != nil {
		return nil, nil, err
	}
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("start the network: %w", err)
	}
	checkout, err := programs.Checkout()
	if err != nil {
		return nil, nil, err
	}
	set, err := programs.Build(ctx, checkout, t.Chaincode.Program, report)
	if err != nil {
		return nil, nil, err
	}
	if t.GoToolchain != "" {
		if err := set.AddGo(ctx, checkout, t.GoToolchain, report); err != nil {
			return nil, nil, err
		}
	}
	l := layout{root: root}
	if err := claimDirectory(l); err != nil {
		return nil, nil, fmt.Errorf("start the network: %w", err)
	}
	turn, err := filelock.Try(l.upLock())
	if err != nil {
		return nil, nil, fmt.Errorf("start the network: %w", err)
	}
	if turn == nil {
		return nil, nil, fmt.Errorf("%w, or being started, in %s", ErrRunning, root)
	}
	defer turn.Release()

	start := &starting{layout: l, topology: t, programs: set, report: report}
	if err := start.run(ctx); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, nil, fmt.Errorf("start the network: %w", err)
	}
	return &Network{layout: l, record: start.record}, start.supervisor, nil
}

// claimDirectory makes the state directory, and refuses one that holds somebody
// else's files.
func claimDirectory(l layout) error {
	if err := os.MkdirAll(l.root, 0o700); err != nil {
		return err
	}
	if _, err := os.Stat(l.record()); err == nil {
		return nil
	}
	entries, err := os.ReadDir(l.root)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if l.in(entry.Name()) != l.upLock() {
			return fmt.Errorf("%s holds other files (%s): choose an empty or new directory", l.root, entry.Name())
		}
	}
	return os.Chmod(l.root, 0o700)
}

// starting is one attempt to bring a network up.
type starting struct {
	layout     layout
	topology   topology.Topology
	programs   *programs.Set
	report     progress.Func
	record     *record
	archive    []byte
	packageID  string
	supervisor *supervise.Supervisor
}

func (s *starting) run(ctx context.Context) (err error) {
	if _, err := supervise.Read(s.layout.supervisor()); err == nil {
		return fmt.Errorf("%w in %s", ErrRunning, s.layout.root)
	} else if !errors.Is(err, supervise.ErrNotRunning) {
		return err
	}
	if s.archive, s.packageID, err = chaincodePackage(s.topology.Chaincode); err != nil {
		return fmt.Errorf("pack the chaincode: %w", err)
	}
	if err := s.recall(); err != nil {
		return err
	}
	if err := s.startProcesses(ctx); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			s.supervisor.Abort()
		}
	}()
	if !s.record.Complete {
		if err := s.phase("join the channel", func() error {
			return joinChannel(ctx, s.layout, s.topology, s.record.Ports)
		}); err != nil {
			return err
		}
		if err := s.phase("install the chaincode", func() error {
			return installChaincode(ctx, s.layout, s.topology, s.record.Ports, s.archive, s.packageID)
		}); err != nil {
			return err
		}
	}
	if err := s.phase("ask every organisation's gateway", func() error { return s.probeAll(ctx) }); err != nil {
		return err
	}
	if !s.record.Complete {
		if err := setBatch(ctx, s.layout, s.topology, s.record.Ports, s.topology.Ordering.Batch); err != nil {
			return err
		}
		s.record.Complete = true
		if err := s.record.write(s.layout); err != nil {
			return fmt.Errorf("remember that the network is complete: %w", err)
		}
	}
	return nil
}

// recall finds out whether there is a network to restart, and clears away one
// that was never finished.
func (s *starting) recall() error {
	found, err := readRecord(s.layout)
	switch {
	case errors.Is(err, errNoRecord):
		return nil
	case err != nil:
		return err
	case !found.Complete:
		phase := s.report.Start("clear an unfinished start")
		if err := removeContents(s.layout); err != nil {
			return phase.Fail(err)
		}
		phase.Done("an earlier `up` was stopped before the network was ready")
		return nil
	case !found.Topology.Equal(s.topology):
		return fmt.Errorf("%s holds a network of profile %q with another topology: use its profile, another directory, or `down --purge`", s.layout.root, found.Topology.Profile)
	}
	if last, _ := supervise.Read(s.layout.supervisor()); last != nil { // already known not to run
		s.report.Start("find the network as it crashed").Done(fmt.Sprintf("its supervisor (process %d) was killed; its ledgers are kept", last.PID))
	}
	s.record = found
	return nil
}

func (s *starting) phase(name string, do func() error) error {
	phase := s.report.Start(name)
	if err := do(); err != nil {
		return phase.Fail(err)
	}
	phase.Done("")
	return nil
}

// startProcesses makes what a new network needs, starts every process and waits
// until all are ready. Meanwhile no other launcher chooses ports.
func (s *starting) startProcesses(ctx context.Context) error {
	phase := s.report.Start("start the processes")
	reserved, err := reservePorts(ctx, func() { phase.Detail("waiting: another network is starting") })
	if err != nil {
		return phase.Fail(err)
	}
	defer reserved.Release()
	if s.record == nil {
		if err := s.generate(ctx, phase); err != nil {
			return phase.Fail(err)
		}
	} else if err := s.record.Ports.waitUntilFree(ctx); err != nil {
		return phase.Fail(err)
	}
	// Rebuilt each time: the programs and their defaults may be newer.
	if err := writeDefaults(s.layout, s.programs.FabricConfig); err != nil {
		return phase.Fail(err)
	}
	for _, dir := range []string{s.layout.logs(), s.layout.temporary()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return phase.Fail(err)
		}
	}
	made, err := plan(s.layout, s.programs, s.topology, s.record.Ports, s.packageID)
	if err != nil {
		return phase.Fail(err)
	}
	s.supervisor, err = supervise.Start(ctx, s.programs.Supervisor, s.layout.supervisor(), made)
	if err != nil {
		return phase.Fail(err)
	}
	phase.Detail("waiting for %d processes", len(made.Processes))
	if err := waitForProcesses(ctx, s.layout, s.topology, s.record.Ports, s.supervisor.Ended()); err != nil {
		s.supervisor.Abort()
		return phase.Fail(err)
	}
	phase.Done(fmt.Sprintf("%d processes", len(made.Processes)))
	return nil
}

// generate makes keys, certificates, the first block and the files for clients.
func (s *starting) generate(ctx context.Context, phase *progress.Phase) error {
	phase.Detail("making keys and certificates")
	chosen, err := choosePorts(s.topology)
	if err != nil {
		return err
	}
	s.record = &record{Format: recordFormat, Created: time.Now().UTC(), Topology: s.topology, Ports: chosen}
	if err := s.record.write(s.layout); err != nil {
		return err
	}
	if err := generateMaterial(ctx, s.layout, s.programs.Cryptogen, s.topology); err != nil {
		return err
	}
	if err := writeGenesis(ctx, s.layout, s.programs.Configtxgen, s.topology, chosen); err != nil {
		return err
	}
	if err := restrict(s.layout.config()); err != nil {
		return err
	}
	if err := writeSystem(s.layout, s.topology); err != nil {
		return err
	}
	if err := writeFile(s.layout.pack(), s.archive); err != nil {
		return err
	}
	return writeConnections(s.layout, s.topology, chosen)
}

// probeAll asks through every peer's gateway at once.
func (s *starting) probeAll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	asked := map[string]bool{}
	var pending []chan error
	for _, who := range s.topology.Identities() {
		one := connection(s.layout, s.topology, s.record.Ports, who)
		if asked[one.MSPID] {
			continue
		}
		asked[one.MSPID] = true
		answer := make(chan error, 1)
		pending = append(pending, answer)
		go func() {
			if err := probe(ctx, one); err != nil {
				answer <- fmt.Errorf("the gateway of %s does not work: %w", who.Organization.Name, err)
				return
			}
			answer <- nil
		}()
	}
	var failures []error
	for _, answer := range pending {
		failures = append(failures, <-answer)
	}
	return errors.Join(failures...)
}
