-- A record that was erased keeps its row, which says so: its payload is gone
-- and its capsule is empty.

-- +goose Up
ALTER TABLE record ADD COLUMN erased_at BIGINT NOT NULL DEFAULT 0; -- 0 unless it was erased
ALTER TABLE record ADD COLUMN erased_reason TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE record DROP COLUMN erased_reason;
ALTER TABLE record DROP COLUMN erased_at;
