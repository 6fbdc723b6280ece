-- +goose Up
-- Holders' requests for an escrowed encryption key. to_spki is the only key that will open it; envelope is empty until the centre gave it.
-- open_certificate is the certificate while the request is open, so that there is one at a time.
CREATE TABLE IF NOT EXISTS ra_recoveries (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    number VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    organisation_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    account_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    certificate_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    open_certificate VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NULL,
    enc_spki_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    to_spki BLOB NOT NULL,
    to_certificate_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    reason VARCHAR(200) NOT NULL,
    files TEXT NOT NULL,
    envelope BLOB NOT NULL,
    fetched_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    UNIQUE KEY ra_recoveries_number (number),
    UNIQUE KEY ra_recoveries_open (open_certificate),
    INDEX ra_recoveries_organisation (organisation_id, created_at),
    INDEX ra_recoveries_state (state, changed_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
INSERT IGNORE INTO ra_counters (name, value) VALUES ('recovery', 0);
