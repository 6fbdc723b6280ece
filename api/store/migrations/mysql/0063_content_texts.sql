-- +goose Up
-- Texts of notices that staff published in place of the built-in ones.
CREATE TABLE IF NOT EXISTS notice_texts (
    template VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    language VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    text VARCHAR(1000) NOT NULL,
    PRIMARY KEY (template, language)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Versions of the service agreement that staff published; the newest is in force.
CREATE TABLE IF NOT EXISTS acct_agreements (
    version VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    title VARCHAR(100) NOT NULL,
    text MEDIUMTEXT NOT NULL,
    published_at BIGINT NOT NULL,
    PRIMARY KEY (version)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX acct_agreements_published ON acct_agreements (published_at);

-- Where the holidays of a year were announced. A year without a row is from memory: nobody compared it with the announcement.
CREATE TABLE IF NOT EXISTS ra_holiday_years (
    year BIGINT NOT NULL,
    source VARCHAR(200) NOT NULL,
    PRIMARY KEY (year)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
