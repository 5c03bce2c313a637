package leak

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/syndtr/goleveldb/leveldb/journal"
	"github.com/syndtr/goleveldb/leveldb/opt"
	"github.com/syndtr/goleveldb/leveldb/storage"
	"github.com/syndtr/goleveldb/leveldb/table"
)

// The files of a LevelDB database are read one by one instead of through the
// database, which would not show what has been overwritten or deleted and is
// still in them.

// table reads the keys and values of a sorted table, decompressed.
func (s *search) table(ctx context.Context, path string, file io.ReaderAt, size int64) error {
	reader, err := table.NewReader(file, size, storage.FileDesc{Type: storage.TypeTable}, nil, nil, &opt.Options{})
	if err != nil {
		return fmt.Errorf("read the LevelDB table: %w", err)
	}
	defer reader.Release()
	s.report.LevelDB++
	entries := reader.NewIterator(nil, nil)
	defer entries.Release()
	for entries.Next() {
		s.report.Entries++
		err := errors.Join(
			s.value(ctx, place{path, "LevelDB key"}, entries.Key()),
			s.value(ctx, place{path, "LevelDB value"}, entries.Value()),
		)
		if err != nil {
			return err
		}
	}
	if err := entries.Error(); err != nil {
		return fmt.Errorf("read the LevelDB table: %w", err)
	}
	return nil
}

// log reads the records of a write-ahead log, put together again. The end may
// be torn, if the database was killed.
func (s *search) log(ctx context.Context, path string, file io.Reader) error {
	s.report.LevelDB++
	records := journal.NewReader(file, nil, false, true)
	for {
		one, err := records.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the LevelDB log: %w", err)
		}
		s.report.Entries++
		var whole bytes.Buffer
		if _, err := whole.ReadFrom(one); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("read the LevelDB log: %w", err)
		}
		if err := s.value(ctx, place{path, "LevelDB log"}, whole.Bytes()); err != nil {
			return err
		}
	}
}
