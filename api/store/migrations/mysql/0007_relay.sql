-- +goose Up
-- One-time codes that bind an agent to an account; only a hash of the code is kept.
CREATE TABLE IF NOT EXISTS relay_pairings (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    account_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    organisation_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    login VARCHAR(64) NOT NULL,
    organisation VARCHAR(200) NOT NULL,
    code_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    agent_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    UNIQUE KEY relay_pairings_code (code_hash),
    INDEX relay_pairings_account (account_id, created_at),
    INDEX relay_pairings_expiry (expires_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS relay_agents (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    account_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    name VARCHAR(200) NOT NULL,
    version VARCHAR(60) NOT NULL,
    public_key MEDIUMBLOB NOT NULL,
    state VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    paired_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    removed_at BIGINT NOT NULL,
    INDEX relay_agents_account (account_id, state)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Nonces of signed requests, until a replay would be too old anyway.
CREATE TABLE IF NOT EXISTS relay_nonces (
    id VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL,
    INDEX relay_nonces_expiry (expires_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Wrong pairing codes by address and hour.
CREATE TABLE IF NOT EXISTS relay_throttles (
    id VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    hits INTEGER NOT NULL,
    expires_at BIGINT NOT NULL,
    INDEX relay_throttles_expiry (expires_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- open_key is set while a job is open, so that one agent has one open job per subject.
-- ticket_id is the last ticket handed out; only an outcome signed over it counts.
CREATE TABLE IF NOT EXISTS relay_jobs (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    op VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    purpose VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    subject VARCHAR(160) NOT NULL,
    open_key VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
    agent_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    account_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    organisation_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    session_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    login VARCHAR(64) NOT NULL,
    organisation VARCHAR(200) NOT NULL,
    token_serial VARCHAR(64) NOT NULL,
    application_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    params LONGBLOB NOT NULL,
    display MEDIUMBLOB NOT NULL,
    state VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    revision BIGINT NOT NULL,
    step VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    ticket_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    result LONGBLOB NOT NULL,
    problem TEXT NOT NULL,
    signature MEDIUMBLOB NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    touched_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    UNIQUE KEY relay_jobs_open (open_key),
    INDEX relay_jobs_agent (agent_id, state, created_at),
    INDEX relay_jobs_expiry (state, expires_at),
    INDEX relay_jobs_ended (ended_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
