package ra

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"

	"signet/api/problem"
	"signet/api/store"
)

// HolidayDocument is the table of one year.
//
// Nil/zero: Source "" = the days are from memory, and nobody compared them with an announcement.
type HolidayDocument struct {
	Source string    `json:"source"` // the announcement, such as 国办发明电〔2025〕7号
	Days   []Holiday `json:"days"`
}

// holidayYearRow is a row of ra_holiday_years.
type holidayYearRow struct {
	Year   int `gorm:"primaryKey;autoIncrement:false"`
	Source string
}

// TableName names the table for gorm.
func (holidayYearRow) TableName() string { return "ra_holiday_years" }

// HolidayContent is where the tables of holidays take effect; the key is the year.
type HolidayContent struct{ r *RA }

// HolidayContent gives the source of holidays for package content.
func (r *RA) HolidayContent() HolidayContent { return HolidayContent{r} }

// Titles names the years that have days, and those about to come.
func (h HolidayContent) Titles(db *gorm.DB) (map[string]string, error) {
	var years []string
	if err := db.Model(&holidayRow{}).Distinct().Pluck("substr(date, 1, 4)", &years).Error; err != nil {
		return nil, fmt.Errorf("listing years: %w", err)
	}
	missing, err := missingYears(db, h.r.now())
	if err != nil {
		return nil, err
	}
	for _, year := range missing {
		years = append(years, strconv.Itoa(year))
	}
	titles := map[string]string{}
	for _, year := range years {
		titles[year] = year
	}
	return titles, nil
}

func yearOf(key string) (int, error) {
	year, err := strconv.Atoi(key)
	if err != nil || year < 2020 || year > 2100 || strconv.Itoa(year) != key {
		return 0, problem.New(problem.NotFound, problem.CodeNotFound, "There is no such year.")
	}
	return year, nil
}

// Live is the table of a year.
func (HolidayContent) Live(db *gorm.DB, key string) (HolidayDocument, error) {
	year, err := yearOf(key)
	if err != nil {
		return HolidayDocument{}, err
	}
	var rows []holidayRow
	if err := db.Where("date LIKE ?", daysOf(year)).Order("date").Find(&rows).Error; err != nil {
		return HolidayDocument{}, fmt.Errorf("reading holidays: %w", err)
	}
	var sources []holidayYearRow
	if err := db.Where("year = ?", year).Find(&sources).Error; err != nil {
		return HolidayDocument{}, fmt.Errorf("reading holidays: %w", err)
	}
	if len(rows) == 0 && len(sources) == 0 {
		return HolidayDocument{}, problem.New(problem.NotFound, problem.CodeNotFound, "There are no holidays of that year.")
	}
	d := HolidayDocument{Days: make([]Holiday, len(rows))}
	for i, row := range rows {
		d.Days[i] = Holiday{Date: row.Date, Working: row.Working, Name: row.Name}
	}
	for _, s := range sources {
		d.Source = s.Source
	}
	return d, nil
}

// Check wants a source, and days of the year.
//
// Errors: CodeInvalidField, CodeNotFound for what is no year.
func (HolidayContent) Check(_ *gorm.DB, key string, d *HolidayDocument) error {
	year, err := yearOf(key)
	if err != nil {
		return err
	}
	if d.Source, err = plainText("source", d.Source, 200); err != nil {
		return err
	}
	if len(d.Days) > 100 {
		return badField("days", "A year has at most 100 such days.")
	}
	rows, err := holidayRows(year, d.Days)
	if err != nil {
		return err
	}
	slices.SortFunc(rows, func(a, b holidayRow) int { return strings.Compare(a.Date, b.Date) })
	d.Days = make([]Holiday, len(rows))
	for i, row := range rows {
		d.Days[i] = Holiday{Date: row.Date, Working: row.Working, Name: row.Name}
	}
	return nil
}

// Put makes a document the table of its year. Times promised before stay as they are.
func (HolidayContent) Put(tx *store.Tx, key string, d HolidayDocument) error {
	year, err := yearOf(key)
	if err != nil {
		return err
	}
	rows, err := holidayRows(year, d.Days)
	if err != nil {
		return err
	}
	if err := replace(tx, rows, "date LIKE ?", daysOf(year)); err != nil {
		return err
	}
	return replace(tx, []holidayYearRow{{year, d.Source}}, "year = ?", year)
}
