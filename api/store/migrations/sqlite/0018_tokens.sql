-- +goose Up
-- The secret that officers' PINs of tokens are derived from, sealed by the keystore. One row.
CREATE TABLE ra_so_keys (
    id TEXT NOT NULL PRIMARY KEY,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- USB keys. so_version is the officer's PIN in force: 0 = that of the maker, sealed in so_first, empty = not known.
-- so_pending is the version handed out and not reported back, 0 = none; so_work is who was given it, so_doubt that more
-- than one was. No PIN is here.
CREATE TABLE ra_tokens (
    id TEXT NOT NULL PRIMARY KEY,
    model TEXT NOT NULL,
    label TEXT NOT NULL,
    state TEXT NOT NULL,
    organisation_id TEXT NOT NULL,
    so_first BLOB NOT NULL,
    so_version INTEGER NOT NULL,
    so_pending INTEGER NOT NULL,
    so_work TEXT NOT NULL,
    so_doubt INTEGER NOT NULL,
    so_exposed INTEGER NOT NULL,
    pin_rule TEXT NOT NULL,
    parked INTEGER NOT NULL,
    parked_note TEXT NOT NULL,
    must_change INTEGER NOT NULL,
    flash_job TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX ra_tokens_organisation ON ra_tokens (organisation_id, id);
CREATE INDEX ra_tokens_state ON ra_tokens (state, id);

-- Work with the officer's PIN: unlock, init, takeover. open_token is set while one is open: a token has one at most.
-- agent_id is fixed at the first start.
CREATE TABLE ra_token_works (
    id TEXT NOT NULL PRIMARY KEY,
    number TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    token_serial TEXT NOT NULL,
    open_token TEXT NULL,
    certificate_id TEXT NOT NULL,
    organisation_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    active_job_id TEXT NOT NULL,
    code_checked INTEGER NOT NULL,
    decided_by TEXT NOT NULL,
    note TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX ra_token_works_number ON ra_token_works (number);
CREATE UNIQUE INDEX ra_token_works_open ON ra_token_works (open_token);
CREATE INDEX ra_token_works_organisation ON ra_token_works (organisation_id, created_at);
CREATE INDEX ra_token_works_state ON ra_token_works (kind, state, created_at);
INSERT INTO ra_counters (name, value) VALUES ('token work', 0);
