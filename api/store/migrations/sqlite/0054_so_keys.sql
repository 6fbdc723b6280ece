-- +goose Up
-- The secret that officers' PINs are derived from is renewed: ra_so_keys gets a row for each. so_key is the one of the version in force,
-- so_next_key of the one handed out (so_pending); of a batch's key it is the one of the transport PIN.
ALTER TABLE ra_tokens ADD COLUMN so_key TEXT NOT NULL DEFAULT 'so-1';
ALTER TABLE ra_tokens ADD COLUMN so_next_key TEXT NOT NULL DEFAULT 'so-1';
ALTER TABLE ra_flash_jobs ADD COLUMN so_key TEXT NOT NULL DEFAULT 'so-1';
