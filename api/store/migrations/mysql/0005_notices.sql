-- +goose Up
-- Messages to people. masked_text is the text without secrets; text equals it once purged.
CREATE TABLE notice_messages (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    channel VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    recipient VARCHAR(120) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    template VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    purpose VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    signature VARCHAR(64) NOT NULL,
    text VARCHAR(1000) NOT NULL,
    masked_text VARCHAR(1000) NOT NULL,
    created_at BIGINT NOT NULL,
    purge_at BIGINT NOT NULL,
    purged_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX notice_messages_recipient ON notice_messages (recipient, created_at);
CREATE INDEX notice_messages_created ON notice_messages (created_at);
CREATE INDEX notice_messages_purge ON notice_messages (purged_at, purge_at);
