package postgres

import (
	"context"
	"fmt"

	"github.com/claimshare/claimshare/client/store/internal/sqldb"
)

// undefinedTable is the SQLSTATE for a table that is not there.
const undefinedTable = "42P01"

// Summary is what Check found.
type Summary struct {
	Schema  int64 // version of the schema; 0 of an empty database
	Records int64
}

// Check looks at the store in the database at a postgres:// URL and changes
// nothing: that the server lets one in, and that this program knows the schema.
// Its errors are those of Open.
func Check(ctx context.Context, address string) (Summary, error) {
	var s Summary
	config, err := parse(address)
	if err != nil {
		return s, err
	}
	fail := func(err error) (Summary, error) {
		return s, fmt.Errorf("the store in PostgreSQL at %s: %w", place(config), name(err))
	}
	db := open(config, 1)
	defer func() { _ = db.Close() }()
	err = db.QueryRowContext(ctx, `SELECT max(version_id) FROM goose_db_version`).Scan(&s.Schema)
	switch {
	case state(err) == undefinedTable:
		return s, nil
	case err != nil:
		return fail(err)
	}
	if err := sqldb.Known(s.Schema); err != nil {
		return s, err
	}
	if err := db.QueryRowContext(ctx, `SELECT count(*) FROM record`).Scan(&s.Records); err != nil {
		return fail(err)
	}
	return s, nil
}
