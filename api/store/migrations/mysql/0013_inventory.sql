-- +goose Up
-- What certificates are found by besides their own columns: the names and codes of who holds them. Filled after the fact from ca_certificates,
-- so that issuing does not wait for it.
CREATE TABLE IF NOT EXISTS ca_terms (
  id   BIGINT         NOT NULL PRIMARY KEY,
  kind SMALLINT       NOT NULL, -- 1 name, 2 code
  term VARBINARY(1000) NOT NULL, -- normalised, UTF-8
  UNIQUE KEY ca_terms_term (kind, term)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS ca_term_certificates (
  term_id        BIGINT NOT NULL,
  certificate_id BIGINT NOT NULL,
  PRIMARY KEY (term_id, certificate_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- The first characters of a name from each of its characters on: a part of a name is the beginning of one of these.
CREATE TABLE IF NOT EXISTS ca_term_parts (
  part    VARBINARY(32) NOT NULL,
  term_id BIGINT        NOT NULL,
  PRIMARY KEY (part, term_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- How far this has come, in one row with id 1.
CREATE TABLE IF NOT EXISTS ca_inventory (
  id             SMALLINT NOT NULL PRIMARY KEY,
  certificate_id BIGINT   NOT NULL,
  term_id        BIGINT   NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
