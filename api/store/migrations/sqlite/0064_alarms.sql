-- +goose Up
-- What is wrong with the authority, as the rules of api/watch find it. open_key names rule and object while an alarm is open: there is one at
-- most for each. closed_at 0 = open; acked_at 0 = nobody has seen to it.
CREATE TABLE watch_alarms (
    id TEXT NOT NULL PRIMARY KEY,
    rule TEXT NOT NULL,
    object TEXT NOT NULL,
    open_key TEXT NULL,
    severity TEXT NOT NULL,
    detail TEXT NOT NULL,
    test INTEGER NOT NULL,
    told INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    closed_at INTEGER NOT NULL,
    acked_by TEXT NOT NULL,
    acked_name TEXT NOT NULL,
    acked_at INTEGER NOT NULL,
    note TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX watch_alarms_open ON watch_alarms (open_key);
CREATE INDEX watch_alarms_closed ON watch_alarms (closed_at, opened_at);
