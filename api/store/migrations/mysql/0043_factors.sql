-- +goose Up
-- Second factors: a TOTP secret, sealed by the keystore, or the key that a phone keeps to itself.
CREATE TABLE acct_factors (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    account_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    kind VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- totp or phone
    name VARCHAR(100) NOT NULL,
    sealed BLOB NOT NULL, -- totp: the secret; else empty
    spki VARCHAR(200) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- phone: base64 of the public key; else empty
    state VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- pending, active, ended
    last_step BIGINT NOT NULL, -- totp: the newest step that was used
    created_at BIGINT NOT NULL,
    confirmed_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX acct_factors_account ON acct_factors (account_id, state);

-- Recovery codes, hashed; each works once.
CREATE TABLE acct_recovery_codes (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    account_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    code_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX acct_recovery_codes_account ON acct_recovery_codes (account_id, used_at);

-- Logins whose password was right and whose second factor is awaited; only the hash of the token is kept.
CREATE TABLE acct_pending_logins (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    token_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
    account_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    login VARCHAR(64) NOT NULL,
    address VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    user_agent VARCHAR(200) NOT NULL,
    project_slug VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    enrol BIGINT NOT NULL, -- 1 = a factor is to be set first
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX acct_pending_logins_expires_at ON acct_pending_logins (expires_at);

-- QR codes shown: for a login that waits, or for a phone to become a factor. Only the hash of what is in the code is kept.
CREATE TABLE acct_scans (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    secret_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
    purpose VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- login or enrol
    account_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    pending_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- the waiting login; empty for enrol
    factor_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- the phone that scanned
    state VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- waiting scanned confirmed cancelled used
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX acct_scans_expires_at ON acct_scans (expires_at);
CREATE INDEX acct_scans_pending ON acct_scans (pending_id);
