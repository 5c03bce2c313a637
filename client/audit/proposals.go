package audit

import (
	"context"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
)

// proposals compares what waits for its owner's signature with the statement that
// is to be signed.
func (m *moment) proposals(ctx context.Context, rows []store.Row) error {
	capsules := &capsules{moment: m}
	for i := range rows {
		row := &rows[i]
		s, err := record.DecodeRecordStatement(row.Bytes("statement"))
		if err != nil {
			m.wrong(row, Altered, "statement", doRestore, "it is not a record's statement")
			continue
		}
		if err := m.repeats(ctx, row, s); err != nil {
			return err
		}
		capsules.add(row, s)
		if row.Text("declined") == "" {
			if err := m.payload(ctx, row); err != nil {
				return err
			}
		}
	}
	return capsules.verify(ctx)
}
