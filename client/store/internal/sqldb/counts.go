package sqldb

import (
	"context"
	"fmt"

	"github.com/claimshare/claimshare/client/store"
)

// Counts implements store.Counter.
func (db *DB) Counts(ctx context.Context) (store.Counts, error) {
	var c store.Counts
	for _, of := range []struct {
		count *uint64
		rows  string
	}{
		// The condition on the states under way is that of an index.
		{&c.Pending, `record WHERE state < 2 AND state = 0`},
		{&c.Submitted, `record WHERE state < 2 AND state = 1`},
		{&c.Refused, `record WHERE state = 3`},
		{&c.Records, `record`},
		{&c.Proposals, `proposal WHERE declined = ''`},
		{&c.Journal, `journal`},
		{&c.Tokens, `token WHERE destroyed_at = 0`},
		{&c.Received, `received`},
		{&c.Unacknowledged, `received WHERE ack_tx_id = ''`},
		{&c.Findings, `evidence`},
	} {
		if err := db.read.QueryRowContext(ctx, `SELECT count(*) FROM `+of.rows).Scan(of.count); err != nil {
			return store.Counts{}, fmt.Errorf("count %s: %w", of.rows, err)
		}
	}
	return c, nil
}
