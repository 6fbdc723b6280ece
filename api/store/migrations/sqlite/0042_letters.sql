-- +goose Up
-- Letters that were printed. facts is the hash of what a letter says: as long as that is the same, so is the letter and its number.
CREATE TABLE ra_letters (
    id TEXT NOT NULL PRIMARY KEY,
    number TEXT NOT NULL,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    object_id TEXT NOT NULL,
    organisation_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    organisation_name TEXT NOT NULL,
    facts TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX ra_letters_number ON ra_letters (number);
CREATE UNIQUE INDEX ra_letters_facts ON ra_letters (object_id, kind, facts);
