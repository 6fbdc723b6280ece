-- +goose Up
CREATE TABLE IF NOT EXISTS kmc_certificates (
  ca            VARCHAR(64) NOT NULL,
  serial        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  key_id        VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  assignment_id VARBINARY(128) NOT NULL,
  request_hash  BINARY(32)  NOT NULL, -- SHA-256 of what asked for it, so that a serial asked for twice is seen
  not_before    BIGINT      NOT NULL,
  ends_at       BIGINT      NOT NULL, -- the end of its validity, or the revocation before
  PRIMARY KEY (ca, serial),
  INDEX kmc_certificates_key (key_id),
  INDEX kmc_certificates_assignment (assignment_id),
  CONSTRAINT kmc_certificates_key FOREIGN KEY (key_id) REFERENCES kmc_keys (key_id),
  CONSTRAINT kmc_certificates_assignment FOREIGN KEY (assignment_id) REFERENCES kmc_assignments (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS kmc_officers (
  id            VARCHAR(60)  NOT NULL PRIMARY KEY,
  seat          VARCHAR(260) NOT NULL, -- the person while in office; afterwards something of the row's own
  person        VARCHAR(160) NOT NULL,
  role          VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  spki          BLOB         NOT NULL,
  key_hash      BINARY(32)   NOT NULL,
  appointed_by  VARCHAR(60)  NOT NULL, -- empty for the first officers
  proof         BLOB         NOT NULL,
  appointed_at  BIGINT       NOT NULL,
  dismissed_at  BIGINT       NOT NULL, -- 0 while in office
  UNIQUE KEY kmc_officers_seat (seat),
  UNIQUE KEY kmc_officers_key (key_hash)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS kmc_cases (
  id            VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  kind          VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  state         VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  holder        VARCHAR(160) NOT NULL,
  spki_hash     BINARY(32)   NOT NULL,
  to_spki       BLOB         NOT NULL,
  reason        VARCHAR(400) NOT NULL,
  case_no       VARCHAR(400) NOT NULL,
  applicant     VARCHAR(400) NOT NULL,
  scope         VARCHAR(400) NOT NULL,
  material      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  required      BIGINT       NOT NULL,
  eligible      BIGINT       NOT NULL,
  opened_by     VARCHAR(160) NOT NULL,
  open_proof    MEDIUMBLOB   NOT NULL,
  opened_at     BIGINT       NOT NULL,
  expires_at    BIGINT       NOT NULL,
  moved_at      BIGINT       NOT NULL,
  INDEX kmc_cases_overdue (state, expires_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS kmc_decisions (
  case_id       VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  officer       VARCHAR(60)  NOT NULL,
  person        VARCHAR(160) NOT NULL,
  act           VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  proof         BLOB         NOT NULL,
  decided_at    BIGINT       NOT NULL,
  PRIMARY KEY (case_id, officer),
  UNIQUE KEY kmc_decisions_person (case_id, person),
  INDEX kmc_decisions_officer (officer),
  CONSTRAINT kmc_decisions_case FOREIGN KEY (case_id) REFERENCES kmc_cases (id),
  CONSTRAINT kmc_decisions_officer FOREIGN KEY (officer) REFERENCES kmc_officers (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS kmc_quota (
  day           BIGINT NOT NULL PRIMARY KEY, -- days since 1970-01-01 UTC
  used          BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS kmc_custodies (
  id            BIGINT NOT NULL PRIMARY KEY AUTO_INCREMENT,
  custody       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  document      MEDIUMBLOB   NOT NULL,
  kept_at       BIGINT       NOT NULL,
  UNIQUE KEY kmc_custodies_custody (custody)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
