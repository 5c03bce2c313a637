package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/claimshare/claimshare/client/node"
	"github.com/claimshare/claimshare/client/wallet"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
)

func (a *app) nodeStatus() *cobra.Command {
	var config string
	c := &cobra.Command{
		Use:   "status",
		Short: "How an organisation's node is",
		Long: `Say how a node is: whether it is ready and if not, why; how far it has followed
the ledger; what waits; what happened last; when certificates expire. Of a node
that does not run it says that, and what its files tell. The exit code is 0 when
the node is ready and 30 otherwise.`,
		Args: cobra.NoArgs,
		RunE: a.action(func(ctx context.Context, _ []string) error {
			s, err := askState(ctx, config)
			if err != nil {
				return err
			}
			if err := a.print(s); err != nil {
				return err
			}
			return s.verdict(config)
		}),
	}
	return configFlag(c, &config)
}

// nodeState is what "status" says; its names are those of the JSON.
type nodeState struct {
	Running      bool                `json:"running"`
	Ready        bool                `json:"ready"`
	Name         string              `json:"name"`
	Party        string              `json:"party,omitempty"`
	Roles        []string            `json:"roles"`
	Role         string              `json:"role"`
	Checks       []statusCheck       `json:"checks,omitempty"`
	Height       uint64              `json:"height"`
	HeightKnown  bool                `json:"heightKnown"`
	PeerHeight   uint64              `json:"peerHeight"`
	PeerKnown    bool                `json:"peerKnown"`
	LagSeconds   float64             `json:"lagSeconds"`
	Counted      bool                `json:"counted"`
	Proposals    uint64              `json:"proposals"`
	Pending      uint64              `json:"pending"`
	Submitted    uint64              `json:"submitted"`
	Refused      uint64              `json:"refused"`
	Records      uint64              `json:"records"`
	Journal      uint64              `json:"journal"`
	Tokens       uint64              `json:"tokens"`
	Received     uint64              `json:"received"`
	Unanswered   uint64              `json:"unacknowledged"`
	Findings     uint64              `json:"findings"`
	Submission   *statusSubmission   `json:"lastSubmission,omitempty"`
	Problem      *statusProblem      `json:"lastProblem,omitempty"`
	Certificates []statusCertificate `json:"certificates,omitempty"`
	StoreKind    string              `json:"storeKind"`
	StoreBytes   int64               `json:"storeBytes,omitempty"`
	DiskFree     uint64              `json:"diskFreeBytes,omitempty"`
	Version      string              `json:"version,omitempty"`
	Revision     string              `json:"revision,omitempty"`
	Started      *time.Time          `json:"started,omitempty"`
	Notes        []string            `json:"notes,omitempty"`
}

type statusCheck struct {
	Name   string `json:"name"`
	Passed bool   `json:"passed"`
	Reason string `json:"reason,omitempty"`
}

type statusSubmission struct {
	TxID    string    `json:"txId"`
	Block   uint64    `json:"block"`
	At      time.Time `json:"at"`
	Records uint64    `json:"records"`
}

type statusProblem struct {
	At      time.Time `json:"at"`
	Text    string    `json:"text"`
	Request string    `json:"request,omitempty"`
}

type statusCertificate struct {
	Name     string    `json:"name"`
	Of       string    `json:"of"`
	Subject  string    `json:"subject"`
	Expires  time.Time `json:"expires"`
	DaysLeft int       `json:"daysLeft"`
}

// askState asks the node, or looks at its files when it does not run.
func askState(ctx context.Context, config string) (*nodeState, error) {
	o, connection, err := operatorOf(config)
	if err == nil {
		defer connection.Close()
		s, err := o.Status(ctx, &nodev1.StatusRequest{})
		if err != nil {
			return nil, err
		}
		return nodeStateOf(s, true), nil
	}
	if !errors.Is(err, wallet.ErrUnreachable) {
		return nil, err
	}
	loaded, loadErr := node.LoadConfig(config)
	if loadErr != nil {
		return nil, loadErr
	}
	s, notes := node.StoppedStatus(loaded)
	answer := nodeStateOf(s, false)
	for _, note := range append([]error{err}, notes...) {
		answer.Notes = append(answer.Notes, note.Error())
	}
	return answer, nil
}

func nodeStateOf(s *nodev1.StatusResponse, running bool) *nodeState {
	a := &nodeState{
		Running: running, Ready: s.Ready, Name: s.Name, Party: s.Party, Roles: s.Roles, Role: strings.Join(s.Roles, ", "),
		Height: s.Height, HeightKnown: s.Counted || s.Height > 0, PeerHeight: s.PeerHeight, PeerKnown: s.PeerKnown, LagSeconds: s.LagSeconds, Counted: s.Counted,
		Proposals: s.Proposals, Pending: s.Pending, Submitted: s.Submitted, Refused: s.Refused, Records: s.Records, Journal: s.Journal,
		Tokens: s.Tokens, Received: s.Received, Unanswered: s.Unacknowledged, Findings: s.Findings,
		StoreKind: s.StoreKind, StoreBytes: s.StoreBytes, DiskFree: s.DiskFree, Version: s.Version, Revision: s.Revision,
	}
	for _, c := range s.Checks {
		a.Checks = append(a.Checks, statusCheck{c.Name, c.Passed, c.Reason})
	}
	if l := s.LastSubmission; l != nil {
		a.Submission = &statusSubmission{l.TxId, l.Block, time.Unix(l.At, 0).UTC(), l.Records}
	}
	if l := s.LastProblem; l != nil {
		a.Problem = &statusProblem{time.Unix(l.At, 0).UTC(), l.Text, l.Request}
	}
	for _, c := range s.Certificates {
		expires := time.Unix(c.NotAfter, 0).UTC()
		a.Certificates = append(a.Certificates, statusCertificate{c.Name, c.Of, c.Subject, expires, daysLeft(expires)})
	}
	if s.Started != 0 {
		at := time.Unix(s.Started, 0).UTC()
		a.Started = &at
	}
	return a
}

// daysLeft is how many whole days there are until then, less than 0 when it is
// over.
func daysLeft(t time.Time) int { return int(math.Floor(time.Until(t).Hours() / 24)) }

// verdict is the command's error.
func (s *nodeState) verdict(config string) error {
	if !s.Running {
		return refuse(errUnhealthy, "start it: claimshare node run --config "+config, "the node does not run")
	}
	if s.Ready {
		return nil
	}
	var failed []string
	for _, c := range s.Checks {
		if !c.Passed {
			failed = append(failed, c.Name)
		}
	}
	return refuse(errUnhealthy, "look at the reasons above, and into docs/observability.md", "the node is not ready: %s", list(failed))
}

// text writes it for a person, values aligned.
func (s *nodeState) text(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	line := func(label, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", label, fmt.Sprintf(format, args...))
	}
	switch {
	case !s.Running:
		line("status", "does not run")
	case s.Ready:
		line("status", "ready")
	default:
		line("status", "NOT READY")
	}
	for _, c := range s.Checks {
		switch {
		case !c.Passed:
			line("  "+c.Name, "%s", c.Reason)
		case s.Ready && c.Reason != "":
			line("  note", "%s: %s", c.Name, c.Reason)
		}
	}
	for _, note := range s.Notes {
		line("  note", "%s", note)
	}
	line("node", "%s, %s", s.Name, s.Role)
	if s.Running {
		s.textRunning(line)
	}
	said := map[string]bool{}
	for _, c := range s.Certificates { // the first to expire first
		if !said[c.Name] {
			line("certificate", "%s (%s): %s", c.Name, c.Of, c.left())
		}
		said[c.Name] = true
	}
	store := s.StoreKind
	if s.StoreBytes > 0 {
		store += ", " + size(uint64(s.StoreBytes))
	}
	if s.DiskFree > 0 {
		store += ", " + size(s.DiskFree) + " free"
	}
	line("store", "%s", store)
	return w.Flush()
}

func (s *nodeState) textRunning(line func(label, format string, args ...any)) {
	line("party", "%s", s.Party)
	line("program", "%s, running for %s", strings.TrimSpace(s.Version+" "+s.Revision), ago(*s.Started))
	line("ledger", "%s", s.ledger())
	if s.Counted {
		line("waiting", "%d for owners, %d for the ledger, %d transactions of open fate, %d not acknowledged", s.Proposals, s.Pending, s.Journal, s.Unanswered)
		line("refused", "%d by the ledger", s.Refused)
		line("kept", "%s, %d received, %s, %s", counted(s.Records, "record"), s.Received, counted(s.Tokens, "re-encryption key"), counted(s.Findings, "piece")+" of evidence")
	} else {
		line("waiting", "not known: the database does not answer")
	}
	if l := s.Submission; l != nil {
		line("last submission", "%s ago, %s in block %d, transaction %s", ago(l.At), counted(l.Records, "record"), l.Block, l.TxID)
	}
	if l := s.Problem; l != nil {
		request := ""
		if l.Request != "" {
			request = " (request " + l.Request + ")"
		}
		line("last problem", "%s ago: %s%s", ago(l.At), strings.Join(strings.Fields(l.Text), " "), request)
	}
}

// ledger says how far the node is.
func (s *nodeState) ledger() string {
	behind := s.PeerHeight - min(s.PeerHeight, s.Height)
	switch {
	case !s.HeightKnown:
		return "how many blocks were taken over is not known: the database does not answer"
	case !s.PeerKnown:
		return fmt.Sprintf("%d blocks taken over; no peer answers", s.Height)
	case behind == 0:
		return fmt.Sprintf("%d blocks taken over, all that the peer has", s.Height)
	}
	return fmt.Sprintf("%d blocks taken over, %d behind the peer, for %.0f s", s.Height, behind, s.LagSeconds)
}

func (c statusCertificate) left() string {
	day := c.Expires.Format("2006-01-02")
	switch {
	case !time.Now().Before(c.Expires):
		return "EXPIRED " + day
	case c.DaysLeft == 0:
		return "expires TODAY, " + c.Expires.Format(time.RFC3339)
	}
	return fmt.Sprintf("%d days left, until %s", c.DaysLeft, day)
}

// ago is how long something is past, to a precision that a person reads.
func ago(t time.Time) string {
	d := max(time.Since(t), 0)
	if d >= 48*time.Hour {
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	}
	return d.Round(time.Second).String()
}

// size is a number of bytes for a person.
func size(n uint64) string {
	const unit = 1024
	names := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	v, i := float64(n), 0
	for v >= unit && i < len(names)-1 {
		v, i = v/unit, i+1
	}
	return fmt.Sprintf("%.*f %s", cmp.Compare(i, 0), v, names[i])
}

// counted is "1 record", "2 records".
func counted[N ~int | ~int64 | ~uint32 | ~uint64](n N, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
