package leak

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// visit searches one directory entry: its name, the bytes of a file, and what a
// database keeps in them.
func (s *search) visit(ctx context.Context, path string, entry fs.DirEntry) error {
	if err := s.value(ctx, place{path, "name"}, []byte(entry.Name())); err != nil {
		return err
	}
	if !entry.Type().IsRegular() {
		return nil
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	s.report.Files++
	if err := s.content(ctx, place{path, "bytes"}, file, info.Size(), 0); err != nil {
		return err
	}
	switch kind, err := kindOf(path, file); {
	case err != nil:
		return err
	case kind == levelDBTable:
		return s.table(ctx, path, file, info.Size())
	case kind == levelDBLog:
		return s.log(ctx, path, io.NewSectionReader(file, 0, info.Size()))
	case kind == sqliteFile:
		return s.sqlite(ctx, path)
	}
	return nil
}

type kind int

const (
	plain kind = iota
	levelDBTable
	levelDBLog
	sqliteFile
)

func kindOf(path string, file io.ReaderAt) (kind, error) {
	header := make([]byte, len(sqliteMagic))
	if n, err := file.ReadAt(header, 0); n == len(header) && bytes.Equal(header, sqliteMagic) {
		return sqliteFile, nil
	} else if err != nil && !errors.Is(err, io.EOF) {
		return plain, err
	}
	// Every LevelDB database has this file beside its others.
	_, err := os.Stat(filepath.Join(filepath.Dir(path), "CURRENT"))
	if os.IsNotExist(err) {
		return plain, nil
	}
	if err != nil {
		return plain, err
	}
	switch filepath.Ext(path) {
	case ".ldb", ".sst":
		return levelDBTable, nil
	case ".log":
		return levelDBLog, nil
	}
	return plain, nil
}
