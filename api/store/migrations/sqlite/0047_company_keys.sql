-- +goose Up
-- Keys of an organisation's own software (kind org): whose it is, who made it, and what it may do (JSON list of scopes).
ALTER TABLE acct_apikeys ADD COLUMN organisation_id TEXT NOT NULL DEFAULT '';
ALTER TABLE acct_apikeys ADD COLUMN account_id TEXT NOT NULL DEFAULT '';
ALTER TABLE acct_apikeys ADD COLUMN scopes TEXT NOT NULL DEFAULT '';
CREATE INDEX acct_apikeys_organisation ON acct_apikeys (organisation_id);

-- 找回登记证件号: who does not know the number an organisation is registered under asks; the window answers by SMS.
CREATE TABLE acct_tickets (
    id TEXT NOT NULL PRIMARY KEY,
    number TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    organisation_name TEXT NOT NULL,
    phone TEXT NOT NULL,
    note TEXT NOT NULL,
    answer TEXT NOT NULL,
    answered_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    answered_at INTEGER NOT NULL
) STRICT;
CREATE INDEX acct_tickets_state ON acct_tickets (state, created_at);
