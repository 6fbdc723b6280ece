-- +goose Up
-- What review adds to an application. form is JSON; left_for is the working time that was left when it was returned; lapse_at is when it ends
-- unless something is done; confirmed: both phones of a change of the handler gave their codes.
ALTER TABLE ra_applications ADD COLUMN manual INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ra_applications ADD COLUMN form TEXT NOT NULL DEFAULT '';
ALTER TABLE ra_applications ADD COLUMN organisation_name TEXT NOT NULL DEFAULT '';
ALTER TABLE ra_applications ADD COLUMN organisation_code TEXT NOT NULL DEFAULT '';
ALTER TABLE ra_applications ADD COLUMN step INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ra_applications ADD COLUMN steps INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ra_applications ADD COLUMN working_days INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ra_applications ADD COLUMN pay_first INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ra_applications ADD COLUMN price_cents INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ra_applications ADD COLUMN paid_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ra_applications ADD COLUMN order_id TEXT NOT NULL DEFAULT '';
ALTER TABLE ra_applications ADD COLUMN submitted_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ra_applications ADD COLUMN due_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ra_applications ADD COLUMN left_for INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ra_applications ADD COLUMN escalated_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ra_applications ADD COLUMN lapse_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ra_applications ADD COLUMN claimed_by TEXT NOT NULL DEFAULT '';
ALTER TABLE ra_applications ADD COLUMN claimed_name TEXT NOT NULL DEFAULT '';
ALTER TABLE ra_applications ADD COLUMN claimed_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ra_applications ADD COLUMN first_by TEXT NOT NULL DEFAULT '';
ALTER TABLE ra_applications ADD COLUMN reasons TEXT NOT NULL DEFAULT '';
ALTER TABLE ra_applications ADD COLUMN review_note TEXT NOT NULL DEFAULT '';
ALTER TABLE ra_applications ADD COLUMN seal_consent TEXT NOT NULL DEFAULT '';
ALTER TABLE ra_applications ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 0;
CREATE INDEX ra_applications_due ON ra_applications (state, due_at);
CREATE INDEX ra_applications_lapse ON ra_applications (lapse_at);

-- Decisions of reviewers. text is what was, or could have been, signed.
CREATE TABLE ra_reviews (
    id TEXT NOT NULL,
    application_id TEXT NOT NULL,
    step INTEGER NOT NULL,
    decision TEXT NOT NULL,
    reasons TEXT NOT NULL,
    note TEXT NOT NULL,
    by_account TEXT NOT NULL,
    by_name TEXT NOT NULL,
    text TEXT NOT NULL,
    signature BLOB NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (id)
) STRICT;
CREATE INDEX ra_reviews_application ON ra_reviews (application_id, at);
CREATE INDEX ra_reviews_at ON ra_reviews (at);

-- What a project sets otherwise than the defaults in the program.
CREATE TABLE ra_policies (
    project_slug TEXT NOT NULL,
    kind TEXT NOT NULL,
    steps INTEGER NOT NULL,
    working_days INTEGER NOT NULL,
    pay_first INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (project_slug, kind)
) STRICT;

-- Days off, and weekend days that are worked (working = 1). confirmed: entered after the State Council announced the year.
CREATE TABLE ra_holidays (
    date TEXT NOT NULL,
    working INTEGER NOT NULL,
    name TEXT NOT NULL,
    confirmed INTEGER NOT NULL,
    PRIMARY KEY (date)
) STRICT;

-- 2026 as announced on 2025-11-04; of 2027 only the days that the law itself names, until the year is announced.
INSERT INTO ra_holidays (date, working, name, confirmed) VALUES
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
