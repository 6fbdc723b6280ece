-- +goose Up
-- Which holders were told that a certificate ends; stage is the days before its end.
CREATE TABLE ra_expiry_notices (
    certificate_id TEXT NOT NULL,
    stage INTEGER NOT NULL,
    told_at INTEGER NOT NULL,
    PRIMARY KEY (certificate_id, stage)
) STRICT;
CREATE INDEX ra_certificates_ends ON ra_certificates (not_after_at);
