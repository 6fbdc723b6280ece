-- +goose Up
-- Organisations as imported or registered. uscc and org_code are kept as they were
-- given; code_warning says what is wrong with them: '', 'check_digit', 'length', 'charset'.
CREATE TABLE acct_organisations (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    name VARCHAR(200) NOT NULL,
    nature VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    uscc VARCHAR(64) NOT NULL,
    org_code VARCHAR(64) NOT NULL,
    code_warning VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    status VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    batch_id VARCHAR(64) NOT NULL,
    created_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX acct_organisations_uscc ON acct_organisations (uscc);
CREATE INDEX acct_organisations_org_code ON acct_organisations (org_code);

-- People who log in. login and phone are NULL until there is one, so that they can be unique.
-- handler_name and handler_phone are what the import said and never change.
CREATE TABLE acct_accounts (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    kind VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    role VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    frozen_from VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    login VARCHAR(64) NULL,
    phone VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NULL,
    password_hash VARCHAR(200) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    organisation_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NULL,
    display_name VARCHAR(200) NOT NULL,
    handler_name VARCHAR(200) NOT NULL,
    handler_phone VARCHAR(64) NOT NULL,
    handler_warning VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    project_slug VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    verified_how VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    verified_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE UNIQUE INDEX acct_accounts_login ON acct_accounts (login);
CREATE UNIQUE INDEX acct_accounts_phone ON acct_accounts (phone);
CREATE INDEX acct_accounts_organisation ON acct_accounts (organisation_id);

-- The ID numbers legacy holders log in with, normalised; dead once the account has a phone.
CREATE TABLE acct_legacy_logins (
    login VARCHAR(64) NOT NULL PRIMARY KEY,
    account_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    source VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    password_hash VARCHAR(200) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    batch_id VARCHAR(64) NOT NULL,
    dead_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX acct_legacy_logins_account ON acct_legacy_logins (account_id);

-- Sessions; only the SHA-256 of a token is kept.
CREATE TABLE acct_sessions (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    token_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    account_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    login VARCHAR(64) NOT NULL,
    address VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    user_agent VARCHAR(200) NOT NULL,
    project_slug VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    ended_why VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE UNIQUE INDEX acct_sessions_token ON acct_sessions (token_hash);
CREATE INDEX acct_sessions_account ON acct_sessions (account_id);
CREATE INDEX acct_sessions_expiry ON acct_sessions (expires_at);

-- Open captchas; a row is deleted by the first answer, right or wrong.
CREATE TABLE acct_captchas (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    mac VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    expires_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX acct_captchas_expiry ON acct_captchas (expires_at);

-- SMS codes; only a keyed hash of the code, its purpose, account and phone is kept.
CREATE TABLE acct_codes (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    account_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    purpose VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    phone VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    mac VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    tries INTEGER NOT NULL,
    sent_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX acct_codes_account ON acct_codes (account_id, purpose, sent_at);
CREATE INDEX acct_codes_expiry ON acct_codes (expires_at);

-- Counters behind every limit: wrong passwords, messages, captchas.
CREATE TABLE acct_throttles (
    id VARCHAR(120) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    hits BIGINT NOT NULL,
    stamps TEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    until_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX acct_throttles_expiry ON acct_throttles (expires_at);
