-- +goose Up
-- Whose message it is within the portal ('' = nobody's), and how its delivery fares. params is what a gateway needs, '' once it is done.
ALTER TABLE notice_messages ADD COLUMN account_id TEXT NOT NULL DEFAULT '';
ALTER TABLE notice_messages ADD COLUMN read_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE notice_messages ADD COLUMN state TEXT NOT NULL DEFAULT 'kept';
ALTER TABLE notice_messages ADD COLUMN params TEXT NOT NULL DEFAULT '';
ALTER TABLE notice_messages ADD COLUMN sent_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE notice_messages ADD COLUMN error TEXT NOT NULL DEFAULT '';
CREATE INDEX notice_messages_account ON notice_messages (account_id, created_at);
CREATE INDEX notice_messages_sent ON notice_messages (recipient, sent_at);

-- Held while the messages to a number are counted.
CREATE TABLE notice_numbers (
    recipient TEXT NOT NULL PRIMARY KEY,
    counted_at INTEGER NOT NULL
) STRICT;
