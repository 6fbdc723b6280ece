-- +goose Up
-- What holders hand in with an application. The files lie elsewhere, under their hash (package blob); a row that was removed or replaced
-- stays as a record that there was one.
CREATE TABLE ra_materials (
    id TEXT NOT NULL PRIMARY KEY,
    application_id TEXT NOT NULL,
    organisation_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    type TEXT NOT NULL,
    state TEXT NOT NULL,
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    pages INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    reason TEXT NOT NULL,
    note TEXT NOT NULL,
    redone INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX ra_materials_application ON ra_materials (application_id, created_at);
CREATE INDEX ra_materials_organisation ON ra_materials (organisation_id, created_at);

-- What a project wants for a kind of application, as JSON; without a row the default holds.
CREATE TABLE ra_material_rules (
    project_slug TEXT NOT NULL,
    kind TEXT NOT NULL,
    rules TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (project_slug, kind)
) STRICT;
