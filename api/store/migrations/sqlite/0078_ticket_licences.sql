-- +goose Up
-- The licence that came with a question for a registered number: its place among the files, empty where none came.
ALTER TABLE acct_tickets ADD COLUMN licence_sum TEXT NOT NULL DEFAULT '';
ALTER TABLE acct_tickets ADD COLUMN licence_type TEXT NOT NULL DEFAULT '';
ALTER TABLE acct_tickets ADD COLUMN licence_pages INTEGER NOT NULL DEFAULT 0;
