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
	// Code is the validation code, once the transaction has been committed.
	Code peer.TxValidationCode

	paginated bool
}

// Read is a key in the read set, with the version that was read.
type Read struct {
	Key     string
	version version
}

// RangeRead is a range in the read set, with what was found in it.
type RangeRead struct {
	Start, End string
	rows       []Read
}

// Write is a key in the write set.
type Write struct {
	Key    string
	Value  []byte
	Delete bool
}

func (tx *Transaction) read(key string, v version) {
	i := sort.Search(len(tx.Reads), func(i int) bool { return tx.Reads[i].Key >= key })
	if i < len(tx.Reads) && tx.Reads[i].Key == key {
		return
	}
	tx.Reads = append(tx.Reads, Read{})
	copy(tx.Reads[i+1:], tx.Reads[i:])
	tx.Reads[i] = Read{key, v}
}

func (tx *Transaction) write(w Write) {
	i := sort.Search(len(tx.Writes), func(i int) bool { return tx.Writes[i].Key >= w.Key })
	if i < len(tx.Writes) && tx.Writes[i].Key == w.Key {
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
		if (Read{rows[i].key, rows[i].version}) != q.rows[i] {
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
		if w.Key != o.Key || w.Delete != o.Delete || !bytes.Equal(w.Value, o.Value) {
			return "writes"
		}
	}
	return ""
}
