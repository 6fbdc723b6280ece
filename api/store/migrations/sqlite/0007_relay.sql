-- +goose Up
-- One-time codes that bind an agent to an account; only a hash of the code is kept.
CREATE TABLE relay_pairings (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    organisation_id TEXT NOT NULL,
    login TEXT NOT NULL,
    organisation TEXT NOT NULL,
    code_hash TEXT NOT NULL,
    state TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX relay_pairings_code ON relay_pairings (code_hash);
CREATE INDEX relay_pairings_account ON relay_pairings (account_id, created_at);
CREATE INDEX relay_pairings_expiry ON relay_pairings (expires_at);

CREATE TABLE relay_agents (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    public_key BLOB NOT NULL,
    state TEXT NOT NULL,
    paired_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    removed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX relay_agents_account ON relay_agents (account_id, state);

-- Nonces of signed requests, until a replay would be too old anyway.
CREATE TABLE relay_nonces (
    id TEXT NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX relay_nonces_expiry ON relay_nonces (expires_at);

-- Wrong pairing codes by address and hour.
CREATE TABLE relay_throttles (
    id TEXT NOT NULL PRIMARY KEY,
    hits INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX relay_throttles_expiry ON relay_throttles (expires_at);

-- open_key is set while a job is open, so that one agent has one open job per subject.
-- ticket_id is the last ticket handed out; only an outcome signed over it counts.
CREATE TABLE relay_jobs (
    id TEXT NOT NULL PRIMARY KEY,
    op TEXT NOT NULL,
    purpose TEXT NOT NULL,
    subject TEXT NOT NULL,
    open_key TEXT NULL,
    agent_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    organisation_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    login TEXT NOT NULL,
    organisation TEXT NOT NULL,
    token_serial TEXT NOT NULL,
    application_id TEXT NOT NULL,
    params BLOB NOT NULL,
    display BLOB NOT NULL,
    state TEXT NOT NULL,
    revision INTEGER NOT NULL,
    step TEXT NOT NULL,
    ticket_id TEXT NOT NULL,
    result BLOB NOT NULL,
    problem TEXT NOT NULL,
    signature BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    touched_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX relay_jobs_open ON relay_jobs (open_key);
CREATE INDEX relay_jobs_agent ON relay_jobs (agent_id, state, created_at);
CREATE INDEX relay_jobs_expiry ON relay_jobs (state, expires_at);
CREATE INDEX relay_jobs_ended ON relay_jobs (ended_at);
