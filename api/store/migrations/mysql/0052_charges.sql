-- +goose Up
-- What was asked of a payment platform for an order. number is ours there (out_trade_no), transaction its own.
CREATE TABLE IF NOT EXISTS ra_charges (
    id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    order_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    gateway VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    number VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    amount_cents BIGINT NOT NULL,
    code_url VARCHAR(1000) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    transaction_id VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    asked_at BIGINT NOT NULL,
    paid_at BIGINT NOT NULL,
    UNIQUE KEY ra_charges_number (number),
    INDEX ra_charges_order (order_id, created_at),
    INDEX ra_charges_state (state, asked_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
