-- +goose Up
-- Decision 6: another number is another organisation, linked to the one before.
ALTER TABLE acct_organisations ADD COLUMN predecessor_id TEXT NOT NULL DEFAULT '';
ALTER TABLE acct_organisations ADD COLUMN successor_id TEXT NOT NULL DEFAULT '';

-- What applications changed in the records of organisations: the history of names, and what relying systems are told.
CREATE TABLE acct_changes (
    id TEXT NOT NULL,
    organisation_id TEXT NOT NULL,
    field TEXT NOT NULL,
    was TEXT NOT NULL,
    became TEXT NOT NULL,
    application_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (id)
) STRICT;
CREATE INDEX acct_changes_organisation ON acct_changes (organisation_id, at);
CREATE INDEX acct_changes_at ON acct_changes (at);
