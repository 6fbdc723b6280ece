-- +goose Up
-- Keys of connected registration authorities. Only the hash of a key is kept; the key itself is 32 random bytes.
CREATE TABLE acct_apikeys (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    key_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
    name VARCHAR(100) NOT NULL,
    profiles TEXT NOT NULL,            -- JSON list
    organisations MEDIUMTEXT NOT NULL, -- JSON list of {code, name}; empty text = any
    per_minute INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL           -- 0 while it may be used
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The part of an answer that could not be made a second time: the envelope of a pair's encryption key.
CREATE TABLE ra_envelopes (
    id VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY, -- the request id
    envelope BLOB NOT NULL,
    created_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
