-- +goose Up
-- Keys of a batch that broke and were given up; their place was made anew with another key.
CREATE TABLE ra_flash_given_up (
    id TEXT NOT NULL PRIMARY KEY,
    batch_id TEXT NOT NULL,
    place INTEGER NOT NULL,
    token_serial TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    certificate_id TEXT NOT NULL,
    given_up_by TEXT NOT NULL,
    given_up_at INTEGER NOT NULL
) STRICT;
CREATE INDEX ra_flash_given_up_batch ON ra_flash_given_up (batch_id, place);
