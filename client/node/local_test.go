package node

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/document"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
)

// What is wrong with a document quotes the document. The operator sees that; the
// log, which others read, does not.
func TestTheLogQuotesNoDocument(t *testing.T) {
	var text bytes.Buffer
	l := newLocal(slog.New(slog.NewTextHandler(&text, nil)))
	_, invalid := document.Parse(record.KindPolicy, []byte(`{"schema": "Sam Specimen", "currency": "Elm Street"}`))
	require.ErrorContains(t, invalid, "Sam Specimen")
	err := l.call(t.Context(), nodev1.OperatorService_Issue_FullMethodName, func(context.Context) error { return invalid })
	require.ErrorContains(t, err, "Sam Specimen")
	require.Contains(t, text.String(), "Issue")
	require.NotContains(t, text.String(), "Specimen")
	require.NotContains(t, text.String(), "Elm")

	err = l.call(t.Context(), nodev1.OperatorService_Issue_FullMethodName, func(context.Context) error { return record.ErrExpelled })
	require.Error(t, err)
	require.Contains(t, text.String(), string(record.ErrExpelled.Code))
}

// A node that cannot open its keys, its database or its connection says so.
func TestANodeThatCannotOpenSaysWhy(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "pass"), []byte("a passphrase\n"), 0o600))
	config := &Config{Role: "insurer", Store: filepath.Join(dir, "node.db"), Keys: filepath.Join(dir, "none.key"), PassphraseFile: filepath.Join(dir, "pass")}
	err := Run(t.Context(), config, slog.New(slog.DiscardHandler), func(Serving) error { return nil })
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "none.key")
}
