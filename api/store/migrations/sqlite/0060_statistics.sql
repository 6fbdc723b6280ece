-- +goose Up
-- Statistics: what happened is counted by day by a job, so that no page counts a million rows. region is the administrative division of the
-- holder's code (GB 32100: digits 3 to 8), '' where there is none. day is in China; bucket is working time in half hours, of reviews only.
CREATE TABLE ra_figures (
    day TEXT NOT NULL,
    measure TEXT NOT NULL,
    project_slug TEXT NOT NULL,
    region TEXT NOT NULL,
    bucket INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (day, measure, project_slug, region, bucket)
) STRICT;
INSERT INTO ra_counters (name, value) VALUES ('figures', 0);

ALTER TABLE ra_certificates ADD COLUMN region TEXT NOT NULL DEFAULT '';
UPDATE ra_certificates SET region = COALESCE((SELECT SUBSTR(o.uscc, 3, 6) FROM acct_organisations o WHERE o.id = ra_certificates.organisation_id AND LENGTH(o.uscc) = 18 AND SUBSTR(o.uscc, 3, 6) GLOB '[0-9][0-9][0-9][0-9][0-9][0-9]'), '');
CREATE INDEX ra_certificates_made ON ra_certificates (origin, created_at);
CREATE INDEX ra_certificates_ahead ON ra_certificates (state, not_after_at, project_slug, region);
CREATE INDEX ra_applications_new ON ra_applications (new_certificate_id);
CREATE INDEX ra_applications_made ON ra_applications (created_at, kind, state, project_slug, organisation_code);
CREATE INDEX ca_revocations_at ON ca_revocations (revoked_at);
