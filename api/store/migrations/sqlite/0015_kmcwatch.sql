-- +goose Up
-- The CA's side of the escrow: encryption certificates whose end the key management centre must hear of.
CREATE TABLE kmc_watch (
  ca         VARCHAR(64)  NOT NULL,
  serial     VARCHAR(64)  NOT NULL,
  request_id BLOB         NOT NULL, -- of the pair
  spki_hash  BLOB         NOT NULL,
  not_before BIGINT       NOT NULL,
  ends_at    BIGINT       NOT NULL,
  state      VARCHAR(10)  NOT NULL,
  PRIMARY KEY (ca, serial)
);
CREATE INDEX kmc_watch_state ON kmc_watch (state, ends_at);

-- How far the certificates were looked through.
CREATE TABLE kmc_cursors (
  name     VARCHAR(20) NOT NULL PRIMARY KEY,
  position BIGINT      NOT NULL
);

-- Holders who must hear that a key of theirs was recovered. told says how many messages went out; 0 = somebody must see to it.
CREATE TABLE kmc_notices (
  id        INTEGER      NOT NULL PRIMARY KEY AUTOINCREMENT,
  case_id   VARCHAR(40)  NOT NULL UNIQUE,
  kind      VARCHAR(10)  NOT NULL,
  holder    VARCHAR(160) NOT NULL,
  spki_hash VARCHAR(64)  NOT NULL,
  told      BIGINT       NOT NULL,
  at        BIGINT       NOT NULL
);
