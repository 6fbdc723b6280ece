-- +goose Up
-- What registering brings to an organisation. unique_key is what no two open organisations may share: the organisation code inside the
-- number, or a keyed hash of a person's; NULL for imports, which keep what they were given, and once closed. ID numbers of persons are
-- sealed with a key of the keystore; only masked they are shown.
ALTER TABLE acct_organisations ADD COLUMN unique_key TEXT NULL;
ALTER TABLE acct_organisations ADD COLUMN legal_name TEXT NOT NULL DEFAULT '';
ALTER TABLE acct_organisations ADD COLUMN legal_masked TEXT NOT NULL DEFAULT '';
ALTER TABLE acct_organisations ADD COLUMN legal_sealed TEXT NOT NULL DEFAULT '';
ALTER TABLE acct_organisations ADD COLUMN number_masked TEXT NOT NULL DEFAULT '';
ALTER TABLE acct_organisations ADD COLUMN number_sealed TEXT NOT NULL DEFAULT '';
ALTER TABLE acct_organisations ADD COLUMN register_match TEXT NOT NULL DEFAULT '';
ALTER TABLE acct_organisations ADD COLUMN assurance TEXT NOT NULL DEFAULT 'L0';
ALTER TABLE acct_organisations ADD COLUMN verified_how TEXT NOT NULL DEFAULT '';
ALTER TABLE acct_organisations ADD COLUMN verified_by TEXT NOT NULL DEFAULT '';
ALTER TABLE acct_organisations ADD COLUMN verified_note TEXT NOT NULL DEFAULT '';
ALTER TABLE acct_organisations ADD COLUMN verified_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE acct_organisations ADD COLUMN closed_at INTEGER NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX acct_organisations_unique ON acct_organisations (unique_key);
CREATE INDEX acct_organisations_status ON acct_organisations (status, created_at);

-- member is what a holder's account is within the organisation: owner (主账号), handler (经办人) or reader (只读).
ALTER TABLE acct_accounts ADD COLUMN member TEXT NOT NULL DEFAULT 'owner';
ALTER TABLE acct_accounts ADD COLUMN email TEXT NOT NULL DEFAULT '';
ALTER TABLE acct_accounts ADD COLUMN email_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE acct_accounts ADD COLUMN agreement TEXT NOT NULL DEFAULT '';
ALTER TABLE acct_accounts ADD COLUMN agreement_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE acct_accounts ADD COLUMN close_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE acct_accounts ADD COLUMN closed_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX acct_accounts_closing ON acct_accounts (close_at);

-- People on their way into an organisation: invited by its owner (token_hash is set), or asking to join (password_hash is set).
CREATE TABLE acct_joins (
    id TEXT NOT NULL PRIMARY KEY,
    organisation_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    phone TEXT NOT NULL,
    name TEXT NOT NULL,
    member TEXT NOT NULL,
    token_hash TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    agreement TEXT NOT NULL,
    by_account TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL
) STRICT;
CREATE INDEX acct_joins_organisation ON acct_joins (organisation_id, state);
CREATE INDEX acct_joins_token ON acct_joins (token_hash);
CREATE INDEX acct_joins_phone ON acct_joins (phone, state);

-- Links sent to an e-mail address; who opens one owns the address.
CREATE TABLE acct_email_links (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    email TEXT NOT NULL,
    sent_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL
) STRICT;
CREATE INDEX acct_email_links_account ON acct_email_links (account_id, sent_at);
CREATE INDEX acct_email_links_expiry ON acct_email_links (expires_at);

-- Whose key was proved before organisations had a state of their own.
UPDATE acct_organisations SET status = 'verified', assurance = 'L3', verified_how = 'possession'
    WHERE id IN (SELECT organisation_id FROM acct_accounts WHERE state = 'verified' AND organisation_id IS NOT NULL);
