-- +goose Up
CREATE TABLE ca_intents (
  id           INTEGER      NOT NULL PRIMARY KEY AUTOINCREMENT,
  ca           VARCHAR(60)  NOT NULL,
  serial_hex   VARCHAR(40)  NOT NULL,
  request_id   BLOB         NOT NULL,
  open_request BLOB         NULL UNIQUE, -- request_id while open: a request has one open intent at most
  state        VARCHAR(10)  NOT NULL,
  subject      VARCHAR(500) NOT NULL,
  request      BLOB         NOT NULL,    -- JSON; empty once recorded
  tbs          BLOB         NOT NULL,    -- empty once recorded, for the certificate holds the same bytes
  tbs_hash     BLOB         NOT NULL,
  spki_hash    BLOB         NOT NULL,
  not_after_at BIGINT       NOT NULL,
  intended_at  BIGINT       NOT NULL,
  ended_at     BIGINT       NOT NULL,
  UNIQUE (ca, serial_hex)
);
CREATE INDEX ca_intents_state ON ca_intents (state, intended_at);

CREATE TABLE ca_certificates (
  id            INTEGER      NOT NULL PRIMARY KEY AUTOINCREMENT,
  ca            VARCHAR(60)  NOT NULL,
  serial_hex    VARCHAR(40)  NOT NULL,
  request_id    BLOB         NOT NULL UNIQUE,
  profile       VARCHAR(60)  NOT NULL,
  subject       VARCHAR(500) NOT NULL,
  der           BLOB         NOT NULL,
  not_before_at BIGINT       NOT NULL,
  not_after_at  BIGINT       NOT NULL,
  spki_hash     BLOB         NOT NULL,
  pair_id       VARCHAR(128) NOT NULL,
  issued_at     BIGINT       NOT NULL,
  asked_by      VARCHAR(120) NOT NULL,
  UNIQUE (ca, serial_hex)
);
CREATE INDEX ca_certificates_subject ON ca_certificates (subject);
CREATE INDEX ca_certificates_not_after ON ca_certificates (not_after_at);
CREATE INDEX ca_certificates_spki ON ca_certificates (spki_hash);
CREATE INDEX ca_certificates_pair ON ca_certificates (pair_id);

-- Serials that are out of use: certificates revoked or held, and abandoned intents.
CREATE TABLE ca_revocations (
  id           INTEGER       NOT NULL PRIMARY KEY AUTOINCREMENT,
  ca           VARCHAR(60)   NOT NULL,
  serial_hex   VARCHAR(40)   NOT NULL,
  reason       SMALLINT      NOT NULL,
  revoked_at   BIGINT        NOT NULL,
  invalid_at   BIGINT        NOT NULL,
  not_after_at BIGINT        NOT NULL,
  asked_by     VARCHAR(120)  NOT NULL,
  note         VARCHAR(1000) NOT NULL,
  UNIQUE (ca, serial_hex)
);

CREATE TABLE ca_crl_numbers (
  ca     VARCHAR(60) NOT NULL PRIMARY KEY,
  number BIGINT      NOT NULL
);

CREATE TABLE ca_crls (
  ca             VARCHAR(60) NOT NULL,
  number         BIGINT      NOT NULL,
  this_update_at BIGINT      NOT NULL,
  next_update_at BIGINT      NOT NULL,
  size           BIGINT      NOT NULL,
  hash           BLOB        NOT NULL,
  PRIMARY KEY (ca, number)
);

CREATE TABLE ca_crl_parts (
  ca     VARCHAR(60) NOT NULL,
  number BIGINT      NOT NULL,
  part   INTEGER     NOT NULL,
  der    BLOB        NOT NULL,
  PRIMARY KEY (ca, number, part)
);
