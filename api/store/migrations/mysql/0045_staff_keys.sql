-- +goose Up
-- USB keys that members of staff sign with: bound by a proof through their agent, confirmed by a second person.
CREATE TABLE ra_staff_keys (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    account_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    login VARCHAR(100) NOT NULL,
    state VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- requested active refused ended
    spki_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    open_key VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin UNIQUE, -- spki_hash while requested or active: a key is one person's
    certificate BLOB NOT NULL,
    name VARCHAR(200) NOT NULL,
    serial_hex VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    token_serial VARCHAR(64) NOT NULL,
    not_after_at BIGINT NOT NULL,
    requested_at BIGINT NOT NULL,
    decided_by VARCHAR(100) NOT NULL,
    decided_at BIGINT NOT NULL,
    ended_by VARCHAR(100) NOT NULL,
    ended_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX ra_staff_keys_account ON ra_staff_keys (account_id, state);
