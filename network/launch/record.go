package launch

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/claimshare/claimshare/network/topology"
)

// record is the file that makes a directory the state of a network. It is
// written first, incomplete, and again when the network has once been ready.
type record struct {
	Format   int               `json:"format"`
	Created  time.Time         `json:"created"`
	Complete bool              `json:"complete"`
	Topology topology.Topology `json:"topology"`
	Ports    ports             `json:"ports"`
}

const recordFormat = 1

var errNoRecord = errors.New("no network has been made here")

func readRecord(l layout) (*record, error) {
	raw, err := os.ReadFile(l.record())
	if errors.Is(err, os.ErrNotExist) {
		return nil, errNoRecord
	}
	if err != nil {
		return nil, err
	}
	read := new(record)
	if err := json.Unmarshal(raw, read); err != nil {
		return nil, fmt.Errorf("read %s: %w", l.record(), err)
	}
	if read.Format != recordFormat {
		return nil, fmt.Errorf("%s has format %d, this program knows %d: remove the directory, or use the program that made it", l.record(), read.Format, recordFormat)
	}
	return read, nil
}

func (r record) write(l layout) error {
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := writeFile(l.record()+".new", append(raw, '\n')); err != nil {
		return err
	}
	return os.Rename(l.record()+".new", l.record())
}
