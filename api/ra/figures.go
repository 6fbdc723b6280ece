package ra

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"signet/api/store"
	"signet/ca/pki"
)

// What is counted. Issued is the sum of the first four: pairs of holders, by how they came about.
const (
	measureNew     = "new"
	measureRenew   = "renew"
	measureChange  = "change"
	measureReplace = "replace"
	measureRevoke  = "revoke"
	measureApprove = "approve" // last decisions of a review, with the working time it took
	measureReturn  = "return"
	measureReject  = "reject"
	measureEnding  = "ending" // valid now, by the month in which they end; not of a day but of the last count
)

// Reviews are counted by working time in steps of half an hour, up to thirty days.
const (
	bucketFor = 30 * time.Minute
	maxBucket = int64(30 * workday / bucketFor)
)

const dayMillis = 24 * 60 * 60 * 1000

// figureRow is a row of ra_figures.
type figureRow struct {
	Day         string `gorm:"primaryKey"`
	Measure     string `gorm:"primaryKey"`
	ProjectSlug string `gorm:"primaryKey"`
	Region      string `gorm:"primaryKey"`
	Bucket      int64  `gorm:"primaryKey;autoIncrement:false"`
	N           int64
}

// TableName names the table for gorm.
func (figureRow) TableName() string { return "ra_figures" }

// figures adds up; the N of a key is not part of it.
type figures map[figureRow]int64

func (f figures) add(day time.Time, measure, project, region string, bucket, n int64) {
	f[figureRow{Day: day.In(china).Format(time.DateOnly), Measure: measure, ProjectSlug: project, Region: region, Bucket: bucket}] += n
}

func (f figures) rows() []figureRow {
	list := make([]figureRow, 0, len(f))
	for row, n := range f {
		row.N = n
		list = append(list, row)
	}
	slices.SortFunc(list, func(a, b figureRow) int { // the same order of locks in every transaction
		return strings.Compare(fmt.Sprint(a.Day, a.Measure, a.ProjectSlug, "/", a.Region, "/", a.Bucket), fmt.Sprint(b.Day, b.Measure, b.ProjectSlug, "/", b.Region, "/", b.Bucket))
	})
	return list
}

// regionOf reads the administrative division out of a unified code.
//
// Nil/zero: "" where it has none.
// Source: GB 32100-2015 §4.2: digits 3 to 8.
func regionOf(uscc string) string {
	if code := pki.NormaliseCode(uscc); len(code) == 18 && strings.Trim(code[2:8], "0123456789") == "" {
		return code[2:8]
	}
	return ""
}

// CountFigures counts what happened since the last time, from the day before it on, for what was under way then. A day is always counted whole, so
// that counting again changes nothing.
func (r *RA) CountFigures(ctx context.Context) error {
	now := r.now()
	day, err := r.uncounted(ctx, now)
	if err != nil {
		return err
	}
	for !day.After(now) {
		next := day.AddDate(0, 1, 0) // the first time counts years
		if err := r.countDays(ctx, day, next, now); err != nil {
			return err
		}
		day = next
	}
	return r.countEnding(ctx, now)
}

// uncounted is the first day to count.
func (r *RA) uncounted(ctx context.Context, now time.Time) (time.Time, error) {
	mark, err := take[counterRow](r.db.Read(ctx), "counter", "name = ?", "figures")
	if err != nil {
		return now, err
	}
	if mark.Value > 0 {
		return midnight(store.Time(mark.Value)).AddDate(0, 0, -1), nil
	}
	var first []int64
	for _, question := range []string{
		"SELECT COALESCE(MIN(created_at), 0) FROM ra_certificates WHERE origin = 'signet'", "SELECT COALESCE(MIN(at), 0) FROM ra_reviews",
	} {
		var at int64
		if err := r.db.Read(ctx).Raw(question).Scan(&at).Error; err != nil {
			return now, fmt.Errorf("looking for the first day: %w", err)
		}
		if at > 0 {
			first = append(first, at)
		}
	}
	if len(first) == 0 {
		return midnight(now), nil
	}
	return midnight(store.Time(slices.Min(first))), nil
}

// countDays replaces the figures of some days.
func (r *RA) countDays(ctx context.Context, from, to, now time.Time) error {
	f := figures{}
	for _, count := range []func(context.Context, figures, time.Time, time.Time) error{r.countIssued, r.countRevoked, r.countReviews} {
		if err := count(ctx, f, from, to); err != nil {
			return err
		}
	}
	mark := min(store.Millis(now), store.Millis(to)-1)
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		err := tx.DB().Where("day >= ? AND day < ? AND measure <> ?", from.In(china).Format(time.DateOnly), to.In(china).Format(time.DateOnly), measureEnding).Delete(&figureRow{}).Error
		if err != nil {
			return fmt.Errorf("forgetting figures: %w", err)
		}
		if err := keepFigures(tx, f); err != nil {
			return err
		}
		return tx.DB().Model(&counterRow{}).Where("name = ?", "figures").Update("value", mark).Error
	})
}

func keepFigures(tx *store.Tx, f figures) error {
	if len(f) == 0 {
		return nil
	}
	if err := tx.DB().CreateInBatches(f.rows(), 500).Error; err != nil {
		return fmt.Errorf("keeping figures: %w", err)
	}
	return nil
}

// chinaDay is the millisecond at which, in China, the day of a column begins, plus eight hours; it reads the same in every dialect.
func chinaDay(column string) string {
	return fmt.Sprintf("(%s + 28800000 - (%s + 28800000) %% %d)", column, column, dayMillis)
}

// dayOf undoes chinaDay.
func dayOf(millis int64) time.Time { return store.Time(millis - 28800000) }

func (r *RA) countIssued(ctx context.Context, f figures, from, to time.Time) error {
	var rows []struct {
		Day                       int64
		ProjectSlug, Region, Kind string
		Follows                   bool
		N                         int64
	}
	err := r.db.Read(ctx).Raw("SELECT "+chinaDay("c.created_at")+` AS day, c.project_slug, c.region, COALESCE(a.kind, '') AS kind, c.predecessor_id <> '' AS follows, COUNT(*) AS n
		FROM ra_certificates c LEFT JOIN ra_applications a ON a.new_certificate_id = c.id AND a.new_certificate_id <> ''
		WHERE c.origin = ? AND c.created_at >= ? AND c.created_at < ? GROUP BY 1, 2, 3, 4, 5`, originSignet, store.Millis(from), store.Millis(to)).Scan(&rows).Error
	if err != nil {
		return fmt.Errorf("counting certificates: %w", err)
	}
	for _, row := range rows {
		f.add(dayOf(row.Day), cameBy(row.Kind, row.Follows), row.ProjectSlug, row.Region, 0, row.N)
	}
	return nil
}

// cameBy says what made a certificate, of one whose application is not known from whether it follows another.
func cameBy(kind string, follows bool) string {
	switch kind {
	case KindRenew:
		return measureRenew
	case KindReplace:
		return measureReplace
	case KindChangeName, KindChangeLegal, KindChangeHandler:
		return measureChange
	}
	if follows {
		return measureRenew
	}
	return measureNew
}

// countRevoked counts a pair once, by its signing half. What is only held is not revoked.
func (r *RA) countRevoked(ctx context.Context, f figures, from, to time.Time) error {
	list, err := r.db.CA().RevokedBetween(ctx, from, to)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(list, 500) {
		at, serials := map[string]time.Time{}, make([]string, len(part))
		for i, c := range part {
			at[c.CA+"."+c.SerialHex], serials[i] = c.At, c.SerialHex
		}
		var rows []certificateRow
		if err := r.db.Read(ctx).Select("id, ca, serial_hex, project_slug, region").Where("serial_hex IN ? AND origin = ?", serials, originSignet).Find(&rows).Error; err != nil {
			return fmt.Errorf("reading revoked certificates: %w", err)
		}
		for _, row := range rows {
			if when, ours := at[row.CA+"."+row.SerialHex]; ours {
				f.add(when, measureRevoke, row.ProjectSlug, row.Region, 0, 1)
			}
		}
	}
	return nil
}

// countReviews counts the decisions that ended a review, by the working time since the application last came to the reviewers.
func (r *RA) countReviews(ctx context.Context, f figures, from, to time.Time) error {
	db := r.db.Read(ctx)
	days, err := readWorkdays(db)
	if err != nil {
		return err
	}
	var rows []struct {
		ApplicationID, Decision, ProjectSlug, OrganisationCode string
		At                                                     int64
	}
	err = db.Raw(`SELECT r.application_id, r.decision, r.at, a.project_slug, a.organisation_code FROM ra_reviews r JOIN ra_applications a ON a.id = r.application_id
		WHERE r.at >= ? AND r.at < ? AND (r.decision <> ? OR r.step >= a.steps)`, store.Millis(from), store.Millis(to), Approve).Scan(&rows).Error
	if err != nil {
		return fmt.Errorf("counting reviews: %w", err)
	}
	for part := range slices.Chunk(rows, 500) {
		ids := make([]string, len(part))
		for i, row := range part {
			ids[i] = row.ApplicationID
		}
		var lines []timelineRow
		if err := db.Select("application_id, at").Where("application_id IN ? AND act IN ?", ids, []string{lineSubmitted, linePaid}).Find(&lines).Error; err != nil {
			return fmt.Errorf("reading submissions: %w", err)
		}
		came := map[string][]int64{}
		for _, line := range lines {
			came[line.ApplicationID] = append(came[line.ApplicationID], line.At)
		}
		for _, row := range part {
			begin := row.At
			for _, at := range came[row.ApplicationID] {
				if at <= row.At && (begin == row.At || at > begin) {
					begin = at
				}
			}
			took := days.left(store.Time(begin), store.Time(row.At))
			bucket := min(int64((took+bucketFor-1)/bucketFor), maxBucket)
			f.add(store.Time(row.At), measureOf(row.Decision), row.ProjectSlug, regionOf(row.OrganisationCode), bucket, 1)
		}
	}
	return nil
}

func measureOf(decision string) string {
	switch decision {
	case Approve:
		return measureApprove
	case Reject:
		return measureReject
	}
	return measureReturn
}

// countEnding replaces what is valid now, by the month of its end.
func (r *RA) countEnding(ctx context.Context, now time.Time) error {
	var rows []struct {
		Day                 int64
		ProjectSlug, Region string
		N                   int64
	}
	err := r.db.Read(ctx).Raw("SELECT "+chinaDay("not_after_at")+` AS day, project_slug, region, COUNT(*) AS n FROM ra_certificates WHERE state IN ? AND not_after_at > ? GROUP BY 1, 2, 3`,
		[]string{string(certActive), string(certSuspended)}, store.Millis(now)).Scan(&rows).Error
	if err != nil {
		return fmt.Errorf("counting what ends: %w", err)
	}
	f := figures{}
	for _, row := range rows {
		f.add(monthOf(dayOf(row.Day)), measureEnding, row.ProjectSlug, row.Region, 0, row.N)
	}
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		if err := tx.DB().Where("measure = ?", measureEnding).Delete(&figureRow{}).Error; err != nil {
			return fmt.Errorf("forgetting figures: %w", err)
		}
		return keepFigures(tx, f)
	})
}

// monthOf is the first day of a moment's month in China.
func monthOf(t time.Time) time.Time {
	local := t.In(china)
	return time.Date(local.Year(), local.Month(), 1, 0, 0, 0, 0, china)
}
