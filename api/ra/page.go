package ra

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
)

// The bounds of a page; the API checks them too.
const (
	defaultSize = 5 // S002-31
	maxSize     = 100
	maxPage     = 100_000
	countMost   = 10_000 // rows that a list counts and shows: among more, one searches
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

// list reads one page of rows and turns each into an item. It neither counts nor shows more than the first countMost rows.
func list[Row, Item any](db *gorm.DB, q query, p Paging, item func(Row) (Item, error)) (List[Item], error) {
	p = p.normal()
	var total int64
	counted := "SELECT COUNT(*) FROM (SELECT 1 AS one FROM " + q.from + " WHERE " + q.where + " LIMIT ?) counted"
	if err := db.Raw(counted, append(slices.Clone(q.args), countMost+1)...).Scan(&total).Error; err != nil {
		return List[Item]{}, fmt.Errorf("counting: %w", err)
	}
	more := total > countMost
	total = min(total, countMost)
	var rows []Row
	statement := "SELECT " + q.columns + " FROM " + q.from + " WHERE " + q.where + " ORDER BY " + q.order + " LIMIT ? OFFSET ?"
	if skip := (p.Page - 1) * p.Size; int64(skip) < total {
		args := append(slices.Clone(q.args), min(p.Size, int(total)-skip), skip)
		if err := db.Raw(statement, args...).Scan(&rows).Error; err != nil {
			return List[Item]{}, fmt.Errorf("listing: %w", err)
		}
	}
	out := List[Item]{Items: make([]Item, 0, len(rows)), Page: Page{
		Page: p.Page, Size: p.Size, Total: int(total), More: more, Pages: max(1, (int(total)+p.Size-1)/p.Size)}}
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

// sought is what a person looks for among many rows.
type sought struct {
	text          string
	words         []string // as numbers and serials may be written; none = it can be no such thing
	organisations []string // of that name
	many          bool     // more than these
}

// namedMost is how many organisations are looked up one by one; a part of more names is so common that walking finds a page of them soon.
const namedMost = 500

// seek prepares a search.
func seek(db *gorm.DB, text string) (s sought, err error) {
	s.text = strings.TrimSpace(text)
	if strings.Trim(strings.ToUpper(s.text), "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-") == "" {
		s.words = slices.Compact([]string{s.text, strings.ToUpper(s.text)})
	}
	s.organisations, s.many, err = account.Named(db, s.text, namedMost)
	return s, err
}

// applicationNumber stands for the number of the application that a row is about.
const applicationNumber = "application_id"

// begins is the condition that column begins with one of the words, in a form that an index serves. prefix is the table's name and a dot, or "".
func (s sought) begins(prefix, column string) (condition string, args []any) {
	if column == applicationNumber {
		if condition, args = s.begins("", "number"); condition != "" {
			condition = prefix + column + " IN (SELECT id FROM ra_applications WHERE " + condition + ")"
		}
		return condition, args
	}
	column = prefix + column
	for i, word := range s.words {
		if i > 0 {
			condition += " OR "
		}
		condition += column + " >= ? AND " + column + " < ?"
		args = append(args, word, word+"\x7f") // after all that begin so: the words are ASCII
	}
	return condition, args
}

// among keeps a listing of a table to the rows whose columns begin with the words or whose organisation has the name: each is found by an index, and
// only then joined with the rest.
func (s sought) among(q *query, table, alias string, columns ...string) {
	if s.many {
		either, args := alias+".organisation_name LIKE ? ESCAPE '!'", []any{like(s.text)}
		for _, c := range columns {
			if condition, more := s.begins(alias+".", c); condition != "" {
				either, args = either+" OR "+condition, append(args, more...)
			}
		}
		q.and("("+either+")", args...)
		return
	}
	found, args := "SELECT id FROM "+table+" WHERE organisation_id IN ?", []any{s.organisations}
	for _, c := range columns {
		if condition, more := s.begins("", c); condition != "" {
			found, args = found+" UNION SELECT id FROM "+table+" WHERE "+condition, append(args, more...)
		}
	}
	q.from = strings.Replace(q.from, table+" "+alias, "("+found+") found CROSS JOIN "+table+" "+alias+" ON "+alias+".id = found.id", 1)
	q.args = append(args, q.args...)
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
