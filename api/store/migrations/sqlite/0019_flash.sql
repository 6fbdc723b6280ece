-- +goose Up
-- Batches of keys to be made at an operator's station.
CREATE TABLE ra_flash_batches (
    id TEXT NOT NULL PRIMARY KEY,
    number TEXT NOT NULL,
    state TEXT NOT NULL,
    title TEXT NOT NULL,
    project_slug TEXT NOT NULL,
    ca TEXT NOT NULL,
    not_after_at INTEGER NOT NULL,
    so_first BLOB NOT NULL,
    size INTEGER NOT NULL,
    operator_key TEXT NOT NULL,
    start_text TEXT NOT NULL,
    start_signature BLOB NOT NULL,
    report_text TEXT NOT NULL,
    report_signature BLOB NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX ra_flash_batches_number ON ra_flash_batches (number);
CREATE INDEX ra_flash_batches_state ON ra_flash_batches (state, created_at);

-- One key of a batch each. token_serial is set while a token is claimed for it; lease_until is how long that holds without
-- a word from the station. organisation_id is empty for a key without certificates.
CREATE TABLE ra_flash_jobs (
    id TEXT NOT NULL PRIMARY KEY,
    batch_id TEXT NOT NULL,
    place INTEGER NOT NULL,
    state TEXT NOT NULL,
    organisation_id TEXT NOT NULL,
    name TEXT NOT NULL,
    token_serial TEXT NULL,
    agent_id TEXT NOT NULL,
    ticket_id TEXT NOT NULL,
    lease_until INTEGER NOT NULL,
    sign_key_id TEXT NOT NULL,
    enc_key_id TEXT NOT NULL,
    spki_hash TEXT NOT NULL,
    certificate_id TEXT NOT NULL,
    reply BLOB NOT NULL,
    expected BLOB NOT NULL,
    problem TEXT NOT NULL,
    outcome BLOB NOT NULL,
    signature BLOB NOT NULL,
    letter_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX ra_flash_jobs_place ON ra_flash_jobs (batch_id, place);
CREATE UNIQUE INDEX ra_flash_jobs_token ON ra_flash_jobs (token_serial);
CREATE INDEX ra_flash_jobs_state ON ra_flash_jobs (batch_id, state);
INSERT INTO ra_counters (name, value) VALUES ('flash', 0);
