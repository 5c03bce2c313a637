-- What a party node keeps besides: sealed records that wait for their owner's
-- signature, one-time codes, and the evidence for disputes.

-- +goose Up
CREATE TABLE proposal (
    record_id      BYTEA  NOT NULL PRIMARY KEY,
    owner          BYTEA  NOT NULL,
    owner_pid      TEXT   NOT NULL,
    issuer_pid     TEXT   NOT NULL,
    statement      BYTEA  NOT NULL,
    capsule        BYTEA  NOT NULL,
    payload_id     BYTEA  NOT NULL, -- empty once the owner has declined
    payload_size   BIGINT NOT NULL,
    payload_digest BYTEA  NOT NULL,
    declined       TEXT   NOT NULL, -- the owner's reason; '' while it waits
    created_at     BIGINT NOT NULL
);
CREATE INDEX proposal_owner ON proposal (owner, created_at, record_id);

CREATE TABLE invitation (
    code       BYTEA    NOT NULL PRIMARY KEY, -- SHA-256 of the one-time code
    role       SMALLINT NOT NULL,
    pid        TEXT     NOT NULL,
    msp        TEXT     NOT NULL, -- '' for policyholders
    expires_at BIGINT   NOT NULL,
    used_at    BIGINT   NOT NULL, -- 0 until the party is registered
    created_at BIGINT   NOT NULL
);

CREATE TABLE evidence (
    release_id BYTEA  NOT NULL PRIMARY KEY,
    trailer    BYTEA  NOT NULL, -- what the holder signed
    signature  BYTEA  NOT NULL,
    finding    TEXT   NOT NULL, -- what was wrong
    created_at BIGINT NOT NULL
);

-- +goose Down
DROP TABLE evidence;
DROP TABLE invitation;
DROP TABLE proposal;
