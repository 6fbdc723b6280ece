-- +goose Up
-- When a project's certificates may be renewed, and when it takes no applications: JSON, empty = the defaults in the program.
ALTER TABLE ra_projects ADD COLUMN windows TEXT NOT NULL DEFAULT '';
