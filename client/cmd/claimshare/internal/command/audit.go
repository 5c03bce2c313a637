package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/claimshare/claimshare/client/audit"
	"github.com/claimshare/claimshare/client/internal/atomicfile"
	"github.com/claimshare/claimshare/client/node"
)

// errIncomplete: an audit found something.
var errIncomplete = errors.New("the database is not as it should be")

func (a *app) audit() *cobra.Command {
	var report, folder string
	var sources func() node.Sources
	c := &cobra.Command{
		Use:   "audit",
		Short: "Compare a node's database with the ledger",
		Long: `Compare every row of a node's database with the ledger, or with the seal that the
node put beside it, and name what is missing, extra or altered, and what to do.
The node may run meanwhile. The ledger's blocks are read from the first one on:
this takes room in the folder for temporary files, and time. The exit code is 0
when the database is complete, and 31 when something was found.` + precedence,
		Args: cobra.NoArgs,
	}
	c.Flags().StringVar(&report, "report", "", "new file for the report, as JSON")
	c.Flags().StringVar(&folder, "folder", "", "where to make the copy of the ledger, which is removed afterwards")
	c.RunE = a.action(func(ctx context.Context, _ []string) error {
		loaded, err := sources().Load()
		if err != nil {
			return err
		}
		return a.runAudit(ctx, loaded, report, folder)
	})
	c, sources = configured(c)
	return c
}

func (a *app) runAudit(ctx context.Context, config *node.Config, path, folder string) error {
	if path != "" { // before the work, not after it
		if _, err := os.Lstat(path); err == nil {
			return &os.PathError{Op: "create", Path: path, Err: os.ErrExist}
		}
	}
	shown := a.newProgress()
	options := node.AuditOptions{Folder: folder, Progress: func(p audit.Progress) { shown.say(p.Step, p.Done, p.Total) }}
	if a.output != "json" {
		options.Found = func(f audit.Finding) {
			shown.clear()
			fmt.Fprintln(a.out, f)
		}
	}
	r, err := node.Audit(ctx, config, options)
	shown.clear()
	if err != nil {
		return err
	}
	if path != "" {
		raw, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			return err
		}
		if err := atomicfile.Write(path, 0o600, bytes.NewReader(append(raw, '\n'))); err != nil {
			return err
		}
	}
	if err := a.print(audited{r}); err != nil {
		return err
	}
	if !r.Complete {
		return refuse(errIncomplete, "do what is said beside each finding; docs/audit.md explains them", "%s", r.Summary())
	}
	return nil
}

// audited prints a report. Its findings were printed when they came.
type audited struct{ *audit.Report }

func (r audited) text(w io.Writer) error {
	_, err := fmt.Fprintln(w, r.Summary())
	return err
}

// shownProgress says on standard error how far something is: on a terminal on a
// line that changes, elsewhere in a line every few seconds.
type shownProgress struct {
	to    io.Writer
	live  bool
	every time.Duration

	mu    sync.Mutex
	last  time.Time
	dirty bool
}

func (a *app) newProgress() *shownProgress {
	p := &shownProgress{to: a.err, every: 10 * time.Second, last: time.Now()}
	if f, ok := a.err.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.live, p.every = true, 200*time.Millisecond
	}
	return p
}

func (p *shownProgress) say(step string, done, total uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.last) < p.every {
		return
	}
	p.last = time.Now()
	line := fmt.Sprintf("%s: %d", step, done)
	if total > done {
		line += fmt.Sprintf(" of %d (%d%%)", total, done*100/total)
	}
	if p.live {
		p.dirty = true
		fmt.Fprintf(p.to, "\r\x1b[K%s", line)
		return
	}
	fmt.Fprintln(p.to, line)
}

// clear makes the line free for something else.
func (p *shownProgress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dirty {
		fmt.Fprint(p.to, "\r\x1b[K")
		p.dirty = false
	}
}
