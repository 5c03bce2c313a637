// Package supervise keeps a set of processes alive under one detached
// supervisor, and guarantees that they end with it, however it ends.
//
// The supervisor is a program of its own (cmd/claimshare-supervisor); this
// package holds both its inside (Serve) and its outside (Start, Read, Stop).
// All they share is a directory: the plan, the status and a lock that is held
// exactly as long as the supervisor lives. The package uses the standard
// library alone, so that building the supervisor takes a second.
package supervise

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/claimshare/claimshare/network/filelock"
)

// Process is one program to keep running.
type Process struct {
	Name string   `json:"name"`
	Path string   `json:"path"`
	Args []string `json:"args"`
	Env  []string `json:"env"` // the whole environment
	Dir  string   `json:"dir"`
	Log  string   `json:"log"` // standard output and error are appended here
}

// Plan is what a supervisor runs.
type Plan struct {
	Processes []Process `json:"processes"`
}

// Status is what a supervisor last said about itself.
type Status struct {
	PID       int             `json:"pid"`
	Started   time.Time       `json:"started"`
	Processes []ProcessStatus `json:"processes"`
}

// ProcessStatus is one process as its supervisor sees it.
type ProcessStatus struct {
	Name     string    `json:"name"`
	PID      int       `json:"pid"` // 0 while it does not run
	Started  time.Time `json:"started"`
	Restarts int       `json:"restarts"`
	LastExit string    `json:"lastExit,omitempty"`
}

const (
	planFile   = "plan.json"
	statusFile = "status.json"
	lockFile   = "alive.lock"
	logFile    = "supervisor.log"
)

// ErrNotRunning says that no supervisor lives in a directory.
var ErrNotRunning = errors.New("the supervisor is not running")

// Read returns what the supervisor in dir says. With ErrNotRunning the status
// is nil after an orderly end, and otherwise the last words of one that died.
func Read(dir string) (*Status, error) {
	// The lock is taken before the first word and let go after the last, so for
	// a moment there may be one without the other.
	const moment, tries = 20 * time.Millisecond, 50
	for attempt := 1; ; attempt++ {
		status, err := readOnce(dir)
		if !errors.Is(err, os.ErrNotExist) || attempt == tries {
			return status, err
		}
		time.Sleep(moment)
	}
}

func readOnce(dir string) (*Status, error) {
	status := new(Status)
	readErr := readJSON(filepath.Join(dir, statusFile), status)
	alive, err := filelock.Held(filepath.Join(dir, lockFile))
	switch {
	case err != nil:
		return nil, err
	case !alive && errors.Is(readErr, os.ErrNotExist):
		return nil, ErrNotRunning
	case readErr != nil:
		return nil, readErr
	case !alive:
		return status, ErrNotRunning
	}
	return status, nil
}

func readJSON(path string, value any) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, value); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// writeJSON replaces the file as a whole, so that a reader never sees half.
func writeJSON(path string, value any) error {
	raw, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, append(raw, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
