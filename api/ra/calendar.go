package ra

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"signet/api/account"
	"signet/api/problem"
)

// The office hours in which a review's clock runs.
// Source: S002-58.
const (
	opensAt  = 9 * time.Hour
	closesAt = 18 * time.Hour
	workday  = closesAt - opensAt
)

// Holiday is a day that is not what its weekday says.
//
// Shape: Date as 2006-01-02.
type Holiday struct {
	Date    string `json:"date"`
	Working bool   `json:"working"` // a weekend day that is worked (调休)
	Name    string `json:"name"`
}

// Calendar is the table of holidays.
//
// Nil/zero: MissingYears are those about to come whose days nobody has published with their source yet.
type Calendar struct {
	Days         []Holiday
	MissingYears []int
}

// holidayRow is a row of ra_holidays.
type holidayRow struct {
	Date      string `gorm:"primaryKey"`
	Working   bool
	Name      string
	Confirmed bool
}

// TableName names the table for gorm.
func (holidayRow) TableName() string { return "ra_holidays" }

// workdays tells working days from others.
type workdays map[string]bool

func readWorkdays(db *gorm.DB) (workdays, error) {
	var rows []holidayRow
	if err := db.Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading holidays: %w", err)
	}
	w := workdays{}
	for _, row := range rows {
		w[row.Date] = row.Working
	}
	return w, nil
}

func midnight(t time.Time) time.Time {
	local := t.In(china)
	return time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, china)
}

// working reports whether the day of t, in China, is worked.
func (w workdays) working(t time.Time) bool {
	local := t.In(china)
	if known, special := w[local.Format(time.DateOnly)]; special {
		return known
	}
	return local.Weekday() != time.Saturday && local.Weekday() != time.Sunday
}

// maxLook bounds how far ahead a deadline is looked for.
const maxLook = 400

// due is the end of the n-th working day after the day of from.
func (w workdays) due(from time.Time, n int) time.Time {
	day := midnight(from)
	for look := 0; n > 0 && look < maxLook; look++ {
		day = day.AddDate(0, 0, 1)
		if w.working(day) {
			n--
		}
	}
	return day.Add(closesAt).UTC()
}

// left is the working time between two moments.
func (w workdays) left(from, to time.Time) time.Duration {
	var sum time.Duration
	day := midnight(from)
	for look := 0; day.Before(to) && look < maxLook; look++ {
		if w.working(day) {
			begin, end := day.Add(opensAt), day.Add(closesAt)
			if from.After(begin) {
				begin = from
			}
			if to.Before(end) {
				end = to
			}
			sum += max(0, end.Sub(begin))
		}
		day = day.AddDate(0, 0, 1)
	}
	return sum
}

// after is the moment by which so much working time has passed.
func (w workdays) after(from time.Time, span time.Duration) time.Time {
	day := midnight(from)
	for range maxLook {
		begin := day.Add(opensAt)
		if from.After(begin) {
			begin = from
		}
		if w.working(day) {
			today := max(0, day.Add(closesAt).Sub(begin))
			if span <= today {
				return begin.Add(span).UTC()
			}
			span -= today
		}
		day = day.AddDate(0, 0, 1)
	}
	return day.UTC()
}

// missingYears are the years about to come for which nobody published a table that names its source: the State Council announces a year in
// November. Days that came with the program are from memory, so they do not count.
func missingYears(db *gorm.DB, now time.Time) ([]int, error) {
	local := now.In(china)
	years := []int{local.Year()}
	if local.Month() >= time.November {
		years = append(years, local.Year()+1)
	}
	var published []int
	if err := db.Model(&holidayYearRow{}).Where("year IN ?", years).Pluck("year", &published).Error; err != nil {
		return nil, fmt.Errorf("reading holidays: %w", err)
	}
	return slices.DeleteFunc(years, func(year int) bool { return slices.Contains(published, year) }), nil
}

// Holidays shows the calendar.
//
// Errors: those of account.Can.
func (r *RA) Holidays(ctx context.Context, by account.Actor) (Calendar, error) {
	if err := account.Can(by, account.ContentRead); err != nil {
		return Calendar{}, err
	}
	db := r.db.Read(ctx)
	var rows []holidayRow
	if err := db.Order("date").Find(&rows).Error; err != nil {
		return Calendar{}, fmt.Errorf("reading holidays: %w", err)
	}
	missing, err := missingYears(db, r.now())
	if err != nil {
		return Calendar{}, err
	}
	c := Calendar{Days: make([]Holiday, len(rows)), MissingYears: missing}
	for i, row := range rows {
		c.Days[i] = Holiday{Date: row.Date, Working: row.Working, Name: row.Name}
	}
	return c, nil
}

func daysOf(year int) string { return fmt.Sprintf("%04d-%%", year) }

// holidayRows checks the days of a year that staff wrote.
//
// Errors: CodeInvalidField.
func holidayRows(year int, days []Holiday) ([]holidayRow, error) {
	rows := make([]holidayRow, len(days))
	for i, d := range days {
		date, err := time.Parse(time.DateOnly, d.Date)
		name := strings.TrimSpace(d.Name)
		twice := slices.ContainsFunc(days[:i], func(other Holiday) bool { return other.Date == d.Date })
		if err != nil || date.Year() != year || twice || name == "" || utf8.RuneCountInString(name) > 60 {
			return nil, problem.New(problem.Invalid, problem.CodeInvalidField, "Each day is a day of the year, once, with a name.").WithField("days").WithParam("date", clip(d.Date, 20))
		}
		rows[i] = holidayRow{Date: d.Date, Working: d.Working, Name: name, Confirmed: true}
	}
	return rows, nil
}
