-- +goose Up
-- Decision 6: another number is another organisation, linked to the one before.
ALTER TABLE acct_organisations ADD COLUMN predecessor_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '';
ALTER TABLE acct_organisations ADD COLUMN successor_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '';

-- What applications changed in the records of organisations: the history of names, and what relying systems are told.
CREATE TABLE IF NOT EXISTS acct_changes (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    organisation_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    field VARCHAR(64) NOT NULL,
    was VARCHAR(300) NOT NULL,
    became VARCHAR(300) NOT NULL,
    application_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX acct_changes_organisation ON acct_changes (organisation_id, at);
CREATE INDEX acct_changes_at ON acct_changes (at);
