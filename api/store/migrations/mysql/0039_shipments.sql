-- +goose Up
-- USB keys on their way to holders (寄送). The row is made when the holder says where to, in the state planned; one an application.
-- track is what the carrier said, JSON. The PIN letter never travels here.
CREATE TABLE IF NOT EXISTS ra_shipments (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    number VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    application_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    organisation_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    organisation_name VARCHAR(200) NOT NULL,
    recipient VARCHAR(60) NOT NULL,
    phone VARCHAR(40) NOT NULL,
    region VARCHAR(100) NOT NULL,
    address VARCHAR(200) NOT NULL,
    postcode VARCHAR(10) NOT NULL,
    token_serial VARCHAR(64) NOT NULL,
    carrier VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    tracking VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    track MEDIUMTEXT NOT NULL,
    note VARCHAR(500) NOT NULL,
    packed_by VARCHAR(100) NOT NULL,
    received_by VARCHAR(100) NOT NULL,
    shipped_at BIGINT NOT NULL,
    delivered_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    polled_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    UNIQUE KEY ra_shipments_number (number),
    UNIQUE KEY ra_shipments_application (application_id),
    INDEX ra_shipments_organisation (organisation_id, created_at),
    INDEX ra_shipments_state (state, changed_at),
    INDEX ra_shipments_token (token_serial)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
INSERT IGNORE INTO ra_counters (name, value) VALUES ('shipment', 0);

ALTER TABLE ra_seals ADD COLUMN /*M! IF NOT EXISTS */ organisation_name VARCHAR(200) NOT NULL DEFAULT '';
