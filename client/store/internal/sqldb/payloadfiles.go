package sqldb

import (
	"encoding/hex"
	"io"
	"os"
)

// OpenPayloadFile opens a payload that is a file, or answers fs.ErrNotExist. It
// is for an audit, as StrangePayloadFiles is.
func (db *DB) OpenPayloadFile(id []byte) (io.ReadCloser, error) {
	f, err := db.folder.open(id)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// StrangePayloadFiles names what is in the folder of payloads and can be no
// payload of this store. Payloads that no row names are swept away whenever the
// store is opened.
func (db *DB) StrangePayloadFiles() ([]string, error) {
	if db.folder.path == "" {
		return nil, nil
	}
	there, err := db.folder.check()
	if err != nil || !there {
		return nil, err
	}
	entries, err := os.ReadDir(db.folder.path)
	var names []string
	for _, entry := range entries {
		name := entry.Name()
		if id, bad := hex.DecodeString(name); bad == nil && len(id) == payloadIDSize && entry.Type().IsRegular() || name == ownerFile {
			continue
		}
		names = append(names, name)
	}
	return names, err
}

// payloadIDSize is the length of a payload's id in bytes.
const payloadIDSize = 16
