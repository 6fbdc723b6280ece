-- +goose Up
-- What staff decided about recoveries and unlocking, in the words that were signed. Each step is decided once. Decisions about applications
-- are in ra_reviews.
CREATE TABLE ra_decisions (
    id TEXT NOT NULL PRIMARY KEY,
    object_id TEXT NOT NULL,
    step INTEGER NOT NULL,
    decision TEXT NOT NULL,
    by_account TEXT NOT NULL,
    by_name TEXT NOT NULL,
    text TEXT NOT NULL,
    signature BLOB NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX ra_decisions_object ON ra_decisions (object_id, step);
