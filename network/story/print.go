package story

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fatih/color"
)

// Report is the whole story as one document.
type Report struct {
	Profile string   `json:"profile"`
	Scenes  []*Scene `json:"scenes"`
	Seconds float64  `json:"seconds"`
	Error   string   `json:"error,omitempty"` // what went wrong, if anything did
}

// WriteJSON writes the report as one JSON document.
func (r *Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

const (
	screenWidth = 100
	textWidth   = 46
)

// Printer writes scenes for a person as they end, in colour when w is a
// terminal.
type Printer struct {
	w      io.Writer
	title  *color.Color
	faint  *color.Color
	marks  map[Mark]string
	colour map[Mark]*color.Color
}

// NewPrinter makes a printer; coloured says whether w shows colours.
func NewPrinter(w io.Writer, coloured bool) *Printer {
	p := &Printer{
		w: w, title: color.New(color.Bold), faint: color.New(color.Faint),
		marks:  map[Mark]string{Done: "✓", Refused: "✗", Attack: "!", Shown: "·"},
		colour: map[Mark]*color.Color{Done: color.New(color.FgGreen), Refused: color.New(color.FgYellow), Attack: color.New(color.FgRed), Shown: color.New(color.FgCyan)},
	}
	for _, c := range []*color.Color{p.title, p.faint, p.colour[Done], p.colour[Refused], p.colour[Attack], p.colour[Shown]} {
		if coloured {
			c.EnableColor()
		} else {
			c.DisableColor()
		}
	}
	return p
}

// Begin prints what there is to know before the first scene.
func (p *Printer) Begin() {
	fmt.Fprintf(p.w, "\nTwo insurers, two repair shops, a government agency (the system manager), a proxy and their\n")
	fmt.Fprintf(p.w, "policyholders, all invented, on a Hyperledger Fabric network of this machine: every organisation\n")
	fmt.Fprintf(p.w, "runs a server of the shared ledger (a peer) with the rules of ClaimShare (the chaincode), and its\n")
	fmt.Fprintf(p.w, "own node, a program with its database and keys. Policyholders have wallets, files of their own.\n\n")
	fmt.Fprintf(p.w, "   %s worked, as it should      %s refused, as it should      %s somebody cheats      %s seen\n",
		p.colour[Done].Sprint(p.marks[Done]), p.colour[Refused].Sprint(p.marks[Refused]),
		p.colour[Attack].Sprint(p.marks[Attack]), p.colour[Shown].Sprint(p.marks[Shown]))
}

// Scene prints one scene.
func (p *Printer) Scene(s *Scene) {
	took := fmt.Sprintf("%.1f s", max(s.Seconds, 0.1))
	head := fmt.Sprintf(" %d  %s ", s.Number, s.Title)
	rule := strings.Repeat("─", max(3, screenWidth-4-utf8.RuneCountInString(head)-utf8.RuneCountInString(took)))
	fmt.Fprintf(p.w, "\n──%s%s %s\n", p.title.Sprint(head), p.faint.Sprint(rule), took)
	for _, line := range wrap(s.Summary, screenWidth-6) {
		fmt.Fprintf(p.w, "   %s\n", line)
	}
	fmt.Fprintln(p.w)
	for _, l := range s.Lines {
		mark := p.colour[l.Mark].Sprint(p.marks[l.Mark])
		if l.Detail == "" {
			indent := l.Text[:len(l.Text)-len(strings.TrimLeft(l.Text, " "))]
			fmt.Fprintf(p.w, "   %s%s %s\n", indent, mark, strings.TrimLeft(l.Text, " "))
			continue
		}
		text := wrap(l.Text, textWidth)
		detail := wrap(l.Detail, screenWidth-textWidth-8)
		for i := range max(len(text), len(detail)) {
			left, right := "", ""
			if i < len(text) {
				left = text[i]
			}
			if i < len(detail) {
				right = detail[i]
			}
			if i > 0 {
				mark = " "
			}
			gap := strings.Repeat(" ", max(0, textWidth-utf8.RuneCountInString(left)))
			fmt.Fprintln(p.w, strings.TrimRight(fmt.Sprintf("   %s %s%s  %s", mark, left, gap, right), " "))
		}
	}
}

// End prints the last line.
func (p *Printer) End(r *Report, network time.Duration) {
	fmt.Fprintf(p.w, "\n%s\n", strings.Repeat("─", screenWidth))
	fmt.Fprintf(p.w, "The network was up after %.1f s, the story took %.1f s. What was allowed worked, and what was not\n", seconds(network), r.Seconds)
	fmt.Fprintf(p.w, "allowed was refused for the reason shown.\n")
}

// wrap breaks text at spaces so that lines have at most width characters.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
