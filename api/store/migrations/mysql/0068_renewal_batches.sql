-- +goose Up
-- Several certificates renewed at once. What of it is done is read off the certificates' own applications.
CREATE TABLE IF NOT EXISTS ra_renewal_batches (
    id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    number VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    organisation_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    account_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    order_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE KEY ra_renewal_batches_number (number),
    INDEX ra_renewal_batches_organisation (organisation_id, created_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS ra_renewal_items (
    batch_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    position INTEGER NOT NULL,
    certificate_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    PRIMARY KEY (batch_id, position)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- What an order renews beside its own service; open_service is set while the order is pending. The old period is what a refund puts back.
CREATE TABLE IF NOT EXISTS ra_order_services (
    id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    order_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    service_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    open_service VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
    old_from_at BIGINT NOT NULL,
    old_to_at BIGINT NOT NULL,
    new_to_at BIGINT NOT NULL,
    UNIQUE KEY ra_order_services_open (open_service),
    INDEX ra_order_services_order (order_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
INSERT IGNORE INTO ra_counters (name, value) VALUES ('renewal_batch', 0);
