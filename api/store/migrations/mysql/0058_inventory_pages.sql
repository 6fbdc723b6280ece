-- +goose Up
-- What the back office finds taken-over certificates and tokens by.
CREATE INDEX ra_certificates_name ON ra_certificates (origin, name, id);
CREATE INDEX ra_certificates_end ON ra_certificates (origin, not_after_at, id);
CREATE INDEX ra_certificates_serial ON ra_certificates (serial_hex);
CREATE INDEX ra_certificates_enc_serial ON ra_certificates (enc_serial_hex);
CREATE INDEX ra_certificates_token ON ra_certificates (token_serial);

-- Changes of status that are done to many certificates together. items and refusals are JSON.
CREATE TABLE IF NOT EXISTS ra_status_batches (
    id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    state VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    act VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    reason VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    note VARCHAR(500) NOT NULL,
    items MEDIUMTEXT NOT NULL,
    refusals MEDIUMTEXT NOT NULL,
    requested_by VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    requested_name VARCHAR(200) NOT NULL,
    decided_by VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    decided_name VARCHAR(200) NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    INDEX ra_status_batches_created (created_at, id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
