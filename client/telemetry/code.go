package telemetry

import (
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/wire/refusal"
)

// Code is the name of an error as labels have it: a code of the chaincode
// (CLAIMSHARE_CONSENT_REVOKED), a name under which errors cross between nodes
// (NODE_BUSY, STORE_NOT_FOUND, LEDGER_UNDECIDED), Fabric's verdict on a
// transaction (FABRIC_MVCC_READ_CONFLICT), or GRPC_ and gRPC's code. It is ok for
// nil. There are some two hundred names, whatever callers and peers say.
func Code(err error) string {
	if err == nil {
		return ok
	}
	err = refusal.FromStatus(err)
	var refused *record.Error
	var invalid *ledger.CommitError
	switch {
	case errors.As(err, &refused):
		if known[refused.Code] {
			return string(refused.Code)
		}
	case errors.As(err, &invalid):
		return "FABRIC_" + invalid.Code.String()
	}
	reason := refusal.Reason(err)
	if reason != internal {
		return reason
	}
	var answered *refusal.Error
	if errors.As(err, &answered) && !errors.Is(err, refusal.ErrInternal) && answered.Code <= codes.Unauthenticated {
		return "GRPC_" + codeName(answered.Code)
	}
	return reason
}

var internal = refusal.Reason(refusal.ErrInternal)

// codeName is gRPC's own name of a code.
func codeName(c codes.Code) string {
	return names[min(c, codes.Unauthenticated)]
}

var names = func() (all [codes.Unauthenticated + 1]string) {
	for c := range all {
		all[c] = status.New(codes.Code(c), "").Code().String()
	}
	return all
}()

var known = func() map[record.Code]bool {
	all := map[record.Code]bool{}
	for _, e := range record.Codes() {
		all[e.Code] = true
	}
	return all
}()
