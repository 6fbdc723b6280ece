-- +goose Up
-- Messages to people. masked_text is the text without secrets; text equals it once purged.
CREATE TABLE notice_messages (
    id TEXT NOT NULL PRIMARY KEY,
    channel TEXT NOT NULL,
    recipient TEXT NOT NULL,
    template TEXT NOT NULL,
    purpose TEXT NOT NULL,
    signature TEXT NOT NULL,
    text TEXT NOT NULL,
    masked_text TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    purge_at INTEGER NOT NULL,
    purged_at INTEGER NOT NULL
) STRICT;
CREATE INDEX notice_messages_recipient ON notice_messages (recipient, created_at);
CREATE INDEX notice_messages_created ON notice_messages (created_at);
CREATE INDEX notice_messages_purge ON notice_messages (purged_at, purge_at);
