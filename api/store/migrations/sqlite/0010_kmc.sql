-- +goose Up
CREATE TABLE kmc_certificates (
  ca            VARCHAR(64)  NOT NULL,
  serial        VARCHAR(64)  NOT NULL,
  key_id        VARCHAR(40)  NOT NULL REFERENCES kmc_keys (key_id),
  assignment_id BLOB         NOT NULL REFERENCES kmc_assignments (id),
  request_hash  BLOB         NOT NULL, -- SHA-256 of what asked for it, so that a serial asked for twice is seen
  not_before    BIGINT       NOT NULL,
  ends_at       BIGINT       NOT NULL, -- the end of its validity, or the revocation before
  PRIMARY KEY (ca, serial)
);
CREATE INDEX kmc_certificates_key ON kmc_certificates (key_id);
CREATE INDEX kmc_certificates_assignment ON kmc_certificates (assignment_id);

CREATE TABLE kmc_officers (
  id            VARCHAR(60)  NOT NULL PRIMARY KEY,
  seat          VARCHAR(260) NOT NULL UNIQUE, -- the person while in office; afterwards something of the row's own
  person        VARCHAR(160) NOT NULL,
  role          VARCHAR(20)  NOT NULL,
  spki          BLOB         NOT NULL,
  key_hash      BLOB         NOT NULL UNIQUE,
  appointed_by  VARCHAR(60)  NOT NULL, -- empty for the first officers
  proof         BLOB         NOT NULL,
  appointed_at  BIGINT       NOT NULL,
  dismissed_at  BIGINT       NOT NULL -- 0 while in office
);

CREATE TABLE kmc_cases (
  id            VARCHAR(40)   NOT NULL PRIMARY KEY,
  kind          VARCHAR(10)   NOT NULL,
  state         VARCHAR(10)   NOT NULL,
  holder        VARCHAR(160)  NOT NULL,
  spki_hash     BLOB          NOT NULL,
  to_spki       BLOB          NOT NULL,
  reason        VARCHAR(400)  NOT NULL,
  case_no       VARCHAR(400)  NOT NULL,
  applicant     VARCHAR(400)  NOT NULL,
  scope         VARCHAR(400)  NOT NULL,
  material      VARCHAR(64)   NOT NULL,
  required      BIGINT        NOT NULL,
  eligible      BIGINT        NOT NULL,
  opened_by     VARCHAR(160)  NOT NULL,
  open_proof    BLOB          NOT NULL,
  opened_at     BIGINT        NOT NULL,
  expires_at    BIGINT        NOT NULL,
  moved_at      BIGINT        NOT NULL
);
CREATE INDEX kmc_cases_overdue ON kmc_cases (state, expires_at);

CREATE TABLE kmc_decisions (
  case_id       VARCHAR(40)  NOT NULL REFERENCES kmc_cases (id),
  officer       VARCHAR(60)  NOT NULL REFERENCES kmc_officers (id),
  person        VARCHAR(160) NOT NULL,
  act           VARCHAR(10)  NOT NULL,
  proof         BLOB         NOT NULL,
  decided_at    BIGINT       NOT NULL,
  PRIMARY KEY (case_id, officer),
  UNIQUE (case_id, person)
);

CREATE TABLE kmc_quota (
  day           BIGINT NOT NULL PRIMARY KEY, -- days since 1970-01-01 UTC
  used          BIGINT NOT NULL
);

CREATE TABLE kmc_custodies (
  id            INTEGER      NOT NULL PRIMARY KEY AUTOINCREMENT,
  custody       VARCHAR(16)  NOT NULL UNIQUE,
  document      BLOB         NOT NULL,
  kept_at       BIGINT       NOT NULL
);
