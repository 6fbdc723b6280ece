-- +goose Up
-- What certificates are found by besides their own columns: the names and codes of who holds them. Filled after the fact from ca_certificates,
-- so that issuing does not wait for it.
CREATE TABLE ca_terms (
  id   BIGINT   NOT NULL PRIMARY KEY,
  kind SMALLINT NOT NULL, -- 1 name, 2 code
  term BLOB     NOT NULL, -- normalised, UTF-8
  UNIQUE (kind, term)
);

CREATE TABLE ca_term_certificates (
  term_id        BIGINT NOT NULL,
  certificate_id BIGINT NOT NULL,
  PRIMARY KEY (term_id, certificate_id)
) WITHOUT ROWID;

-- The first characters of a name from each of its characters on: a part of a name is the beginning of one of these.
CREATE TABLE ca_term_parts (
  part    BLOB   NOT NULL,
  term_id BIGINT NOT NULL,
  PRIMARY KEY (part, term_id)
) WITHOUT ROWID;

-- How far this has come, in one row with id 1.
CREATE TABLE ca_inventory (
  id             SMALLINT NOT NULL PRIMARY KEY,
  certificate_id BIGINT   NOT NULL,
  term_id        BIGINT   NOT NULL
);
