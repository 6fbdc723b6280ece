package ra

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
)

// The steps of a series.
const (
	ByDay   = "day"
	ByWeek  = "week" // from Monday
	ByMonth = "month"
)

// maxDays bounds what one question covers, maxPoints the points of its series.
const (
	maxDays   = 3*366 + 1
	maxPoints = 400
	aheadFor  = 12 // months
)

// StatisticsFilter says what figures are asked for.
//
// Shape: From and To are days, 2006-01-02, both counted; Region is the beginning of a division's code, such as 33 or 3307.
// Nil/zero: To "" = today, From "" = 30 days with By day, 26 weeks, 12 months; By "" = day; the rest does not narrow.
type StatisticsFilter struct {
	From, To, By    string
	Project, Region string
}

// IssuedFigures count pairs of holders by how they came about, and how many were revoked.
type IssuedFigures struct{ New, Renewed, Changed, Replaced, Revoked int }

// Issued is how many pairs were issued.
func (f IssuedFigures) Issued() int { return f.New + f.Renewed + f.Changed + f.Replaced }

func (f *IssuedFigures) add(measure string, n int) {
	switch measure {
	case measureNew:
		f.New += n
	case measureRenew:
		f.Renewed += n
	case measureChange:
		f.Changed += n
	case measureReplace:
		f.Replaced += n
	case measureRevoke:
		f.Revoked += n
	}
}

// Point is a step of the series. Shape: Date is the first day of the step.
type Point struct {
	Date string
	IssuedFigures
}

// ReviewFigures count reviews that ended.
//
// Units: Median and P90 are minutes of working time, rounded up to half an hour; 0 = none ended.
type ReviewFigures struct {
	Approved, Returned, Rejected int
	Median, P90                  int
}

// PartFigures are those of a project or a region. Shape: Key is a project's slug or a division's code; "" = of none.
type PartFigures struct {
	Key, Name string
	Active    int
	IssuedFigures
}

// KindFigures count applications of a kind in a state.
type KindFigures struct {
	Kind  string
	State ApplicationState
	N     int
}

// Statistics are the figures of a time.
//
// Nil/zero: CountedAt zero = nothing was counted yet.
type Statistics struct {
	From, To, By     string
	CountedAt        time.Time
	Total            IssuedFigures
	Series           []Point
	Review           ReviewFigures
	Active           int
	Ending           []Point // months from this one on; New says how many end
	Applications     []KindFigures
	Waiting, Overdue int // now
	Projects         []PartFigures
	Regions          []PartFigures
}

// days are the days of a filter.
type days struct{ from, to time.Time } // both midnights in China, to is counted

func (f *StatisticsFilter) days(now time.Time) (d days, err error) {
	bad := func(field, detail string) error {
		return problem.New(problem.Invalid, problem.CodeInvalidField, detail).WithField(field)
	}
	if f.By == "" {
		f.By = ByDay
	}
	if !slices.Contains([]string{ByDay, ByWeek, ByMonth}, f.By) {
		return d, bad("by", "Figures are by day, week or month.")
	}
	d.to = midnight(now)
	if f.To != "" {
		if d.to, err = time.ParseInLocation(time.DateOnly, f.To, china); err != nil {
			return d, bad("to", "A day is like 2026-01-31.")
		}
	}
	switch {
	case f.From != "":
		if d.from, err = time.ParseInLocation(time.DateOnly, f.From, china); err != nil {
			return d, bad("from", "A day is like 2026-01-31.")
		}
	case f.By == ByDay:
		d.from = d.to.AddDate(0, 0, -29)
	case f.By == ByWeek:
		d.from = f.step(d.to).AddDate(0, 0, -25*7)
	default:
		d.from = f.step(d.to).AddDate(0, -11, 0)
	}
	if n := int(d.to.Sub(d.from)/(24*time.Hour)) + 1; n < 1 || n > maxDays || f.By == ByDay && n > maxPoints {
		return d, bad("from", fmt.Sprintf("The days are at most %d, by day at most %d, and in order.", maxDays, maxPoints))
	}
	if strings.Trim(f.Region, "0123456789") != "" || len(f.Region) > 6 {
		return d, bad("region", "A region is the beginning of a code of six digits.")
	}
	f.From, f.To = d.from.Format(time.DateOnly), d.to.Format(time.DateOnly)
	return d, nil
}

// step is the first day of the step that a day belongs to.
func (f *StatisticsFilter) step(day time.Time) time.Time {
	switch f.By {
	case ByWeek:
		return day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
	case ByMonth:
		return monthOf(day)
	}
	return day
}

func (f *StatisticsFilter) next(step time.Time) time.Time {
	switch f.By {
	case ByWeek:
		return step.AddDate(0, 0, 7)
	case ByMonth:
		return step.AddDate(0, 1, 0)
	}
	return step.AddDate(0, 0, 1)
}

// reach keeps a question to what is asked for and may be seen; project and region are expressions of the query.
func (f *StatisticsFilter) reach(db *gorm.DB, by account.Actor, project, region string) *gorm.DB {
	if f.Project != "" {
		db = db.Where(project+" = ?", f.Project)
	}
	if f.Region != "" {
		db = db.Where(region+" LIKE ?", f.Region+"%")
	}
	reaches, all := by.Within(account.StatisticsRead)
	if all {
		return db
	}
	either, args := []string{"1 = 0"}, []any{}
	for _, r := range reaches {
		condition := "1 = 1"
		if r.Project != "" {
			condition += " AND " + project + " = ?"
			args = append(args, r.Project)
		}
		if r.Region != "" {
			condition += " AND " + region + " LIKE ?"
			args = append(args, wholeRegion(r.Region)+"%")
		}
		either = append(either, "("+condition+")")
	}
	return db.Where("("+strings.Join(either, " OR ")+")", args...)
}

// wholeRegion is how the codes within a region begin: 330000 is all of 33.
func wholeRegion(code string) string {
	for len(code) > 2 && len(code)%2 == 0 && strings.HasSuffix(code, "00") {
		code = strings.TrimSuffix(code, "00")
	}
	return code
}

// Statistics shows figures. Those of certificates and reviews are as of CountedAt, those of applications as of now.
//
// Errors: those of account.Can; CodeInvalidField.
func (r *RA) Statistics(ctx context.Context, by account.Actor, f StatisticsFilter) (Statistics, error) {
	if err := account.Can(by, account.StatisticsRead); err != nil {
		return Statistics{}, err
	}
	d, err := f.days(r.now())
	if err != nil {
		return Statistics{}, err
	}
	s := Statistics{From: f.From, To: f.To, By: f.By}
	mark, err := take[counterRow](r.db.Read(ctx), "counter", "name = ?", "figures")
	if err != nil {
		return s, err
	}
	if mark.Value > 0 {
		s.CountedAt = store.Time(mark.Value)
	}
	for _, ask := range []func(context.Context, account.Actor, StatisticsFilter, days, *Statistics) error{r.series, r.reviewFigures, r.ending, r.parts, r.applicationFigures} {
		if err := ask(ctx, by, f, d, &s); err != nil {
			return s, fmt.Errorf("reading figures: %w", err)
		}
	}
	return s, nil
}

func (r *RA) figures(ctx context.Context, by account.Actor, f StatisticsFilter) *gorm.DB {
	return f.reach(r.db.Read(ctx).Table("ra_figures"), by, "project_slug", "region")
}

// within keeps figures to days.
func (d days) within(db *gorm.DB) *gorm.DB {
	return db.Where("day >= ? AND day <= ?", d.from.Format(time.DateOnly), d.to.Format(time.DateOnly))
}

var issuedMeasures = []string{measureNew, measureRenew, measureChange, measureReplace, measureRevoke}

func (r *RA) series(ctx context.Context, by account.Actor, f StatisticsFilter, d days, s *Statistics) error {
	var rows []struct {
		Day, Measure string
		N            int
	}
	err := d.within(r.figures(ctx, by, f)).Where("measure IN ?", issuedMeasures).Select("day, measure, SUM(n) AS n").Group("day, measure").Scan(&rows).Error
	if err != nil {
		return err
	}
	at := map[string]int{}
	for step := f.step(d.from); !step.After(d.to); step = f.next(step) {
		at[step.Format(time.DateOnly)] = len(s.Series)
		s.Series = append(s.Series, Point{Date: step.Format(time.DateOnly)})
	}
	for _, row := range rows {
		day, err := time.ParseInLocation(time.DateOnly, row.Day, china)
		if err != nil {
			return err
		}
		s.Series[at[f.step(day).Format(time.DateOnly)]].add(row.Measure, row.N)
		s.Total.add(row.Measure, row.N)
	}
	return nil
}

func (r *RA) reviewFigures(ctx context.Context, by account.Actor, f StatisticsFilter, d days, s *Statistics) error {
	var rows []struct {
		Measure string
		Bucket  int
		N       int
	}
	err := d.within(r.figures(ctx, by, f)).Where("measure IN ?", []string{measureApprove, measureReturn, measureReject}).
		Select("measure, bucket, SUM(n) AS n").Group("measure, bucket").Scan(&rows).Error
	if err != nil {
		return err
	}
	buckets, all := map[int]int{}, 0
	for _, row := range rows {
		switch row.Measure {
		case measureApprove:
			s.Review.Approved += row.N
		case measureReturn:
			s.Review.Returned += row.N
		default:
			s.Review.Rejected += row.N
		}
		buckets[row.Bucket] += row.N
		all += row.N
	}
	s.Review.Median, s.Review.P90 = quantile(buckets, all, 50), quantile(buckets, all, 90)
	return nil
}

// quantile is the working time in minutes within which so many of a hundred were done.
func quantile(buckets map[int]int, all, percent int) int {
	seen := 0
	for _, bucket := range slices.Sorted(maps.Keys(buckets)) {
		if seen += buckets[bucket]; seen*100 >= all*percent {
			return bucket * int(bucketFor/time.Minute)
		}
	}
	return 0
}

func (r *RA) ending(ctx context.Context, by account.Actor, f StatisticsFilter, _ days, s *Statistics) error {
	var rows []struct {
		Day string
		N   int
	}
	if err := r.figures(ctx, by, f).Where("measure = ?", measureEnding).Select("day, SUM(n) AS n").Group("day").Scan(&rows).Error; err != nil {
		return err
	}
	of := map[string]int{}
	for _, row := range rows {
		of[row.Day] = row.N
		s.Active += row.N
	}
	month := monthOf(r.now())
	for range aheadFor {
		p := Point{Date: month.Format(time.DateOnly)}
		p.New = of[p.Date]
		s.Ending, month = append(s.Ending, p), month.AddDate(0, 1, 0)
	}
	return nil
}

// parts tells projects and regions apart; regions one level below the one asked for.
func (r *RA) parts(ctx context.Context, by account.Actor, f StatisticsFilter, d days, s *Statistics) (err error) {
	var projects []projectRow
	if err := r.db.Read(ctx).Select("slug, name").Find(&projects).Error; err != nil {
		return err
	}
	names := map[string]string{}
	for _, p := range projects {
		names[p.Slug] = p.Name
	}
	cells, err := r.cells(ctx, by, f, d)
	if err != nil {
		return err
	}
	digits := min(len(f.Region)/2*2+2, 6)
	s.Projects = partsBy(cells, func(c cell) string { return c.ProjectSlug })
	s.Regions = partsBy(cells, func(c cell) string { return c.Region[:min(digits, len(c.Region))] })
	for i, p := range s.Projects {
		s.Projects[i].Name = names[p.Key]
	}
	return nil
}

// cell is what was counted in one region of one project.
type cell struct {
	ProjectSlug, Region, Measure string
	N                            int
}

// cells are read once for projects and regions: the days of years are many rows.
func (r *RA) cells(ctx context.Context, by account.Actor, f StatisticsFilter, d days) (cells []cell, err error) {
	for _, q := range []*gorm.DB{d.within(r.figures(ctx, by, f)).Where("measure IN ?", issuedMeasures), r.figures(ctx, by, f).Where("measure = ?", measureEnding)} {
		var some []cell
		if err := q.Select("project_slug, region, measure, SUM(n) AS n").Group("project_slug, region, measure").Scan(&some).Error; err != nil {
			return nil, err
		}
		cells = append(cells, some...)
	}
	return cells, nil
}

func partsBy(cells []cell, key func(cell) string) []PartFigures {
	of := map[string]*PartFigures{}
	for _, c := range cells {
		part := key(c)
		if of[part] == nil {
			of[part] = &PartFigures{Key: part}
		}
		if c.Measure == measureEnding {
			of[part].Active += c.N
		}
		of[part].add(c.Measure, c.N)
	}
	list := []PartFigures{}
	for _, key := range slices.Sorted(maps.Keys(of)) {
		list = append(list, *of[key])
	}
	slices.SortStableFunc(list, func(a, b PartFigures) int { return b.Issued() - a.Issued() })
	return list
}

// codeRegion is regionOf in SQL.
const codeRegion = "CASE WHEN LENGTH(organisation_code) = 18 THEN SUBSTR(organisation_code, 3, 6) ELSE '' END"

func (r *RA) applicationFigures(ctx context.Context, by account.Actor, f StatisticsFilter, d days, s *Statistics) error {
	s.Applications = []KindFigures{}
	err := f.reach(r.db.Read(ctx).Table("ra_applications"), by, "project_slug", codeRegion).
		Where("created_at >= ? AND created_at < ? AND state <> ?", store.Millis(d.from), store.Millis(d.to.AddDate(0, 0, 1)), AppDraft).
		Select("kind, state, COUNT(*) AS n").Group("kind, state").Order("kind, state").Scan(&s.Applications).Error
	if err != nil {
		return err
	}
	return f.reach(r.db.Read(ctx).Table("ra_applications"), by, "project_slug", codeRegion).Where("state IN ?", waiting).
		Select("COUNT(*) AS waiting, COALESCE(SUM(CASE WHEN due_at > 0 AND due_at < ? THEN 1 ELSE 0 END), 0) AS overdue", store.Millis(r.now())).
		Row().Scan(&s.Waiting, &s.Overdue)
}
