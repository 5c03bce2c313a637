package e2e

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// machineVariable tells this program that it is called as systemctl or
// journalctl, and which socket its machine answers on.
const machineVariable = "CLAIMSHARE_E2E_MACHINE"

// machine stands in for systemd where a test runs: it starts what unit files
// say, as the user that they say, again when it ends, and keeps what it prints.
// It knows no sandbox.
type machine struct {
	t       *testing.T
	units   string            // folder of unit files
	log     string            // folder of logs
	account string            // who takes the place of the units' user
	paths   *strings.Replacer // the units' paths to the test's
	special map[string]func(verb string) error

	mu       sync.Mutex
	services map[string]*service
}

// service is a unit that was started.
type service struct {
	stop    chan struct{}
	ended   chan struct{}
	mu      sync.Mutex
	process *os.Process
}

// serve answers systemctl and journalctl on a socket until the test ends; then
// it ends all services.
func (m *machine) serve(socket string) {
	m.services = map[string]*service{}
	listener, err := net.Listen("unix", socket)
	require.NoError(m.t, err)
	var answering sync.WaitGroup
	answering.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			answering.Go(func() { m.answer(conn) })
		}
	})
	m.t.Cleanup(func() {
		_ = listener.Close()
		answering.Wait()
		for unit := range m.services {
			m.stop(unit)
		}
	})
}

func (m *machine) answer(conn net.Conn) {
	defer conn.Close()
	var args []string
	if err := json.NewDecoder(conn).Decode(&args); err != nil {
		m.t.Errorf("systemctl: %v", err)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	out, err := m.act(args)
	if err != nil {
		fmt.Fprintf(conn, "1%s: %v\n", strings.Join(args, " "), err)
		return
	}
	fmt.Fprint(conn, "0"+out)
}

func (m *machine) act(args []string) (string, error) {
	program, verb, now, unit := filepath.Base(args[0]), "", false, ""
	for _, arg := range args[1:] {
		switch {
		case arg == "--now":
			now = true
		case program == "journalctl" && (arg == "-u" || arg == "-o" || arg == "cat"):
		case program == "systemctl" && verb == "":
			verb = arg
		default:
			unit = strings.TrimSuffix(arg, ".service")
		}
	}
	if program == "journalctl" {
		raw, err := os.ReadFile(m.logOf(unit))
		return string(raw), err
	}
	if do := m.special[unit]; do != nil {
		return "", do(verb)
	}
	switch verb {
	case "daemon-reload":
		return "", nil
	case "enable", "disable":
		if !now {
			return "", nil
		}
		if verb == "disable" {
			m.stop(unit)
			return "", nil
		}
		return "", m.start(unit)
	case "start":
		return "", m.start(unit)
	case "stop":
		m.stop(unit)
		return "", nil
	case "restart":
		m.stop(unit)
		return "", m.start(unit)
	case "reload":
		return "", m.reload(unit)
	case "is-active":
		if m.services[unit] == nil {
			return "", errors.New("inactive")
		}
		return "active\n", nil
	}
	return "", fmt.Errorf("this machine does not know %q", args)
}

func (m *machine) logOf(unit string) string { return filepath.Join(m.log, unit+".log") }

func (m *machine) reload(unit string) error {
	s := m.services[unit]
	if s == nil {
		return errors.New("it does not run")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process.Signal(syscall.SIGHUP)
}

func (m *machine) start(unit string) error {
	if m.services[unit] != nil {
		return nil
	}
	template, instance, _ := strings.Cut(unit, "@")
	lines, err := m.read(template+"@.service", instance)
	if err != nil {
		return err
	}
	s := &service{stop: make(chan struct{}), ended: make(chan struct{})}
	started := make(chan error, 1)
	go m.keep(s, unit, lines, started)
	if err := <-started; err != nil {
		return err
	}
	m.services[unit] = s
	return nil
}

// read is the section Service of a unit file.
func (m *machine) read(name, instance string) (map[string]string, error) {
	file, err := os.Open(filepath.Join(m.units, name))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	all, within := map[string]string{}, false
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") {
			within = line == "[Service]"
		}
		if key, value, found := strings.Cut(line, "="); found && within && !strings.HasPrefix(line, "#") {
			all[key] = m.paths.Replace(strings.ReplaceAll(value, "%i", instance))
		}
	}
	return all, nil
}

// keep runs a service until it is stopped. The child gets its signal of death
// when this thread ends.
func (m *machine) keep(s *service, unit string, lines map[string]string, started chan<- error) {
	runtime.LockOSThread()
	defer close(s.ended)
	for first := true; ; first = false {
		command, err := m.command(unit, lines)
		if err == nil {
			s.mu.Lock()
			err = command.Start()
			s.process = command.Process
			s.mu.Unlock()
		}
		if first {
			started <- err
		}
		if err != nil {
			return
		}
		gone := make(chan struct{})
		go func() {
			select {
			case <-gone:
			case <-s.stop:
				_ = command.Process.Signal(syscall.SIGTERM)
				select {
				case <-gone:
				case <-time.After(30 * time.Second):
					_ = command.Process.Kill()
				}
			}
		}()
		_ = command.Wait() // how it ended is in its log
		close(gone)
		select {
		case <-s.stop:
			return
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func (m *machine) command(unit string, lines map[string]string) (*exec.Cmd, error) {
	words := strings.Fields(lines["ExecStart"])
	if len(words) == 0 {
		return nil, fmt.Errorf("%s has no ExecStart", unit)
	}
	who, err := user.Lookup(m.account)
	if err != nil {
		return nil, err
	}
	command := exec.Command(words[0], words[1:]...)
	command.Env, command.Dir = []string{"PATH=/usr/bin:/bin"}, lines["WorkingDirectory"]
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Getuid() == 0 {
		uid, _ := strconv.ParseUint(who.Uid, 10, 32) // Lookup gives numbers
		gid, _ := strconv.ParseUint(who.Gid, 10, 32)
		command.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	log, err := os.OpenFile(m.logOf(unit), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	command.Stdout, command.Stderr = log, log
	return command, nil
}

func (m *machine) stop(unit string) {
	if s := m.services[unit]; s != nil {
		close(s.stop)
		<-s.ended
		delete(m.services, unit)
	}
}

// machineCall is this program as systemctl or journalctl.
func machineCall(socket string, args []string) int {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer conn.Close()
	answer, err := func() ([]byte, error) {
		if err := json.NewEncoder(conn).Encode(args); err != nil {
			return nil, err
		}
		return io.ReadAll(conn)
	}()
	if err != nil || len(answer) == 0 {
		fmt.Fprintln(os.Stderr, "the machine does not answer:", err)
		return 1
	}
	if answer[0] != '0' {
		os.Stderr.Write(answer[1:])
		return 1
	}
	os.Stdout.Write(answer[1:])
	return 0
}
