-- +goose Up
-- ACME (RFC 8555) and SCEP (RFC 8894). Certificates themselves are the CA's; these rows are the protocols'.
-- What binds an account to an organisation. The secret that goes with a row is derived from its id, and kept nowhere.
CREATE TABLE acme_eab (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    protocol VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- acme or scep
    name VARCHAR(100) NOT NULL,
    org_code VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    org_name VARCHAR(200) NOT NULL,
    names MEDIUMTEXT NOT NULL, -- JSON list of the names and addresses it may have certified
    per_day INTEGER NOT NULL, -- orders in 24 hours
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL, -- must be bound before
    ended_at BIGINT NOT NULL, -- 0 while it may be used
    bound_at BIGINT NOT NULL, -- 0 while nobody has used it
    bound_to VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL -- acme: the account; scep: SHA-256 of the certified key, in hex
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Nonces that were used. Those that were not are nowhere: they carry their own proof.
CREATE TABLE acme_nonces (
    id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX acme_nonces_expires ON acme_nonces (expires_at);

CREATE TABLE acme_accounts (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    eab_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
    key_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE, -- RFC 7638 thumbprint
    jwk TEXT NOT NULL,
    contact TEXT NOT NULL, -- JSON list
    state VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- valid, deactivated
    location VARCHAR(300) NOT NULL, -- its URL without the id
    created_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE acme_orders (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    account_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- pending, ready, valid, invalid
    identifiers MEDIUMTEXT NOT NULL, -- JSON list of {type, value}
    authorizations TEXT NOT NULL, -- JSON list of ids, in the order of the identifiers
    problem TEXT NOT NULL, -- JSON or nothing
    certificate_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- of acme_certificates
    replaces VARCHAR(120) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- RFC 9773 §4.1 identifier, or nothing
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX acme_orders_account ON acme_orders (account_id, created_at);
CREATE INDEX acme_orders_expires ON acme_orders (expires_at);

CREATE TABLE acme_authorizations (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    account_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    type VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- of the identifier
    value VARCHAR(255) NOT NULL, -- without *.
    wildcard INTEGER NOT NULL,
    token VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- pending, valid, invalid
    expires_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX acme_authorizations_expires ON acme_authorizations (expires_at);

CREATE TABLE acme_challenges (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    authorization_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    account_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    type VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- http-01, dns-01, tls-alpn-01
    value VARCHAR(255) NOT NULL,
    token VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- pending, valid, invalid
    problem TEXT NOT NULL, -- JSON or nothing
    validated_at BIGINT NOT NULL,
    claimed_at BIGINT NOT NULL, -- when some server last set out to look
    expires_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX acme_challenges_authorization ON acme_challenges (authorization_id);
CREATE INDEX acme_challenges_expires ON acme_challenges (expires_at);

CREATE TABLE acme_certificates (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    account_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    order_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
    ca VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    serial_hex VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    not_after_at BIGINT NOT NULL,
    replaced_by VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- the order that took its place (RFC 9773 §5), or nothing
    UNIQUE (ca, serial_hex)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX acme_certificates_end ON acme_certificates (not_after_at);
