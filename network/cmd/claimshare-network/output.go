package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"golang.org/x/term"

	"github.com/claimshare/claimshare/network/launch"
)

const (
	outputText = "text"
	outputJSON = "json"
)

func writeJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// colour marks text on a terminal, and leaves it alone elsewhere. It must not
// be used in a column that a tabwriter aligns, except the last.
func colour(w io.Writer, code, text string) string {
	file, isFile := w.(*os.File)
	if !isFile || !term.IsTerminal(int(file.Fd())) || os.Getenv("NO_COLOR") != "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

const (
	green  = "32"
	yellow = "33"
	red    = "31"
)

func writeStatus(w io.Writer, status *launch.Status) error {
	mark := map[launch.Condition]string{launch.Running: green, launch.Stopped: yellow}[status.Condition]
	if mark == "" {
		mark = red
	}
	fmt.Fprintf(w, "network    %s\n", colour(w, mark, string(status.Condition)))
	fmt.Fprintf(w, "profile    %s\ndirectory  %s\n", status.Profile, status.Dir)
	if status.Condition == launch.Running {
		fmt.Fprintf(w, "supervisor process %d, since %s\n", status.Supervisor, status.Since.Local().Format("2006-01-02 15:04:05"))
	}
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PROCESS\tORGANISATION\tADDRESS\tPID\tRESTARTS\tSTATE")
	for _, process := range status.Processes {
		state := colour(w, green, "running")
		if process.PID == 0 {
			state = colour(w, red, "not running")
			if process.LastExit != "" {
				state += " (" + process.LastExit + ")"
			}
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%s\n", process.Name, process.MSPID, process.Endpoint, process.PID, process.Restarts, state)
	}
	return table.Flush()
}
