-- +goose Up
-- A recovery is reviewed before the officers of the centre see it.
ALTER TABLE ra_recoveries ADD COLUMN /*M! IF NOT EXISTS */ reviewed_by VARCHAR(100) NOT NULL DEFAULT '';
ALTER TABLE ra_recoveries ADD COLUMN /*M! IF NOT EXISTS */ reviewed_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ra_recoveries ADD COLUMN /*M! IF NOT EXISTS */ approved_by VARCHAR(100) NOT NULL DEFAULT '';
ALTER TABLE ra_recoveries ADD COLUMN /*M! IF NOT EXISTS */ approved_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ra_recoveries ADD COLUMN /*M! IF NOT EXISTS */ note VARCHAR(500) NOT NULL DEFAULT '';
ALTER TABLE ra_recoveries ADD COLUMN /*M! IF NOT EXISTS */ active_job_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '';
ALTER TABLE ra_recoveries ADD COLUMN /*M! IF NOT EXISTS */ written_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ra_recoveries ADD COLUMN /*M! IF NOT EXISTS */ organisation_name VARCHAR(200) NOT NULL DEFAULT '';
ALTER TABLE ra_recoveries ADD COLUMN /*M! IF NOT EXISTS */ organisation_code VARCHAR(40) NOT NULL DEFAULT '';
ALTER TABLE ra_recoveries ADD COLUMN /*M! IF NOT EXISTS */ applicant VARCHAR(100) NOT NULL DEFAULT '';
ALTER TABLE ra_recoveries ADD COLUMN /*M! IF NOT EXISTS */ reviewer VARCHAR(100) NOT NULL DEFAULT '';
ALTER TABLE ra_recoveries ADD COLUMN /*M! IF NOT EXISTS */ approver VARCHAR(100) NOT NULL DEFAULT '';
