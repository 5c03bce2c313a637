package audit

import (
	"bytes"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/claimshare/claimshare/client/store"
)

// Kind is what is wrong with a row.
type Kind string

// A row is Missing that should be there, Extra when it should not, and Altered
// when it is not as it should be.
const (
	Missing Kind = "missing"
	Extra   Kind = "extra"
	Altered Kind = "altered"
)

// Finding is one thing that is not as it should be.
type Finding struct {
	Kind   Kind   `json:"kind"`
	Table  string `json:"table"`
	Row    string `json:"row"`              // its key, byte strings in hexadecimal
	Column string `json:"column,omitempty"` // empty when it is the row as a whole
	What   string `json:"what"`
	Do     string `json:"do"`
}

// String is the finding in one sentence.
func (f Finding) String() string {
	where := fmt.Sprintf("table %s, row %s", f.Table, f.Row)
	if f.Column != "" {
		where += ", column " + f.Column
	}
	return fmt.Sprintf("%s: %s: %s; %s.", f.Kind, where, f.What, f.Do)
}

// Report is what an audit found.
type Report struct {
	Party     string    `json:"party"`
	Channel   string    `json:"channel"`
	Chaincode string    `json:"chaincode"`
	Began     time.Time `json:"began"`
	Ended     time.Time `json:"ended"`

	Complete bool   `json:"complete"` // nothing was found
	Blocks   uint64 `json:"blocks"`   // how many were compared: the last one's number plus one
	Hash     string `json:"hash"`     // of the last one, in hexadecimal

	Rows     map[string]uint64 `json:"rows"` // how many were looked at, by table
	Found    uint64            `json:"found"`
	Findings []Finding         `json:"findings"` // at most MaxFindings of them
}

// MaxFindings is how many findings a report lists; all are counted.
const MaxFindings = 10_000

// Summary is the report's last line.
func (r *Report) Summary() string {
	switch {
	case r.Blocks == 0:
		return "there is nothing to compare: the node has not followed the ledger yet"
	case r.Complete:
		return fmt.Sprintf("complete up to block %d (hash %s)", r.Blocks-1, r.Hash)
	case r.Found == 1:
		return fmt.Sprintf("not complete: 1 finding, compared up to block %d (hash %s)", r.Blocks-1, r.Hash)
	}
	return fmt.Sprintf("not complete: %d findings, compared up to block %d (hash %s)", r.Found, r.Blocks-1, r.Hash)
}

// What can be done about a finding.
const (
	doWorld   = "stop the node and delete all rows of the four world_ tables: it reads them from the ledger again"
	doRestore = "somebody has written to this database: restore the last backup into an empty place and audit that"
	doLost    = "restore it from a backup that has it"
	doExtra   = "somebody has written to this database: find out who, and delete the row"
	doAsk     = "ask the owner to run: claimshare wallet status"
	doStart   = "start the node: it destroys it"
	doSchema  = "restore the last backup into an empty place and audit that"
)

// same compares a column's value with what it should be.
func same(have, want any) bool {
	a, ok := have.([]byte)
	b, also := want.([]byte)
	if ok && also {
		return bytes.Equal(a, b)
	}
	return !ok && !also && have == want
}

// shown is a value for a person: numbers and short texts are, the rest is not.
func shown(v any) string {
	const most = 64
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case string:
		if len(v) <= most {
			return strconv.Quote(v)
		}
		return fmt.Sprintf("a text of %d characters", utf8.RuneCountInString(v))
	case []byte:
		if len(v) <= 32 {
			return fmt.Sprintf("%x", v)
		}
		return fmt.Sprintf("%d bytes", len(v))
	}
	return fmt.Sprint(v)
}

func differs(whose string, have, want any) string {
	h, w := shown(have), shown(want)
	if h == w {
		return fmt.Sprintf("it is not what %s has, which has %s too", whose, w)
	}
	return fmt.Sprintf("%s has %s, the database %s", whose, w, h)
}

func at(row *store.Row) (table, key string) { return row.Table.Name, store.KeyText(row.Key()) }
