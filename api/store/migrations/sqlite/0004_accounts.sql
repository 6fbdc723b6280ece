-- +goose Up
-- Organisations as imported or registered. uscc and org_code are kept as they were
-- given; code_warning says what is wrong with them: '', 'check_digit', 'length', 'charset'.
CREATE TABLE acct_organisations (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    nature TEXT NOT NULL,
    uscc TEXT NOT NULL,
    org_code TEXT NOT NULL,
    code_warning TEXT NOT NULL,
    status TEXT NOT NULL,
    batch_id TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX acct_organisations_uscc ON acct_organisations (uscc);
CREATE INDEX acct_organisations_org_code ON acct_organisations (org_code);

-- People who log in. login and phone are NULL until there is one, so that they can be unique.
-- handler_name and handler_phone are what the import said and never change.
CREATE TABLE acct_accounts (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    role TEXT NOT NULL,
    state TEXT NOT NULL,
    frozen_from TEXT NOT NULL,
    login TEXT NULL,
    phone TEXT NULL,
    password_hash TEXT NOT NULL,
    organisation_id TEXT NULL,
    display_name TEXT NOT NULL,
    handler_name TEXT NOT NULL,
    handler_phone TEXT NOT NULL,
    handler_warning TEXT NOT NULL,
    project_slug TEXT NOT NULL,
    verified_how TEXT NOT NULL,
    verified_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX acct_accounts_login ON acct_accounts (login);
CREATE UNIQUE INDEX acct_accounts_phone ON acct_accounts (phone);
CREATE INDEX acct_accounts_organisation ON acct_accounts (organisation_id);

-- The ID numbers legacy holders log in with, normalised; dead once the account has a phone.
CREATE TABLE acct_legacy_logins (
    login TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    source TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    batch_id TEXT NOT NULL,
    dead_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX acct_legacy_logins_account ON acct_legacy_logins (account_id);

-- Sessions; only the SHA-256 of a token is kept.
CREATE TABLE acct_sessions (
    id TEXT NOT NULL PRIMARY KEY,
    token_hash TEXT NOT NULL,
    account_id TEXT NOT NULL,
    login TEXT NOT NULL,
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    project_slug TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    ended_why TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX acct_sessions_token ON acct_sessions (token_hash);
CREATE INDEX acct_sessions_account ON acct_sessions (account_id);
CREATE INDEX acct_sessions_expiry ON acct_sessions (expires_at);

-- Open captchas; a row is deleted by the first answer, right or wrong.
CREATE TABLE acct_captchas (
    id TEXT NOT NULL PRIMARY KEY,
    mac TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX acct_captchas_expiry ON acct_captchas (expires_at);

-- SMS codes; only a keyed hash of the code, its purpose, account and phone is kept.
CREATE TABLE acct_codes (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    phone TEXT NOT NULL,
    mac TEXT NOT NULL,
    tries INTEGER NOT NULL,
    sent_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL
) STRICT;
CREATE INDEX acct_codes_account ON acct_codes (account_id, purpose, sent_at);
CREATE INDEX acct_codes_expiry ON acct_codes (expires_at);

-- Counters behind every limit: wrong passwords, messages, captchas.
CREATE TABLE acct_throttles (
    id TEXT NOT NULL PRIMARY KEY,
    hits INTEGER NOT NULL,
    stamps TEXT NOT NULL,
    until_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX acct_throttles_expiry ON acct_throttles (expires_at);
