-- +goose Up
-- What staff write for holders: one draft an item, and all versions that were ever in effect.
CREATE TABLE content_drafts (
    kind TEXT NOT NULL,
    item_key TEXT NOT NULL,
    revision INTEGER NOT NULL,
    state TEXT NOT NULL,
    document TEXT NOT NULL,
    base_digest TEXT NOT NULL,
    author_id TEXT NOT NULL,
    author_name TEXT NOT NULL,
    note TEXT NOT NULL,
    reason TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    submitted_at INTEGER NOT NULL,
    PRIMARY KEY (kind, item_key)
) STRICT;
CREATE TABLE content_versions (
    kind TEXT NOT NULL,
    item_key TEXT NOT NULL,
    version INTEGER NOT NULL,
    document TEXT NOT NULL,
    digest TEXT NOT NULL,
    author_id TEXT NOT NULL,
    author_name TEXT NOT NULL,
    publisher_id TEXT NOT NULL,
    publisher_name TEXT NOT NULL,
    note TEXT NOT NULL,
    published_at INTEGER NOT NULL,
    PRIMARY KEY (kind, item_key, version)
) STRICT;
