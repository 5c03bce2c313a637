package node

import (
	"fmt"
	"io"
	"log/slog"
)

// Logger is a log to out as the configuration wants it, with the node's name in
// every line. The errors are ErrConfig.
func (c *Config) Logger(out io.Writer) (*slog.Logger, error) {
	level := slog.LevelInfo
	if c.Log.Level != "" {
		if err := level.UnmarshalText([]byte(c.Log.Level)); err != nil {
			return nil, fmt.Errorf("%w: log.level is debug, info, warn or error, not %q", ErrConfig, c.Log.Level)
		}
	}
	options := &slog.HandlerOptions{Level: level}
	var handler slog.Handler
	switch c.Log.Format {
	case "", "json":
		handler = slog.NewJSONHandler(out, options)
	case "text":
		handler = slog.NewTextHandler(out, options)
	default:
		return nil, fmt.Errorf("%w: log.format is json or text, not %q", ErrConfig, c.Log.Format)
	}
	return slog.New(handler).With("node", c.Name), nil
}
