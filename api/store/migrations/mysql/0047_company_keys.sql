-- +goose Up
-- Keys of an organisation's own software (kind org): whose it is, who made it, and what it may do (JSON list of scopes).
ALTER TABLE acct_apikeys ADD COLUMN organisation_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '';
ALTER TABLE acct_apikeys ADD COLUMN account_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '';
ALTER TABLE acct_apikeys ADD COLUMN scopes VARCHAR(200) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '';
CREATE INDEX acct_apikeys_organisation ON acct_apikeys (organisation_id);

-- 找回登记证件号: who does not know the number an organisation is registered under asks; the window answers by SMS.
CREATE TABLE acct_tickets (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    number VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
    state VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    organisation_name VARCHAR(200) NOT NULL,
    phone VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    note VARCHAR(500) NOT NULL,
    answer VARCHAR(200) NOT NULL,
    answered_by VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    created_at BIGINT NOT NULL,
    answered_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX acct_tickets_state ON acct_tickets (state, created_at);
