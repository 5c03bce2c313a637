package sqldb

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store"
)

// AdvanceWorld implements store.World.
func (db *DB) AdvanceWorld(ctx context.Context, from store.WorldCheckpoint, blocks []ledger.Block, use store.UseTransaction) error {
	if len(blocks) == 0 {
		return nil
	}
	return db.update(ctx, func(tx txn) error {
		// First of all, and in one statement: of two processes with the same
		// checkpoint the second waits for the first and then matches no row.
		if err := moveCheckpoint(ctx, tx, from, blocks[len(blocks)-1]); err != nil {
			return err
		}
		a, err := prepareAdvance(ctx, tx, use)
		if err != nil {
			return err
		}
		defer a.close()
		for _, b := range blocks {
			if err := a.block(ctx, b); err != nil {
				return fmt.Errorf("block %d: %w", b.Number, err)
			}
		}
		return nil
	})
}

func moveCheckpoint(ctx context.Context, tx txn, from store.WorldCheckpoint, last ledger.Block) error {
	to := int64(last.Number) + 1
	query, args := `UPDATE world_checkpoint SET height = $1, hash = $2
		WHERE only_row = 1 AND chaincode = $3 AND height = $4 AND hash = $5`,
		[]any{to, last.Hash[:], from.Chaincode, int64(from.Height), from.Hash[:]}
	if from.Height == 0 {
		query, args = `INSERT INTO world_checkpoint (only_row, height, hash, chaincode) VALUES (1, $1, $2, $3)
			ON CONFLICT (only_row) DO NOTHING`, args[:3]
	}
	done, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return err
	}
	n, err := done.RowsAffected()
	if err == nil && n != 1 {
		err = store.ErrMoved
	}
	return err
}

// advance is a database transaction that applies blocks.
type advance struct {
	tx                               txn
	use                              store.UseTransaction
	mark, transact, setValue, remove *sql.Stmt
}

func prepareAdvance(ctx context.Context, tx txn, use store.UseTransaction) (*advance, error) {
	a := &advance{tx: tx, use: use}
	for statement, query := range map[**sql.Stmt]string{
		&a.mark: `INSERT INTO world_block (block, hash) VALUES ($1, $2)`,
		&a.transact: `INSERT INTO world_transaction (` + worldTransactionColumns + `)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		&a.setValue: `INSERT INTO world_state (state_key, content, block, tx_index) VALUES ($1, $2, $3, $4)
			ON CONFLICT (state_key) DO UPDATE SET content = excluded.content, block = excluded.block,
			tx_index = excluded.tx_index`,
		&a.remove: `DELETE FROM world_state WHERE state_key = $1`,
	} {
		var err error
		if *statement, err = tx.PrepareContext(ctx, query); err != nil {
			a.close()
			return nil, err
		}
	}
	return a, nil
}

func (a *advance) close() {
	for _, s := range []*sql.Stmt{a.mark, a.transact, a.setValue, a.remove} {
		if s != nil {
			_ = s.Close() // the transaction's end closes it too
		}
	}
}

func (a *advance) block(ctx context.Context, b ledger.Block) error {
	if _, err := a.mark.ExecContext(ctx, int64(b.Number), b.Hash[:]); err != nil {
		return err
	}
	for _, t := range b.Transactions {
		if err := a.transaction(ctx, b.Number, t); err != nil {
			return fmt.Errorf("transaction %s: %w", t.TxID, err)
		}
	}
	return nil
}

func (a *advance) transaction(ctx context.Context, block uint64, t ledger.Transaction) error {
	var name string
	var payload []byte
	if t.Event != nil {
		name, payload = t.Event.Name, t.Event.Payload
	}
	_, err := a.transact.ExecContext(ctx, int64(block), t.Index, t.TxID, t.Time.UnixMicro(), t.Creator, t.Chaincode,
		[]byte(t.Function), []byte(name), notNull(payload))
	for i := 0; i < len(t.Writes) && err == nil; i++ {
		w := &t.Writes[i]
		if w.Deleted {
			_, err = a.remove.ExecContext(ctx, []byte(w.Key))
		} else {
			_, err = a.setValue.ExecContext(ctx, []byte(w.Key), notNull(w.Value), int64(block), t.Index)
		}
	}
	if err == nil && a.use != nil {
		err = a.use(ctx, worldTx{a.tx}, t)
	}
	return err
}

// worldTx is what a user of transactions may do in the same database
// transaction.
type worldTx struct{ tx txn }

var _ store.WorldTx = worldTx{}

// WorldValue implements store.WorldTx.
func (w worldTx) WorldValue(ctx context.Context, key string) (*store.WorldValue, error) {
	return worldValue(ctx, w.tx, key)
}

// Value implements store.WorldTx.
func (w worldTx) Value(ctx context.Context, name string) ([]byte, error) {
	return value(ctx, w.tx, name)
}

// SetValue implements store.WorldTx.
func (w worldTx) SetValue(ctx context.Context, name string, content []byte) error {
	return setValue(ctx, w.tx, name, content)
}

// MarkRecorded implements store.WorldTx.
func (w worldTx) MarkRecorded(ctx context.Context, txID string, block uint64, ids ...record.RecordID) error {
	return markRecorded(ctx, w.tx, txID, block, ids)
}

// MarkRefused implements store.WorldTx.
func (w worldTx) MarkRefused(ctx context.Context, txID, reason string, ids ...record.RecordID) error {
	return markRefused(ctx, w.tx, txID, reason, ids)
}
