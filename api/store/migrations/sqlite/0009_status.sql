-- +goose Up
-- Revocation lists in shards (fixed when a certificate is made; 0 = none), as deltas, and the order in which revocations became durable.
ALTER TABLE ca_intents ADD COLUMN shard SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE ca_certificates ADD COLUMN shard SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE ca_revocations ADD COLUMN shard SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE ca_revocations ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ca_crls ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;
CREATE INDEX ca_revocations_revision ON ca_revocations (ca, revision);
CREATE INDEX ca_revocations_shard ON ca_revocations (ca, shard, serial_hex);

-- Holds that were released, for the deltas of lists that still show them.
CREATE TABLE ca_releases (
  ca           VARCHAR(60) NOT NULL,
  serial_hex   VARCHAR(40) NOT NULL,
  shard        SMALLINT    NOT NULL,
  released_at  BIGINT      NOT NULL,
  not_after_at BIGINT      NOT NULL,
  revision     BIGINT      NOT NULL,
  PRIMARY KEY (ca, serial_hex)
);
CREATE INDEX ca_releases_revision ON ca_releases (ca, revision);

-- Grows by one with each revocation or release of a CA; locked by whoever changes it, so that it grows in the order of commits.
CREATE TABLE ca_revisions (
  ca       VARCHAR(60) NOT NULL PRIMARY KEY,
  revision BIGINT      NOT NULL
);

-- Who does what only one server at a time may do.
CREATE TABLE ca_leases (
  name     VARCHAR(100) NOT NULL PRIMARY KEY,
  holder   VARCHAR(64)  NOT NULL,
  until_at BIGINT       NOT NULL
);
