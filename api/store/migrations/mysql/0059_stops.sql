-- +goose Up
-- Stopping and resuming all issuing, by two persons. Whether it is stopped says the last row that is done. open_one is 1 while a row is asked
-- for: there is one at most.
CREATE TABLE IF NOT EXISTS ra_stops (
    id BIGINT NOT NULL PRIMARY KEY,
    stop SMALLINT NOT NULL,
    state VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    open_one SMALLINT NULL,
    reason VARCHAR(500) NOT NULL,
    asked_by VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    asked_name VARCHAR(200) NOT NULL,
    asked_at BIGINT NOT NULL,
    decided_by VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    decided_name VARCHAR(200) NOT NULL,
    decided_at BIGINT NOT NULL,
    note VARCHAR(500) NOT NULL,
    UNIQUE KEY ra_stops_open (open_one),
    INDEX ra_stops_state (state, id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
