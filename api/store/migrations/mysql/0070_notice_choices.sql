-- +goose Up
-- What the account reads in English; '' where it was sent before there was any.
ALTER TABLE notice_messages ADD COLUMN text_en VARCHAR(2000) NOT NULL DEFAULT '';

-- What a person chose for one kind of notice; no row: told everywhere.
CREATE TABLE notice_choices (
    account_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    kind VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    portal SMALLINT NOT NULL,
    sms SMALLINT NOT NULL,
    mail SMALLINT NOT NULL,
    PRIMARY KEY (account_id, kind)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The language a person is written to in; no row: Chinese.
CREATE TABLE notice_languages (
    account_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    language VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Browsers an account logged in with, by the hash of a random cookie.
CREATE TABLE acct_devices (
    account_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    device_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    first_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, device_hash)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
ALTER TABLE acct_pending_logins ADD COLUMN device_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '';
