package node

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/proto"

	"github.com/claimshare/claimshare/chaincode/record"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/client/wire/refusal"
)

// Address says where a party's node is.
type Address struct {
	Party   string `yaml:"party"`   // party id, 32 hexadecimal digits
	Role    string `yaml:"role"`    // as on the ledger
	Name    string `yaml:"name"`    // as people call it
	Parties string `yaml:"parties"` // host:port for other nodes
	// Wallets is host:port for wallets, and Authority the PEM file with who
	// issued the certificate shown there; both empty when there is no such
	// listener. The file may be relative to the directory's.
	Wallets   string `yaml:"wallets,omitempty"`
	Authority string `yaml:"authority,omitempty"`
}

// DirectoryFile is the form of a directory's file.
type DirectoryFile struct {
	Nodes []Address `yaml:"nodes"`
}

// directory is a directory's file, which is read again when it has changed. An
// address in it is not trusted: whoever answers there has to show the party's
// certificate.
type directory struct {
	path string
	log  *slog.Logger

	mu       sync.Mutex
	parties  map[record.PartyID]string
	wallets  []*nodev1.NodeAddress
	modified time.Time
	size     int64
	looked   time.Time
}

const (
	lookAgain    = time.Second
	maxDirectory = 16 << 20 // bytes
)

func openDirectory(path string, log *slog.Logger) (*directory, error) {
	d := &directory{path: path, log: log}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.read(); err != nil {
		return nil, fmt.Errorf("%w: directory: %w", ErrConfig, err)
	}
	return d, nil
}

// Address implements remote.Directory.
func (d *directory) Address(id record.PartyID) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refresh()
	address, ok := d.parties[id]
	if !ok {
		return "", fmt.Errorf("%w: %s", refusal.ErrAddress, id)
	}
	return address, nil
}

// forWallets lists the nodes that wallets can reach.
func (d *directory) forWallets() []*nodev1.NodeAddress {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refresh()
	return d.wallets
}

func (d *directory) refresh() {
	if time.Since(d.looked) < lookAgain {
		return
	}
	if err := d.read(); err != nil {
		d.log.Warn("the directory cannot be used; the one before stays", "error", err.Error())
	}
}

// again reads the file now, and those that it names, whether it seems to have
// changed or not. It reports whether the nodes are others.
func (d *directory) again() (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	parties, wallets, size := d.parties, d.wallets, d.size
	d.size = -1
	if err := d.read(); err != nil {
		d.size = size
		return false, err
	}
	same := maps.Equal(parties, d.parties) &&
		slices.EqualFunc(wallets, d.wallets, func(a, b *nodev1.NodeAddress) bool { return proto.Equal(a, b) })
	return !same, nil
}

func (d *directory) read() error {
	d.looked = time.Now()
	file, err := os.Open(d.path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if d.parties != nil && info.ModTime().Equal(d.modified) && info.Size() == d.size {
		return nil
	}
	raw, err := io.ReadAll(io.LimitReader(file, maxDirectory))
	if err != nil {
		return err
	}
	if err := d.parse(raw); err != nil {
		return fmt.Errorf("%s: %w", d.path, err)
	}
	d.modified, d.size = info.ModTime(), info.Size()
	return nil
}

func (d *directory) parse(raw []byte) error {
	var list DirectoryFile
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	decoder.KnownFields(true)
	if err := decoder.Decode(&list); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	parties := map[record.PartyID]string{}
	var wallets []*nodev1.NodeAddress
	for _, a := range list.Nodes {
		id, err := record.ParsePartyID(a.Party)
		if err != nil {
			return fmt.Errorf("node %q: %w", a.Name, err)
		}
		if _, twice := parties[id]; twice {
			return fmt.Errorf("node %q: party %s is listed twice", a.Name, id)
		}
		if _, _, err := net.SplitHostPort(a.Parties); err != nil {
			return fmt.Errorf("node %q: parties: %w", a.Name, err)
		}
		parties[id] = a.Parties
		if a.Wallets == "" {
			continue
		}
		entry, err := d.forWallet(a)
		if err != nil {
			return fmt.Errorf("node %q: %w", a.Name, err)
		}
		wallets = append(wallets, entry)
	}
	d.parties, d.wallets = parties, wallets
	return nil
}

func (d *directory) forWallet(a Address) (*nodev1.NodeAddress, error) {
	file := a.Authority
	if !filepath.IsAbs(file) {
		file = filepath.Join(filepath.Dir(d.path), file)
	}
	authority, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("authority: %w", err)
	}
	return &nodev1.NodeAddress{Party: a.Party, Role: a.Role, Name: a.Name, Wallets: a.Wallets, Authority: authority}, nil
}
