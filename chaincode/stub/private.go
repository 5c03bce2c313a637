package stub

import (
	"crypto/sha256"
	"errors"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
)

// Private data. Every collection exists, and this peer is a member of all of
// them: a chaincode's own checks can be tested, a collection's policy cannot.

// Private lists keys and values of a collection of the ledger's chaincode.
func (l *Ledger) Private(collection string) []Write { return l.all(space{collection: collection}) }

// collection is a collection of the running chaincode.
func (s *simulation) collection(name string) (space, error) {
	if name == "" {
		return space{}, errors.New("stub: the collection is empty")
	}
	checkText(name)
	return space{s.in.chaincode, name}, nil
}

func (s *simulation) GetPrivateData(collection, key string) ([]byte, error) {
	in, err := s.collection(collection)
	if err != nil {
		return nil, err
	}
	if key == "" {
		return nil, errors.New("stub: the key is empty")
	}
	checkText(key)
	s.ledger.mu.RLock()
	defer s.ledger.mu.RUnlock()
	return s.read(in, key), nil
}

func (s *simulation) GetMultiplePrivateData(collection string, keys ...string) ([][]byte, error) {
	var values [][]byte
	for _, key := range keys {
		value, err := s.GetPrivateData(collection, key)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, nil
}

// GetPrivateDataHash is the SHA-256 of a value, nil when there is none.
func (s *simulation) GetPrivateDataHash(collection, key string) ([]byte, error) {
	value, err := s.GetPrivateData(collection, key)
	if err != nil || value == nil {
		return nil, err
	}
	sum := sha256.Sum256(value)
	return sum[:], nil
}

func (s *simulation) PutPrivateData(collection, key string, value []byte) error {
	in, err := s.collection(collection)
	if err != nil {
		return err
	}
	return s.put(in, key, value)
}

func (s *simulation) DelPrivateData(collection, key string) error {
	in, err := s.collection(collection)
	if err != nil {
		return err
	}
	return s.del(in, key)
}

// PurgePrivateData deletes: this ledger keeps no history of private data.
func (s *simulation) PurgePrivateData(collection, key string) error {
	return s.DelPrivateData(collection, key)
}

func (s *simulation) GetPrivateDataByRange(collection, start, end string) (shim.StateQueryIteratorInterface, error) {
	in, err := s.collection(collection)
	if err != nil {
		return nil, err
	}
	if start, end, err = simpleRange(start, end); err != nil {
		return nil, err
	}
	return s.queryPrivate(in, start, end)
}

func (s *simulation) GetPrivateDataByPartialCompositeKey(collection, objectType string, attributes []string) (shim.StateQueryIteratorInterface, error) {
	in, err := s.collection(collection)
	if err != nil {
		return nil, err
	}
	prefix, err := s.CreateCompositeKey(objectType, attributes)
	if err != nil {
		return nil, err
	}
	return s.queryPrivate(in, prefix, prefix+afterLastRune)
}

// queryPrivate opens an iterator. As on a peer, nothing of it counts as read,
// and the transaction can neither have written nor write.
func (s *simulation) queryPrivate(in space, start, end string) (shim.StateQueryIteratorInterface, error) {
	if len(s.tx.Writes) > 0 {
		return nil, errors.New("stub: a transaction that has written cannot query private data by range")
	}
	s.tx.queried = true
	s.ledger.mu.RLock()
	defer s.ledger.mu.RUnlock()
	rows := s.ledger.in(in).scan(start, end, s.height)
	return &stateIterator{namespace: s.namespace(), rows: rows, fetch: func(int) {}}, nil
}
