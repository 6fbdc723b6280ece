-- +goose Up
-- Sealed bids (未开标文件): what is encrypted to a key and is not to be opened before opens_at. key_hash is that of the key, so that a key that is
-- certified again keeps its seals. owner is the API key of the platform that registered it, or empty for the holder's own; platform is its name.
-- open_id is owner, key and bid number while open, so that a platform's repeat is no second one.
CREATE TABLE IF NOT EXISTS ra_seals (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    state VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    organisation_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    certificate_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    key_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    owner VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    platform VARCHAR(100) NOT NULL,
    name VARCHAR(200) NOT NULL,
    bid_number VARCHAR(100) NOT NULL,
    open_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
    opens_at BIGINT NOT NULL,
    remind SMALLINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    UNIQUE KEY ra_seals_open (open_id),
    INDEX ra_seals_key (key_hash, state),
    INDEX ra_seals_owner (owner, created_at),
    INDEX ra_seals_due (state, opens_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- May this API key register sealed bids?
ALTER TABLE acct_apikeys ADD COLUMN /*M! IF NOT EXISTS */ seals SMALLINT NOT NULL DEFAULT 0;
