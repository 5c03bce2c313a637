package load

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Usage is processor time.
type Usage struct {
	Processes []ProcessUsage `json:"processes"`
	// Others is what everything else on the machine used meanwhile, another
	// network of the same bench included: neighbours that disturb a measurement.
	Others float64 `json:"othersSeconds"`
	Total  float64 `json:"totalSeconds"` // of Processes
	Wall   float64 `json:"wallSeconds"`  // how long it all took
}

// ProcessUsage is the processor time of one process in seconds, and of what it
// started itself.
type ProcessUsage struct {
	Name    string  `json:"name"`
	Kind    string  `json:"kind"`
	Seconds float64 `json:"seconds"`
}

// clientProcess is the process that measures.
const clientProcess = "client"

// times is one reading of the processors' accounts.
type times struct {
	at        time.Time
	processes []ProcessUsage
	machine   float64
}

// ticks is USER_HZ, which every Linux of the last decades has at this value.
const ticks = 100

func (s *Site) usage() (times, error) {
	now := times{at: time.Now()}
	status, err := s.Network.Status()
	if err != nil {
		return now, err
	}
	for _, process := range status.Processes {
		seconds, err := processSeconds(process.PID)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return now, err
		}
		now.processes = append(now.processes, ProcessUsage{process.Name, process.Kind, seconds})
	}
	var self syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &self); err != nil {
		return now, fmt.Errorf("ask for this process's processor time: %w", err)
	}
	seconds := float64(self.Utime.Nano()+self.Stime.Nano()) / 1e9
	now.processes = append(now.processes, ProcessUsage{clientProcess, clientProcess, seconds})
	now.machine, err = machineSeconds()
	return now, err
}

// processSeconds reads the processor time of a process. It is zero for one that
// does not run.
func processSeconds(pid int) (float64, error) {
	if pid == 0 {
		return 0, nil
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name, in brackets, may hold anything.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	const userTime, systemTime = 11, 12
	if len(fields) <= systemTime {
		return 0, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	return sumTicks(fields[userTime], fields[systemTime])
}

// machineSeconds is what all processes together have used.
func machineSeconds() (float64, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	fields := strings.Fields(line) // cpu user nice system idle iowait irq softirq
	if len(fields) < 8 {
		return 0, fmt.Errorf("/proc/stat begins with %q", line)
	}
	return sumTicks(fields[1], fields[2], fields[3], fields[6], fields[7])
}

func sumTicks(fields ...string) (float64, error) {
	sum := 0
	for _, field := range fields {
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return float64(sum) / ticks, nil
}

// since is the difference of two readings. A process that was restarted between
// them counts from its start.
func (t times) since(earlier times) Usage {
	before := map[string]float64{}
	for _, process := range earlier.processes {
		before[process.Name] = process.Seconds
	}
	u := Usage{Wall: t.at.Sub(earlier.at).Seconds()}
	for _, process := range t.processes {
		if was := before[process.Name]; process.Seconds >= was {
			process.Seconds -= was
		}
		u.Processes = append(u.Processes, process)
		u.Total += process.Seconds
	}
	slices.SortStableFunc(u.Processes, func(a, b ProcessUsage) int { return cmp.Compare(a.Name, b.Name) })
	u.Others = max(0, t.machine-earlier.machine-u.Total)
	return u
}

// Of is the processor time of the named process.
func (u Usage) Of(name string) float64 {
	for _, process := range u.Processes {
		if process.Name == name {
			return process.Seconds
		}
	}
	return 0
}
