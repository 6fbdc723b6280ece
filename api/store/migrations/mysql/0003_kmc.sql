-- +goose Up
CREATE TABLE IF NOT EXISTS kmc_keys (
  id            BIGINT       NOT NULL PRIMARY KEY AUTO_INCREMENT,
  key_id        VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  alg           VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  spki          BLOB         NOT NULL,
  spki_hash     BINARY(32)   NOT NULL,
  sealed        BLOB         NOT NULL,
  state         VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  holder        VARCHAR(160) NOT NULL,
  assignment_id VARBINARY(128) NOT NULL, -- the first assignment; empty for a spare key
  since_at      BIGINT       NOT NULL,
  UNIQUE KEY kmc_keys_key (key_id),
  UNIQUE KEY kmc_keys_spki (spki_hash),
  INDEX kmc_keys_spare (state, alg),
  INDEX kmc_keys_holder (holder)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS kmc_assignments (
  id          VARBINARY(128) NOT NULL PRIMARY KEY,
  holder      VARCHAR(160) NOT NULL,
  alg         VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  sign_hash   BINARY(32)   NOT NULL,
  wanted_hash VARBINARY(32) NOT NULL, -- SHA-256 of the named key's SPKI; empty when any spare key would do
  key_id      VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  assigned_at BIGINT       NOT NULL,
  INDEX kmc_assignments_key (key_id),
  CONSTRAINT kmc_assignments_key FOREIGN KEY (key_id) REFERENCES kmc_keys (key_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
