-- +goose Up
-- What is wrong with the authority, as the rules of api/watch find it. open_key names rule and object while an alarm is open: there is one at
-- most for each. closed_at 0 = open; acked_at 0 = nobody has seen to it.
CREATE TABLE IF NOT EXISTS watch_alarms (
    id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    rule VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    object VARCHAR(160) NOT NULL,
    open_key VARCHAR(230) NULL,
    severity VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    detail VARCHAR(300) NOT NULL,
    test SMALLINT NOT NULL,
    told INTEGER NOT NULL,
    opened_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    closed_at BIGINT NOT NULL,
    acked_by VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    acked_name VARCHAR(200) NOT NULL,
    acked_at BIGINT NOT NULL,
    note VARCHAR(500) NOT NULL,
    UNIQUE KEY watch_alarms_open (open_key),
    INDEX watch_alarms_closed (closed_at, opened_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
