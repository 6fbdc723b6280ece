-- +goose Up
-- An order is for a service (service_id) or an application (application_id); open_application is set while that order is pending.
ALTER TABLE ra_orders ADD COLUMN application_id TEXT NOT NULL DEFAULT '';
ALTER TABLE ra_orders ADD COLUMN open_application TEXT NULL;
ALTER TABLE ra_orders ADD COLUMN due_at INTEGER NOT NULL DEFAULT 0;
-- What a refund puts back: the service's period before the payment.
ALTER TABLE ra_orders ADD COLUMN old_from_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ra_orders ADD COLUMN old_to_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ra_orders ADD COLUMN slip_blob TEXT NOT NULL DEFAULT '';
ALTER TABLE ra_orders ADD COLUMN slip_name TEXT NOT NULL DEFAULT '';
ALTER TABLE ra_orders ADD COLUMN slip_type TEXT NOT NULL DEFAULT '';
ALTER TABLE ra_orders ADD COLUMN slip_at INTEGER NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX ra_orders_open_application ON ra_orders (open_application);
CREATE INDEX ra_orders_due ON ra_orders (state, due_at);
-- Seven days from now, not from then: nobody loses an order to an upgrade.
UPDATE ra_orders SET due_at = CAST(strftime('%s', 'now') AS INTEGER) * 1000 + 604800000 WHERE state = 'pending';

CREATE TABLE ra_order_lines (
    id TEXT NOT NULL PRIMARY KEY,
    order_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    act TEXT NOT NULL,
    by_name TEXT NOT NULL,
    note TEXT NOT NULL
) STRICT;
CREATE INDEX ra_order_lines_order ON ra_order_lines (order_id, at);

-- Prices of a project by what is bought; term_months is 0 where nothing runs for a term.
CREATE TABLE ra_prices (
    project_slug TEXT NOT NULL,
    kind TEXT NOT NULL,
    term_months INTEGER NOT NULL,
    price_cents INTEGER NOT NULL CHECK (price_cents >= 0),
    PRIMARY KEY (project_slug, kind, term_months)
) STRICT;
