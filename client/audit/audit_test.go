package audit_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/client/audit"
	"github.com/claimshare/claimshare/client/internal/nodetest"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/sqlite"
)

var sealKey = []byte("the seals' key of this test's party")

// rawDB is the database below a store, as somebody sees it who has its password.
type rawDB struct {
	*sql.DB
	payloads string // the folder of large ones
}

func openSQLite(t *testing.T) (store.Store, *rawDB) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "party.db")
	s, err := sqlite.Open(t.Context(), path, store.WithSealKey(sealKey))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	raw, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(10000)")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, raw.Close()) })
	return s, &rawDB{raw, path + ".payloads"}
}

// engines are the databases that everything is shown on.
var engines = map[string]opener{"SQLite": openSQLite}

func (s *stage) auditor(t *testing.T, x *actor) *audit.Auditor {
	t.Helper()
	a, err := audit.New(t.Context(), audit.Config{
		Party: x.keys.ID(), Store: x.db.(audit.Database), Chaincode: nodetest.Chaincode, Blocks: s.blocks,
		Folder: t.TempDir(), Patience: time.Millisecond,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.Close()) })
	return a
}

// TestComplete: nothing is found in databases that only this program has written.
func TestComplete(t *testing.T) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, open)
			s.fill(t)
			for who, x := range map[string]*actor{"shop": s.shop, "insurer": s.insurer, "proxy": s.proxy} {
				report, err := s.auditor(t, x).Run(t.Context())
				require.NoError(t, err)
				require.Empty(t, report.Findings, who)
				require.True(t, report.Complete)
				require.Equal(t, s.blocks.height(), report.Blocks)
				last := s.blocks.blocks[len(s.blocks.blocks)-1]
				require.Equal(t, fmt.Sprintf("complete up to block %d (hash %x)", last.Number, last.Hash), report.Summary())
			}
		})
	}
}

// TestEveryRowAndColumn: in every table of a filled database, each column of
// every row is altered, each row deleted, and each row added once more under
// another key. The audit must name table and row every time.
func TestEveryRowAndColumn(t *testing.T) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, open)
			s.fill(t)
			filled := map[string]bool{}
			for who, x := range map[string]*actor{"shop": s.shop, "insurer": s.insurer, "proxy": s.proxy} {
				t.Run(who, func(t *testing.T) { tamper(t, s, x, filled) })
			}
			for table, has := range filled {
				require.True(t, has, "table %s was empty everywhere", table)
			}
		})
	}
}

func tamper(t *testing.T, s *stage, x *actor, filled map[string]bool) {
	t.Helper()
	a := s.auditor(t, x)
	var rows []store.Row
	var tables []*store.Table
	require.NoError(t, x.db.(store.Inspector).Inspect(t.Context(), func(in store.Inspection) error {
		tables = in.Tables()
		for _, table := range tables {
			page, err := in.Page(t.Context(), table.Name, nil, 1000)
			require.NoError(t, err)
			rows = append(rows, page...)
			filled[table.Name] = filled[table.Name] || len(page) > 0
		}
		for i := range rows {
			for c, v := range rows[i].Values {
				if b, ok := v.([]byte); ok && len(b) == 0 {
					rows[i].Values[c] = []byte{} // not NULL
				}
			}
		}
		return nil
	}))
	tries := 0
	seen := map[string]int{}
	for i := range rows {
		row := &rows[i]
		if seen[row.Table.Name]++; seen[row.Table.Name] > soak(2, 1000) { // the others are like them
			continue
		}
		for c, column := range row.Table.Columns {
			for _, other := range alterations(row.Values[c]) {
				x.raw.exec(t, "UPDATE "+row.Table.Name+" SET "+column+" = $1 WHERE "+where(row, 1), append([]any{other}, row.Key()...)...)
				requireNamed(t, a, row, column, fmt.Sprintf("altered to %v", other))
				altered := *row
				altered.Values = append([]any{}, row.Values...)
				altered.Values[c] = other
				x.raw.exec(t, "UPDATE "+row.Table.Name+" SET "+column+" = $1 WHERE "+where(&altered, 1), append([]any{row.Values[c]}, altered.Key()...)...)
				tries++
			}
		}
		x.raw.exec(t, "DELETE FROM "+row.Table.Name+" WHERE "+where(row, 0), row.Key()...)
		requireNamed(t, a, row, "", "deleted")
		x.raw.insert(t, row)
		tries++
		added := *row
		added.Values = append([]any{}, row.Values...)
		for k, column := range row.Table.Columns {
			if column == row.Table.Key[len(row.Table.Key)-1] {
				added.Values[k] = alterations(row.Values[k])[0]
			}
		}
		x.raw.insert(t, &added)
		requireNamed(t, a, &added, "", "added")
		x.raw.exec(t, "DELETE FROM "+added.Table.Name+" WHERE "+where(&added, 0), added.Key()...)
		tries++
	}
	report, err := a.Run(t.Context())
	require.NoError(t, err)
	require.Empty(t, report.Findings, "everything is as before")
	t.Logf("%d changes by hand in %d tables of %d", tries, len(seen), len(tables))
}

// alterations are other values of the same type.
func alterations(v any) []any {
	switch v := v.(type) {
	case int64:
		return []any{v + 100}
	case string:
		return []any{v + "x"}
	case []byte:
		other := append([]byte{}, v...)
		if len(other) == 0 {
			return []any{[]byte{1}}
		}
		other[len(other)-1] ^= 1
		return []any{other}
	}
	panic(fmt.Sprintf("a value of type %T", v))
}

// where is the condition for a row's key, with parameters behind n others.
func where(row *store.Row, n int) string {
	var terms []string
	for i, column := range row.Table.Key {
		terms = append(terms, column+" = $"+strconv.Itoa(n+i+1))
	}
	return strings.Join(terms, " AND ")
}

func (r *rawDB) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	done, err := r.ExecContext(t.Context(), query, args...)
	require.NoError(t, err, query)
	n, err := done.RowsAffected()
	require.NoError(t, err)
	require.EqualValues(t, 1, n, query)
}

func (r *rawDB) insert(t *testing.T, row *store.Row) {
	t.Helper()
	places := make([]string, len(row.Values))
	for i := range places {
		places[i] = "$" + strconv.Itoa(i+1)
	}
	r.exec(t, "INSERT INTO "+row.Table.Name+" ("+strings.Join(row.Table.Columns, ", ")+") VALUES ("+strings.Join(places, ", ")+")", row.Values...)
}

// TestPayloadFiles: files of payloads are altered, cut, taken away, and others put
// beside them.
func TestPayloadFiles(t *testing.T) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, open)
			id := s.keep(t, 400_000)
			s.submit(t, id)
			a := s.auditor(t, s.shop)
			files, err := filepath.Glob(filepath.Join(s.shop.raw.payloads, "*"))
			require.NoError(t, err)
			require.Len(t, files, 2, "the payload, and whose folder it is")
			path := files[0]
			if filepath.Base(path) == "STORE" {
				path = files[1]
			}
			whole, err := os.ReadFile(path)
			require.NoError(t, err)
			named := func(table, row string, kind audit.Kind) {
				t.Helper()
				report, err := a.Run(t.Context())
				require.NoError(t, err)
				require.Len(t, report.Findings, 1)
				require.Equal(t, []string{table, row, string(kind)}, []string{report.Findings[0].Table, report.Findings[0].Row, string(report.Findings[0].Kind)})
			}
			altered := append([]byte{}, whole...)
			altered[300_000] ^= 1
			for _, other := range [][]byte{altered, whole[:len(whole)-1], append(altered[:0:0], append(whole, 1)...), {}} {
				require.NoError(t, os.WriteFile(path, other, 0o600))
				named("payload_file", filepath.Base(path), audit.Altered)
			}
			require.NoError(t, os.Remove(path))
			named("payload_file", filepath.Base(path), audit.Missing)
			require.NoError(t, os.WriteFile(path, whole, 0o600))
			stranger := filepath.Join(s.shop.raw.payloads, "notes.txt")
			require.NoError(t, os.WriteFile(stranger, nil, 0o600))
			named("payload_file", "notes.txt", audit.Extra)
			require.NoError(t, os.Remove(stranger))
			report, err := a.Run(t.Context())
			require.NoError(t, err)
			require.True(t, report.Complete)
		})
	}
}

// requireNamed wants a finding about the row. A wrong seal is a finding about the
// row that it seals, and a wrong identity of a payload one about who names it.
func requireNamed(t *testing.T, a *audit.Auditor, row *store.Row, column, what string) {
	t.Helper()
	report, err := a.Run(t.Context())
	require.NoError(t, err)
	require.False(t, report.Complete)
	table, key := row.Table.Name, store.KeyText(row.Key())
	if table == "row_seal" {
		table, key = row.Text("table_name"), ""
	}
	for _, f := range report.Findings {
		require.NotEmpty(t, f.What)
		require.NotEmpty(t, f.Do)
		if f.Table == table && (key == "" || f.Row == key) {
			return
		}
	}
	require.Fail(t, "not named", "%s %s %s %s: %v", table, key, column, what, report.Findings)
}

// soak chooses between the everyday dose and the long one.
func soak(small, full int) int {
	if os.Getenv("CLAIMSHARE_SOAK") == "1" {
		return full
	}
	return small
}
