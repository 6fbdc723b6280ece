-- +goose Up
-- All that a revocation list says, in its order: serial numbers are random, so a list of a million would else read a million rows all over the table.
CREATE INDEX ca_revocations_list ON ca_revocations (ca, serial_hex, shard, reason, revoked_at, invalid_at, not_after_at, revision);
