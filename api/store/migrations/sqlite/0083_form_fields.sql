-- +goose Up
-- What a project asks in a form beside the fields of the program, and what a submitted application was asked: JSON.
CREATE TABLE ra_form_fields (
    project_slug TEXT NOT NULL,
    kind TEXT NOT NULL,
    fields TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (project_slug, kind)
) STRICT;
CREATE TABLE ra_asked_fields (
    application_id TEXT NOT NULL,
    fields TEXT NOT NULL,
    PRIMARY KEY (application_id)
) STRICT;
