-- +goose Up
-- What the back office finds taken-over certificates and tokens by.
CREATE INDEX IF NOT EXISTS ra_certificates_name ON ra_certificates (origin, name, id);
CREATE INDEX IF NOT EXISTS ra_certificates_end ON ra_certificates (origin, not_after_at, id);
CREATE INDEX IF NOT EXISTS ra_certificates_serial ON ra_certificates (serial_hex);
CREATE INDEX IF NOT EXISTS ra_certificates_enc_serial ON ra_certificates (enc_serial_hex);
CREATE INDEX IF NOT EXISTS ra_certificates_token ON ra_certificates (token_serial);

-- Changes of status that are done to many certificates together. items and refusals are JSON.
CREATE TABLE IF NOT EXISTS ra_status_batches (
    id TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    act TEXT NOT NULL,
    reason TEXT NOT NULL,
    note TEXT NOT NULL,
    items TEXT NOT NULL,
    refusals TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    requested_name TEXT NOT NULL,
    decided_by TEXT NOT NULL,
    decided_name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS ra_status_batches_created ON ra_status_batches (created_at, id);
