-- +goose Up
-- Filed applications whose pages may call a desktop agent on the same computer.
CREATE TABLE relay_sites (
    origin TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    key_id TEXT NOT NULL,        -- acct_apikeys.id
    created_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL    -- 0 while it is filed
) STRICT;
CREATE INDEX relay_sites_key ON relay_sites (key_id);

-- Nonces the portal gave a session for the agent's hello; used up by the answer.
CREATE TABLE relay_hellos (
    id TEXT NOT NULL PRIMARY KEY, -- SHA-256 of the nonce
    session_id TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX relay_hellos_session ON relay_hellos (session_id);
CREATE INDEX relay_hellos_expiry ON relay_hellos (expires_at);

-- Grants handed out: which agent answers which session beside the relay.
CREATE TABLE relay_grants (
    id TEXT NOT NULL PRIMARY KEY, -- SHA-256 of session and agent
    session_id TEXT NOT NULL,     -- as tickets name it
    agent_id TEXT NOT NULL,
    origin TEXT NOT NULL,
    key_id TEXT NOT NULL,         -- of the application; empty = the portal's own page
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX relay_grants_expiry ON relay_grants (expires_at);

-- A job waits this long for the page that started it before the relay hands it out; via says who did.
ALTER TABLE relay_jobs ADD COLUMN held_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE relay_jobs ADD COLUMN via TEXT NOT NULL DEFAULT '';

-- What a key is for: a connected registration authority or a filed application.
ALTER TABLE acct_apikeys ADD COLUMN kind TEXT NOT NULL DEFAULT 'ra';
