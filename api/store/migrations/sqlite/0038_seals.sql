-- +goose Up
-- Sealed bids (未开标文件): what is encrypted to a key and is not to be opened before opens_at. key_hash is that of the key, so that a key that is
-- certified again keeps its seals. owner is the API key of the platform that registered it, or empty for the holder's own; platform is its name.
-- open_id is owner, key and bid number while open, so that a platform's repeat is no second one.
CREATE TABLE ra_seals (
    id TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    organisation_id TEXT NOT NULL,
    certificate_id TEXT NOT NULL,
    key_hash TEXT NOT NULL,
    owner TEXT NOT NULL,
    platform TEXT NOT NULL,
    name TEXT NOT NULL,
    bid_number TEXT NOT NULL,
    open_id TEXT NULL,
    opens_at INTEGER NOT NULL,
    remind INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX ra_seals_open ON ra_seals (open_id);
CREATE INDEX ra_seals_key ON ra_seals (key_hash, state);
CREATE INDEX ra_seals_owner ON ra_seals (owner, created_at);
CREATE INDEX ra_seals_due ON ra_seals (state, opens_at);

-- May this API key register sealed bids?
ALTER TABLE acct_apikeys ADD COLUMN seals INTEGER NOT NULL DEFAULT 0;
