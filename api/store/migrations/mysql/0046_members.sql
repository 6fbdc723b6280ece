-- +goose Up
-- What registering brings to an organisation. unique_key is what no two open organisations may share: the organisation code inside the
-- number, or a keyed hash of a person's; NULL for imports, which keep what they were given, and once closed. ID numbers of persons are
-- sealed with a key of the keystore; only masked they are shown.
ALTER TABLE acct_organisations ADD COLUMN unique_key VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NULL;
ALTER TABLE acct_organisations ADD COLUMN legal_name VARCHAR(100) NOT NULL DEFAULT '';
ALTER TABLE acct_organisations ADD COLUMN legal_masked VARCHAR(40) NOT NULL DEFAULT '';
ALTER TABLE acct_organisations ADD COLUMN legal_sealed VARCHAR(400) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '';
ALTER TABLE acct_organisations ADD COLUMN number_masked VARCHAR(40) NOT NULL DEFAULT '';
ALTER TABLE acct_organisations ADD COLUMN number_sealed VARCHAR(400) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '';
ALTER TABLE acct_organisations ADD COLUMN register_match VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '';
ALTER TABLE acct_organisations ADD COLUMN assurance VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'L0';
ALTER TABLE acct_organisations ADD COLUMN verified_how VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '';
ALTER TABLE acct_organisations ADD COLUMN verified_by VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '';
ALTER TABLE acct_organisations ADD COLUMN verified_note VARCHAR(500) NOT NULL DEFAULT '';
ALTER TABLE acct_organisations ADD COLUMN verified_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE acct_organisations ADD COLUMN closed_at BIGINT NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX acct_organisations_unique ON acct_organisations (unique_key);
CREATE INDEX acct_organisations_status ON acct_organisations (status, created_at);

-- member is what a holder's account is within the organisation: owner (主账号), handler (经办人) or reader (只读).
ALTER TABLE acct_accounts ADD COLUMN member VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'owner';
ALTER TABLE acct_accounts ADD COLUMN email VARCHAR(254) NOT NULL DEFAULT '';
ALTER TABLE acct_accounts ADD COLUMN email_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE acct_accounts ADD COLUMN agreement VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '';
ALTER TABLE acct_accounts ADD COLUMN agreement_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE acct_accounts ADD COLUMN close_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE acct_accounts ADD COLUMN closed_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX acct_accounts_closing ON acct_accounts (close_at);

-- People on their way into an organisation: invited by its owner (token_hash is set), or asking to join (password_hash is set).
CREATE TABLE acct_joins (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    organisation_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    kind VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    phone VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    name VARCHAR(100) NOT NULL,
    member VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    token_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    password_hash VARCHAR(200) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    agreement VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    by_account VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX acct_joins_organisation ON acct_joins (organisation_id, state);
CREATE INDEX acct_joins_token ON acct_joins (token_hash);
CREATE INDEX acct_joins_phone ON acct_joins (phone, state);

-- Links sent to an e-mail address; who opens one owns the address.
CREATE TABLE acct_email_links (
    id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    account_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    email VARCHAR(254) NOT NULL,
    sent_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX acct_email_links_account ON acct_email_links (account_id, sent_at);
CREATE INDEX acct_email_links_expiry ON acct_email_links (expires_at);

-- Whose key was proved before organisations had a state of their own.
UPDATE acct_organisations SET status = 'verified', assurance = 'L3', verified_how = 'possession'
    WHERE id IN (SELECT organisation_id FROM acct_accounts WHERE state = 'verified' AND organisation_id IS NOT NULL);
