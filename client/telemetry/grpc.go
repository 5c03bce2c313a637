package telemetry

import (
	"context"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/claimshare/claimshare/chaincode/record"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/client/wire/refusal"
)

// Server measures the calls of one listener, those that are refused before they
// reach a service too. Calls of methods that the server does not have are not
// counted.
func (m *Metrics) Server(listener string) grpc.ServerOption {
	m.inFlight.WithLabelValues(listener)
	m.limited.WithLabelValues(listener)
	return grpc.StatsHandler(&calls{m, listener})
}

type calls struct {
	metrics  *Metrics
	listener string
}

type methodKey struct{}

// TagRPC implements stats.Handler.
func (c *calls) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	return context.WithValue(ctx, methodKey{}, info.FullMethodName)
}

// HandleRPC implements stats.Handler. A call begins and ends only when the
// server has its method.
func (c *calls) HandleRPC(ctx context.Context, s stats.RPCStats) {
	m := c.metrics
	switch s := s.(type) {
	case *stats.Begin:
		m.inFlight.WithLabelValues(c.listener).Inc()
	case *stats.End:
		method, _ := ctx.Value(methodKey{}).(string)
		m.inFlight.WithLabelValues(c.listener).Dec()
		m.calls.WithLabelValues(c.listener, method, codeName(status.Code(s.Error))).Inc()
		m.callDuration.WithLabelValues(c.listener, method).Observe(s.EndTime.Sub(s.BeginTime).Seconds())
		if s.Error == nil {
			return
		}
		m.Failed(c.listener, s.Error)
		if errors.Is(refusal.FromStatus(s.Error), refusal.ErrBusy) {
			m.limited.WithLabelValues(c.listener).Inc()
		}
	}
}

// TagConn implements stats.Handler.
func (c *calls) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements stats.Handler.
func (c *calls) HandleConn(context.Context, stats.ConnStats) {}

// released is the outcome of a demand that was met.
const released = "released"

// Releases counts what becomes of the records that are demanded of a proxy.
func (m *Metrics) Releases(ctx context.Context, r any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	answer, err := handle(ctx, r)
	demand, is := r.(*nodev1.ReleaseRequest)
	if !is || info.FullMethod != nodev1.ProxyService_Release_FullMethodName {
		return answer, err
	}
	outcome, records := released, float64(min(max(len(demand.GetRecords()), 1), record.MaxDeliveries))
	if err != nil {
		outcome = Code(err)
	}
	m.releases.WithLabelValues(outcome).Add(records)
	return answer, err
}
