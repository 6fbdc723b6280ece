-- +goose Up
-- Holders' requests for an escrowed encryption key. to_spki is the only key that will open it; envelope is empty until the centre gave it.
-- open_certificate is the certificate while the request is open, so that there is one at a time.
CREATE TABLE ra_recoveries (
    id TEXT NOT NULL PRIMARY KEY,
    number TEXT NOT NULL,
    state TEXT NOT NULL,
    organisation_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    certificate_id TEXT NOT NULL,
    open_certificate TEXT NULL,
    enc_spki_hash TEXT NOT NULL,
    to_spki BLOB NOT NULL,
    to_certificate_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    files TEXT NOT NULL,
    envelope BLOB NOT NULL,
    fetched_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX ra_recoveries_number ON ra_recoveries (number);
CREATE UNIQUE INDEX ra_recoveries_open ON ra_recoveries (open_certificate);
CREATE INDEX ra_recoveries_organisation ON ra_recoveries (organisation_id, created_at);
CREATE INDEX ra_recoveries_state ON ra_recoveries (state, changed_at);
INSERT INTO ra_counters (name, value) VALUES ('recovery', 0);
