package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strconv"

	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store"
)

// WorldCheckpoint implements store.World.
func (db *DB) WorldCheckpoint(ctx context.Context) (store.WorldCheckpoint, error) {
	var (
		at     store.WorldCheckpoint
		height int64
	)
	err := db.read.QueryRowContext(ctx, `SELECT chaincode, height, hash FROM world_checkpoint WHERE only_row = 1`).
		Scan(&at.Chaincode, &height, fixed(at.Hash[:]))
	if errors.Is(err, sql.ErrNoRows) {
		return store.WorldCheckpoint{}, nil
	}
	at.Height = uint64(height)
	return at, err
}

// WorldBlockHash implements store.World.
func (db *DB) WorldBlockHash(ctx context.Context, number uint64) (hash [32]byte, err error) {
	err = db.read.QueryRowContext(ctx, `SELECT hash FROM world_block WHERE block = $1`, int64(number)).Scan(fixed(hash[:]))
	return hash, absent(err, fmt.Sprint("block ", number))
}

const worldValueQuery = `SELECT s.state_key, s.content, s.block, s.tx_index, t.tx_id FROM world_state s
	JOIN world_transaction t ON t.block = s.block AND t.tx_index = s.tx_index`

func scanWorldValue(row scanner) (*store.WorldValue, error) {
	var (
		v     store.WorldValue
		key   []byte
		block int64
	)
	if err := row.Scan(&key, &v.Value, &block, &v.Index, &v.TxID); err != nil {
		return nil, err
	}
	v.Key, v.Block = string(key), uint64(block)
	return &v, nil
}

// WorldValue implements store.World.
func (db *DB) WorldValue(ctx context.Context, key string) (*store.WorldValue, error) {
	return worldValue(ctx, db.read, key)
}

func worldValue(ctx context.Context, q querier, key string) (*store.WorldValue, error) {
	v, err := scanWorldValue(q.QueryRowContext(ctx, worldValueQuery+` WHERE s.state_key = $1`, []byte(key)))
	return v, absent(err, strconv.Quote(key))
}

// WorldValues implements store.World.
func (db *DB) WorldValues(ctx context.Context, q store.WorldQuery) iter.Seq2[*store.WorldValue, error] {
	query, args := worldValueQuery+` WHERE s.state_key >= $1`, []any{[]byte(q.Prefix)}
	if q.After >= q.Prefix && q.After != "" { // one lower bound, so that the index is entered there
		query, args = worldValueQuery+` WHERE s.state_key > $1`, []any{[]byte(q.After)}
	}
	if end := successor(q.Prefix); end != nil {
		args = append(args, end)
		query += ` AND s.state_key < $` + strconv.Itoa(len(args))
	}
	query += ` ORDER BY s.state_key`
	if q.Limit > 0 {
		args = append(args, q.Limit)
		query += ` LIMIT $` + strconv.Itoa(len(args))
	}
	return each(ctx, db.read, scanWorldValue, query, args...)
}

// successor is the least byte string above all that begin with the prefix; nil
// if there is none.
func successor(prefix string) []byte {
	end := []byte(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i] < 0xff {
			end[i]++
			return end[:i+1]
		}
	}
	return nil
}

// ForgetWorld implements store.World.
func (db *DB) ForgetWorld(ctx context.Context) error {
	return db.update(ctx, func(tx txn) error {
		for _, table := range []string{"world_checkpoint", "world_state", "world_block", "world_transaction"} {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table); err != nil {
				return err
			}
		}
		return nil
	})
}

const worldTransactionColumns = `block, tx_index, tx_id, client_time, creator, chaincode, function_name,
	event_name, event_payload`

func scanWorldTransaction(row scanner) (*ledger.Transaction, error) {
	var (
		t                       ledger.Transaction
		block, at               int64
		function, name, payload []byte
	)
	err := row.Scan(&block, &t.Index, &t.TxID, &at, &t.Creator, &t.Chaincode, &function, &name, &payload)
	if err != nil {
		return nil, err
	}
	t.Block, t.Time, t.Function = uint64(block), fromMicros(at), string(function)
	if len(name) > 0 {
		t.Event = &ledger.Event{Block: t.Block, Index: t.Index, TxID: t.TxID, Time: t.Time,
			Chaincode: t.Chaincode, Name: string(name), Payload: payload}
	}
	return &t, nil
}

// WorldTransactions implements store.World.
func (db *DB) WorldTransactions(ctx context.Context, from store.WorldPlace, limit int) iter.Seq2[*ledger.Transaction, error] {
	query, args := `SELECT `+worldTransactionColumns+` FROM world_transaction
		WHERE (block, tx_index) >= ($1, $2) ORDER BY block, tx_index`, []any{int64(from.Block), from.Index}
	if limit > 0 {
		query, args = query+` LIMIT $3`, append(args, limit)
	}
	return each(ctx, db.read, scanWorldTransaction, query, args...)
}

// WorldTransaction implements store.World.
func (db *DB) WorldTransaction(ctx context.Context, txID string) (*ledger.Transaction, error) {
	t, err := scanWorldTransaction(db.read.QueryRowContext(ctx,
		`SELECT `+worldTransactionColumns+` FROM world_transaction WHERE tx_id = $1`, txID))
	return t, absent(err, txID)
}
