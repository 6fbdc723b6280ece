-- +goose Up
-- The secret that officers' PINs of tokens are derived from, sealed by the keystore. One row.
CREATE TABLE IF NOT EXISTS ra_so_keys (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    sealed MEDIUMBLOB NOT NULL,
    created_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- USB keys. so_version is the officer's PIN in force: 0 = that of the maker, sealed in so_first, empty = not known.
-- so_pending is the version handed out and not reported back, 0 = none; so_work is who was given it, so_doubt that more
-- than one was. No PIN is here.
CREATE TABLE IF NOT EXISTS ra_tokens (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    model VARCHAR(200) NOT NULL,
    label VARCHAR(200) NOT NULL,
    state VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    organisation_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    so_first MEDIUMBLOB NOT NULL,
    so_version INTEGER NOT NULL,
    so_pending INTEGER NOT NULL,
    so_work VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    so_doubt SMALLINT NOT NULL,
    so_exposed SMALLINT NOT NULL,
    pin_rule VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    parked SMALLINT NOT NULL,
    parked_note VARCHAR(500) NOT NULL,
    must_change SMALLINT NOT NULL,
    flash_job VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    INDEX ra_tokens_organisation (organisation_id, id),
    INDEX ra_tokens_state (state, id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Work with the officer's PIN: unlock, init, takeover. open_token is set while one is open: a token has one at most.
-- agent_id is fixed at the first start.
CREATE TABLE IF NOT EXISTS ra_token_works (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    number VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    kind VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    token_serial VARCHAR(64) NOT NULL,
    open_token VARCHAR(64) NULL,
    certificate_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    organisation_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    account_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    agent_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    active_job_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    code_checked SMALLINT NOT NULL,
    decided_by VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    note VARCHAR(500) NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    UNIQUE KEY ra_token_works_number (number),
    UNIQUE KEY ra_token_works_open (open_token),
    INDEX ra_token_works_organisation (organisation_id, created_at),
    INDEX ra_token_works_state (kind, state, created_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
INSERT IGNORE INTO ra_counters (name, value) VALUES ('token work', 0);
