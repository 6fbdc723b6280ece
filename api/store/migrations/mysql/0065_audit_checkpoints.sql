-- +goose Up
-- Signed heads of the audit chain, which the transparency log holds as entries too: there their certificate_id is this id, negative.
CREATE TABLE IF NOT EXISTS store_audit_checkpoints (
    id BIGINT NOT NULL PRIMARY KEY, -- 1, 2, 3 …
    seq BIGINT NOT NULL,
    hash BINARY(32) NOT NULL,
    note BLOB NOT NULL, -- as signed
    signed_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
