-- +goose Up
-- Keys of connected registration authorities. Only the hash of a key is kept; the key itself is 32 random bytes.
CREATE TABLE acct_apikeys (
    id TEXT NOT NULL PRIMARY KEY,
    key_hash TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    profiles TEXT NOT NULL,      -- JSON list
    organisations TEXT NOT NULL, -- JSON list of {code, name}; empty text = any
    per_minute INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL    -- 0 while it may be used
) STRICT;

-- The part of an answer that could not be made a second time: the envelope of a pair's encryption key.
CREATE TABLE ra_envelopes (
    id TEXT NOT NULL PRIMARY KEY, -- the request id
    envelope BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
