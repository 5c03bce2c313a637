//go:build !failpoints

package node

import (
	"google.golang.org/grpc"

	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store"
)

// points is nothing here: only builds for tests, with the tag failpoints, have
// points at which a node can be made to die.
type points struct{}

func newPoints(*Config) points { return points{} }

func (points) store(s store.Store) store.Store { return s }

func (points) journal(j ledger.Journal) ledger.Journal { return j }

func (points) unary(own []grpc.UnaryServerInterceptor) []grpc.UnaryServerInterceptor { return own }

func (points) stream(own []grpc.StreamServerInterceptor) []grpc.StreamServerInterceptor { return own }
