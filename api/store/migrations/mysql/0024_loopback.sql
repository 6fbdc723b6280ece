-- +goose Up
-- Filed applications whose pages may call a desktop agent on the same computer.
CREATE TABLE IF NOT EXISTS relay_sites (
    origin VARCHAR(200) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    name VARCHAR(100) NOT NULL,
    key_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- acct_apikeys.id
    created_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,                                          -- 0 while it is filed
    KEY relay_sites_key (key_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Nonces the portal gave a session for the agent's hello; used up by the answer.
CREATE TABLE IF NOT EXISTS relay_hellos (
    id CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY, -- SHA-256 of the nonce
    session_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    expires_at BIGINT NOT NULL,
    KEY relay_hellos_session (session_id),
    KEY relay_hellos_expiry (expires_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Grants handed out: which agent answers which session beside the relay.
CREATE TABLE IF NOT EXISTS relay_grants (
    id CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY, -- SHA-256 of session and agent
    session_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,  -- as tickets name it
    agent_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    origin VARCHAR(200) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    key_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,      -- of the application; empty = the portal's own page
    expires_at BIGINT NOT NULL,
    KEY relay_grants_expiry (expires_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- A job waits this long for the page that started it before the relay hands it out; via says who did.
ALTER TABLE relay_jobs ADD COLUMN /*M! IF NOT EXISTS */ held_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE relay_jobs ADD COLUMN /*M! IF NOT EXISTS */ via VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '';

-- What a key is for: a connected registration authority or a filed application.
ALTER TABLE acct_apikeys ADD COLUMN /*M! IF NOT EXISTS */ kind VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'ra';
