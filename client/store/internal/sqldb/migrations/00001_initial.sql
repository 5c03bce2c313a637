-- The SQL subset that SQLite and PostgreSQL share; SQLite takes BYTEA as a
-- column name's type without meaning and stores byte strings as they are.
-- Times are Unix milliseconds, UTC.

-- +goose Up
CREATE TABLE record (
    record_id        BYTEA    NOT NULL PRIMARY KEY,
    kind             SMALLINT NOT NULL,
    label            TEXT     NOT NULL,
    owner            BYTEA    NOT NULL,
    owner_pid        TEXT     NOT NULL,
    issuer           BYTEA    NOT NULL,
    issuer_pid       TEXT     NOT NULL,
    capsule          BYTEA    NOT NULL,
    payload_id       BYTEA    NOT NULL,
    payload_size     BIGINT   NOT NULL,
    payload_digest   BYTEA    NOT NULL,
    statement        BYTEA    NOT NULL,
    owner_signature  BYTEA    NOT NULL,
    issuer_signature BYTEA    NOT NULL,
    state            SMALLINT NOT NULL, -- 0 pending, 1 submitted, 2 recorded, 3 refused
    submission       TEXT     NOT NULL,
    reason           TEXT     NOT NULL,
    tx_id            TEXT     NOT NULL,
    block            BIGINT   NOT NULL,
    created_at       BIGINT   NOT NULL,
    updated_at       BIGINT   NOT NULL
);
CREATE INDEX record_owner ON record (owner, record_id);
CREATE INDEX record_label ON record (label, record_id);
CREATE INDEX record_outbox ON record (state, created_at, record_id) WHERE state < 2;

-- A payload is cut into chunks, so that none is ever in memory as a whole.
CREATE TABLE payload_chunk (
    payload_id BYTEA   NOT NULL,
    seq        INTEGER NOT NULL,
    content    BYTEA   NOT NULL,
    PRIMARY KEY (payload_id, seq)
);

-- Payloads under way: chunks that no record names yet.
CREATE TABLE staged_payload (
    payload_id BYTEA  NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL
);

-- Endorsed transactions whose fate is open.
CREATE TABLE journal (
    tx_id            TEXT   NOT NULL PRIMARY KEY,
    channel          TEXT   NOT NULL,
    contract         TEXT   NOT NULL,
    transaction_name TEXT   NOT NULL,
    reference        TEXT   NOT NULL,
    envelope         BYTEA  NOT NULL,
    saved_at         BIGINT NOT NULL -- Unix microseconds: it is also the order
);

CREATE TABLE token (
    consent_id    BYTEA  NOT NULL PRIMARY KEY,
    owner         BYTEA  NOT NULL,
    requester     BYTEA  NOT NULL,
    label         TEXT   NOT NULL,
    consent_grant BYTEA  NOT NULL,
    signature     BYTEA  NOT NULL,
    payload_token BYTEA  NOT NULL,
    search_token  BYTEA  NOT NULL,
    not_before    BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    destroyed_at  BIGINT NOT NULL, -- 0 while it lives
    reason        TEXT   NOT NULL
);

CREATE TABLE received (
    release_id     BYTEA    NOT NULL PRIMARY KEY,
    consent_id     BYTEA    NOT NULL,
    record_id      BYTEA    NOT NULL,
    kind           SMALLINT NOT NULL,
    label          TEXT     NOT NULL,
    owner_pid      TEXT     NOT NULL,
    issuer_pid     TEXT     NOT NULL,
    holder         BYTEA    NOT NULL,
    capsule        BYTEA    NOT NULL,
    reencrypted    BYTEA    NOT NULL,
    payload_id     BYTEA    NOT NULL,
    payload_size   BIGINT   NOT NULL,
    payload_digest BYTEA    NOT NULL,
    deliver        BYTEA    NOT NULL,
    trailer        BYTEA    NOT NULL,
    ack_tx_id      TEXT     NOT NULL,
    created_at     BIGINT   NOT NULL
);
CREATE INDEX received_consent ON received (consent_id, created_at);

CREATE TABLE value (
    name    TEXT  NOT NULL PRIMARY KEY,
    content BYTEA NOT NULL
);

-- +goose Down
DROP TABLE value;
DROP TABLE received;
DROP TABLE token;
DROP TABLE journal;
DROP TABLE staged_payload;
DROP TABLE payload_chunk;
DROP TABLE record;
