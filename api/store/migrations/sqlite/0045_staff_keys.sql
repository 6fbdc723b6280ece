-- +goose Up
-- USB keys that members of staff sign with: bound by a proof through their agent, confirmed by a second person.
CREATE TABLE ra_staff_keys (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    login TEXT NOT NULL,
    state TEXT NOT NULL, -- requested active refused ended
    spki_hash TEXT NOT NULL,
    open_key TEXT UNIQUE, -- spki_hash while requested or active: a key is one person's
    certificate BLOB NOT NULL,
    name TEXT NOT NULL,
    serial_hex TEXT NOT NULL,
    token_serial TEXT NOT NULL,
    not_after_at INTEGER NOT NULL,
    requested_at INTEGER NOT NULL,
    decided_by TEXT NOT NULL,
    decided_at INTEGER NOT NULL,
    ended_by TEXT NOT NULL,
    ended_at INTEGER NOT NULL
) STRICT;
CREATE INDEX ra_staff_keys_account ON ra_staff_keys (account_id, state);
