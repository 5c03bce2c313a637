package supervise

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/claimshare/claimshare/network/filelock"
)

const (
	firstPause = 100 * time.Millisecond // before the first restart
	longPause  = 5 * time.Second        // doubles up to this
	settled    = 15 * time.Second       // having run so long, start from firstPause again
	patience   = 10 * time.Second       // between SIGTERM and SIGKILL
)

// keep is what a starter writes into the leash when the supervisor may live on
// without it.
const keep = 'k'

// Serve is the supervisor: it runs the plan in dir until it gets SIGTERM or
// SIGINT, until dir is removed, or until leash ends without the word to go on.
// The starter holds the other end of leash, so a starter that dies half-way
// takes everything along.
func Serve(dir string, leash io.Reader) error {
	// Who looks whether a supervisor lives holds the lock for an instant, too.
	const instant = time.Second
	looking, cancel := context.WithTimeout(context.Background(), instant)
	defer cancel()
	alive, err := filelock.Wait(looking, filepath.Join(dir, lockFile), nil)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("another supervisor already runs in %s", dir)
	}
	if err != nil {
		return err
	}
	defer alive.Release()
	var plan Plan
	if err := readJSON(filepath.Join(dir, planFile), &plan); err != nil {
		return fmt.Errorf("read the plan: %w", err)
	}

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	signal.Ignore(syscall.SIGHUP)
	go func() {
		word := make([]byte, 1)
		if _, err := io.ReadFull(leash, word); err != nil || word[0] != keep {
			log.Print("whoever started this network is gone before it was ready: ending it")
			stop()
		}
	}()

	go func() {
		for ctx.Err() == nil {
			time.Sleep(time.Second)
			if _, err := os.Stat(filepath.Join(dir, lockFile)); errors.Is(err, os.ErrNotExist) {
				log.Print("the state directory has been removed: ending the network")
				stop()
			}
		}
	}()

	board := newBoard(dir, plan)
	starter := newStarter()
	var running sync.WaitGroup
	for i := range plan.Processes {
		running.Add(1)
		go func() {
			defer running.Done()
			keepRunning(ctx, starter, board, plan.Processes[i])
		}()
	}
	running.Wait()
	return board.remove()
}

// keepRunning starts the process again and again until ctx ends, and returns
// when it is gone.
func keepRunning(ctx context.Context, starter starter, board *board, process Process) {
	pause := firstPause
	for ctx.Err() == nil {
		began := time.Now()
		reason := runOnce(ctx, starter, board, process)
		board.stopped(process.Name, reason)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > settled {
			pause = firstPause
		}
		log.Printf("%s ended (%s): starting it again in %v", process.Name, reason, pause)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, longPause)
	}
}

func runOnce(ctx context.Context, starter starter, board *board, process Process) string {
	output, err := os.OpenFile(process.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err.Error()
	}
	defer output.Close()
	command := exec.Command(process.Path, process.Args...)
	command.Env, command.Dir = process.Env, process.Dir
	command.Stdout, command.Stderr = output, output
	if err := starter.start(command); err != nil {
		return err.Error()
	}
	board.started(process.Name, command.Process.Pid)
	ended := make(chan struct{})
	go func() {
		select {
		case <-ended:
			return
		case <-ctx.Done():
			_ = command.Process.Signal(syscall.SIGTERM)
		}
		select {
		case <-ended:
		case <-time.After(patience):
			log.Printf("%s did not end in %v: killing it", process.Name, patience)
			_ = command.Process.Kill()
		}
	}()
	err = command.Wait()
	close(ended)
	if err != nil {
		return err.Error()
	}
	return "exit status 0"
}

// board is the supervisor's status file.
type board struct {
	mu     sync.Mutex
	path   string
	status Status
	index  map[string]int
}

func newBoard(dir string, plan Plan) *board {
	made := &board{
		path:   filepath.Join(dir, statusFile),
		status: Status{PID: os.Getpid(), Started: time.Now().UTC()},
		index:  map[string]int{},
	}
	for i, process := range plan.Processes {
		made.index[process.Name] = i
		made.status.Processes = append(made.status.Processes, ProcessStatus{Name: process.Name})
	}
	made.change(func(*Status) {})
	return made
}

func (b *board) started(name string, pid int) {
	b.change(func(status *Status) {
		process := &status.Processes[b.index[name]]
		if !process.Started.IsZero() {
			process.Restarts++
		}
		process.PID, process.Started = pid, time.Now().UTC()
	})
}

func (b *board) stopped(name, reason string) {
	b.change(func(status *Status) {
		process := &status.Processes[b.index[name]]
		process.PID, process.LastExit = 0, reason
	})
}

func (b *board) change(edit func(*Status)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	edit(&b.status)
	if err := writeJSON(b.path, b.status); err != nil {
		log.Printf("write the status: %v", err) // the network itself is fine
	}
}

func (b *board) remove() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := os.Remove(b.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
