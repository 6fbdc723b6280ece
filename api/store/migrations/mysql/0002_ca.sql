-- +goose Up
CREATE TABLE IF NOT EXISTS ca_intents (
  id           BIGINT       NOT NULL PRIMARY KEY AUTO_INCREMENT,
  ca           VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  serial_hex   VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  request_id   VARBINARY(128) NOT NULL,
  open_request VARBINARY(128) NULL, -- request_id while open: a request has one open intent at most
  state        VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  subject      VARCHAR(500) NOT NULL,
  request      MEDIUMBLOB   NOT NULL, -- JSON; empty once recorded
  tbs          MEDIUMBLOB   NOT NULL, -- empty once recorded, for the certificate holds the same bytes
  tbs_hash     BINARY(32)   NOT NULL,
  spki_hash    BINARY(32)   NOT NULL,
  not_after_at BIGINT       NOT NULL,
  intended_at  BIGINT       NOT NULL,
  ended_at     BIGINT       NOT NULL,
  UNIQUE KEY ca_intents_serial (ca, serial_hex),
  UNIQUE KEY ca_intents_open (open_request),
  INDEX ca_intents_state (state, intended_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS ca_certificates (
  id            BIGINT       NOT NULL PRIMARY KEY AUTO_INCREMENT,
  ca            VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  serial_hex    VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  request_id    VARBINARY(128) NOT NULL,
  profile       VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  subject       VARCHAR(500) NOT NULL,
  der           MEDIUMBLOB   NOT NULL,
  not_before_at BIGINT       NOT NULL,
  not_after_at  BIGINT       NOT NULL,
  spki_hash     BINARY(32)   NOT NULL,
  pair_id       VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  issued_at     BIGINT       NOT NULL,
  asked_by      VARCHAR(120) NOT NULL,
  UNIQUE KEY ca_certificates_serial (ca, serial_hex),
  UNIQUE KEY ca_certificates_request (request_id),
  INDEX ca_certificates_subject (subject(190)),
  INDEX ca_certificates_not_after (not_after_at),
  INDEX ca_certificates_spki (spki_hash),
  INDEX ca_certificates_pair (pair_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Serials that are out of use: certificates revoked or held, and abandoned intents.
CREATE TABLE IF NOT EXISTS ca_revocations (
  id           BIGINT        NOT NULL PRIMARY KEY AUTO_INCREMENT,
  ca           VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  serial_hex   VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  reason       SMALLINT      NOT NULL,
  revoked_at   BIGINT        NOT NULL,
  invalid_at   BIGINT        NOT NULL,
  not_after_at BIGINT        NOT NULL,
  asked_by     VARCHAR(120)  NOT NULL,
  note         VARCHAR(1000) NOT NULL,
  UNIQUE KEY ca_revocations_serial (ca, serial_hex)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS ca_crl_numbers (
  ca     VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  number BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS ca_crls (
  ca             VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  number         BIGINT     NOT NULL,
  this_update_at BIGINT     NOT NULL,
  next_update_at BIGINT     NOT NULL,
  size           BIGINT     NOT NULL,
  hash           BINARY(32) NOT NULL,
  PRIMARY KEY (ca, number)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS ca_crl_parts (
  ca     VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  number BIGINT     NOT NULL,
  part   INT        NOT NULL,
  der    MEDIUMBLOB NOT NULL,
  PRIMARY KEY (ca, number, part)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
