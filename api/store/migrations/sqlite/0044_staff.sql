-- +goose Up
-- Roles of staff: asked for by one security officer, confirmed by a second person, ending by themselves.
CREATE TABLE acct_grants (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    role TEXT NOT NULL,
    project_slug TEXT NOT NULL, -- empty = every project
    region TEXT NOT NULL, -- code of the region; empty = every region
    state TEXT NOT NULL, -- requested active refused ended
    reason TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    requested_at INTEGER NOT NULL,
    decided_by TEXT NOT NULL,
    decided_at INTEGER NOT NULL,
    reviewed_by TEXT NOT NULL,
    reviewed_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_by TEXT NOT NULL,
    ended_at INTEGER NOT NULL
) STRICT;
CREATE INDEX acct_grants_account ON acct_grants (account_id, state);

-- Invitations of staff: a link that works once. Only the hash of what is in the link is kept.
CREATE TABLE acct_invitations (
    id TEXT NOT NULL PRIMARY KEY,
    token_hash TEXT NOT NULL UNIQUE,
    login TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL, -- asked for when the person joins; empty = none
    project_slug TEXT NOT NULL,
    region TEXT NOT NULL,
    invited_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    account_id TEXT NOT NULL
) STRICT;
CREATE INDEX acct_invitations_created_at ON acct_invitations (created_at);

-- Whoever is staff now keeps the role for a year, and then has it reviewed like any other.
INSERT INTO acct_grants (id, account_id, role, project_slug, region, state, reason, requested_by, requested_at, decided_by, decided_at, reviewed_by, reviewed_at, expires_at, ended_by, ended_at)
SELECT REPLACE(id, 'acc_', 'grt_'), id, role, '', '', 'active', 'from before grants', 'system', created_at, 'system', created_at, '', 0, CAST(strftime('%s', 'now') AS INTEGER) * 1000 + 31536000000, '', 0
FROM acct_accounts WHERE kind = 'staff';
