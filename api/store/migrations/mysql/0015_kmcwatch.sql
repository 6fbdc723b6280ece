-- +goose Up
-- The CA's side of the escrow: encryption certificates whose end the key management centre must hear of.
CREATE TABLE IF NOT EXISTS kmc_watch (
  ca         VARCHAR(64)  NOT NULL,
  serial     VARCHAR(64)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  request_id VARBINARY(128) NOT NULL, -- of the pair
  spki_hash  BINARY(32)   NOT NULL,
  not_before BIGINT       NOT NULL,
  ends_at    BIGINT       NOT NULL,
  state      VARCHAR(10)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  PRIMARY KEY (ca, serial),
  INDEX kmc_watch_state (state, ends_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- How far the certificates were looked through.
CREATE TABLE IF NOT EXISTS kmc_cursors (
  name     VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  position BIGINT      NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Holders who must hear that a key of theirs was recovered. told says how many messages went out; 0 = somebody must see to it.
CREATE TABLE IF NOT EXISTS kmc_notices (
  id        BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
  case_id   VARCHAR(40)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind      VARCHAR(10)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  holder    VARCHAR(160) NOT NULL,
  spki_hash VARCHAR(64)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  told      BIGINT       NOT NULL,
  at        BIGINT       NOT NULL,
  UNIQUE KEY kmc_notices_case (case_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
