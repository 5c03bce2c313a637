package scenario

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/network/topology"
)

// book is what one ledger has answered, in words that do not depend on the
// ledger.
type book struct {
	ledger Ledger
	steps  []entry // of this scenario
	taken  int     // steps of all scenarios
	// What differs from ledger to ledger, and what stands for it.
	aliases []string        // pairs, as strings.NewReplacer takes them
	times   map[int64]bool  // seconds of the transactions so far
	compact map[string]bool // transaction ids so far, as keys have them
}

type entry struct {
	title string
	lines []string
}

func newBook(l Ledger, made topology.Topology) (*book, error) {
	digest := sha256.Sum256(l.System())
	b := &book{
		ledger: l, times: map[int64]bool{}, compact: map[string]bool{},
		aliases: []string{hex.EncodeToString(digest[:]), "<system.json>"},
	}
	for _, who := range made.Identities() {
		subject, err := l.Subject(who.Name)
		if err != nil {
			return nil, err
		}
		b.aliases = append(b.aliases, subject, "<"+who.Name+">")
	}
	return b, nil
}

// begin starts the next scenario. What is known of the ledger stays known.
func (b *book) begin() { b.steps = nil }

// enter adds a step.
func (b *book) enter(title string, call Call, o Outcome) {
	e := entry{title: fmt.Sprintf("%s (%s as %s)", title, strconv.Quote(call.Name), call.As)}
	add := func(format string, args ...any) { e.lines = append(e.lines, fmt.Sprintf(format, args...)) }
	if o.ordered() {
		b.times[o.Time.Unix()] = true
		id, _ := hex.DecodeString(o.TxID) // it is hexadecimal
		b.compact[base64.RawURLEncoding.EncodeToString(id)] = true
		b.aliases = append(b.aliases, o.TxID, fmt.Sprintf("<transaction %d>", len(b.compact)))
		add("%s", o.Code)
	}
	if o.Status != 0 {
		add("%d %s", o.Status, rfc3339.ReplaceAllString(b.text(o.Message), "<time>"))
	} else if o.Err != nil && !o.ordered() {
		add("error")
	}
	if o.Payload != nil {
		b.addJSON(&e, "answer", o.Payload)
	}
	if o.Event != nil {
		b.addJSON(&e, "event "+o.Event.Name, o.Event.Payload)
	}
	writes := make([][]string, len(o.Writes))
	for i, w := range o.Writes {
		writes[i] = b.write(w)
	}
	slices.SortFunc(writes, slices.Compare)
	for _, lines := range writes {
		e.lines = append(e.lines, lines...)
	}
	b.steps = append(b.steps, e)
	b.taken++
}

var rfc3339 = regexp.MustCompile(`\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z`)

func (b *book) text(s string) string { return strings.NewReplacer(b.aliases...).Replace(s) }

func (b *book) addJSON(e *entry, what string, raw []byte) {
	e.lines = append(e.lines, what)
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		e.lines = append(e.lines, "  not JSON: "+strconv.Quote(b.text(string(raw))))
		return
	}
	shown, err := json.MarshalIndent(b.value("", value), "  ", " ")
	if err != nil {
		shown = []byte(err.Error())
	}
	e.lines = append(e.lines, strings.Split("  "+string(shown), "\n")...)
}

// value replaces what differs. Times that parties have signed are the same
// everywhere and stay.
func (b *book) value(name string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, field := range v {
			v[key] = b.value(key, field)
		}
		return v
	case []any:
		for i := range v {
			v[i] = b.value(name, v[i])
		}
		if name == "approvals" {
			byAgency(v)
		}
		return v
	case string:
		if name == "bookmark" && v != "" {
			return "<more>"
		}
		return b.text(v)
	case json.Number:
		n, err := v.Int64()
		if err == nil && name != "notBefore" && name != "expiry" && b.times[n] {
			return "<time>"
		}
	}
	return v
}

// byAgency sorts approvals. The contract lists them by time, and by agency within
// one second; which of two steps fall into one second differs between ledgers.
func byAgency(approvals []any) {
	agency := func(v any) string {
		approval, _ := v.(map[string]any)
		name, _ := approval["agency"].(string)
		return name
	}
	slices.SortStableFunc(approvals, func(a, b any) int { return strings.Compare(agency(a), agency(b)) })
}

// write is a key and its document.
func (b *book) write(w ledger.Write) []string {
	e := entry{}
	line := "write " + b.key(w.Key)
	document, err := record.DecodeDocument(w.Value)
	switch {
	case w.Deleted:
		return []string{line + " deleted"}
	case err != nil:
		return []string{line + " " + strconv.Quote(string(w.Value))}
	}
	raw, err := json.Marshal(document)
	if err != nil {
		return []string{line + " " + err.Error()}
	}
	b.addJSON(&e, line+" "+document.DocumentType().String(), raw)
	return e.lines
}

// key is a state key. Links from certificates are under a digest of the subject.
func (b *book) key(key string) string {
	if !strings.HasPrefix(key, "\x00") {
		if key[0] == 'u' {
			return "u<certificate>"
		}
		return key
	}
	parts := strings.Split(strings.Trim(key, "\x00"), "\x00")
	for i, part := range parts {
		n, err := strconv.ParseInt(part, 16, 64)
		switch {
		case b.compact[part]:
			parts[i] = "<transaction>"
		case err == nil && len(part) == 10 && b.times[n]:
			parts[i] = "<time>"
		}
	}
	return strings.Join(parts, " ")
}

// differences compares the steps of a scenario. Each difference says the step,
// and line by line what stands in one book only.
func (b *book) differences(other *book) []string {
	var all []string
	if len(b.steps) != len(other.steps) {
		all = append(all, fmt.Sprintf("%s took %d steps and %s %d", b.ledger.Name(), len(b.steps), other.ledger.Name(), len(other.steps)))
	}
	for i, mine := range b.steps[:min(len(b.steps), len(other.steps))] {
		if slices.Equal(mine.lines, other.steps[i].lines) {
			continue
		}
		text := []string{"the ledgers do not agree in step " + strconv.Itoa(i+1) + ", " + mine.title}
		text = append(text, only(b.ledger.Name(), mine.lines, other.steps[i].lines)...)
		text = append(text, only(other.ledger.Name(), other.steps[i].lines, mine.lines)...)
		all = append(all, strings.Join(text, "\n"))
	}
	return all
}

// only lists the lines of one ledger that the other does not have, or not there.
func only(name string, lines, others []string) []string {
	var all []string
	for i, line := range lines {
		if i >= len(others) || others[i] != line {
			all = append(all, "  only "+name+": "+strings.TrimSpace(line))
		}
	}
	return all
}
