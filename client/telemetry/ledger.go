package telemetry

import (
	"context"
	"iter"
	"log/slog"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/listener"
)

// What is retried.
const (
	retryAnswer      = "answer"
	retryEndorsement = "endorsement"
	retryBroadcast   = "broadcast"
)

// Retried is for ledger.WithRetried.
func (m *Metrics) Retried() { m.retries.WithLabelValues(retryAnswer).Inc() }

// Channel measures the calls through a channel. Submissions are logged, with
// their transaction id, under the request in the context.
func (m *Metrics) Channel(c client.Channel, log *slog.Logger) client.Channel {
	return &channel{c, m, log}
}

type channel struct {
	client.Channel
	metrics *Metrics
	log     *slog.Logger
}

// Evaluate implements client.Channel.
func (c *channel) Evaluate(ctx context.Context, contract, transaction string, args ...string) ([]byte, error) {
	began := time.Now()
	answer, err := c.Channel.Evaluate(ctx, contract, transaction, args...)
	c.metrics.evaluated(contract+":"+transaction, began, err)
	return answer, err
}

// Height implements client.Channel.
func (c *channel) Height(ctx context.Context) (uint64, error) {
	began := time.Now()
	height, err := c.Channel.Height(ctx)
	c.metrics.evaluated(heightOf, began, err)
	return height, err
}

const heightOf = "height" // Fabric's own query

func (m *Metrics) evaluated(transaction string, began time.Time, err error) {
	name := transactionName(transaction)
	m.evaluations.WithLabelValues(name, Code(err)).Inc()
	m.evaluationDuration.WithLabelValues(name).Observe(time.Since(began).Seconds())
}

// Submit implements client.Channel.
func (c *channel) Submit(ctx context.Context, call ledger.Call) (ledger.Result, error) {
	began := time.Now()
	result, err := c.Channel.Submit(ctx, call)
	took := time.Since(began)
	full, code := call.Contract+":"+call.Transaction, Code(err)
	name := transactionName(full)
	m := c.metrics
	m.submissions.WithLabelValues(name, code).Inc()
	m.submissionDuration.WithLabelValues(name).Observe(took.Seconds())
	m.retries.WithLabelValues(retryEndorsement).Add(float64(max(result.Endorsements-1, 0)))
	m.retries.WithLabelValues(retryBroadcast).Add(float64(max(result.Broadcasts-1, 0)))
	c.log.InfoContext(ctx, "ledger transaction", "transaction", full, "txId", result.TxID, "block", result.Block, "code", code, "took", took.String())
	return result, err
}

// transactionName bounds the values of a label.
func transactionName(name string) string {
	if transactions[name] {
		return name
	}
	return "other"
}

var transactions = func() map[string]bool {
	all := map[string]bool{heightOf: true}
	for _, name := range []string{
		record.TxSystem, record.TxInitSystem, record.TxRegister, record.TxRotateKeys, record.TxSuspend, record.TxExpel, record.TxReinstate,
		record.TxParty, record.TxParties, record.TxPartyHistory, record.TxPropose, record.TxApproveDecision, record.TxDecision, record.TxDecisions,
		record.TxSubmitRecords, record.TxAmend, record.TxRecord, record.TxRecordVersion, record.TxRecordHistory, record.TxRecordsByOwner,
		record.TxRecordsByIssuer, record.TxRequestAccess, record.TxGrant, record.TxApprove, record.TxRevoke, record.TxRelease, record.TxAcknowledge,
		record.TxDispute, record.TxResolve, record.TxRequest, record.TxConsent, record.TxReleaseByID, record.TxRequestsByOwner,
		record.TxRequestsByRequester, record.TxConsentsByOwner, record.TxConsentsByRequester, record.TxReleasesByConsent, record.TxReleasesByOwner,
		record.TxReleasesByReceiver, record.TxStanding, record.TxViolations, record.TxStandings,
	} {
		all[name] = true
	}
	return all
}()

// Source counts the blocks of a source.
func (m *Metrics) Source(s listener.Source) listener.Source { return &source{s, m} }

type source struct {
	listener.Source
	metrics *Metrics
}

// Blocks implements listener.Source.
func (s *source) Blocks(ctx context.Context, from uint64) iter.Seq2[ledger.Block, error] {
	return func(yield func(ledger.Block, error) bool) {
		for b, err := range s.Source.Blocks(ctx, from) {
			if err == nil {
				s.metrics.blocks.Inc()
				s.metrics.lastBlock.SetToCurrentTime()
			}
			if !yield(b, err) {
				return
			}
		}
	}
}
