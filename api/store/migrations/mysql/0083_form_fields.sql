-- +goose Up
-- What a project asks in a form beside the fields of the program, and what a submitted application was asked: JSON.
CREATE TABLE IF NOT EXISTS ra_form_fields (
    project_slug VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    kind VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    fields TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (project_slug, kind)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS ra_asked_fields (
    application_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    fields TEXT NOT NULL,
    PRIMARY KEY (application_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
