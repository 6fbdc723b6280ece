-- +goose Up
-- An order is for a service (service_id) or an application (application_id); open_application is set while that order is pending.
-- old_from_at and old_to_at are what a refund puts back: the service's period before the payment.
ALTER TABLE ra_orders ADD COLUMN /*M! IF NOT EXISTS */ application_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '';
ALTER TABLE ra_orders ADD COLUMN /*M! IF NOT EXISTS */ open_application VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL;
ALTER TABLE ra_orders ADD COLUMN /*M! IF NOT EXISTS */ due_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ra_orders ADD COLUMN /*M! IF NOT EXISTS */ old_from_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ra_orders ADD COLUMN /*M! IF NOT EXISTS */ old_to_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ra_orders ADD COLUMN /*M! IF NOT EXISTS */ slip_blob VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '';
ALTER TABLE ra_orders ADD COLUMN /*M! IF NOT EXISTS */ slip_name VARCHAR(200) NOT NULL DEFAULT '';
ALTER TABLE ra_orders ADD COLUMN /*M! IF NOT EXISTS */ slip_type VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '';
ALTER TABLE ra_orders ADD COLUMN /*M! IF NOT EXISTS */ slip_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ra_orders ADD UNIQUE KEY /*M! IF NOT EXISTS */ ra_orders_open_application (open_application);
ALTER TABLE ra_orders ADD INDEX /*M! IF NOT EXISTS */ ra_orders_due (state, due_at);
-- Seven days from now, not from then: nobody loses an order to an upgrade.
UPDATE ra_orders SET due_at = UNIX_TIMESTAMP() * 1000 + 604800000 WHERE state = 'pending';

CREATE TABLE IF NOT EXISTS ra_order_lines (
    id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    order_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    at BIGINT NOT NULL,
    act VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    by_name VARCHAR(200) NOT NULL,
    note VARCHAR(500) NOT NULL,
    INDEX ra_order_lines_order (order_id, at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Prices of a project by what is bought; term_months is 0 where nothing runs for a term.
CREATE TABLE IF NOT EXISTS ra_prices (
    project_slug VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    kind VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    term_months INTEGER NOT NULL,
    price_cents BIGINT NOT NULL CHECK (price_cents >= 0),
    PRIMARY KEY (project_slug, kind, term_months)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
