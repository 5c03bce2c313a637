package trace

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryLineSaysItsRequest(t *testing.T) {
	var out bytes.Buffer
	log := Logger(slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))).With("node", "a")
	lines := func() (all []map[string]any) {
		for d := json.NewDecoder(&out); d.More(); {
			var line map[string]any
			require.NoError(t, d.Decode(&line))
			all = append(all, line)
		}
		return all
	}
	ctx := With(t.Context(), "claim-7")
	log.InfoContext(ctx, "one", "b", 1)
	log.With("c", 2).DebugContext(ctx, "two")
	for _, line := range lines() {
		require.Equal(t, "claim-7", line["request"])
		require.Equal(t, "a", line["node"])
	}
	log.InfoContext(ctx, "once", LogKey, "claim-8")
	require.NotContains(t, out.String(), "claim-7")
	require.Equal(t, "claim-8", lines()[0]["request"])
	log.Info("of no request")
	require.NotContains(t, lines()[0], "request")
}
