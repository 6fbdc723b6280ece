-- +goose Up
-- USB keys on their way to holders (寄送). The row is made when the holder says where to, in the state planned; one an application.
-- track is what the carrier said, JSON. The PIN letter never travels here.
CREATE TABLE ra_shipments (
    id TEXT NOT NULL PRIMARY KEY,
    number TEXT NOT NULL,
    state TEXT NOT NULL,
    application_id TEXT NOT NULL,
    organisation_id TEXT NOT NULL,
    organisation_name TEXT NOT NULL,
    recipient TEXT NOT NULL,
    phone TEXT NOT NULL,
    region TEXT NOT NULL,
    address TEXT NOT NULL,
    postcode TEXT NOT NULL,
    token_serial TEXT NOT NULL,
    carrier TEXT NOT NULL,
    tracking TEXT NOT NULL,
    track TEXT NOT NULL,
    note TEXT NOT NULL,
    packed_by TEXT NOT NULL,
    received_by TEXT NOT NULL,
    shipped_at INTEGER NOT NULL,
    delivered_at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    polled_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX ra_shipments_number ON ra_shipments (number);
CREATE UNIQUE INDEX ra_shipments_application ON ra_shipments (application_id);
CREATE INDEX ra_shipments_organisation ON ra_shipments (organisation_id, created_at);
CREATE INDEX ra_shipments_state ON ra_shipments (state, changed_at);
CREATE INDEX ra_shipments_token ON ra_shipments (token_serial);
INSERT INTO ra_counters (name, value) VALUES ('shipment', 0);

ALTER TABLE ra_seals ADD COLUMN organisation_name TEXT NOT NULL DEFAULT '';
