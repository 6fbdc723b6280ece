-- +goose Up
-- Addresses that an organisation wants its notices sent to. kinds is a JSON list; sealed holds the secret that signs.
CREATE TABLE notice_webhooks (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    organisation_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    url VARCHAR(500) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    kinds VARCHAR(300) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    sealed VARBINARY(300) NOT NULL,
    failures BIGINT NOT NULL,
    created_by VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX notice_webhooks_organisation ON notice_webhooks (organisation_id, state);

-- What was sent to them, and how it fared.
CREATE TABLE notice_deliveries (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    webhook_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    event VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    body VARCHAR(8000) NOT NULL,
    state VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    attempts BIGINT NOT NULL,
    status BIGINT NOT NULL,
    error VARCHAR(300) NOT NULL,
    created_at BIGINT NOT NULL,
    tried_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX notice_deliveries_webhook ON notice_deliveries (webhook_id, created_at);
CREATE INDEX notice_deliveries_created ON notice_deliveries (created_at);
