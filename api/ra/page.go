package ra

import (
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"signet/api/problem"
	"signet/api/store"
)

// The bounds of a page; the API checks them too.
const (
	defaultSize = 5 // S002-31
	maxSize     = 100
	maxPage     = 100_000
)

func (p Paging) normal() Paging {
	if p.Page < 1 {
		p.Page = 1
	}
	if p.Size < 1 {
		p.Size = defaultSize
	}
	p.Page, p.Size = min(p.Page, maxPage), min(p.Size, maxSize)
	return p
}

// query is a listing: from and where hold placeholders for args.
type query struct {
	columns, from, where, order string
	args                        []any
}

// and adds a condition.
func (q *query) and(condition string, args ...any) {
	q.where += " AND " + condition
	q.args = append(q.args, args...)
}

// list reads one page of rows and turns each into an item.
func list[Row, Item any](db *gorm.DB, q query, p Paging, item func(Row) (Item, error)) (List[Item], error) {
	p = p.normal()
	var total int64
	if err := db.Raw("SELECT COUNT(*) FROM "+q.from+" WHERE "+q.where, q.args...).Scan(&total).Error; err != nil {
		return List[Item]{}, fmt.Errorf("counting: %w", err)
	}
	var rows []Row
	statement := "SELECT " + q.columns + " FROM " + q.from + " WHERE " + q.where + " ORDER BY " + q.order + " LIMIT ? OFFSET ?"
	args := append(append([]any{}, q.args...), p.Size, (p.Page-1)*p.Size)
	if err := db.Raw(statement, args...).Scan(&rows).Error; err != nil {
		return List[Item]{}, fmt.Errorf("listing: %w", err)
	}
	out := List[Item]{Items: make([]Item, 0, len(rows)), Page: Page{
		Page: p.Page, Size: p.Size, Total: int(total), Pages: max(1, (int(total)+p.Size-1)/p.Size)}}
	for _, row := range rows {
		it, err := item(row)
		if err != nil {
			return List[Item]{}, err
		}
		out.Items = append(out.Items, it)
	}
	return out, nil
}

// one reads a single row of a query.
//
// Errors: CodeNotFound, saying what there is not.
func one[Row any](db *gorm.DB, q query, what string) (Row, error) {
	var row Row
	r := db.Raw("SELECT "+q.columns+" FROM "+q.from+" WHERE "+q.where+" LIMIT 1", q.args...).Scan(&row)
	if r.Error != nil {
		return row, fmt.Errorf("reading %s: %w", what, r.Error)
	}
	if r.RowsAffected == 0 {
		return row, noSuch(what)
	}
	return row, nil
}

func noSuch(what string) error {
	return problem.New(problem.NotFound, problem.CodeNotFound, "There is no such "+what+".")
}

// take reads one row by conditions.
//
// Errors: CodeNotFound.
func take[Row any](db *gorm.DB, what, where string, args ...any) (*Row, error) {
	var row Row
	if err := db.Where(where, args...).Take(&row).Error; err != nil {
		if store.IsNotFound(err) {
			return nil, noSuch(what)
		}
		return nil, fmt.Errorf("reading %s: %w", what, err)
	}
	return &row, nil
}

// like makes the pattern of "contains", for LIKE ? ESCAPE '!'.
func like(text string) string {
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(text) + "%"
}

// spread makes the pattern of "these characters in this order, with others between": the guide that holders have (S002-19)
// looks for 金华市公共资源中心, while the project is called 金华市公共资源交易中心.
func spread(text string) string {
	pattern := "%"
	for _, char := range text {
		pattern += strings.TrimPrefix(like(string(char)), "%")
	}
	return pattern
}

// china is the time zone that dates in letters and imported sheets mean.
var china = time.FixedZone("UTC+8", 8*60*60)

// addMonths counts calendar months in China and stays in the month: one month after
// 31 January is the last of February.
func addMonths(t time.Time, months int) time.Time {
	local := t.In(china)
	first := time.Date(local.Year(), local.Month()+time.Month(months), 1, local.Hour(), local.Minute(), local.Second(), 0, china)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(local.Day(), last)-1).UTC()
}

// counterRow is a row of ra_counters.
type counterRow struct {
	Name  string `gorm:"primaryKey"`
	Value int64
}

// TableName names the table for gorm.
func (counterRow) TableName() string { return "ra_counters" }

// number draws the next number of a kind; the row's lock makes it unique.
func number(tx *store.Tx, kind string) (int64, error) {
	if err := tx.DB().Exec("UPDATE ra_counters SET value = value + 1 WHERE name = ?", kind).Error; err != nil {
		return 0, fmt.Errorf("drawing a number: %w", err)
	}
	var row counterRow
	if err := tx.DB().Where("name = ?", kind).Take(&row).Error; err != nil {
		return 0, fmt.Errorf("drawing a number: %w", err)
	}
	return row.Value, nil
}
