-- +goose Up
-- Keys of a batch that broke and were given up; their place was made anew with another key.
CREATE TABLE IF NOT EXISTS ra_flash_given_up (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    batch_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    place INTEGER NOT NULL,
    token_serial VARCHAR(64) NOT NULL,
    name VARCHAR(200) NOT NULL,
    state VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    reason VARCHAR(300) NOT NULL,
    certificate_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    given_up_by VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    given_up_at BIGINT NOT NULL,
    INDEX ra_flash_given_up_batch (batch_id, place)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
