//go:build linux

package pgserver

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// superuser owns every database.
const superuser = "claimshare"

// patience is how long a server may take to come up, recovery included.
const patience = 60 * time.Second

// Config is how a server is to be; the zero value is good.
type Config struct {
	// Dir is a folder for the server's data, which must exist; "" means a new
	// one that Stop removes. A small file system here is how to test a full
	// disk.
	Dir string
	// Settings are server parameters, such as max_connections.
	Settings map[string]string
}

// Server is a PostgreSQL server of the test's own. Its methods are for one
// goroutine at a time.
type Server struct {
	config    Config
	bin       string // folder of the server's programs
	dir       string
	own       bool // whether dir is to be removed
	port      int
	password  string
	as        *syscall.Credential // nil: as oneself
	cmd       *exec.Cmd           // nil while the server is down
	exited    chan struct{}
	databases atomic.Int64
}

// Run starts a server for a test, which ends with it.
func Run(t testing.TB, config Config) *Server {
	t.Helper()
	s, err := Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Start makes a new server and waits until it answers. The context is for the
// start alone; Stop ends the server.
func Start(ctx context.Context, config Config) (_ *Server, err error) {
	s := &Server{config: config, password: rand.Text()}
	if s.bin, err = programs(); err != nil {
		return nil, err
	}
	if s.as, err = account(); err != nil {
		return nil, err
	}
	if s.dir = config.Dir; s.dir == "" {
		s.own = true
		if s.dir, err = os.MkdirTemp("", "claimshare-pg-"); err != nil {
			return nil, err
		}
	}
	if err = s.initialise(ctx); err == nil {
		err = s.startSomewhere(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// initialise makes the server's data.
func (s *Server) initialise(ctx context.Context) error {
	if s.as != nil {
		if err := os.Chown(s.dir, int(s.as.Uid), int(s.as.Gid)); err != nil {
			return err
		}
	}
	secret := filepath.Join(s.dir, "password")
	if err := os.WriteFile(secret, []byte(s.password+"\n"), 0o600); err != nil {
		return err
	}
	if s.as != nil {
		if err := os.Chown(secret, int(s.as.Uid), int(s.as.Gid)); err != nil {
			return err
		}
	}
	out, err := s.command(ctx, "initdb", "--pgdata", s.data(), "--username", superuser, "--pwfile", secret,
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync").CombinedOutput()
	if err != nil {
		return fmt.Errorf("making a PostgreSQL database in %s: %w\n%s", s.dir, err, out)
	}
	return nil
}

// startSomewhere finds a free port. Another process may take it just before the
// server does; then there is another one.
func (s *Server) startSomewhere(ctx context.Context) (err error) {
	for range 5 {
		var l net.Listener
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return err
		}
		s.port = l.Addr().(*net.TCPAddr).Port
		if err = l.Close(); err != nil {
			return err
		}
		if err = s.Restart(ctx); err == nil || !strings.Contains(err.Error(), "in use") {
			return err
		}
	}
	return err
}

// Restart starts the server again, on the same port with the same data, after
// Kill9 or Halt, and waits until it answers.
func (s *Server) Restart(ctx context.Context) error {
	if s.cmd != nil {
		return errors.New("the PostgreSQL server is running already")
	}
	log, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	before, err := log.Seek(0, 2)
	if err != nil {
		return err
	}
	args := []string{"-D", s.data(), "-p", strconv.Itoa(s.port), "-h", "127.0.0.1", "-k", s.dir}
	for name, value := range s.config.Settings {
		args = append(args, "-c", name+"="+value)
	}
	cmd := s.command(context.WithoutCancel(ctx), "postgres", args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = syscall.SIGQUIT // it goes down with the test, also with a killed one
	started, exited := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread() // the child gets its signal when this thread ends
		defer close(exited)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	s.cmd, s.exited = cmd, exited
	if err := s.await(ctx); err != nil {
		_ = s.Halt() // the reason of the failed start counts
		return fmt.Errorf("the PostgreSQL server did not start: %w\n%s", err, s.logFrom(before))
	}
	return nil
}

// await polls until the server accepts connections.
func (s *Server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		if s.command(ctx, "pg_isready", "-q", "-h", "127.0.0.1", "-p", strconv.Itoa(s.port)).Run() == nil {
			return nil
		}
		select {
		case <-s.exited:
			return errors.New("it ended at once")
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Kill9 kills the server and all its processes with SIGKILL, as a power cut
// would end them. Connections break; what was committed is there after Restart.
func (s *Server) Kill9() error {
	if s.cmd == nil {
		return errors.New("the PostgreSQL server is not running")
	}
	// The processes of connections have process groups of their own. The parent
	// first, or it would start a recovery when it sees a child die.
	if err := s.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	pids, err := children(s.cmd.Process.Pid)
	if err != nil {
		return err
	}
	if err := s.cmd.Process.Kill(); err != nil {
		return err
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	<-s.exited
	s.cmd = nil
	return awaitGone(pids)
}

// Halt shuts the server down at once, breaking its connections, and keeps the
// data for Restart.
func (s *Server) Halt() error {
	if s.cmd == nil {
		return nil
	}
	if err := s.cmd.Process.Signal(syscall.SIGINT); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-s.exited:
	case <-time.After(patience):
		return errors.Join(errors.New("the PostgreSQL server did not stop"), s.Kill9())
	}
	s.cmd = nil
	return nil
}

// Stop shuts the server down and removes its data, unless Config named the
// folder.
func (s *Server) Stop() error {
	err := s.Halt()
	s.releaseMemory()
	if s.own {
		err = errors.Join(err, os.RemoveAll(s.dir))
	}
	return err
}

// NewDatabase makes an empty database and answers its URL, with the password
// in it.
func (s *Server) NewDatabase(ctx context.Context) (string, error) {
	name := fmt.Sprintf("party%d", s.databases.Add(1))
	if _, err := s.SQL(ctx, "postgres", "CREATE DATABASE "+name); err != nil {
		return "", err
	}
	return s.URL(name), nil
}

// URL answers the address of a database, with the password in it.
func (s *Server) URL(database string) string {
	return (&url.URL{
		Scheme: "postgres", User: url.UserPassword(superuser, s.password),
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)), Path: "/" + database,
		RawQuery: "sslmode=disable",
	}).String()
}

// Password answers the superuser's password: for tests that it is in no log.
func (s *Server) Password() string { return s.password }

// Socket answers the folder of the server's Unix socket.
func (s *Server) Socket() string { return s.dir }

// Port answers the server's TCP port on 127.0.0.1.
func (s *Server) Port() int { return s.port }

// SQL runs statements with the server's own psql, behind the back of whoever
// uses the database, and answers what it prints: rows only, unaligned.
func (s *Server) SQL(ctx context.Context, database, statements string) (string, error) {
	cmd := s.command(ctx, "psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1",
		"--host", "127.0.0.1", "--port", strconv.Itoa(s.port), "--username", superuser, "--dbname", database, "--command", statements)
	cmd.Env = append(cmd.Env, "PGPASSWORD="+s.password)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("psql: %w: %s", err, stderr.String())
	}
	return strings.TrimSpace(string(out)), nil
}

// Log answers everything that the server has logged.
func (s *Server) Log() string { return s.logFrom(0) }

func (s *Server) logFrom(offset int64) string {
	content, err := os.ReadFile(s.logFile())
	if err != nil || int64(len(content)) < offset {
		return fmt.Sprint("(no log: ", err, ")")
	}
	return string(content[offset:])
}

func (s *Server) data() string    { return filepath.Join(s.dir, "data") }
func (s *Server) logFile() string { return filepath.Join(s.dir, "log") }
