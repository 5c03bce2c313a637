package stub

import (
	"sort"
	"time"
)

// version is the block and the place in it that wrote a value; zero when the
// key is absent.
type version struct{ block, tx uint64 }

type modification struct {
	version version
	value   []byte
	deleted bool
	txID    string
	time    time.Time
}

// store keeps every modification of every key, so that a simulation goes on
// seeing the block it started on while others commit.
type store struct {
	keys []string // sorted, deleted ones included
	log  map[string][]modification
	last uint64 // the newest block that wrote
}

func (s *store) put(w Write, v version, txID string, t time.Time) {
	if s.log == nil {
		s.log = map[string][]modification{}
	}
	if _, known := s.log[w.Key]; !known {
		i := sort.SearchStrings(s.keys, w.Key)
		s.keys = append(s.keys, "")
		copy(s.keys[i+1:], s.keys[i:])
		s.keys[i] = w.Key
	}
	s.log[w.Key] = append(s.log[w.Key], modification{v, w.Value, w.Delete, txID, t})
	s.last = v.block
}

// at is the modification that a key's value at a block comes from, nil when the
// key was absent.
func (s *store) at(key string, block uint64) *modification {
	log := s.log[key]
	for i := len(log) - 1; i >= 0; i-- {
		if log[i].version.block <= block {
			if log[i].deleted {
				return nil
			}
			return &log[i]
		}
	}
	return nil
}

// version is the present version of a key.
func (s *store) version(key string) version {
	if m := s.at(key, s.last); m != nil {
		return m.version
	}
	return version{}
}

type row struct {
	key     string
	value   []byte
	version version
}

// scan lists the keys from start up to but not including end, as of a block. An
// empty end is no bound.
func (s *store) scan(start, end string, block uint64) []row {
	var rows []row
	for i := sort.SearchStrings(s.keys, start); i < len(s.keys); i++ {
		if end != "" && s.keys[i] >= end {
			break
		}
		if m := s.at(s.keys[i], block); m != nil {
			rows = append(rows, row{s.keys[i], m.value, m.version})
		}
	}
	return rows
}
