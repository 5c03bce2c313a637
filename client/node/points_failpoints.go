//go:build failpoints

package node

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"sync"
	"syscall"

	"google.golang.org/grpc"

	"github.com/claimshare/claimshare/client/ledger"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
)

// points is where this node can be made to die: put a file named after the node
// and the point, as "shop1.Deliver.before", into the folder that the environment
// variable CLAIMSHARE_FAILPOINTS names. The node that comes by takes the file
// away and kills itself. Points are the begin and the end of calls, of
// transactions of the database, and of the journal's entries.
type points struct{ dir, node string }

func newPoints(c *Config) points { return points{os.Getenv("CLAIMSHARE_FAILPOINTS"), c.Name} }

// reach dies when it is asked to.
func (p points) reach(format string, args ...any) {
	if p.dir == "" {
		return
	}
	if os.Remove(filepath.Join(p.dir, p.node+"."+fmt.Sprintf(format, args...))) == nil {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal is on its way
	}
}

// around is the points before and after something.
func (p points) around(name string, do func() error) error {
	p.reach("%s.before", name)
	err := do()
	if err == nil {
		p.reach("%s.after", name)
	}
	return err
}

func (p points) unary(own []grpc.UnaryServerInterceptor) []grpc.UnaryServerInterceptor {
	return append(own, func(ctx context.Context, r any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (answer any, err error) {
		err = p.around(path.Base(info.FullMethod), func() error {
			answer, err = handle(ctx, r)
			p.handedOver(answer)
			return err
		})
		return answer, err
	})
}

func (p points) stream(own []grpc.StreamServerInterceptor) []grpc.StreamServerInterceptor {
	return append(own, func(service any, s grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
		return p.around(path.Base(info.FullMethod), func() error { return handle(service, s) })
	})
}

// handedOver notes what a proxy is about to hand out, for a test to compare with
// the ledger: the release, and the block by which it says that it is there.
func (p points) handedOver(answer any) {
	r, ok := answer.(*nodev1.ReleaseResponse)
	if !ok || p.dir == "" || r == nil {
		return
	}
	out, err := os.OpenFile(filepath.Join(p.dir, "handovers"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer out.Close()
	for _, h := range r.Handovers {
		if _, err := fmt.Fprintf(out, "%s %d\n", hex.EncodeToString(h.Release), h.AsOf); err != nil {
			panic(err)
		}
	}
}

// journal dies between an endorsement and its entry, between the entry and the
// orderer, and between a commit and the entry's end.
func (p points) journal(j ledger.Journal) ledger.Journal {
	return &pointedJournal{Journal: j, points: p, transactions: map[string]string{}}
}

type pointedJournal struct {
	ledger.Journal
	points points

	mu           sync.Mutex
	transactions map[string]string // names by id
}

func (j *pointedJournal) Save(ctx context.Context, e ledger.Entry) error {
	j.mu.Lock()
	j.transactions[e.TxID] = e.Transaction
	j.mu.Unlock()
	return j.points.around("Save."+e.Transaction, func() error { return j.Journal.Save(ctx, e) })
}

func (j *pointedJournal) Delete(ctx context.Context, txID string) error {
	j.mu.Lock()
	name := j.transactions[txID]
	delete(j.transactions, txID)
	j.mu.Unlock()
	return j.points.around("Delete."+name, func() error { return j.Journal.Delete(ctx, txID) })
}
