-- +goose Up
-- The state that a USB key was in when staff said that it is lost: it goes back there when it is found.
ALTER TABLE ra_tokens ADD COLUMN lost_from TEXT NOT NULL DEFAULT '';
