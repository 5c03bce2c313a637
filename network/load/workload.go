package load

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/claimshare/claimshare/chaincode/alliance"
	"github.com/claimshare/claimshare/client/ledger"
)

// The workloads.
const (
	// Put writes one key per transaction through a chaincode that does nothing
	// else: what Fabric itself can do here.
	Put = "put"
	// Single submits one record per transaction.
	Single = "single"
	// Batch submits BatchSize records of as many different owners per transaction.
	Batch = "batch"
)

// Workloads lists their names.
func Workloads() []string { return []string{Put, Single, Batch} }

// BatchSize is how many records one transaction of the batch workload carries.
const BatchSize = 50

// PutSize is how many bytes one put writes.
const PutSize = 256

// A Workload makes orders of one kind for one site.
type Workload struct {
	Name    string
	Items   int // per transaction
	produce func(i int) (Order, error)
}

// Prepare makes n orders, with every signature in them.
func (w *Workload) Prepare(ctx context.Context, n int) (*Stock, error) {
	return Prepare(ctx, n, w.produce)
}

// Puts is the put workload.
func Puts() *Workload {
	return &Workload{Name: Put, Items: 1, produce: func(int) (Order, error) {
		var random [16 + PutSize/2]byte
		if _, err := rand.Read(random[:]); err != nil {
			return Order{}, err
		}
		key, value := hex.EncodeToString(random[:16]), hex.EncodeToString(random[16:])
		return Order{Call: ledger.Call{Transaction: "Put", Args: []string{key, value}}, Items: 1}, nil
	}}
}

// Records submits size records in each transaction. Consecutive records are of
// consecutive owners, so that those of one transaction are all different as
// long as there are so many owners.
func (p *Parties) Records(name string, size int) *Workload {
	return &Workload{Name: name, Items: size, produce: func(i int) (Order, error) {
		owners := make([]*alliance.Member, size)
		for k := range owners {
			owners[k] = p.Owners[(i*size+k)%len(p.Owners)]
		}
		order, _, err := p.Batch(owners, time.Now().Unix())
		return order, err
	}}
}

// workload finds a workload of the ClaimShare chaincode by its name.
func (p *Parties) workload(name string) (*Workload, error) {
	switch name {
	case Single:
		return p.Records(Single, 1), nil
	case Batch:
		if len(p.Owners) < BatchSize {
			return nil, fmt.Errorf("a batch of %d different owners needs more than %d", BatchSize, len(p.Owners))
		}
		return p.Records(Batch, BatchSize), nil
	}
	return nil, fmt.Errorf("unknown workload %q: use %s", name, strings.Join(Workloads(), ", "))
}

// split cuts "contract:Transaction".
func split(name string) (contract, transaction string) {
	contract, transaction, _ = strings.Cut(name, ":")
	return contract, transaction
}
