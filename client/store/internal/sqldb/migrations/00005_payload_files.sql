-- Payloads above 256 KiB are files in a folder beside the database. What the
-- former release was in the middle of putting is dropped: nothing names it.

-- +goose Up
DELETE FROM payload_chunk WHERE payload_id IN (SELECT payload_id FROM staged_payload);
DROP TABLE staged_payload;

-- A row for every payload that is a file, named by its id in hexadecimal. A
-- file without a row was never put, or is erased, and goes away.
CREATE TABLE payload_file (
    payload_id BYTEA NOT NULL PRIMARY KEY
);

-- Which database this is: its folder of payloads says the same.
CREATE TABLE store_identity (
    only_row SMALLINT NOT NULL PRIMARY KEY, -- always 1
    store_id BYTEA    NOT NULL
);

-- +goose Down
DROP TABLE store_identity;
DROP TABLE payload_file;
CREATE TABLE staged_payload (
    payload_id BYTEA  NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL
);
