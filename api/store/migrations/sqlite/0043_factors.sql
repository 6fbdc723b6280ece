-- +goose Up
-- Second factors: a TOTP secret, sealed by the keystore, or the key that a phone keeps to itself.
CREATE TABLE acct_factors (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    kind TEXT NOT NULL, -- totp or phone
    name TEXT NOT NULL,
    sealed BLOB NOT NULL, -- totp: the secret; else empty
    spki TEXT NOT NULL, -- phone: base64 of the public key; else empty
    state TEXT NOT NULL, -- pending, active, ended
    last_step INTEGER NOT NULL, -- totp: the newest step that was used
    created_at INTEGER NOT NULL,
    confirmed_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL
) STRICT;
CREATE INDEX acct_factors_account ON acct_factors (account_id, state);

-- Recovery codes, hashed; each works once.
CREATE TABLE acct_recovery_codes (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    code_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL
) STRICT;
CREATE INDEX acct_recovery_codes_account ON acct_recovery_codes (account_id, used_at);

-- Logins whose password was right and whose second factor is awaited; only the hash of the token is kept.
CREATE TABLE acct_pending_logins (
    id TEXT NOT NULL PRIMARY KEY,
    token_hash TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL,
    login TEXT NOT NULL,
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    project_slug TEXT NOT NULL,
    enrol INTEGER NOT NULL, -- 1 = a factor is to be set first
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL
) STRICT;
CREATE INDEX acct_pending_logins_expires_at ON acct_pending_logins (expires_at);

-- QR codes shown: for a login that waits, or for a phone to become a factor. Only the hash of what is in the code is kept.
CREATE TABLE acct_scans (
    id TEXT NOT NULL PRIMARY KEY,
    secret_hash TEXT NOT NULL UNIQUE,
    purpose TEXT NOT NULL, -- login or enrol
    account_id TEXT NOT NULL,
    pending_id TEXT NOT NULL, -- the waiting login; empty for enrol
    factor_id TEXT NOT NULL, -- the phone that scanned
    state TEXT NOT NULL, -- waiting scanned confirmed cancelled used
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX acct_scans_expires_at ON acct_scans (expires_at);
CREATE INDEX acct_scans_pending ON acct_scans (pending_id);
