-- +goose Up
-- What holders hand in with an application. The files lie elsewhere, under their hash (package blob); a row that was removed or replaced
-- stays as a record that there was one.
CREATE TABLE IF NOT EXISTS ra_materials (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    application_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    organisation_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    account_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    type VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    name VARCHAR(200) NOT NULL,
    media_type VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    size_bytes BIGINT NOT NULL,
    pages BIGINT NOT NULL,
    sha256 VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    reason VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    note VARCHAR(200) NOT NULL,
    redone BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    INDEX ra_materials_application (application_id, created_at),
    INDEX ra_materials_organisation (organisation_id, created_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What a project wants for a kind of application, as JSON; without a row the default holds.
CREATE TABLE IF NOT EXISTS ra_material_rules (
    project_slug VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    kind VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    rules TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (project_slug, kind)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
