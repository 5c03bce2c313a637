-- The world state of one chaincode's namespace, rebuilt from the blocks of its
-- channel. What clients of the ledger chose is BYTEA: PostgreSQL's TEXT takes
-- neither zero bytes nor invalid UTF-8.

-- +goose Up
CREATE TABLE world_checkpoint (
    only_row  SMALLINT NOT NULL PRIMARY KEY, -- always 1
    chaincode TEXT     NOT NULL,
    height    BIGINT   NOT NULL, -- how many blocks are in the state
    hash      BYTEA    NOT NULL  -- of the last of them
);

CREATE TABLE world_state (
    state_key BYTEA   NOT NULL PRIMARY KEY,
    content   BYTEA   NOT NULL,
    block     BIGINT  NOT NULL, -- of the transaction that wrote it last
    tx_index  INTEGER NOT NULL
);

-- By these a block that comes again is told from one of another ledger.
CREATE TABLE world_block (
    block BIGINT NOT NULL PRIMARY KEY,
    hash  BYTEA  NOT NULL
);

-- The valid transactions that concern the chaincode, in their order.
CREATE TABLE world_transaction (
    block         BIGINT  NOT NULL,
    tx_index      INTEGER NOT NULL,
    tx_id         TEXT    NOT NULL,
    client_time   BIGINT  NOT NULL, -- Unix microseconds
    creator       TEXT    NOT NULL,
    chaincode     TEXT    NOT NULL,
    function_name BYTEA   NOT NULL,
    event_name    BYTEA   NOT NULL, -- empty if there was no event
    event_payload BYTEA   NOT NULL,
    PRIMARY KEY (block, tx_index)
);
CREATE INDEX world_transaction_id ON world_transaction (tx_id);

-- +goose Down
DROP TABLE world_transaction;
DROP TABLE world_block;
DROP TABLE world_state;
DROP TABLE world_checkpoint;
