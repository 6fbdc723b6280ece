-- +goose Up
-- Revocation lists in shards (fixed when a certificate is made; 0 = none), as deltas, and the order in which revocations became durable.
ALTER TABLE ca_intents ADD COLUMN /*M! IF NOT EXISTS */ shard SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE ca_certificates ADD COLUMN /*M! IF NOT EXISTS */ shard SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE ca_revocations ADD COLUMN /*M! IF NOT EXISTS */ shard SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE ca_revocations ADD COLUMN /*M! IF NOT EXISTS */ revision BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ca_crls ADD COLUMN /*M! IF NOT EXISTS */ revision BIGINT NOT NULL DEFAULT 0;
CREATE INDEX /*M! IF NOT EXISTS */ ca_revocations_revision ON ca_revocations (ca, revision);
CREATE INDEX /*M! IF NOT EXISTS */ ca_revocations_shard ON ca_revocations (ca, shard, serial_hex);

-- Holds that were released, for the deltas of lists that still show them.
CREATE TABLE IF NOT EXISTS ca_releases (
  ca           VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  serial_hex   VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  shard        SMALLINT    NOT NULL,
  released_at  BIGINT      NOT NULL,
  not_after_at BIGINT      NOT NULL,
  revision     BIGINT      NOT NULL,
  PRIMARY KEY (ca, serial_hex),
  INDEX ca_releases_revision (ca, revision)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Grows by one with each revocation or release of a CA; locked by whoever changes it, so that it grows in the order of commits.
CREATE TABLE IF NOT EXISTS ca_revisions (
  ca       VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  revision BIGINT      NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Who does what only one server at a time may do.
CREATE TABLE IF NOT EXISTS ca_leases (
  name     VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  holder   VARCHAR(64)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  until_at BIGINT       NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
