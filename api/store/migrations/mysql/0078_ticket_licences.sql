-- +goose Up
-- The licence that came with a question for a registered number: its place among the files, empty where none came.
ALTER TABLE acct_tickets ADD COLUMN /*M! IF NOT EXISTS */ licence_sum VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '';
ALTER TABLE acct_tickets ADD COLUMN /*M! IF NOT EXISTS */ licence_type VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '';
ALTER TABLE acct_tickets ADD COLUMN /*M! IF NOT EXISTS */ licence_pages INTEGER NOT NULL DEFAULT 0;
