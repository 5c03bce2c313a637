package leak_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/stretchr/testify/require"
	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/util"
	"google.golang.org/protobuf/proto"

	"github.com/claimshare/claimshare/network/leak"
)

const (
	name = "the canary"
	// With characters that JSON escapes and base64 writes differently.
	canary = "Canary <Jane> \"O'Hara\" \xfb\xff\xfe?>"
)

func secrets() []leak.Secret { return []leak.Secret{{Name: name, Value: []byte(canary)}} }

func search(t *testing.T, dir string) *leak.Report {
	t.Helper()
	report, err := leak.Search(t.Context(), []string{dir}, secrets())
	require.NoError(t, err)
	return report
}

// requireFound also checks that what is reported does not repeat the secret.
func requireFound(t *testing.T, dir, form, part string) *leak.Report {
	t.Helper()
	report := search(t, dir)
	var parts []string
	for _, f := range report.Findings {
		require.Equal(t, name, f.Secret)
		require.NotContains(t, f.String(), "Jane")
		if f.Form == form {
			parts = append(parts, f.Part)
		}
	}
	require.Contains(t, parts, part, "%v", report.Findings)
	return report
}

func write(t *testing.T, path string, contents []byte) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, contents, 0o600))
}

func noise(t *testing.T, size int) []byte {
	t.Helper()
	b := make([]byte, size)
	_, err := rand.Read(b)
	require.NoError(t, err)
	return b
}

func TestForms(t *testing.T) {
	value := []byte(canary)
	quoted, err := json.Marshal(canary)
	require.NoError(t, err)
	for form, written := range map[string]string{
		"raw":     canary,
		"hex":     hex.EncodeToString(value),
		"HEX":     strings.ToUpper(hex.EncodeToString(value)),
		"JSON":    string(quoted),
		"decimal": fmt.Sprintf("%v", value),
	} {
		t.Run(form, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "file"), append(noise(t, 100), written...))
			requireFound(t, dir, form, "bytes")
		})
	}
	for form, encoding := range map[string]*base64.Encoding{"base64": base64.StdEncoding, "base64url": base64.RawURLEncoding} {
		for before := range 4 {
			for after := range 4 {
				t.Run(fmt.Sprint(form, before, after), func(t *testing.T) {
					dir := t.TempDir()
					around := append(append(noise(t, before), canary...), noise(t, after)...)
					write(t, filepath.Join(dir, "file"), []byte(encoding.EncodeToString(around)))
					requireFound(t, dir, form, "bytes")
				})
			}
		}
	}
}

func TestBrokenLines(t *testing.T) {
	dir := t.TempDir()
	body := append(append(noise(t, 40), canary...), noise(t, 40)...)
	write(t, filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: body}))
	requireFound(t, dir, "base64", "bytes, lines joined")
}

// Whatever the distance from the start, no boundary of what is read at once
// hides a secret, and none is invented.
func TestWindows(t *testing.T) {
	const window = 1 << 20
	for _, before := range []int{0, window - len(canary), window - 10, window - 1, window, 3*window - 5} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "file"), append(append(noise(t, before), canary...), noise(t, 2*window)...))
		report := search(t, dir)
		require.Len(t, report.Findings, 1)
		require.EqualValues(t, before, report.Findings[0].Offset)
	}
}

func TestNoSecretNoFinding(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "file"), noise(t, 5<<20))
	write(t, filepath.Join(dir, "near"), []byte(canary[:len(canary)-1]+" "+canary[1:]))
	write(t, filepath.Join(dir, "empty"), nil)
	report := search(t, dir)
	require.Empty(t, report.Findings)
	require.Equal(t, 3, report.Files)
	require.Greater(t, report.Bytes, int64(5<<20))
}

func TestFileName(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "wallet-"+hex.EncodeToString([]byte(canary)), "empty"), nil)
	requireFound(t, dir, "hex", "name")
}

func TestBlockFile(t *testing.T) {
	dir := t.TempDir()
	envelope, err := proto.Marshal(&common.Envelope{Payload: append(noise(t, 1000), canary...), Signature: noise(t, 70)})
	require.NoError(t, err)
	block, err := proto.Marshal(&common.Block{
		Header: &common.BlockHeader{Number: 1}, Data: &common.BlockData{Data: [][]byte{noise(t, 3000), envelope}},
	})
	require.NoError(t, err)
	write(t, filepath.Join(dir, "chains", "blockfile_000000"), block)
	requireFound(t, dir, "raw", "bytes")
}

func TestGzip(t *testing.T) {
	dir := t.TempDir()
	inner := tarball(t, "code", []byte(canary+strings.Repeat("a", 1000)))
	outer := tarball(t, "code.tar.gz", inner)
	write(t, filepath.Join(dir, "package"), append(noise(t, 333), outer...))
	report := search(t, dir)
	require.NotEmpty(t, report.Findings)
	require.Contains(t, report.Findings[0].Part, "unpacked")
	require.Equal(t, 2, report.Unpacked)

	// One that was cut off holds what it held.
	cut := t.TempDir()
	write(t, filepath.Join(cut, "package"), tarball(t, "code", append([]byte(canary), noise(t, 100_000)...))[:60_000])
	require.NotEmpty(t, search(t, cut).Findings)
}

func tarball(t *testing.T, name string, contents []byte) []byte {
	t.Helper()
	var made bytes.Buffer
	packed := gzip.NewWriter(&made)
	archive := tar.NewWriter(packed)
	require.NoError(t, archive.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(contents))}))
	_, err := archive.Write(contents)
	require.NoError(t, err)
	require.NoError(t, archive.Close())
	require.NoError(t, packed.Close())
	return made.Bytes()
}

// In a compressed table the bytes of a file do not show the secret: the
// compression replaces what was there before by a reference.
func TestLevelDBTables(t *testing.T) {
	for part, put := range map[string]func(db *leveldb.DB) error{
		"LevelDB value": func(db *leveldb.DB) error { return db.Put([]byte("k"), compressible(), nil) },
		"LevelDB key":   func(db *leveldb.DB) error { return db.Put(compressible(), []byte("v"), nil) },
	} {
		t.Run(part, func(t *testing.T) {
			dir := levelDB(t, func(db *leveldb.DB) {
				require.NoError(t, put(db))
				require.NoError(t, db.CompactRange(util.Range{}))
			})
			tables, err := filepath.Glob(filepath.Join(dir, "*.ldb"))
			require.NoError(t, err)
			require.NotEmpty(t, tables)
			for _, one := range tables {
				contents, err := os.ReadFile(one)
				require.NoError(t, err)
				require.NotContains(t, string(contents), canary, "the test needs a table that hides it")
			}
			report := requireFound(t, dir, "raw", part)
			require.Positive(t, report.LevelDB)
			require.Positive(t, report.Entries)
		})
	}
}

// compressible contains the canary only as pieces of what stands before it.
func compressible() []byte {
	half := len(canary) / 2
	return []byte(canary[:half] + "." + canary[half:] + "." + canary + ".")
}

// What was deleted stays in the tables until they are merged.
func TestLevelDBKeepsWhatWasDeleted(t *testing.T) {
	dir := levelDB(t, func(db *leveldb.DB) {
		require.NoError(t, db.Put([]byte("k"), compressible(), nil))
		require.NoError(t, db.CompactRange(util.Range{}))
		require.NoError(t, db.Delete([]byte("k"), nil))
	})
	requireFound(t, dir, "raw", "LevelDB value")
}

// The log cuts its records into blocks of 32 KiB.
func TestLevelDBLog(t *testing.T) {
	const block = 32 << 10
	for before := block - 60; before < block; before += len(canary) / 2 {
		dir := levelDB(t, func(db *leveldb.DB) {
			require.NoError(t, db.Put([]byte("k"), append(noise(t, before), canary...), nil))
		})
		requireFound(t, dir, "raw", "LevelDB log")
	}
}

func TestTornLevelDBLog(t *testing.T) {
	dir := levelDB(t, func(db *leveldb.DB) {
		require.NoError(t, db.Put([]byte("k"), []byte(canary), nil))
		require.NoError(t, db.Put([]byte("l"), noise(t, 5000), nil))
	})
	logs, err := filepath.Glob(filepath.Join(dir, "*.log"))
	require.NoError(t, err)
	require.Len(t, logs, 1)
	require.NoError(t, os.Truncate(logs[0], 4000))
	requireFound(t, dir, "raw", "LevelDB log")
}

func levelDB(t *testing.T, fill func(db *leveldb.DB)) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "db")
	db, err := leveldb.OpenFile(dir, nil)
	require.NoError(t, err)
	fill(db)
	require.NoError(t, db.Close())
	return dir
}

// A value larger than a page lies on a chain of pages, each with a link before
// its share.
func TestSQLiteOverflowPages(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "store.db")
	db := sqlite(t, path)
	run(t, db, `CREATE TABLE "odd ""table" (id BLOB PRIMARY KEY, "the value" BLOB) WITHOUT ROWID`)
	value := bytes.Repeat([]byte(canary), 10_000/len(canary))
	run(t, db, `INSERT INTO "odd ""table" VALUES (?, ?)`, noise(t, 16), value)
	for i := range 50 { // somewhere the canary lies across two pages
		run(t, db, `INSERT INTO "odd ""table" VALUES (?, ?)`, noise(t, 16), append(noise(t, 4000+i), canary...))
	}
	require.NoError(t, db.Close())
	report := requireFound(t, dir, "raw", `SQLite odd "table.the value`)
	require.Equal(t, 1, report.SQLite)
	require.GreaterOrEqual(t, report.Rows, 51)
}

func TestSQLiteValueThatNoPageHoldsWhole(t *testing.T) {
	const size = 9000 // on three pages
	dir := t.TempDir()
	path := filepath.Join(dir, "store.db")
	db := sqlite(t, path)
	run(t, db, `CREATE TABLE records (value BLOB)`)
	var all []leak.Secret
	for before := 0; before < 4200; before += len(canary) / 2 {
		one := fmt.Sprintf("%s%04d", canary, before)
		all = append(all, leak.Secret{Name: fmt.Sprint(before), Value: []byte(one)})
		run(t, db, `INSERT INTO records VALUES (?)`, append(noise(t, before), append([]byte(one), noise(t, size-before)...)...))
	}
	require.NoError(t, db.Close())
	contents, err := os.ReadFile(path)
	require.NoError(t, err)
	report, err := leak.Search(t.Context(), []string{dir}, all)
	require.NoError(t, err)
	found := map[string]bool{}
	for _, f := range report.Findings {
		found[f.Secret] = found[f.Secret] || f.Part == "SQLite records.value"
	}
	hidden := 0
	for _, one := range all {
		require.True(t, found[one.Name], one)
		if !bytes.Contains(contents, one.Value) {
			hidden++
		}
	}
	require.Positive(t, hidden, "the test needs a value cut by a page")
}

func TestSQLiteWriteAheadLog(t *testing.T) {
	dir := t.TempDir()
	db := sqlite(t, filepath.Join(dir, "store.db"))
	run(t, db, `PRAGMA journal_mode = WAL`)
	run(t, db, `CREATE TABLE records (name TEXT, at TIMESTAMP, n INTEGER)`)
	run(t, db, `INSERT INTO records VALUES (?, '2026-11-22T10:00:00Z', 7)`, canary)
	require.FileExists(t, filepath.Join(dir, "store.db-wal"))
	before := files(t, dir)
	requireFound(t, dir, "raw", "SQLite records.name")
	require.Equal(t, before, files(t, dir), "the search left its traces")
	require.NoError(t, db.Close())
}

func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, entry := range entries {
		found[entry.Name()], err = os.ReadFile(filepath.Join(dir, entry.Name()))
		require.NoError(t, err)
	}
	return found
}

func sqlite(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	return db
}

func run(t *testing.T, db *sql.DB, statement string, args ...any) {
	t.Helper()
	_, err := db.Exec(statement, args...)
	require.NoError(t, err)
}

func TestRefusals(t *testing.T) {
	_, err := leak.Search(t.Context(), []string{t.TempDir()}, nil)
	require.ErrorContains(t, err, "no secret")
	_, err = leak.Search(t.Context(), []string{t.TempDir()}, []leak.Secret{{Name: "short", Value: []byte("abcde")}})
	require.ErrorContains(t, err, "short")
	require.NotContains(t, err.Error(), "abcde")
	_, err = leak.Search(t.Context(), []string{filepath.Join(t.TempDir(), "nowhere")}, secrets())
	require.ErrorIs(t, err, os.ErrNotExist)
}

// What cannot be read is told, and does not keep the rest from being searched.
func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.db"), append([]byte("SQLite format 3\x00"), noise(t, 4096)...))
	write(t, filepath.Join(dir, "leveldb", "CURRENT"), []byte("MANIFEST-000001\n"))
	write(t, filepath.Join(dir, "leveldb", "000001.ldb"), noise(t, 4096))
	write(t, filepath.Join(dir, "z"), []byte(canary))
	report, err := leak.Search(t.Context(), []string{dir}, secrets())
	require.ErrorContains(t, err, "a.db")
	require.ErrorContains(t, err, "000001.ldb")
	require.Len(t, report.Findings, 1)
}

// Thousands of secrets cost hardly more than one.
func BenchmarkSearch(b *testing.B) {
	dir := b.TempDir()
	contents := make([]byte, 64<<20)
	_, err := rand.Read(contents)
	require.NoError(b, err)
	require.NoError(b, os.WriteFile(filepath.Join(dir, "file"), contents, 0o600))
	var many []leak.Secret
	for i := range 2000 {
		value := make([]byte, 32)
		_, err := rand.Read(value)
		require.NoError(b, err)
		many = append(many, leak.Secret{Name: fmt.Sprint(i), Value: value})
	}
	b.SetBytes(int64(len(contents)))
	for b.Loop() {
		report, err := leak.Search(b.Context(), []string{dir}, many)
		require.NoError(b, err)
		require.Empty(b, report.Findings)
	}
}
