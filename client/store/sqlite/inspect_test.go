package sqlite

import (
	"database/sql"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/client/store"
)

// TestInspectSeesEverything: an inspection knows every table and every column of
// the schema, and the keys.
func TestInspectSeesEverything(t *testing.T) {
	path := filepath.Join(t.TempDir(), "party.db")
	s, err := Open(t.Context(), path)
	require.NoError(t, err)
	defer s.Close()
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	defer db.Close()
	found := map[string][2][]string{} // columns and key
	rows, err := db.Query(`SELECT t.name, c.name, c.pk FROM sqlite_schema t JOIN pragma_table_info(t.name) c
		WHERE t.type = 'table' ORDER BY t.name, c.pk, c.cid`)
	require.NoError(t, err)
	for rows.Next() {
		var table, column string
		var key int
		require.NoError(t, rows.Scan(&table, &column, &key))
		if strings.HasPrefix(table, "goose_") || strings.HasPrefix(table, "sqlite_") {
			continue
		}
		f := found[table]
		f[0] = append(f[0], column)
		if key > 0 {
			f[1] = append(f[1], column)
		}
		found[table] = f
	}
	require.NoError(t, rows.Err())
	require.NoError(t, s.(store.Inspector).Inspect(t.Context(), func(in store.Inspection) error {
		require.Len(t, in.Tables(), len(found))
		for _, table := range in.Tables() {
			f := found[table.Name]
			require.Equal(t, f[1], table.Key, table.Name)
			require.ElementsMatch(t, f[0], table.Columns, table.Name)
			require.Equal(t, len(f[0]), len(slices.Compact(slices.Sorted(slices.Values(table.Columns)))))
			page, err := in.Page(t.Context(), table.Name, nil, 10)
			require.NoError(t, err)
			if table.Name == "store_identity" || table.Name == "row_seal" {
				require.Len(t, page, 1, "a new store knows which it is")
				continue
			}
			require.Empty(t, page)
		}
		return nil
	}))
}
