package node

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheLogIsAsConfigured(t *testing.T) {
	for _, c := range []struct {
		logging  Logging
		expected string // of what is logged at levels debug, info and warn
	}{
		{Logging{}, `(?s)^\{[^\n]*"msg":"two","node":"shop"\}\n[^\n]*"three"[^\n]*\n$`},
		{Logging{Level: "debug", Format: "json"}, `(?s)^\{.*"one".*"two".*"three"`},
		{Logging{Level: "warn", Format: "text"}, `^time=\S+ level=WARN msg=three node=shop\n$`},
	} {
		var out bytes.Buffer
		log, err := (&Config{Name: "shop", Log: c.logging}).Logger(&out)
		require.NoError(t, err)
		log.Debug("one")
		log.Info("two")
		log.Warn("three")
		require.Regexp(t, c.expected, out.String())
	}
	for _, wrong := range []Logging{{Level: "loud"}, {Format: "xml"}} {
		_, err := (&Config{Log: wrong}).Logger(&bytes.Buffer{})
		require.ErrorIs(t, err, ErrConfig)
	}
}
