package remote

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/wire/refusal"
)

// Directory knows where parties' nodes are. An address is not trusted: whoever
// answers there has to be the party.
type Directory interface {
	// Address is host:port, or [refusal.ErrAddress].
	Address(id record.PartyID) (string, error)
}

// Addresses is a directory in memory.
type Addresses map[record.PartyID]string

// Address is host:port, or [refusal.ErrAddress].
func (a Addresses) Address(id record.PartyID) (string, error) {
	address, ok := a[id]
	if !ok {
		return "", fmt.Errorf("%w: %s", refusal.ErrAddress, id)
	}
	return address, nil
}

// File is a directory in a JSON file, {"party id": "host:port", ...}, which is
// read again when it has changed.
type File struct {
	path string
	log  *slog.Logger

	mu        sync.Mutex
	addresses Addresses
	modified  time.Time
	size      int64
	looked    time.Time
}

const (
	lookAgain   = time.Second // at a directory's file
	maxFileSize = 16 << 20    // bytes
)

// OpenFile reads a directory.
func OpenFile(path string, log *slog.Logger) (*File, error) {
	f := &File{path: path, log: log}
	if err := f.read(); err != nil {
		return nil, err
	}
	return f, nil
}

// Address is host:port, or [refusal.ErrAddress].
func (f *File) Address(id record.PartyID) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.looked) >= lookAgain {
		if err := f.read(); err != nil {
			f.log.Warn("the directory cannot be used; the one before stays", "error", err)
		}
	}
	return f.addresses.Address(id)
}

func (f *File) read() error {
	f.looked = time.Now()
	file, err := os.Open(f.path)
	if err != nil {
		return fmt.Errorf("remote: directory: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("remote: directory: %w", err)
	}
	if f.addresses != nil && info.ModTime().Equal(f.modified) && info.Size() == f.size {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(file, maxFileSize))
	if err != nil {
		return fmt.Errorf("remote: directory: %w", err)
	}
	addresses, err := parseAddresses(text)
	if err != nil {
		return fmt.Errorf("remote: directory %s: %w", f.path, err)
	}
	f.addresses, f.modified, f.size = addresses, info.ModTime(), info.Size()
	return nil
}

func parseAddresses(text []byte) (Addresses, error) {
	addresses := Addresses{}
	decoder := json.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&addresses); err != nil {
		return nil, fmt.Errorf("a JSON object of party ids and addresses is wanted: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is text after the JSON object; remove it")
	}
	for id, address := range addresses {
		if id.IsZero() {
			return nil, errors.New("a party id is empty")
		}
		if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" {
			return nil, fmt.Errorf("party %s: %q is not host:port; correct it", id, address)
		}
	}
	return addresses, nil
}
