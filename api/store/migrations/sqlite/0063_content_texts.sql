-- +goose Up
-- Texts of notices that staff published in place of the built-in ones.
CREATE TABLE notice_texts (
    template TEXT NOT NULL,
    language TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (template, language)
) STRICT;

-- Versions of the service agreement that staff published; the newest is in force.
CREATE TABLE acct_agreements (
    version TEXT NOT NULL,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    published_at INTEGER NOT NULL,
    PRIMARY KEY (version)
) STRICT;
CREATE INDEX acct_agreements_published ON acct_agreements (published_at);

-- Where the holidays of a year were announced. A year without a row is from memory: nobody compared it with the announcement.
CREATE TABLE ra_holiday_years (
    year INTEGER NOT NULL,
    source TEXT NOT NULL,
    PRIMARY KEY (year)
) STRICT, WITHOUT ROWID;
