package sqlite_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/sqlite"
	"github.com/claimshare/claimshare/client/store/storetest"
)

// verdicts counts what the seals of a store say, with "deleted" for those
// without a row.
func verdicts(t *testing.T, s store.Store) map[string]int {
	t.Helper()
	ctx, found := t.Context(), map[string]int{}
	require.NoError(t, s.(store.Inspector).Inspect(ctx, func(in store.Inspection) error {
		for _, table := range in.Tables() {
			page, err := in.Page(ctx, table.Name, nil, 1000)
			require.NoError(t, err)
			for i := range page {
				verdict, err := in.Verdict(ctx, &page[i])
				require.NoError(t, err)
				if verdict == store.Altered || verdict == store.Added {
					found[verdict.String()+" "+table.Name]++
				}
				if table.Name != "row_seal" {
					continue
				}
				orphan, err := in.Orphan(ctx, &page[i])
				require.NoError(t, err)
				if orphan {
					found["deleted "+page[i].Text("table_name")]++
				}
			}
		}
		return nil
	}))
	return found
}

// Whatever is done to a sealed table by hand is found, also after the store has
// gone on working with that row and after a snapshot was restored.
func TestSealsFindEveryHand(t *testing.T) {
	type hand struct{ statement, finding string }
	hands := []hand{
		{`UPDATE record SET capsule = X'00' WHERE state = 2`, "altered record"},
		{`UPDATE record SET erased_at = 1 WHERE state = 2`, "altered record"},
		{`DELETE FROM record WHERE state = 2`, "deleted record"},
		{`INSERT INTO value (name, content) VALUES ('x', X'01')`, "added value"},
		{`UPDATE value SET content = X'' WHERE name = 'checkpoint'`, "altered value"},
		{`UPDATE value SET name = 'other' WHERE name = 'empty'`, "added value"},
		{`UPDATE value SET content = '7' WHERE name = 'checkpoint'`, "altered value"},
		{`UPDATE row_seal SET mac = X'00' WHERE table_name = 'token'`, "altered token"},
		{`DELETE FROM row_seal WHERE table_name = 'received'`, "added received"},
		{`INSERT INTO row_seal VALUES ('token', X'00', X'00')`, "deleted token"},
		{`INSERT INTO row_seal VALUES ('nothing', X'00', X'00')`, "deleted nothing"},
		{`DELETE FROM payload_file WHERE payload_id IN (SELECT payload_id FROM received)`, "deleted payload_file"},
	}
	for _, table := range []string{"journal", "token", "received", "proposal", "invitation", "evidence"} {
		hands = append(hands, hand{"DELETE FROM " + table, "deleted " + table})
	}
	for _, column := range []string{"tx_id = 'y'", "reference = 'y'", "envelope = X'00'", "saved_at = 1"} {
		hands = append(hands, hand{"UPDATE journal SET " + column, map[bool]string{true: "added journal", false: "altered journal"}[column == "tx_id = 'y'"]})
	}
	for i, h := range hands {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			ctx := t.Context()
			path := filepath.Join(t.TempDir(), "s.db")
			s, err := sqlite.Open(ctx, path, store.WithSealKey([]byte("key")))
			require.NoError(t, err)
			defer s.Close()
			ids := storetest.Fill(t, s)
			require.Empty(t, verdicts(t, s))
			db := raw(t, path)
			_, err = db.Exec(h.statement)
			require.NoError(t, err)
			require.NotZero(t, verdicts(t, s)[h.finding], h.statement)

			// The store touches these rows, and does not make them good.
			require.NoError(t, s.MarkRecorded(ctx, "again", 9, ids...))
			if h.finding != "deleted record" {
				require.NoError(t, s.Erase(ctx, ids[1], "the owner asked"))
			}
			require.NoError(t, s.SetValue(ctx, "checkpoint", []byte("8")))
			found := verdicts(t, s)
			require.NotZero(t, found[h.finding], h.statement)

			var snapshot bytes.Buffer
			_, err = s.Dump(ctx, &snapshot)
			require.NoError(t, err)
			restored := open(t, filepath.Join(t.TempDir(), "restored.db"))
			_, err = restored.Restore(ctx, &snapshot)
			require.NoError(t, err)
			if h.finding != "deleted payload_file" && h.finding != "deleted nothing" { // these are made anew
				require.Equal(t, found, verdicts(t, restored))
			}
		})
	}
}

func TestAStoreIsWrittenUnderOneKey(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "s.db")
	s, err := sqlite.Open(ctx, path, store.WithSealKey([]byte("key")))
	require.NoError(t, err)
	ids := storetest.Fill(t, s)
	require.NoError(t, s.Close())
	for _, options := range [][]store.Option{nil, {store.WithSealKey([]byte("another"))}} {
		s, err := sqlite.Open(ctx, path, options...)
		require.NoError(t, err)
		_, err = s.Record(ctx, ids[0])
		require.NoError(t, err, "it can be read")
		require.ErrorIs(t, s.SetValue(ctx, "x", nil), store.ErrSealKey)
		item, _ := storetest.NewItem(record.NewPartyID("o"), "l", 10)
		require.ErrorIs(t, s.Put(ctx, item), store.ErrSealKey)
		require.NoError(t, s.Close())
	}
	s, err = sqlite.Open(ctx, path, store.WithSealKey([]byte("key")))
	require.NoError(t, err)
	defer s.Close()
	storetest.RequireSealed(t, s)
	require.NoError(t, s.SetValue(ctx, "x", nil))
}
