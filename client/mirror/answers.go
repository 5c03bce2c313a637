package mirror

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/listener"
	"github.com/claimshare/claimshare/client/store"
)

// answer answers one query as the chaincode would. Any error means that it
// cannot.
type answer func(ctx context.Context, w store.World, args []string) ([]byte, error)

// answers are the queries that the copy can answer, by contract:Transaction.
var answers = map[string]answer{
	record.TxParty:       document(record.ParsePartyID, listener.Party),
	record.TxRecord:      document(record.ParseRecordID, listener.Record),
	record.TxRequest:     document(record.ParseRequestID, listener.Request),
	record.TxConsent:     document(record.ParseConsentID, listener.Consent),
	record.TxReleaseByID: document(record.ParseReleaseID, listener.Release),
}

var errArguments = errors.New("mirror: not one argument")

func document[ID, T any](parse func(string) (ID, error), read func(context.Context, listener.Reader, ID) (*T, error)) answer {
	return func(ctx context.Context, w store.World, args []string) ([]byte, error) {
		if len(args) != 1 {
			return nil, errArguments
		}
		id, err := parse(args[0])
		if err != nil {
			return nil, err
		}
		found, err := read(ctx, w, id)
		if err != nil {
			return nil, err
		}
		return json.Marshal(found)
	}
}
