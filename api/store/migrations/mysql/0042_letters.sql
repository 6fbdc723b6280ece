-- +goose Up
-- Letters that were printed. facts is the hash of what a letter says: as long as that is the same, so is the letter and its number.
CREATE TABLE IF NOT EXISTS ra_letters (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    number VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    kind VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    title VARCHAR(100) NOT NULL,
    object_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    organisation_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    account_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    organisation_name VARCHAR(200) NOT NULL,
    facts VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    sha256 VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE KEY ra_letters_number (number),
    UNIQUE KEY ra_letters_facts (object_id, kind, facts)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
