-- +goose Up
-- A recovery is reviewed before the officers of the centre see it.
ALTER TABLE ra_recoveries ADD COLUMN reviewed_by TEXT NOT NULL DEFAULT '';
ALTER TABLE ra_recoveries ADD COLUMN reviewed_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ra_recoveries ADD COLUMN approved_by TEXT NOT NULL DEFAULT '';
ALTER TABLE ra_recoveries ADD COLUMN approved_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ra_recoveries ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE ra_recoveries ADD COLUMN active_job_id TEXT NOT NULL DEFAULT '';
ALTER TABLE ra_recoveries ADD COLUMN written_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ra_recoveries ADD COLUMN organisation_name TEXT NOT NULL DEFAULT '';
ALTER TABLE ra_recoveries ADD COLUMN organisation_code TEXT NOT NULL DEFAULT '';
ALTER TABLE ra_recoveries ADD COLUMN applicant TEXT NOT NULL DEFAULT '';
ALTER TABLE ra_recoveries ADD COLUMN reviewer TEXT NOT NULL DEFAULT '';
ALTER TABLE ra_recoveries ADD COLUMN approver TEXT NOT NULL DEFAULT '';
