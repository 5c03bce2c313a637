package audit

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver
)

// seen is what payloads the database has, on disk: there may be millions.
type seen struct{ db *sql.DB }

// payloadSum is size and SHA-256 of a payload's content, and the table it is in.
type payloadSum struct {
	id    []byte
	table string
	parts int64 // chunks
	size  int64
	sum   []byte
}

func newSeen(ctx context.Context, folder string) (*seen, error) {
	// Nothing in it is of use after a crash.
	q := url.Values{"_pragma": {"journal_mode(OFF)", "synchronous(OFF)"}}
	path := filepath.Join(folder, "payloads.db")
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	_, err = db.ExecContext(ctx, `DROP TABLE IF EXISTS payload; CREATE TABLE payload (id BLOB NOT NULL PRIMARY KEY,
		kept TEXT NOT NULL, parts INTEGER NOT NULL, size INTEGER NOT NULL, sum BLOB NOT NULL, named INTEGER NOT NULL) WITHOUT ROWID`)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &seen{db}, nil
}

// add notes payloads, at once.
func (s *seen) add(ctx context.Context, all []payloadSum) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for _, p := range all {
		if _, err := tx.ExecContext(ctx, `INSERT INTO payload VALUES ($1, $2, $3, $4, $5, 0) ON CONFLICT DO NOTHING`,
			p.id, p.table, p.parts, p.size, p.sum); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// name answers the payload with an id, nil when it was not there, and notes that
// a row names it.
func (s *seen) name(ctx context.Context, id []byte) (*payloadSum, error) {
	p := &payloadSum{id: id}
	err := s.db.QueryRowContext(ctx, `UPDATE payload SET named = 1 WHERE id = $1 RETURNING kept, parts, size, sum`, id).
		Scan(&p.table, &p.parts, &p.size, &p.sum)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return p, err
}

// nameless answers up to limit payloads behind after that no row has named.
func (s *seen) nameless(ctx context.Context, after []byte, limit int) ([]payloadSum, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT id, kept FROM payload WHERE named = 0 AND id > $1 ORDER BY id LIMIT $2`, after, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []payloadSum
	for rows.Next() {
		var p payloadSum
		if err := rows.Scan(&p.id, &p.table); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, rows.Err()
}

func (s *seen) close() error { return s.db.Close() }
