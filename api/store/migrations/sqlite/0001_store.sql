-- +goose Up
CREATE TABLE store_audit (
  seq    BIGINT       NOT NULL PRIMARY KEY,
  at     BIGINT       NOT NULL,
  actor  VARCHAR(120) NOT NULL,
  act    VARCHAR(60)  NOT NULL,
  object VARCHAR(160) NOT NULL,
  facts  TEXT         NOT NULL,
  prev   BLOB         NOT NULL,
  hash   BLOB         NOT NULL
);
CREATE INDEX store_audit_object ON store_audit (object, seq);
CREATE INDEX store_audit_actor ON store_audit (actor, seq);

CREATE TABLE store_audit_head (
  id   SMALLINT NOT NULL PRIMARY KEY CHECK (id = 1),
  seq  BIGINT   NOT NULL,
  hash BLOB     NOT NULL
);
INSERT INTO store_audit_head (id, seq, hash) VALUES (1, 0, zeroblob(32));

CREATE TABLE store_outbox (
  id         VARCHAR(40)   NOT NULL PRIMARY KEY,
  topic      VARCHAR(60)   NOT NULL,
  object     VARCHAR(160)  NOT NULL,
  payload    BLOB          NOT NULL,
  state      VARCHAR(10)   NOT NULL,
  due_at     BIGINT        NOT NULL,
  attempts   INTEGER       NOT NULL,
  owner      VARCHAR(120)  NOT NULL,
  lease      VARCHAR(40)   NOT NULL,
  error      VARCHAR(1000) NOT NULL,
  created_at BIGINT        NOT NULL,
  ended_at   BIGINT        NOT NULL,
  UNIQUE (topic, object)
);
CREATE INDEX store_outbox_due ON store_outbox (state, due_at);

CREATE TABLE jobs_calendar (
  name     VARCHAR(60)   NOT NULL PRIMARY KEY,
  owner    VARCHAR(120)  NOT NULL,
  lease    VARCHAR(40)   NOT NULL,
  until_at BIGINT        NOT NULL,
  next_at  BIGINT        NOT NULL,
  ok_at    BIGINT        NOT NULL,
  failures INTEGER       NOT NULL,
  error    VARCHAR(1000) NOT NULL
);
