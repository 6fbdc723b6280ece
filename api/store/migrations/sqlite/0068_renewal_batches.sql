-- +goose Up
-- Several certificates renewed at once. What of it is done is read off the certificates' own applications.
CREATE TABLE ra_renewal_batches (
    id TEXT NOT NULL PRIMARY KEY,
    number TEXT NOT NULL UNIQUE,
    organisation_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX ra_renewal_batches_organisation ON ra_renewal_batches (organisation_id, created_at);
CREATE TABLE ra_renewal_items (
    batch_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    certificate_id TEXT NOT NULL,
    PRIMARY KEY (batch_id, position)
) STRICT;
-- What an order renews beside its own service; open_service is set while the order is pending. The old period is what a refund puts back.
CREATE TABLE ra_order_services (
    id TEXT NOT NULL PRIMARY KEY,
    order_id TEXT NOT NULL,
    service_id TEXT NOT NULL,
    open_service TEXT NULL UNIQUE,
    old_from_at INTEGER NOT NULL,
    old_to_at INTEGER NOT NULL,
    new_to_at INTEGER NOT NULL
) STRICT;
CREATE INDEX ra_order_services_order ON ra_order_services (order_id);
INSERT INTO ra_counters (name, value) VALUES ('renewal_batch', 0);
