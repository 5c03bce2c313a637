package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"io/fs"

	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/crypto/pre"
)

// Where payloads are kept.
const (
	chunkTable = "payload_chunk" // up to 256 KiB
	fileTable  = "payload_file"
)

// chunks sums payloads up whose chunks come in the order of their keys.
type chunks struct {
	id    []byte
	parts int64
	size  int64
	sum   hash.Hash
	done  []payloadSum
}

func (c *chunks) end() {
	if c.sum != nil {
		c.done = append(c.done, payloadSum{id: c.id, table: chunkTable, parts: c.parts, size: c.size, sum: c.sum.Sum(nil)})
	}
	c.sum = nil
}

// add takes the next chunk; false if it does not continue its payload.
func (c *chunks) add(row *store.Row) bool {
	id, content := row.Bytes("payload_id"), row.Bytes("content")
	if c.sum == nil || !bytes.Equal(id, c.id) {
		c.end()
		c.id, c.parts, c.size, c.sum = id, 0, 0, sha256.New()
	}
	if row.Int("seq") != c.parts {
		return false
	}
	c.parts++
	c.size += int64(len(content))
	c.sum.Write(content)
	return true
}

// collect sums up all payloads that the database has. What the rows name is
// compared with it afterwards.
func (r *run) collect(ctx context.Context) error {
	if err := r.collectChunks(ctx); err != nil {
		return err
	}
	return r.collectFiles(ctx)
}

func (r *run) collectChunks(ctx context.Context) error {
	const page = 32 // of 256 KiB
	sums := &chunks{}
	err := r.pages(ctx, chunkTable, page, func(_ *moment, rows []store.Row) error {
		for i := range rows {
			if !sums.add(&rows[i]) {
				r.wrong(&rows[i], Extra, "", doExtra, "the chunks before it are not here")
			}
		}
		done := sums.done
		sums.done = nil
		return r.seen.add(ctx, done)
	})
	if err != nil {
		return err
	}
	sums.end()
	return r.seen.add(ctx, sums.done)
}

func (r *run) collectFiles(ctx context.Context) error {
	var rows []store.Row
	err := r.pages(ctx, fileTable, pageSize, func(_ *moment, page []store.Row) error {
		rows = page
		return nil
	}, func() error { // outside of the moment: files may be large
		var sums []payloadSum
		for i := range rows {
			p, err := r.file(ctx, rows[i].Bytes("payload_id"))
			if err != nil {
				return err
			}
			if p != nil {
				sums = append(sums, *p)
			}
		}
		return r.seen.add(ctx, sums)
	})
	return err
}

// file sums a payload's file up; nil when there is none.
func (r *run) file(ctx context.Context, id []byte) (*payloadSum, error) {
	f, err := r.Store.OpenPayloadFile(id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sum := sha256.New()
	size, err := io.Copy(sum, interruptible{ctx, f})
	return &payloadSum{id: id, table: fileTable, size: size, sum: sum.Sum(nil)}, err
}

// interruptible reads until the context ends.
type interruptible struct {
	ctx context.Context
	io.Reader
}

// Read implements io.Reader.
func (i interruptible) Read(b []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.Reader.Read(b)
}

// payload compares the payload that a row names with what its capsule says.
func (m *moment) payload(ctx context.Context, row *store.Row) error {
	size, digest := row.Int("payload_size"), row.Bytes("payload_digest")
	if capsule, err := pre.ParseCapsule(row.Bytes("capsule")); err == nil {
		sum := capsule.Payload()
		size, digest = int64(sum.Size), sum.SHA256[:]
	}
	id := row.Bytes("payload_id")
	table, key := at(row)
	have, err := m.seen.name(ctx, id)
	if err == nil && have == nil {
		have, err = m.fresh(ctx, id)
	}
	switch {
	case err != nil:
		return err
	case have == nil:
		if !m.later(table, row.Key()) {
			home, k := m.home(ctx, id)
			m.gone(home, k, doLost, "the payload of %s %s is not here", table, key)
		}
	case have.size != size || !bytes.Equal(have.sum, digest):
		m.find(spoiled(have, size, table+" "+key))
	}
	return nil
}

// spoiled is the finding about a payload that is not what its capsule names.
func spoiled(have *payloadSum, size int64, of string) Finding {
	f := Finding{Kind: Altered, Table: have.table, Row: store.KeyText([]any{have.id, int64(0)}), Column: "content", Do: doLost,
		What: "the payload of " + of + " is not the one that its capsule names"}
	switch {
	case have.table == fileTable:
		f.Row, f.Column, f.What = store.KeyText([]any{have.id}), "", "the file with the payload of "+of+" is not the one that its capsule names"
	case have.size > size && have.parts > 1:
		f.Kind, f.Row, f.Column = Extra, store.KeyText([]any{have.id, have.parts - 1}), ""
		f.What, f.Do = "the payload of "+of+" ends before it", doExtra
	}
	return f
}

// home is the table that a payload should be in, and its key there.
func (m *moment) home(ctx context.Context, id []byte) (table string, k key) {
	if _, err := m.Row(ctx, fileTable, id); err == nil {
		return fileTable, key{id}
	}
	return chunkTable, key{id, int64(0)}
}

// fresh sums up a payload that has come since all were collected.
func (m *moment) fresh(ctx context.Context, id []byte) (*payloadSum, error) {
	sums := &chunks{}
	for seq := int64(0); ; seq++ {
		row, err := m.Row(ctx, chunkTable, id, seq)
		if errors.Is(err, store.ErrNotFound) {
			break
		}
		if err != nil {
			return nil, err
		}
		sums.add(row)
	}
	if sums.end(); len(sums.done) > 0 {
		return &sums.done[0], nil
	}
	_, err := m.Row(ctx, fileTable, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return m.file(ctx, id)
}

// nameless finds payloads that no row names, and files that no payload is in.
func (r *run) nameless(ctx context.Context) error {
	after := []byte{}
	for {
		page, err := r.seen.nameless(ctx, after, pageSize)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return r.strangers()
		}
		after = page[len(page)-1].id
		err = r.moment(ctx, func(m *moment) error {
			for _, p := range page {
				if err := m.stillNameless(ctx, p); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

// stillNameless makes sure that a payload has not been removed since, as that of
// an erased record is.
func (m *moment) stillNameless(ctx context.Context, p payloadSum) error {
	k := []any{p.id}
	if p.table == chunkTable {
		k = append(k, int64(0))
	}
	_, err := m.Row(ctx, p.table, k...)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err == nil {
		m.find(Finding{Kind: Extra, Table: p.table, Row: store.KeyText(k), What: "no row names this payload", Do: doExtra})
	}
	return err
}

// strangers finds what is in the folder of payloads and does not belong there.
func (r *run) strangers() error {
	names, err := r.Store.StrangePayloadFiles()
	if err != nil {
		return err
	}
	for _, name := range names {
		r.find(Finding{Kind: Extra, Table: fileTable, Row: name, What: "the folder of payloads has a file of this name, which is none", Do: "move it away"})
	}
	return nil
}
