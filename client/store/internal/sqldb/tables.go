package sqldb

import (
	"fmt"
	"slices"
	"strings"

	"github.com/claimshare/claimshare/client/store"
)

// tables is every table of the schema with its key and its columns.
var tables = []*store.Table{
	table("record", "record_id", `kind, label, owner, owner_pid, issuer, issuer_pid, capsule, payload_id, payload_size,
		payload_digest, statement, owner_signature, issuer_signature, state, submission, reason, tx_id, block,
		created_at, updated_at, erased_at, erased_reason`),
	table("payload_chunk", "payload_id, seq", `content`),
	table("payload_file", "payload_id", ``),
	table("store_identity", "only_row", `store_id`),
	table("row_seal", "table_name, row_key", `mac`),
	table("journal", "tx_id", `channel, contract, transaction_name, reference, envelope, saved_at`),
	table("token", "consent_id", `owner, requester, label, consent_grant, signature, payload_token, search_token,
		not_before, expires_at, created_at, destroyed_at, reason`),
	table("received", "release_id", `consent_id, record_id, kind, label, owner_pid, issuer_pid, holder, capsule,
		reencrypted, payload_id, payload_size, payload_digest, deliver, trailer, ack_tx_id, created_at`),
	table("value", "name", `content`),
	table("proposal", "record_id", `owner, owner_pid, issuer_pid, statement, capsule, payload_id, payload_size,
		payload_digest, declined, created_at`),
	table("invitation", "code", `role, pid, msp, expires_at, used_at, created_at`),
	table("evidence", "release_id", `trailer, signature, finding, created_at`),
	table("world_checkpoint", "only_row", `chaincode, height, hash`),
	table("world_state", "state_key", `content, block, tx_index`),
	table("world_block", "block", `hash`),
	table("world_transaction", "block, tx_index", `tx_id, client_time, creator, chaincode, function_name, event_name,
		event_payload`),
}

func table(name, key, others string) *store.Table {
	list := func(names string) []string {
		if names == "" {
			return nil
		}
		all := strings.Split(names, ",")
		for i := range all {
			all[i] = strings.TrimSpace(all[i])
		}
		return all
	}
	k := list(key)
	return &store.Table{Name: name, Key: k, Columns: append(slices.Clone(k), list(others)...)}
}

// tableOf finds a table by its name.
func tableOf(name string) (*store.Table, error) {
	for _, t := range tables {
		if t.Name == name {
			return t, nil
		}
	}
	return nil, fmt.Errorf("table %q: %w", name, store.ErrNotFound)
}
