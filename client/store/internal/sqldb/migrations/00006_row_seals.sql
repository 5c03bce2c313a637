-- A seal for every row of the tables that nothing else proves: see seal.go.

-- +goose Up
CREATE TABLE row_seal (
    table_name TEXT  NOT NULL,
    row_key    BYTEA NOT NULL, -- the row's key; UTF-8 if it is text
    mac        BYTEA NOT NULL, -- HMAC-SHA-256, or SHA-256 without a key
    PRIMARY KEY (table_name, row_key)
);

-- +goose Down
DROP TABLE row_seal;
