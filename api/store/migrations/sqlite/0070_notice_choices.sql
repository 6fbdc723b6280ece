-- +goose Up
-- What the account reads in English; '' where it was sent before there was any.
ALTER TABLE notice_messages ADD COLUMN text_en TEXT NOT NULL DEFAULT '';

-- What a person chose for one kind of notice; no row: told everywhere.
CREATE TABLE notice_choices (
    account_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    portal INTEGER NOT NULL,
    sms INTEGER NOT NULL,
    mail INTEGER NOT NULL,
    PRIMARY KEY (account_id, kind)
) STRICT;

-- The language a person is written to in; no row: Chinese.
CREATE TABLE notice_languages (
    account_id TEXT NOT NULL PRIMARY KEY,
    language TEXT NOT NULL
) STRICT;

-- Browsers an account logged in with, by the hash of a random cookie.
CREATE TABLE acct_devices (
    account_id TEXT NOT NULL,
    device_hash TEXT NOT NULL,
    first_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, device_hash)
) STRICT;
ALTER TABLE acct_pending_logins ADD COLUMN device_hash TEXT NOT NULL DEFAULT '';
