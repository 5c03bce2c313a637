package node

import (
	"os"
	"path/filepath"
)

// folders are where the node writes, by name.
func (c *Config) folders() map[string]string {
	all := map[string]string{}
	if !c.PostgreSQL() {
		all["store"] = filepath.Dir(c.Store)
	}
	if c.Payloads != "" {
		// Made with the first large payload.
		all["payloads"] = c.Payloads
		if _, err := os.Stat(c.Payloads); err != nil {
			all["payloads"] = filepath.Dir(c.Payloads)
		}
	}
	return all
}

// storeBytes is the size of an SQLite database, 0 of another one. Large payloads
// are beside it.
func (c *Config) storeBytes() (sum int64) {
	if c.PostgreSQL() {
		return 0
	}
	for _, end := range []string{"", "-wal"} {
		if info, err := os.Stat(c.Store + end); err == nil {
			sum += info.Size()
		}
	}
	return sum
}

// storeKind names the engine.
func (c *Config) storeKind() string {
	if c.PostgreSQL() {
		return "postgresql"
	}
	return "sqlite"
}
