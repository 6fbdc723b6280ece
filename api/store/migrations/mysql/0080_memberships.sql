-- +goose Up
-- What an account is for each organisation that it serves. acct_accounts keeps the organisation that an account came with; member,
-- handler and closing are read here from now on. state is 'unverified' or 'verified': whether it was proved that the account acts for
-- the organisation. Rows stay when a membership ends: ended_at says so.
CREATE TABLE acct_memberships (
    account_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    organisation_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    member VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    verified_how VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    verified_at BIGINT NOT NULL,
    handler_name VARCHAR(200) NOT NULL,
    handler_phone VARCHAR(64) NOT NULL,
    project_slug VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    close_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, organisation_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX acct_memberships_organisation ON acct_memberships (organisation_id, ended_at);
CREATE INDEX acct_memberships_closing ON acct_memberships (close_at);

INSERT INTO acct_memberships (account_id, organisation_id, member, state, verified_how, verified_at, handler_name, handler_phone, project_slug, created_at, used_at, close_at, ended_at)
    SELECT id, organisation_id, member, CASE WHEN state = 'verified' OR frozen_from = 'verified' OR state = 'closed' AND verified_at > 0 THEN 'verified' ELSE 'unverified' END,
        verified_how, verified_at, handler_name, handler_phone, project_slug, created_at, 0, close_at, CASE WHEN state = 'closed' THEN changed_at ELSE 0 END
    FROM acct_accounts WHERE kind = 'holder' AND organisation_id IS NOT NULL;

-- The one organisation that a session acts for; '' of staff. A login that waits for its second factor keeps which it will be, if it was said.
ALTER TABLE acct_sessions ADD COLUMN organisation_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '';
ALTER TABLE acct_pending_logins ADD COLUMN organisation_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '';
UPDATE acct_sessions SET organisation_id = COALESCE((SELECT a.organisation_id FROM acct_accounts a WHERE a.id = acct_sessions.account_id), '') WHERE ended_at = 0;
