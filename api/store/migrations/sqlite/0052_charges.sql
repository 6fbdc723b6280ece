-- +goose Up
-- What was asked of a payment platform for an order. number is ours there (out_trade_no), transaction its own.
CREATE TABLE ra_charges (
    id TEXT NOT NULL PRIMARY KEY,
    order_id TEXT NOT NULL,
    gateway TEXT NOT NULL,
    number TEXT NOT NULL,
    state TEXT NOT NULL,
    amount_cents INTEGER NOT NULL,
    code_url TEXT NOT NULL,
    transaction_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    asked_at INTEGER NOT NULL,
    paid_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX ra_charges_number ON ra_charges (number);
CREATE INDEX ra_charges_order ON ra_charges (order_id, created_at);
CREATE INDEX ra_charges_state ON ra_charges (state, asked_at);
