-- +goose Up
INSERT INTO ra_counters (name, value) VALUES ('refund', 0);

-- Refunds (退款). open_order is the order while the refund is under way. Who decides did not ask, and who pays out did not decide.
CREATE TABLE ra_refunds (
    id TEXT NOT NULL PRIMARY KEY,
    number TEXT NOT NULL,
    order_id TEXT NOT NULL,
    open_order TEXT NULL,
    organisation_id TEXT NOT NULL,
    state TEXT NOT NULL,
    amount_cents INTEGER NOT NULL,
    reason TEXT NOT NULL,
    note TEXT NOT NULL,
    reference TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    asked_name TEXT NOT NULL,
    decided_by TEXT NOT NULL,
    decided_name TEXT NOT NULL,
    done_by TEXT NOT NULL,
    done_name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    decided_at INTEGER NOT NULL,
    done_at INTEGER NOT NULL,
    CONSTRAINT ra_refunds_decider CHECK (decided_by = '' OR decided_by <> asked_by),
    CONSTRAINT ra_refunds_payer CHECK (done_by = '' OR done_by <> decided_by)
) STRICT;
CREATE UNIQUE INDEX ra_refunds_number ON ra_refunds (number);
CREATE UNIQUE INDEX ra_refunds_open ON ra_refunds (open_order);
CREATE INDEX ra_refunds_order ON ra_refunds (order_id);
CREATE INDEX ra_refunds_state ON ra_refunds (state, created_at);

-- Invoices (发票). open_order is the order while the invoice is asked for or in force; red_ is the red-letter invoice that undoes it.
CREATE TABLE ra_invoices (
    id TEXT NOT NULL PRIMARY KEY,
    order_id TEXT NOT NULL,
    open_order TEXT NULL,
    organisation_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    state TEXT NOT NULL,
    title TEXT NOT NULL,
    personal INTEGER NOT NULL,
    tax_number TEXT NOT NULL,
    email TEXT NOT NULL,
    amount_cents INTEGER NOT NULL,
    invoice_number TEXT NOT NULL,
    file_blob TEXT NOT NULL,
    file_name TEXT NOT NULL,
    red_number TEXT NOT NULL,
    red_blob TEXT NOT NULL,
    red_file_name TEXT NOT NULL,
    issued_name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    issued_at INTEGER NOT NULL,
    red_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX ra_invoices_open ON ra_invoices (open_order);
CREATE INDEX ra_invoices_order ON ra_invoices (order_id, created_at);
CREATE INDEX ra_invoices_state ON ra_invoices (state, created_at);

-- Bank statements as uploaded; hash makes the same file one statement. The file itself is not kept.
CREATE TABLE ra_statements (
    id TEXT NOT NULL PRIMARY KEY,
    hash TEXT NOT NULL,
    name TEXT NOT NULL,
    by_id TEXT NOT NULL,
    by_name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    committed_at INTEGER NOT NULL,
    committed_name TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX ra_statements_hash ON ra_statements (hash);
CREATE INDEX ra_statements_created ON ra_statements (created_at);

-- Incoming rows of statements. mark is the same for the same transfer in overlapping statements; booked is the mark once it confirmed an order.
CREATE TABLE ra_statement_lines (
    id TEXT NOT NULL PRIMARY KEY,
    statement_id TEXT NOT NULL,
    line INTEGER NOT NULL,
    booked_on TEXT NOT NULL,
    payer TEXT NOT NULL,
    text TEXT NOT NULL,
    reference TEXT NOT NULL,
    amount_cents INTEGER NOT NULL,
    mark TEXT NOT NULL,
    booked TEXT NULL,
    state TEXT NOT NULL,
    order_id TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX ra_statement_lines_line ON ra_statement_lines (statement_id, line);
CREATE UNIQUE INDEX ra_statement_lines_booked ON ra_statement_lines (booked);
CREATE INDEX ra_statement_lines_mark ON ra_statement_lines (mark);
