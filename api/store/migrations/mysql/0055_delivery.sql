-- +goose Up
-- Whose message it is within the portal ('' = nobody's), and how its delivery fares. params is what a gateway needs, '' once it is done.
ALTER TABLE notice_messages ADD COLUMN account_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '';
ALTER TABLE notice_messages ADD COLUMN read_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE notice_messages ADD COLUMN state VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'kept';
ALTER TABLE notice_messages ADD COLUMN params VARCHAR(4000) NOT NULL DEFAULT '';
ALTER TABLE notice_messages ADD COLUMN sent_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE notice_messages ADD COLUMN error VARCHAR(300) NOT NULL DEFAULT '';
CREATE INDEX notice_messages_account ON notice_messages (account_id, created_at);
CREATE INDEX notice_messages_sent ON notice_messages (recipient, sent_at);

-- Held while the messages to a number are counted.
CREATE TABLE notice_numbers (
    recipient VARCHAR(120) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    counted_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
