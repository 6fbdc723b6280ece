-- +goose Up
-- Lists and searches of the back office that do not read their tables whole.
CREATE INDEX ra_applications_listed ON ra_applications (state, submitted_at, id, kind, project_slug, claimed_by);
CREATE INDEX ra_applications_code ON ra_applications (organisation_code);
CREATE INDEX ra_orders_newest ON ra_orders (created_at, id);
CREATE INDEX ra_shipments_newest ON ra_shipments (changed_at, id);
CREATE INDEX ra_shipments_tracking ON ra_shipments (tracking);
CREATE INDEX ra_tokens_newest ON ra_tokens (changed_at, id);
CREATE INDEX ra_figures_read ON ra_figures (measure, day, project_slug, region, bucket, n);
CREATE INDEX acct_organisations_newest ON acct_organisations (created_at, id);

-- Organisations by any part of a name they have or had: each row is the rest of a name from one of its characters on, in the spelling of
-- store.NormaliseName. A job writes them; named = 0 is an organisation that it has not come to.
ALTER TABLE acct_organisations ADD COLUMN named BIGINT NOT NULL DEFAULT 0;
CREATE INDEX acct_organisations_named ON acct_organisations (named);
CREATE TABLE IF NOT EXISTS acct_name_parts (
    part VARBINARY(240) NOT NULL,
    organisation_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    PRIMARY KEY (part, organisation_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
