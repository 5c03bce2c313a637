package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

const phaseWidth = 34

// Printer writes events as aligned lines: on a terminal one line per phase that
// is rewritten while it runs, elsewhere one line when a phase ends and an
// occasional one while it lasts.
func Printer(w io.Writer) Func {
	file, ok := w.(*os.File)
	printer := &printer{out: w, terminal: ok && term.IsTerminal(int(file.Fd()))}
	return printer.event
}

type printer struct {
	mu       sync.Mutex
	out      io.Writer
	terminal bool
	lastLine time.Time
}

func (p *printer) event(event Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch event.State {
	case Started, Running:
		if p.terminal {
			fmt.Fprintf(p.out, "\r\x1b[2K  ... %-*s %s", phaseWidth, event.Phase, event.Detail)
			return
		}
		const quiet = 10 * time.Second
		if event.State == Running && event.Elapsed > quiet && time.Since(p.lastLine) > quiet {
			p.lastLine = time.Now()
			p.line("...", event)
		}
	case Done:
		p.line("ok ", event)
	case Failed:
		p.line("NO ", event)
	case Stopped:
		event.Detail = "stopped"
		p.line("-- ", event)
	}
}

func (p *printer) line(mark string, event Event) {
	if p.terminal {
		colour := map[State]string{Done: "\x1b[32m", Failed: "\x1b[31m"}[event.State]
		mark = "\r\x1b[2K  " + colour + mark + "\x1b[0m"
	} else {
		mark = "  " + mark
	}
	text := fmt.Sprintf("%s %-*s %7s  %s", mark, phaseWidth, event.Phase, short(event.Elapsed), event.Detail)
	fmt.Fprintln(p.out, strings.TrimRight(text, " "))
}

func short(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}
