-- +goose Up
-- The state that a USB key was in when staff said that it is lost: it goes back there when it is found.
ALTER TABLE ra_tokens ADD COLUMN /*M! IF NOT EXISTS */ lost_from VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '';
