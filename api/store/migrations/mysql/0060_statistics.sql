-- +goose Up
-- Statistics: what happened is counted by day by a job, so that no page counts a million rows. region is the administrative division of the
-- holder's code (GB 32100: digits 3 to 8), '' where there is none. day is in China; bucket is working time in half hours, of reviews only.
CREATE TABLE IF NOT EXISTS ra_figures (
    day VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    measure VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    project_slug VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    region VARCHAR(12) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    bucket BIGINT NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (day, measure, project_slug, region, bucket)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
INSERT IGNORE INTO ra_counters (name, value) VALUES ('figures', 0);

ALTER TABLE ra_certificates ADD COLUMN region VARCHAR(12) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '';
UPDATE ra_certificates c JOIN acct_organisations o ON o.id = c.organisation_id SET c.region = SUBSTR(o.uscc, 3, 6) WHERE o.uscc REGEXP '^[0-9A-Z]{2}[0-9]{6}[0-9A-Z]{10}$';
CREATE INDEX ra_certificates_made ON ra_certificates (origin, created_at);
CREATE INDEX ra_certificates_ahead ON ra_certificates (state, not_after_at, project_slug, region);
CREATE INDEX ra_applications_new ON ra_applications (new_certificate_id);
CREATE INDEX ra_applications_made ON ra_applications (created_at, kind, state, project_slug, organisation_code);
CREATE INDEX ca_revocations_at ON ca_revocations (revoked_at);
