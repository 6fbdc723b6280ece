-- +goose Up
-- What staff write for holders: one draft an item, and all versions that were ever in effect.
CREATE TABLE IF NOT EXISTS content_drafts (
    kind VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    item_key VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    revision BIGINT NOT NULL,
    state VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    document MEDIUMTEXT NOT NULL,
    base_digest VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    author_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    author_name VARCHAR(200) NOT NULL,
    note VARCHAR(500) NOT NULL,
    reason VARCHAR(500) NOT NULL,
    changed_at BIGINT NOT NULL,
    submitted_at BIGINT NOT NULL,
    PRIMARY KEY (kind, item_key)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS content_versions (
    kind VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    item_key VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    version BIGINT NOT NULL,
    document MEDIUMTEXT NOT NULL,
    digest VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    author_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    author_name VARCHAR(200) NOT NULL,
    publisher_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    publisher_name VARCHAR(200) NOT NULL,
    note VARCHAR(500) NOT NULL,
    published_at BIGINT NOT NULL,
    PRIMARY KEY (kind, item_key, version)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
