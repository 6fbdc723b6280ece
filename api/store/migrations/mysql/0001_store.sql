-- +goose Up
CREATE TABLE IF NOT EXISTS store_audit (
  seq    BIGINT       NOT NULL PRIMARY KEY,
  at     BIGINT       NOT NULL,
  actor  VARCHAR(120) NOT NULL,
  act    VARCHAR(60)  NOT NULL,
  object VARCHAR(160) NOT NULL,
  facts  MEDIUMTEXT   NOT NULL,
  prev   BINARY(32)   NOT NULL,
  hash   BINARY(32)   NOT NULL,
  INDEX store_audit_object (object, seq),
  INDEX store_audit_actor (actor, seq)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS store_audit_head (
  id   SMALLINT   NOT NULL PRIMARY KEY CHECK (id = 1),
  seq  BIGINT     NOT NULL,
  hash BINARY(32) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT IGNORE INTO store_audit_head (id, seq, hash) VALUES (1, 0, REPEAT(X'00', 32));

CREATE TABLE IF NOT EXISTS store_outbox (
  id         VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  topic      VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  object     VARCHAR(160)  NOT NULL,
  payload    LONGBLOB      NOT NULL,
  state      VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  due_at     BIGINT        NOT NULL,
  attempts   INT           NOT NULL,
  owner      VARCHAR(120)  NOT NULL,
  lease      VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  error      VARCHAR(1000) NOT NULL,
  created_at BIGINT        NOT NULL,
  ended_at   BIGINT        NOT NULL,
  UNIQUE KEY store_outbox_key (topic, object),
  INDEX store_outbox_due (state, due_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS jobs_calendar (
  name     VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  owner    VARCHAR(120)  NOT NULL,
  lease    VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  until_at BIGINT        NOT NULL,
  next_at  BIGINT        NOT NULL,
  ok_at    BIGINT        NOT NULL,
  failures INT           NOT NULL,
  error    VARCHAR(1000) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
