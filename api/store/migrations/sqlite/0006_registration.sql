-- +goose Up
CREATE TABLE ra_counters (
    name TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT;
INSERT INTO ra_counters (name, value) VALUES ('service', 100000), ('order', 0), ('application', 0);

-- Cooperation projects (合作项目). contact and page are JSON.
CREATE TABLE ra_projects (
    slug TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    product TEXT NOT NULL,
    price_cents INTEGER NOT NULL,
    term_months INTEGER NOT NULL,
    ca TEXT NOT NULL,
    contact TEXT NOT NULL,
    page TEXT NOT NULL,
    demo INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX ra_projects_name ON ra_projects (name);

-- CAs whose certificates were taken over from elsewhere.
CREATE TABLE ra_anchors (
    id TEXT NOT NULL PRIMARY KEY,
    hash TEXT NOT NULL,
    name TEXT NOT NULL,
    der BLOB NOT NULL,
    root INTEGER NOT NULL,
    no_status INTEGER NOT NULL,
    batch_id TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX ra_anchors_hash ON ra_anchors (hash);

-- Certificates and pairs as their holders see them; hashes are SHA-256 in hex.
-- A legacy certificate may stand alone: then the enc columns are empty.
CREATE TABLE ra_certificates (
    id TEXT NOT NULL PRIMARY KEY,
    organisation_id TEXT NOT NULL,
    project_slug TEXT NOT NULL,
    origin TEXT NOT NULL,
    state TEXT NOT NULL,
    name TEXT NOT NULL,
    issuer_name TEXT NOT NULL,
    ca TEXT NOT NULL,
    key_alg TEXT NOT NULL,
    serial_hex TEXT NOT NULL,
    sign_der BLOB NOT NULL,
    sign_hash TEXT NOT NULL,
    sign_spki_hash TEXT NOT NULL,
    enc_serial_hex TEXT NOT NULL,
    enc_der BLOB NOT NULL,
    enc_hash TEXT NOT NULL,
    enc_spki_hash TEXT NOT NULL,
    not_before_at INTEGER NOT NULL,
    not_after_at INTEGER NOT NULL,
    token_serial TEXT NOT NULL,
    predecessor_id TEXT NOT NULL,
    successor_id TEXT NOT NULL,
    warning TEXT NOT NULL,
    batch_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX ra_certificates_hash ON ra_certificates (sign_hash);
CREATE INDEX ra_certificates_organisation ON ra_certificates (organisation_id, created_at);
CREATE INDEX ra_certificates_sign ON ra_certificates (sign_spki_hash);
CREATE INDEX ra_certificates_enc ON ra_certificates (enc_spki_hash);

CREATE TABLE ra_services (
    id TEXT NOT NULL PRIMARY KEY,
    number INTEGER NOT NULL,
    organisation_id TEXT NOT NULL,
    project_slug TEXT NOT NULL,
    name TEXT NOT NULL,
    certificate_id TEXT NOT NULL,
    from_at INTEGER NOT NULL,
    to_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX ra_services_number ON ra_services (number);
CREATE INDEX ra_services_organisation ON ra_services (organisation_id, number);
CREATE INDEX ra_services_certificate ON ra_services (certificate_id);

-- open_service is set while an order is pending: a service has one at most.
CREATE TABLE ra_orders (
    id TEXT NOT NULL PRIMARY KEY,
    number TEXT NOT NULL,
    organisation_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    organisation_name TEXT NOT NULL,
    service_id TEXT NOT NULL,
    open_service TEXT NULL,
    title TEXT NOT NULL,
    amount_cents INTEGER NOT NULL,
    term_months INTEGER NOT NULL,
    state TEXT NOT NULL,
    remark TEXT NOT NULL,
    pay_method TEXT NOT NULL,
    reference TEXT NOT NULL,
    confirmed_by TEXT NOT NULL,
    confirmed_name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    paid_at INTEGER NOT NULL,
    closed_at INTEGER NOT NULL,
    new_to_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX ra_orders_number ON ra_orders (number);
CREATE UNIQUE INDEX ra_orders_remark ON ra_orders (remark);
CREATE UNIQUE INDEX ra_orders_open ON ra_orders (open_service);
CREATE INDEX ra_orders_organisation ON ra_orders (organisation_id, created_at);
CREATE INDEX ra_orders_state ON ra_orders (state, created_at);

-- open_certificate is set while an application is open: a certificate has one at most.
CREATE TABLE ra_applications (
    id TEXT NOT NULL PRIMARY KEY,
    number TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    organisation_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    project_slug TEXT NOT NULL,
    certificate_id TEXT NOT NULL,
    open_certificate TEXT NULL,
    notice_title TEXT NOT NULL,
    notice_text TEXT NOT NULL,
    notice_version TEXT NOT NULL,
    consent BLOB NOT NULL,
    consent_at INTEGER NOT NULL,
    token_serial TEXT NOT NULL,
    new_certificate_id TEXT NOT NULL,
    active_job_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX ra_applications_number ON ra_applications (number);
CREATE UNIQUE INDEX ra_applications_open ON ra_applications (open_certificate);
CREATE INDEX ra_applications_organisation ON ra_applications (organisation_id, created_at);
CREATE INDEX ra_applications_certificate ON ra_applications (certificate_id);

CREATE TABLE ra_timeline (
    id TEXT NOT NULL PRIMARY KEY,
    application_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    act TEXT NOT NULL,
    by_name TEXT NOT NULL,
    note TEXT NOT NULL
) STRICT;
CREATE INDEX ra_timeline_application ON ra_timeline (application_id, id);

-- The writing of a pair to a key. reply is what the agent is told after its request,
-- always the same; expected is what it must show in return. issuing_at is when a
-- request was last taken to the CA.
CREATE TABLE ra_enrolments (
    id TEXT NOT NULL PRIMARY KEY,
    application_id TEXT NOT NULL,
    organisation_id TEXT NOT NULL,
    state TEXT NOT NULL,
    token_serial TEXT NOT NULL,
    ca TEXT NOT NULL,
    key_alg TEXT NOT NULL,
    sign_key_id TEXT NOT NULL,
    enc_key_id TEXT NOT NULL,
    csr BLOB NOT NULL,
    spki_hash TEXT NOT NULL,
    issuing_at INTEGER NOT NULL,
    not_after_at INTEGER NOT NULL,
    certificate_id TEXT NOT NULL,
    reply BLOB NOT NULL,
    expected BLOB NOT NULL,
    sign_serial_hex TEXT NOT NULL,
    enc_serial_hex TEXT NOT NULL,
    issuer_name TEXT NOT NULL,
    old_opened INTEGER NOT NULL,
    proved_at INTEGER NOT NULL,
    remove_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX ra_enrolments_application ON ra_enrolments (application_id);
CREATE INDEX ra_enrolments_state ON ra_enrolments (state, changed_at);
