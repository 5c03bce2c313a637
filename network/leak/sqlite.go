package leak

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

var sqliteMagic = []byte("SQLite format 3\x00")

// sqlite reads every column of every table of a copy of the database: to open
// the original would write to it.
func (s *search) sqlite(ctx context.Context, path string) (err error) {
	dir, err := os.MkdirTemp("", "claimshare-leak-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	copied := filepath.Join(dir, "copy")
	for _, suffix := range []string{"", "-wal"} {
		if err := copyFile(copied+suffix, path+suffix); err != nil && (suffix == "" || !errors.Is(err, os.ErrNotExist)) {
			return err
		}
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: copied, RawQuery: "_pragma=trusted_schema(OFF)"}).String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	s.report.SQLite++
	tables, err := texts(ctx, db, `SELECT name FROM sqlite_master WHERE type = 'table' UNION ALL SELECT 'sqlite_master'`)
	if err != nil {
		return fmt.Errorf("read the SQLite database: %w", err)
	}
	for _, table := range tables {
		if err := s.sqliteTable(ctx, db, path, table); err != nil {
			return fmt.Errorf("read the SQLite table %s: %w", table, err)
		}
	}
	return nil
}

func (s *search) sqliteTable(ctx context.Context, db *sql.DB, path, table string) error {
	columns, err := texts(ctx, db, `SELECT name FROM pragma_table_xinfo(?)`, table)
	if err != nil {
		return err
	}
	// As bytes: the driver would make times of texts.
	selected := make([]string, len(columns))
	for i, column := range columns {
		selected[i] = "CAST(" + quoted(column) + " AS BLOB)"
	}
	rows, err := db.QueryContext(ctx, "SELECT "+strings.Join(selected, ", ")+" FROM "+quoted(table))
	if err != nil {
		return err
	}
	defer rows.Close()
	values, into := make([]sql.RawBytes, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		s.report.Rows++
		for i, value := range values {
			if err := s.value(ctx, place{path, "SQLite " + table + "." + columns[i]}, value); err != nil {
				return err
			}
		}
	}
	return rows.Err()
}

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func texts(ctx context.Context, db *sql.DB, query string, args ...any) ([]string, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var one string
		if err := rows.Scan(&one); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

func copyFile(to, from string) (err error) {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	_, err = io.Copy(target, source)
	return err
}
