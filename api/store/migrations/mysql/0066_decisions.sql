-- +goose Up
-- What staff decided about recoveries and unlocking, in the words that were signed. Each step is decided once. Decisions about applications
-- are in ra_reviews.
CREATE TABLE IF NOT EXISTS ra_decisions (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    object_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    step BIGINT NOT NULL,
    decision VARCHAR(64) NOT NULL,
    by_account VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    by_name VARCHAR(300) NOT NULL,
    text MEDIUMTEXT NOT NULL,
    signature MEDIUMBLOB NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY ra_decisions_object (object_id, step)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
