-- +goose Up
INSERT IGNORE INTO ra_counters (name, value) VALUES ('refund', 0);

-- Refunds (退款). open_order is the order while the refund is under way. Who decides did not ask, and who pays out did not decide.
CREATE TABLE IF NOT EXISTS ra_refunds (
    id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    number VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    order_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    open_order VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
    organisation_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    amount_cents BIGINT NOT NULL,
    reason VARCHAR(500) NOT NULL,
    note VARCHAR(500) NOT NULL,
    reference VARCHAR(100) NOT NULL,
    asked_by VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    asked_name VARCHAR(200) NOT NULL,
    decided_by VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    decided_name VARCHAR(200) NOT NULL,
    done_by VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    done_name VARCHAR(200) NOT NULL,
    created_at BIGINT NOT NULL,
    decided_at BIGINT NOT NULL,
    done_at BIGINT NOT NULL,
    CONSTRAINT ra_refunds_decider CHECK (decided_by = '' OR decided_by <> asked_by),
    CONSTRAINT ra_refunds_payer CHECK (done_by = '' OR done_by <> decided_by),
    UNIQUE KEY ra_refunds_number (number),
    UNIQUE KEY ra_refunds_open (open_order),
    INDEX ra_refunds_order (order_id),
    INDEX ra_refunds_state (state, created_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Invoices (发票). open_order is the order while the invoice is asked for or in force; red_ is the red-letter invoice that undoes it.
CREATE TABLE IF NOT EXISTS ra_invoices (
    id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    order_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    open_order VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
    organisation_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    account_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    title VARCHAR(200) NOT NULL,
    personal INTEGER NOT NULL,
    tax_number VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    email VARCHAR(200) NOT NULL,
    amount_cents BIGINT NOT NULL,
    invoice_number VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    file_blob VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    file_name VARCHAR(200) NOT NULL,
    red_number VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    red_blob VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    red_file_name VARCHAR(200) NOT NULL,
    issued_name VARCHAR(200) NOT NULL,
    created_at BIGINT NOT NULL,
    issued_at BIGINT NOT NULL,
    red_at BIGINT NOT NULL,
    UNIQUE KEY ra_invoices_open (open_order),
    INDEX ra_invoices_order (order_id, created_at),
    INDEX ra_invoices_state (state, created_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Bank statements as uploaded; hash makes the same file one statement. The file itself is not kept.
CREATE TABLE IF NOT EXISTS ra_statements (
    id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    name VARCHAR(200) NOT NULL,
    by_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    by_name VARCHAR(200) NOT NULL,
    created_at BIGINT NOT NULL,
    committed_at BIGINT NOT NULL,
    committed_name VARCHAR(200) NOT NULL,
    UNIQUE KEY ra_statements_hash (hash),
    INDEX ra_statements_created (created_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Incoming rows of statements. mark is the same for the same transfer in overlapping statements; booked is the mark once it confirmed an order.
CREATE TABLE IF NOT EXISTS ra_statement_lines (
    id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    statement_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    line INTEGER NOT NULL,
    booked_on VARCHAR(40) NOT NULL,
    payer VARCHAR(200) NOT NULL,
    text VARCHAR(500) NOT NULL,
    reference VARCHAR(100) NOT NULL,
    amount_cents BIGINT NOT NULL,
    mark VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    booked VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
    state VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    order_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    UNIQUE KEY ra_statement_lines_line (statement_id, line),
    UNIQUE KEY ra_statement_lines_booked (booked),
    INDEX ra_statement_lines_mark (mark)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
