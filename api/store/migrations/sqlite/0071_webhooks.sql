-- +goose Up
-- Addresses that an organisation wants its notices sent to. kinds is a JSON list; sealed holds the secret that signs.
CREATE TABLE notice_webhooks (
    id TEXT NOT NULL PRIMARY KEY,
    organisation_id TEXT NOT NULL,
    url TEXT NOT NULL,
    kinds TEXT NOT NULL,
    state TEXT NOT NULL,
    sealed BLOB NOT NULL,
    failures INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX notice_webhooks_organisation ON notice_webhooks (organisation_id, state);

-- What was sent to them, and how it fared.
CREATE TABLE notice_deliveries (
    id TEXT NOT NULL PRIMARY KEY,
    webhook_id TEXT NOT NULL,
    event TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    status INTEGER NOT NULL,
    error TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    tried_at INTEGER NOT NULL
) STRICT;
CREATE INDEX notice_deliveries_webhook ON notice_deliveries (webhook_id, created_at);
CREATE INDEX notice_deliveries_created ON notice_deliveries (created_at);
