package sqldb

import (
	"context"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/store"
)

const entryColumns = `record_id, kind, label, owner, owner_pid, issuer, issuer_pid, capsule, payload_size,
	payload_digest, statement, owner_signature, issuer_signature, state, submission, reason, tx_id, block,
	created_at, updated_at, erased_at, erased_reason`

func scanEntry(row scanner) (*store.Entry, error) {
	var (
		e                store.Entry
		block            int64
		created, updated int64
		erased           int64
	)
	err := row.Scan(fixed(e.RecordID[:]), &e.Kind, &e.Label, fixed(e.Owner[:]), &e.OwnerPID,
		fixed(e.Issuer[:]), &e.IssuerPID, &e.Capsule, &e.PayloadSize, fixed(e.PayloadDigest[:]), &e.Statement,
		fixed(e.OwnerSignature[:]), fixed(e.IssuerSignature[:]), &e.State, &e.Submission, &e.Reason,
		&e.TxID, &block, &created, &updated, &erased, &e.ErasedReason)
	if err != nil {
		return nil, err
	}
	e.Block = uint64(block)
	e.Created, e.Updated = fromMillis(created), fromMillis(updated)
	if erased != 0 {
		e.Erased = fromMillis(erased)
	}
	return &e, nil
}

// Put implements store.Records.
func (db *DB) Put(ctx context.Context, items ...store.Item) (err error) {
	payloads := make([]payload, 0, len(items))
	for _, item := range items {
		p, err := db.stage(ctx, item.Payload, item.Entry.PayloadSize, item.Entry.PayloadDigest)
		if err != nil {
			return db.release(fmt.Errorf("record %s: %w", item.Entry.RecordID, err), payloads...)
		}
		payloads = append(payloads, p)
	}
	err = db.update(ctx, func(tx txn) error { return db.insertEntries(ctx, tx, items, payloads) })
	reach("payload adopted")
	return db.release(err, payloads...)
}

func (db *DB) insertEntries(ctx context.Context, tx txn, items []store.Item, payloads []payload) error {
	for i := range items {
		e := &items[i].Entry
		err := tx.insert(ctx, "record", entryRow(e, payloads[i].id))
		if err := db.exists(err, e.RecordID); err != nil {
			return err
		}
		if err := adopt(ctx, tx, payloads[i]); err != nil {
			return err
		}
	}
	return nil
}

// entryRow is the row of a pending entry with a payload that is there already.
func entryRow(e *store.Entry, payloadID []byte) []any {
	at := now()
	return []any{e.RecordID[:], int64(e.Kind), e.Label, e.Owner[:], e.OwnerPID, e.Issuer[:], e.IssuerPID,
		notNull(e.Capsule), payloadID, e.PayloadSize, e.PayloadDigest[:], notNull(e.Statement), e.OwnerSignature[:],
		e.IssuerSignature[:], int64(store.Pending), "", "", "", int64(0), at, at, int64(0), ""}
}

// Record implements store.Records.
func (db *DB) Record(ctx context.Context, id record.RecordID) (*store.Entry, error) {
	e, err := scanEntry(db.read.QueryRowContext(ctx,
		`SELECT `+entryColumns+` FROM record WHERE record_id = $1`, id[:]))
	return e, absent(err, id)
}

// Payload implements store.Records.
func (db *DB) Payload(ctx context.Context, id record.RecordID, dst io.Writer) error {
	var (
		payloadID, first []byte
		size, at         int64
		reason           string
	)
	// A small payload comes along.
	err := db.read.QueryRowContext(ctx, `SELECT r.payload_id, r.payload_size, r.erased_at, r.erased_reason, c.content
		FROM record r LEFT JOIN payload_chunk c ON c.payload_id = r.payload_id AND c.seq = 0
		WHERE r.record_id = $1`, id[:]).Scan(&payloadID, &size, &at, &reason, &first)
	if err != nil {
		return absent(err, id)
	}
	if err := erased(id, at, reason); err != nil {
		return err
	}
	if int64(len(first)) >= size {
		_, err := dst.Write(first)
		return written(err)
	}
	return db.unlessErased(ctx, id, db.copyPayload(ctx, payloadID, size, dst))
}

// Find implements store.Records.
func (db *DB) Find(ctx context.Context, q store.Query) iter.Seq2[*store.Entry, error] {
	where, args := conditions(q)
	return each(ctx, db.read, scanEntry, `SELECT `+entryColumns+` FROM record`+where, args...)
}

// Capsules implements store.Records.
func (db *DB) Capsules(ctx context.Context, q store.Query) iter.Seq2[store.Capsule, error] {
	where, args := conditions(q, "erased_at = 0")
	return each(ctx, db.read, func(row scanner) (c store.Capsule, err error) {
		err = row.Scan(fixed(c.RecordID[:]), &c.Label, &c.Capsule)
		return c, err
	}, `SELECT record_id, label, capsule FROM record`+where, args...)
}

// conditions is the end of the SELECT that answers q; terms are to hold
// besides.
func conditions(q store.Query, terms ...string) (string, []any) {
	var args []any
	add := func(term string, arg any) {
		args = append(args, arg)
		terms = append(terms, term+strconv.Itoa(len(args)))
	}
	if q.Owner != (record.PartyID{}) {
		add("owner = $", q.Owner[:])
	}
	if q.Label != "" {
		add("label = $", q.Label)
	}
	if q.After != (record.RecordID{}) {
		add("record_id > $", q.After[:])
	}
	end := " ORDER BY record_id"
	if q.Limit > 0 {
		args = append(args, q.Limit)
		end += " LIMIT $" + strconv.Itoa(len(args))
	}
	if len(terms) > 0 {
		end = " WHERE " + strings.Join(terms, " AND ") + end
	}
	return end, args
}

// each goes through the rows that a query answers. The query runs anew each
// time the sequence is ranged over.
func each[T any](ctx context.Context, db querier, scan func(scanner) (T, error), query string, args ...any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		rows, err := db.QueryContext(ctx, query, args...)
		if err != nil {
			yield(none, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			v, err := scan(rows)
			if err != nil {
				yield(none, err)
				return
			}
			if !yield(v, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			if r, ok := db.(reader); ok {
				err = r.name(err)
			}
			yield(none, err)
		}
	}
}

// collect is everything that seq answers, or its error.
func collect[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var out []T
	for v, err := range seq {
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}
