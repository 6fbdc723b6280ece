-- +goose Up
-- Which holders were told that a certificate ends; stage is the days before its end.
CREATE TABLE ra_expiry_notices (
    certificate_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    stage BIGINT NOT NULL,
    told_at BIGINT NOT NULL,
    PRIMARY KEY (certificate_id, stage)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX ra_certificates_ends ON ra_certificates (not_after_at);
