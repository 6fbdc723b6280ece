-- +goose Up
CREATE TABLE kmc_keys (
  id            INTEGER      NOT NULL PRIMARY KEY AUTOINCREMENT,
  key_id        VARCHAR(40)  NOT NULL UNIQUE,
  alg           VARCHAR(20)  NOT NULL,
  spki          BLOB         NOT NULL,
  spki_hash     BLOB         NOT NULL UNIQUE,
  sealed        BLOB         NOT NULL,
  state         VARCHAR(10)  NOT NULL,
  holder        VARCHAR(160) NOT NULL,
  assignment_id BLOB         NOT NULL, -- the first assignment; empty for a spare key
  since_at      BIGINT       NOT NULL
);
CREATE INDEX kmc_keys_spare ON kmc_keys (state, alg);
CREATE INDEX kmc_keys_holder ON kmc_keys (holder);

CREATE TABLE kmc_assignments (
  id          BLOB         NOT NULL PRIMARY KEY,
  holder      VARCHAR(160) NOT NULL,
  alg         VARCHAR(20)  NOT NULL,
  sign_hash   BLOB         NOT NULL,
  wanted_hash BLOB         NOT NULL, -- SHA-256 of the named key's SPKI; empty when any spare key would do
  key_id      VARCHAR(40)  NOT NULL REFERENCES kmc_keys (key_id),
  assigned_at BIGINT       NOT NULL
);
CREATE INDEX kmc_assignments_key ON kmc_assignments (key_id);
