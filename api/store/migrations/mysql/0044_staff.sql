-- +goose Up
-- Roles of staff: asked for by one security officer, confirmed by a second person, ending by themselves.
CREATE TABLE acct_grants (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    account_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    role VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    project_slug VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- empty = every project
    region VARCHAR(12) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- code of the region; empty = every region
    state VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- requested active refused ended
    reason VARCHAR(200) NOT NULL,
    requested_by VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    requested_at BIGINT NOT NULL,
    decided_by VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    decided_at BIGINT NOT NULL,
    reviewed_by VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    reviewed_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_by VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    ended_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX acct_grants_account ON acct_grants (account_id, state);

-- Invitations of staff: a link that works once. Only the hash of what is in the link is kept.
CREATE TABLE acct_invitations (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    token_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
    login VARCHAR(64) NOT NULL,
    name VARCHAR(100) NOT NULL,
    role VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- asked for when the person joins; empty = none
    project_slug VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    region VARCHAR(12) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    invited_by VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    account_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX acct_invitations_created_at ON acct_invitations (created_at);

-- Whoever is staff now keeps the role for a year, and then has it reviewed like any other.
INSERT INTO acct_grants (id, account_id, role, project_slug, region, state, reason, requested_by, requested_at, decided_by, decided_at, reviewed_by, reviewed_at, expires_at, ended_by, ended_at)
SELECT REPLACE(id, 'acc_', 'grt_'), id, role, '', '', 'active', 'from before grants', 'system', created_at, 'system', created_at, '', 0, UNIX_TIMESTAMP() * 1000 + 31536000000, '', 0
FROM acct_accounts WHERE kind = 'staff';
