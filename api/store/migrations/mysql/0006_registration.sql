-- +goose Up
CREATE TABLE IF NOT EXISTS ra_counters (
    name VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
INSERT IGNORE INTO ra_counters (name, value) VALUES ('service', 100000), ('order', 0), ('application', 0);

-- Cooperation projects (合作项目). contact and page are JSON.
CREATE TABLE IF NOT EXISTS ra_projects (
    slug VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    name VARCHAR(200) NOT NULL,
    product VARCHAR(200) NOT NULL,
    price_cents BIGINT NOT NULL,
    term_months INTEGER NOT NULL,
    ca VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    contact TEXT NOT NULL,
    page MEDIUMTEXT NOT NULL,
    demo SMALLINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    INDEX ra_projects_name (name)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- CAs whose certificates were taken over from elsewhere.
CREATE TABLE IF NOT EXISTS ra_anchors (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    name VARCHAR(200) NOT NULL,
    der MEDIUMBLOB NOT NULL,
    root SMALLINT NOT NULL,
    no_status SMALLINT NOT NULL,
    batch_id VARCHAR(64) NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE KEY ra_anchors_hash (hash)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Certificates and pairs as their holders see them; hashes are SHA-256 in hex.
-- A legacy certificate may stand alone: then the enc columns are empty.
CREATE TABLE IF NOT EXISTS ra_certificates (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    organisation_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    project_slug VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    origin VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    name VARCHAR(200) NOT NULL,
    issuer_name VARCHAR(200) NOT NULL,
    ca VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    key_alg VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    serial_hex VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    sign_der MEDIUMBLOB NOT NULL,
    sign_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    sign_spki_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    enc_serial_hex VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    enc_der MEDIUMBLOB NOT NULL,
    enc_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    enc_spki_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    not_before_at BIGINT NOT NULL,
    not_after_at BIGINT NOT NULL,
    token_serial VARCHAR(64) NOT NULL,
    predecessor_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    successor_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    warning VARCHAR(500) NOT NULL,
    batch_id VARCHAR(64) NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    UNIQUE KEY ra_certificates_hash (sign_hash),
    INDEX ra_certificates_organisation (organisation_id, created_at),
    INDEX ra_certificates_sign (sign_spki_hash),
    INDEX ra_certificates_enc (enc_spki_hash)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS ra_services (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL,
    organisation_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    project_slug VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    name VARCHAR(200) NOT NULL,
    certificate_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    from_at BIGINT NOT NULL,
    to_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    UNIQUE KEY ra_services_number (number),
    INDEX ra_services_organisation (organisation_id, number),
    INDEX ra_services_certificate (certificate_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- open_service is set while an order is pending: a service has one at most.
CREATE TABLE IF NOT EXISTS ra_orders (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    number VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    organisation_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    account_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    organisation_name VARCHAR(200) NOT NULL,
    service_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    open_service VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NULL,
    title VARCHAR(200) NOT NULL,
    amount_cents BIGINT NOT NULL,
    term_months INTEGER NOT NULL,
    state VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    remark VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    pay_method VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    reference VARCHAR(100) NOT NULL,
    confirmed_by VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    confirmed_name VARCHAR(200) NOT NULL,
    created_at BIGINT NOT NULL,
    paid_at BIGINT NOT NULL,
    closed_at BIGINT NOT NULL,
    new_to_at BIGINT NOT NULL,
    UNIQUE KEY ra_orders_number (number),
    UNIQUE KEY ra_orders_remark (remark),
    UNIQUE KEY ra_orders_open (open_service),
    INDEX ra_orders_organisation (organisation_id, created_at),
    INDEX ra_orders_state (state, created_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- open_certificate is set while an application is open: a certificate has one at most.
CREATE TABLE IF NOT EXISTS ra_applications (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    number VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    kind VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    organisation_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    account_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    project_slug VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    certificate_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    open_certificate VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NULL,
    notice_title VARCHAR(200) NOT NULL,
    notice_text TEXT NOT NULL,
    notice_version VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    consent LONGBLOB NOT NULL,
    consent_at BIGINT NOT NULL,
    token_serial VARCHAR(64) NOT NULL,
    new_certificate_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    active_job_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    UNIQUE KEY ra_applications_number (number),
    UNIQUE KEY ra_applications_open (open_certificate),
    INDEX ra_applications_organisation (organisation_id, created_at),
    INDEX ra_applications_certificate (certificate_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS ra_timeline (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    application_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    at BIGINT NOT NULL,
    act VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    by_name VARCHAR(200) NOT NULL,
    note VARCHAR(500) NOT NULL,
    INDEX ra_timeline_application (application_id, id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The writing of a pair to a key. reply is what the agent is told after its request,
-- always the same; expected is what it must show in return. issuing_at is when a
-- request was last taken to the CA.
CREATE TABLE IF NOT EXISTS ra_enrolments (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    application_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    organisation_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    token_serial VARCHAR(64) NOT NULL,
    ca VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    key_alg VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    sign_key_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    enc_key_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    csr MEDIUMBLOB NOT NULL,
    spki_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    issuing_at BIGINT NOT NULL,
    not_after_at BIGINT NOT NULL,
    certificate_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    reply MEDIUMBLOB NOT NULL,
    expected MEDIUMBLOB NOT NULL,
    sign_serial_hex VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    enc_serial_hex VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    issuer_name VARCHAR(200) NOT NULL,
    old_opened INTEGER NOT NULL,
    proved_at BIGINT NOT NULL,
    remove_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    UNIQUE KEY ra_enrolments_application (application_id),
    INDEX ra_enrolments_state (state, changed_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
