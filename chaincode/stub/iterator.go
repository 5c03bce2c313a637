package stub

import (
	"errors"

	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/queryresult"
)

// fetchSize is how many rows a peer hands to the chaincode at a time; all of
// them count as read, and the next one, which tells the peer that there are more.
const fetchSize = 100

var errIterator = errors.New("stub: the iterator is closed or exhausted")

type stateIterator struct {
	namespace string
	rows      []row
	next      int
	closed    bool
	// fetch records that the first n rows have been read, of how many there are.
	fetch func(n int)
}

func (it *stateIterator) HasNext() bool { return !it.closed && it.next < len(it.rows) }

func (it *stateIterator) Close() error {
	it.closed = true
	return nil
}

func (it *stateIterator) Next() (*queryresult.KV, error) {
	if !it.HasNext() {
		return nil, errIterator
	}
	r := it.rows[it.next]
	it.next++
	if it.next < len(it.rows) && it.next%fetchSize == 0 {
		it.fetch(min(it.next+fetchSize, len(it.rows)))
	}
	return &queryresult.KV{Namespace: it.namespace, Key: r.key, Value: append([]byte(nil), r.value...)}, nil
}

type historyIterator struct {
	list   []*queryresult.KeyModification
	next   int
	closed bool
}

func (it *historyIterator) HasNext() bool { return !it.closed && it.next < len(it.list) }

func (it *historyIterator) Close() error {
	it.closed = true
	return nil
}

func (it *historyIterator) Next() (*queryresult.KeyModification, error) {
	if !it.HasNext() {
		return nil, errIterator
	}
	it.next++
	return it.list[it.next-1], nil
}
