-- +goose Up
-- What review adds to an application. form is JSON; left_for is the working time that was left when it was returned; lapse_at is when it ends
-- unless something is done; confirmed: both phones of a change of the handler gave their codes.
ALTER TABLE ra_applications ADD COLUMN manual BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ra_applications ADD COLUMN form VARCHAR(4000) NOT NULL DEFAULT '';
ALTER TABLE ra_applications ADD COLUMN organisation_name VARCHAR(300) NOT NULL DEFAULT '';
ALTER TABLE ra_applications ADD COLUMN organisation_code VARCHAR(64) NOT NULL DEFAULT '';
ALTER TABLE ra_applications ADD COLUMN step BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ra_applications ADD COLUMN steps BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ra_applications ADD COLUMN working_days BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ra_applications ADD COLUMN pay_first BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ra_applications ADD COLUMN price_cents BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ra_applications ADD COLUMN paid_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ra_applications ADD COLUMN order_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '';
ALTER TABLE ra_applications ADD COLUMN submitted_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ra_applications ADD COLUMN due_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ra_applications ADD COLUMN left_for BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ra_applications ADD COLUMN escalated_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ra_applications ADD COLUMN lapse_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ra_applications ADD COLUMN claimed_by VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '';
ALTER TABLE ra_applications ADD COLUMN claimed_name VARCHAR(300) NOT NULL DEFAULT '';
ALTER TABLE ra_applications ADD COLUMN claimed_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ra_applications ADD COLUMN first_by VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '';
ALTER TABLE ra_applications ADD COLUMN reasons VARCHAR(300) NOT NULL DEFAULT '';
ALTER TABLE ra_applications ADD COLUMN review_note VARCHAR(600) NOT NULL DEFAULT '';
ALTER TABLE ra_applications ADD COLUMN seal_consent VARCHAR(64) NOT NULL DEFAULT '';
ALTER TABLE ra_applications ADD COLUMN confirmed BIGINT NOT NULL DEFAULT 0;
CREATE INDEX ra_applications_due ON ra_applications (state, due_at);
CREATE INDEX ra_applications_lapse ON ra_applications (lapse_at);

-- Decisions of reviewers. text is what was, or could have been, signed.
CREATE TABLE IF NOT EXISTS ra_reviews (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    application_id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    step BIGINT NOT NULL,
    decision VARCHAR(64) NOT NULL,
    reasons VARCHAR(300) NOT NULL,
    note VARCHAR(600) NOT NULL,
    by_account VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    by_name VARCHAR(300) NOT NULL,
    text MEDIUMTEXT NOT NULL,
    signature MEDIUMBLOB NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX ra_reviews_application ON ra_reviews (application_id, at);
CREATE INDEX ra_reviews_at ON ra_reviews (at);

-- What a project sets otherwise than the defaults in the program.
CREATE TABLE IF NOT EXISTS ra_policies (
    project_slug VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    kind VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    steps BIGINT NOT NULL,
    working_days BIGINT NOT NULL,
    pay_first BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (project_slug, kind)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Days off, and weekend days that are worked (working = 1). confirmed: entered after the State Council announced the year.
CREATE TABLE IF NOT EXISTS ra_holidays (
    date VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    working BIGINT NOT NULL,
    name VARCHAR(64) NOT NULL,
    confirmed BIGINT NOT NULL,
    PRIMARY KEY (date)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- 2026 as announced on 2025-11-04; of 2027 only the days that the law itself names, until the year is announced.
INSERT IGNORE INTO ra_holidays (date, working, name, confirmed) VALUES
    ('2026-01-01', 0, '元旦', 1),
    ('2026-01-02', 0, '元旦', 1),
    ('2026-01-03', 0, '元旦', 1),
    ('2026-01-04', 1, '元旦调休', 1),
    ('2026-02-14', 1, '春节调休', 1),
    ('2026-02-15', 0, '春节', 1),
    ('2026-02-16', 0, '春节', 1),
    ('2026-02-17', 0, '春节', 1),
    ('2026-02-18', 0, '春节', 1),
    ('2026-02-19', 0, '春节', 1),
    ('2026-02-20', 0, '春节', 1),
    ('2026-02-21', 0, '春节', 1),
    ('2026-02-22', 0, '春节', 1),
    ('2026-02-23', 0, '春节', 1),
    ('2026-02-28', 1, '春节调休', 1),
    ('2026-04-04', 0, '清明节', 1),
    ('2026-04-05', 0, '清明节', 1),
    ('2026-04-06', 0, '清明节', 1),
    ('2026-05-01', 0, '劳动节', 1),
    ('2026-05-02', 0, '劳动节', 1),
    ('2026-05-03', 0, '劳动节', 1),
    ('2026-05-04', 0, '劳动节', 1),
    ('2026-05-05', 0, '劳动节', 1),
    ('2026-05-09', 1, '劳动节调休', 1),
    ('2026-06-19', 0, '端午节', 1),
    ('2026-06-20', 0, '端午节', 1),
    ('2026-06-21', 0, '端午节', 1),
    ('2026-09-20', 1, '国庆节调休', 1),
    ('2026-09-25', 0, '中秋节', 1),
    ('2026-09-26', 0, '中秋节', 1),
    ('2026-09-27', 0, '中秋节', 1),
    ('2026-10-01', 0, '国庆节', 1),
    ('2026-10-02', 0, '国庆节', 1),
    ('2026-10-03', 0, '国庆节', 1),
    ('2026-10-04', 0, '国庆节', 1),
    ('2026-10-05', 0, '国庆节', 1),
    ('2026-10-06', 0, '国庆节', 1),
    ('2026-10-07', 0, '国庆节', 1),
    ('2026-10-10', 1, '国庆节调休', 1),
    ('2027-01-01', 0, '元旦', 0),
    ('2027-02-05', 0, '春节', 0),
    ('2027-02-06', 0, '春节', 0),
    ('2027-02-07', 0, '春节', 0),
    ('2027-02-08', 0, '春节', 0),
    ('2027-04-05', 0, '清明节', 0),
    ('2027-05-01', 0, '劳动节', 0),
    ('2027-05-02', 0, '劳动节', 0),
    ('2027-06-09', 0, '端午节', 0),
    ('2027-09-15', 0, '中秋节', 0),
    ('2027-10-01', 0, '国庆节', 0),
    ('2027-10-02', 0, '国庆节', 0),
    ('2027-10-03', 0, '国庆节', 0);
