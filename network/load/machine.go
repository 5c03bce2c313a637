package load

import (
	"bufio"
	"os"
	"runtime"
	"strings"
	"time"
)

// Machine is where and when something was measured.
type Machine struct {
	Date      time.Time `json:"date"`
	Processor string    `json:"processor"`
	Cores     int       `json:"cores"`
	Go        string    `json:"go"`
}

func describeMachine() Machine {
	return Machine{Date: time.Now().UTC().Truncate(time.Second), Processor: processor(), Cores: runtime.NumCPU(), Go: runtime.Version()}
}

func processor() string {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	defer file.Close()
	for s := bufio.NewScanner(file); s.Scan(); {
		if name, value, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
