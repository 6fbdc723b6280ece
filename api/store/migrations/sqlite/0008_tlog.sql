-- +goose Up
-- The transparency log: which certificate is which entry. The certificates themselves stay in ca_certificates.
CREATE TABLE tlog_entries (
  seq            BIGINT NOT NULL PRIMARY KEY, -- 0, 1, 2 … without a gap
  certificate_id BIGINT NOT NULL UNIQUE,
  leaf           BLOB   NOT NULL,
  logged_at      BIGINT NOT NULL
);
CREATE INDEX tlog_entries_logged ON tlog_entries (logged_at, seq);

CREATE TABLE tlog_tiles (
  level  SMALLINT NOT NULL,
  n      BIGINT   NOT NULL,
  hashes BLOB     NOT NULL,
  PRIMARY KEY (level, n)
);

-- The newest tree: one row, with number 1.
CREATE TABLE tlog_head (
  id   SMALLINT NOT NULL PRIMARY KEY,
  size BIGINT   NOT NULL,
  root BLOB     NOT NULL
);

CREATE TABLE tlog_checkpoints (
  size      BIGINT NOT NULL PRIMARY KEY,
  root      BLOB   NOT NULL,
  note      BLOB   NOT NULL, -- as signed
  signed_at BIGINT NOT NULL
);
