-- +goose Up
-- Batches of keys to be made at an operator's station.
CREATE TABLE IF NOT EXISTS ra_flash_batches (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    number VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    title VARCHAR(200) NOT NULL,
    project_slug VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    ca VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    not_after_at BIGINT NOT NULL,
    so_first MEDIUMBLOB NOT NULL,
    size INTEGER NOT NULL,
    operator_key VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    start_text MEDIUMTEXT NOT NULL,
    start_signature MEDIUMBLOB NOT NULL,
    report_text MEDIUMTEXT NOT NULL,
    report_signature MEDIUMBLOB NOT NULL,
    created_by VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    UNIQUE KEY ra_flash_batches_number (number),
    INDEX ra_flash_batches_state (state, created_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- One key of a batch each. token_serial is set while a token is claimed for it; lease_until is how long that holds without
-- a word from the station. organisation_id is empty for a key without certificates.
CREATE TABLE IF NOT EXISTS ra_flash_jobs (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    batch_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    place INTEGER NOT NULL,
    state VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    organisation_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    name VARCHAR(200) NOT NULL,
    token_serial VARCHAR(64) NULL,
    agent_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    ticket_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    lease_until BIGINT NOT NULL,
    sign_key_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    enc_key_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    spki_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    certificate_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    reply MEDIUMBLOB NOT NULL,
    expected MEDIUMBLOB NOT NULL,
    problem VARCHAR(500) NOT NULL,
    outcome MEDIUMBLOB NOT NULL,
    signature MEDIUMBLOB NOT NULL,
    letter_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    UNIQUE KEY ra_flash_jobs_place (batch_id, place),
    UNIQUE KEY ra_flash_jobs_token (token_serial),
    INDEX ra_flash_jobs_state (batch_id, state)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
INSERT IGNORE INTO ra_counters (name, value) VALUES ('flash', 0);
