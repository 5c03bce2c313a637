package mirror

import (
	"context"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/listener"
)

// answers are the queries that the copy can answer, by contract:Transaction. Any
// error means that it cannot.
var answers = map[string]func(ctx context.Context, r listener.Reader, id string) (any, error){
	record.TxParty:       document(record.ParsePartyID, listener.Party),
	record.TxRecord:      document(record.ParseRecordID, listener.Record),
	record.TxRequest:     document(record.ParseRequestID, listener.Request),
	record.TxConsent:     document(record.ParseConsentID, listener.Consent),
	record.TxReleaseByID: document(record.ParseReleaseID, listener.Release),
}

func document[ID, T any](parse func(string) (ID, error), read func(context.Context, listener.Reader, ID) (*T, error)) func(context.Context, listener.Reader, string) (any, error) {
	return func(ctx context.Context, r listener.Reader, name string) (any, error) {
		id, err := parse(name)
		if err != nil {
			return nil, err
		}
		return read(ctx, r, id)
	}
}
