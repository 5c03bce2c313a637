package trace

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/metadata"
)

func TestFollowsFromNodeToNode(t *testing.T) {
	first := Outgoing(metadata.AppendToOutgoingContext(t.Context(), "other", "kept"))
	id := ID(first)
	require.True(t, wellFormed(id), id)
	sent, _ := metadata.FromOutgoingContext(first)
	require.Equal(t, []string{"kept"}, sent.Get("other"))
	second := Incoming(metadata.NewIncomingContext(context.Background(), sent))
	require.Equal(t, id, ID(second))
	again, _ := metadata.FromOutgoingContext(Outgoing(Outgoing(second)))
	require.Equal(t, []string{id}, again.Get(Header), "once, however often")
	require.NotEqual(t, id, ID(Outgoing(t.Context())))
}

func TestWhatACallerMayNotChoose(t *testing.T) {
	for _, got := range [][]string{nil, {""}, {"a b"}, {"a\nb"}, {"é"}, {strings.Repeat("a", MaxLength+1)}, {"a", "b"}} {
		ctx := Incoming(metadata.NewIncomingContext(t.Context(), metadata.MD{Header: got}))
		require.True(t, wellFormed(ID(ctx)))
		require.NotContains(t, got, ID(ctx))
	}
	require.Empty(t, ID(t.Context()))
}
