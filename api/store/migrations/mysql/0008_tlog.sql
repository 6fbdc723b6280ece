-- +goose Up
-- The transparency log: which certificate is which entry. The certificates themselves stay in ca_certificates.
CREATE TABLE IF NOT EXISTS tlog_entries (
  seq            BIGINT     NOT NULL PRIMARY KEY, -- 0, 1, 2 … without a gap
  certificate_id BIGINT     NOT NULL,
  leaf           BINARY(32) NOT NULL,
  logged_at      BIGINT     NOT NULL,
  UNIQUE KEY tlog_entries_certificate (certificate_id),
  INDEX tlog_entries_logged (logged_at, seq)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS tlog_tiles (
  level  SMALLINT NOT NULL,
  n      BIGINT   NOT NULL,
  hashes BLOB     NOT NULL,
  PRIMARY KEY (level, n)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- The newest tree: one row, with number 1.
CREATE TABLE IF NOT EXISTS tlog_head (
  id   SMALLINT   NOT NULL PRIMARY KEY,
  size BIGINT     NOT NULL,
  root BINARY(32) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS tlog_checkpoints (
  size      BIGINT     NOT NULL PRIMARY KEY,
  root      BINARY(32) NOT NULL,
  note      BLOB       NOT NULL, -- as signed
  signed_at BIGINT     NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
