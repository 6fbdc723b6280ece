-- +goose Up
-- ACME (RFC 8555) and SCEP (RFC 8894). Certificates themselves are the CA's; these rows are the protocols'.
-- What binds an account to an organisation. The secret that goes with a row is derived from its id, and kept nowhere.
CREATE TABLE acme_eab (
    id TEXT NOT NULL PRIMARY KEY,
    protocol TEXT NOT NULL,      -- acme or scep
    name TEXT NOT NULL,
    org_code TEXT NOT NULL,
    org_name TEXT NOT NULL,
    names TEXT NOT NULL,         -- JSON list of the names and addresses it may have certified
    per_day INTEGER NOT NULL,    -- orders in 24 hours
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL, -- must be bound before
    ended_at INTEGER NOT NULL,   -- 0 while it may be used
    bound_at INTEGER NOT NULL,   -- 0 while nobody has used it
    bound_to TEXT NOT NULL       -- acme: the account; scep: SHA-256 of the certified key, in hex
) STRICT;

-- Nonces that were used. Those that were not are nowhere: they carry their own proof.
CREATE TABLE acme_nonces (
    id TEXT NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX acme_nonces_expires ON acme_nonces (expires_at);

CREATE TABLE acme_accounts (
    id TEXT NOT NULL PRIMARY KEY,
    eab_id TEXT NOT NULL UNIQUE,
    key_id TEXT NOT NULL UNIQUE, -- RFC 7638 thumbprint
    jwk TEXT NOT NULL,
    contact TEXT NOT NULL,       -- JSON list
    state TEXT NOT NULL,         -- valid, deactivated
    location TEXT NOT NULL,      -- its URL without the id
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE acme_orders (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    state TEXT NOT NULL,          -- pending, ready, valid, invalid
    identifiers TEXT NOT NULL,    -- JSON list of {type, value}
    authorizations TEXT NOT NULL, -- JSON list of ids, in the order of the identifiers
    problem TEXT NOT NULL,        -- JSON or nothing
    certificate_id TEXT NOT NULL, -- of acme_certificates
    replaces TEXT NOT NULL,       -- RFC 9773 §4.1 identifier, or nothing
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX acme_orders_account ON acme_orders (account_id, created_at);
CREATE INDEX acme_orders_expires ON acme_orders (expires_at);

CREATE TABLE acme_authorizations (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    type TEXT NOT NULL,           -- of the identifier
    value TEXT NOT NULL,          -- without *.
    wildcard INTEGER NOT NULL,
    token TEXT NOT NULL,
    state TEXT NOT NULL,          -- pending, valid, invalid
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX acme_authorizations_expires ON acme_authorizations (expires_at);

CREATE TABLE acme_challenges (
    id TEXT NOT NULL PRIMARY KEY,
    authorization_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    type TEXT NOT NULL,           -- http-01, dns-01, tls-alpn-01
    value TEXT NOT NULL,
    token TEXT NOT NULL,
    state TEXT NOT NULL,          -- pending, valid, invalid
    problem TEXT NOT NULL,        -- JSON or nothing
    validated_at INTEGER NOT NULL,
    claimed_at INTEGER NOT NULL,  -- when some server last set out to look
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX acme_challenges_authorization ON acme_challenges (authorization_id);
CREATE INDEX acme_challenges_expires ON acme_challenges (expires_at);

CREATE TABLE acme_certificates (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    order_id TEXT NOT NULL UNIQUE,
    ca TEXT NOT NULL,
    serial_hex TEXT NOT NULL,
    not_after_at INTEGER NOT NULL,
    replaced_by TEXT NOT NULL,    -- the order that took its place (RFC 9773 §5), or nothing
    UNIQUE (ca, serial_hex)
) STRICT;
CREATE INDEX acme_certificates_end ON acme_certificates (not_after_at);
