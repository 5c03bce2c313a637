package stub

import (
	"bytes"
	"reflect"
	"sort"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"
)

// Transaction is a simulated call: its answer and its read-write set.
type Transaction struct {
	ID       string
	Time     time.Time
	Response *peer.Response
	Event    *peer.ChaincodeEvent
	Reads    []Read
	Ranges   []RangeRead
	Writes   []Write
	// Code is the validation code: NOT_VALIDATED until the transaction has been
	// committed, and for ever when the chaincode refused it.
	Code peer.TxValidationCode

	paginated bool // it cannot write any more
	queried   bool // private data, by range: nor can it write
}

// Read is a key in the read set, with the version that was read.
type Read struct {
	Chaincode  string // another chaincode that was called; empty for the ledger's own
	Collection string // of private data; empty for public data
	Key        string
	version    version
}

// RangeRead is a range in the read set, with what was found in it.
type RangeRead struct {
	Chaincode  string // as in [Read]
	Start, End string
	rows       []Read
}

// Write is a key in the write set. In a block, a peer would show of private data
// no more than the hashes of key and value.
type Write struct {
	Chaincode  string // as in [Read]
	Collection string
	Key        string
	Value      []byte
	Delete     bool
}

// space is where a key lives: a chaincode's namespace, empty for the ledger's
// own, and a collection of it, empty for public data.
type space struct{ chaincode, collection string }

func (s space) place(key string) string { return s.chaincode + "\x00" + s.collection + "\x00" + key }

func (r Read) space() space   { return space{r.Chaincode, r.Collection} }
func (w Write) space() space  { return space{w.Chaincode, w.Collection} }
func (r Read) place() string  { return r.space().place(r.Key) }
func (w Write) place() string { return w.space().place(w.Key) }

func (tx *Transaction) read(in space, key string, v version) {
	r := Read{in.chaincode, in.collection, key, v}
	i := sort.Search(len(tx.Reads), func(i int) bool { return tx.Reads[i].place() >= r.place() })
	if i < len(tx.Reads) && tx.Reads[i].place() == r.place() {
		return
	}
	tx.Reads = append(tx.Reads, Read{})
	copy(tx.Reads[i+1:], tx.Reads[i:])
	tx.Reads[i] = r
}

func (tx *Transaction) write(w Write) {
	i := sort.Search(len(tx.Writes), func(i int) bool { return tx.Writes[i].place() >= w.place() })
	if i < len(tx.Writes) && tx.Writes[i].place() == w.place() {
		tx.Writes[i] = w
		return
	}
	tx.Writes = append(tx.Writes, Write{})
	copy(tx.Writes[i+1:], tx.Writes[i:])
	tx.Writes[i] = w
}

// unchanged repeats the range query.
func (q *RangeRead) unchanged(s *store) bool {
	rows := s.scan(q.Start, q.End, s.last)
	if len(rows) != len(q.rows) {
		return false
	}
	for i := range rows {
		if rows[i].key != q.rows[i].Key || rows[i].version != q.rows[i].version {
			return false
		}
	}
	return true
}

// difference names the first part in which two runs differ.
func (tx *Transaction) difference(other *Transaction) string {
	switch {
	case !reflect.DeepEqual(tx.Reads, other.Reads):
		return "reads"
	case !reflect.DeepEqual(tx.Ranges, other.Ranges):
		return "range queries"
	case len(tx.Writes) != len(other.Writes):
		return "writes"
	case !proto.Equal(tx.Response, other.Response):
		return "response"
	case !proto.Equal(tx.Event, other.Event):
		return "event"
	}
	for i, w := range tx.Writes {
		o := other.Writes[i]
		if w.place() != o.place() || w.Delete != o.Delete || !bytes.Equal(w.Value, o.Value) {
			return "writes"
		}
	}
	return ""
}
