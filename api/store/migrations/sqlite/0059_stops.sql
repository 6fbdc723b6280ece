-- +goose Up
-- Stopping and resuming all issuing, by two persons. Whether it is stopped says the last row that is done. open_one is 1 while a row is asked
-- for: there is one at most.
CREATE TABLE ra_stops (
    id INTEGER NOT NULL PRIMARY KEY,
    stop INTEGER NOT NULL,
    state TEXT NOT NULL,
    open_one INTEGER NULL,
    reason TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    asked_name TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    decided_by TEXT NOT NULL,
    decided_name TEXT NOT NULL,
    decided_at INTEGER NOT NULL,
    note TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX ra_stops_open ON ra_stops (open_one);
CREATE INDEX ra_stops_state ON ra_stops (state, id);
