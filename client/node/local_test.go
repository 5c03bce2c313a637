package node

import (
	"bytes"
	"context"
	"log/slog"
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
