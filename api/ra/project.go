package ra

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"signet/api/problem"
	"signet/api/store"
)

// projectRow is a row of ra_projects.
type projectRow struct {
	Slug       string `gorm:"primaryKey"`
	Name       string
	Product    string
	PriceCents int64
	TermMonths int
	CA         string `gorm:"column:ca"`
	Contact    string // JSON of Contact
	Page       string // JSON of projectPage
	Windows    string // JSON of Windows; empty = the defaults
	Demo       int
	CreatedAt  int64 `gorm:"autoCreateTime:false"`
	ChangedAt  int64
}

// TableName names the table for gorm.
func (projectRow) TableName() string { return "ra_projects" }

// projectPage is what only the project's page shows.
type projectPage struct {
	Process   []string   `json:"process,omitempty"`
	Help      []string   `json:"help,omitempty"`
	Downloads []Download `json:"downloads,omitempty"`
	Notice    string     `json:"notice,omitempty"`
}

var projectSlug = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

// EnsureProject makes a project, or brings an existing one up to date.
//
// Errors: CodeInvalidField.
func (r *RA) EnsureProject(ctx context.Context, p Project) error {
	if err := r.checkProject(p); err != nil {
		return err
	}
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		changed, err := putProject(tx, p)
		if err != nil || !changed {
			return err
		}
		return tx.Audit("operator", "project.set", p.Slug, map[string]any{"name": p.Name, "price": p.PriceCents, "term": p.TermMonths, "ca": p.CA})
	})
	if err != nil {
		return fmt.Errorf("setting project: %w", err)
	}
	return nil
}

// putProject makes a project or changes one; changed is false where it was so already.
func putProject(tx *store.Tx, p Project) (changed bool, err error) {
	row, err := p.row()
	if err != nil {
		return false, err
	}
	row.CreatedAt, row.ChangedAt = store.Millis(tx.Now()), store.Millis(tx.Now())
	old, err := take[projectRow](tx.DB(), "project", "slug = ?", p.Slug)
	if err == nil {
		row.CreatedAt = old.CreatedAt
		if row.Windows == "" {
			row.Windows = old.Windows
		}
		same := *old
		same.ChangedAt = row.ChangedAt
		if same == row {
			return false, nil
		}
	} else if !problem.Has(err, problem.CodeNotFound) {
		return false, err
	}
	update := clause.OnConflict{Columns: []clause.Column{{Name: "slug"}}, DoUpdates: clause.AssignmentColumns(
		[]string{"name", "product", "price_cents", "term_months", "ca", "contact", "page", "windows", "demo", "changed_at"})}
	return true, tx.DB().Clauses(update).Create(&row).Error
}

func (r *RA) checkProject(p Project) error {
	bad := func(field, detail string) error {
		return problem.New(problem.Invalid, problem.CodeInvalidField, detail).WithField(field)
	}
	switch {
	case !projectSlug.MatchString(p.Slug):
		return bad("slug", "A slug has lower-case letters, digits and dashes.")
	case strings.TrimSpace(p.Name) == "" || utf8.RuneCountInString(p.Name) > 200:
		return bad("name", "A project has a name of at most 200 characters.")
	case p.PriceCents < 0:
		return bad("priceCents", "The price is negative.")
	case p.TermMonths < 1 || p.TermMonths > 60:
		return bad("termMonths", "The term is 1 to 60 months.")
	}
	if p.CA == "" {
		return nil
	}
	return r.checkCA(p.CA)
}

func (p Project) row() (projectRow, error) {
	contact, err := json.Marshal(p.Contact)
	if err != nil {
		return projectRow{}, err
	}
	page, err := json.Marshal(projectPage{p.Process, p.Help, p.Downloads, p.Notice})
	if err != nil {
		return projectRow{}, err
	}
	row := projectRow{Slug: p.Slug, Name: p.Name, Product: p.Product, PriceCents: p.PriceCents, TermMonths: p.TermMonths, CA: p.CA, Contact: string(contact), Page: string(page)}
	if p.Demo {
		row.Demo = 1
	}
	if p.Windows.RenewDays > 0 {
		windows, err := json.Marshal(p.Windows)
		if err != nil {
			return projectRow{}, err
		}
		row.Windows = string(windows)
	}
	return row, nil
}

func (row projectRow) project() (Project, error) {
	p := Project{Slug: row.Slug, Name: row.Name, Product: row.Product, PriceCents: row.PriceCents, TermMonths: row.TermMonths, CA: row.CA, Demo: row.Demo != 0}
	var err error
	if p.Windows, err = readWindows(row.Windows); err != nil {
		return p, fmt.Errorf("project %s: %w", row.Slug, err)
	}
	var page projectPage
	if err := json.Unmarshal([]byte(row.Page), &page); err != nil {
		return p, fmt.Errorf("reading project %s: %w", row.Slug, err)
	}
	p.Process, p.Help, p.Downloads, p.Notice = page.Process, page.Help, page.Downloads, page.Notice
	if err := json.Unmarshal([]byte(row.Contact), &p.Contact); err != nil {
		return p, fmt.Errorf("reading project %s: %w", row.Slug, err)
	}
	return p, nil
}

// Project shows one project; anybody may see it.
//
// Errors: CodeNotFound.
func (r *RA) Project(ctx context.Context, slug string) (Project, error) {
	return findProject(r.db.Read(ctx), slug)
}

func findProject(db *gorm.DB, slug string) (Project, error) {
	row, err := take[projectRow](db, "project", "slug = ?", slug)
	if err != nil {
		return Project{}, err
	}
	return row.project()
}

// ListProjects is the directory (S002-22), searched by characters of the name in their order.
func (r *RA) ListProjects(ctx context.Context, search string, p Paging) (List[Project], error) {
	q := query{columns: "*", from: "ra_projects", where: "1 = 1", order: "name, slug"}
	if search = strings.TrimSpace(search); search != "" {
		q.and("(name LIKE ? ESCAPE '!' OR product LIKE ? ESCAPE '!')", spread(search), spread(search))
	}
	return list(r.db.Read(ctx), q, p, projectRow.project)
}

// ContactPhone gives the customer service number of a project; it is made for
// account.Config.ContactPhone.
//
// Nil/zero: "" for an unknown project.
func (r *RA) ContactPhone(slug string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	p, err := r.Project(ctx, slug)
	if err != nil {
		return ""
	}
	return p.Contact.Phone
}

// hours reads 周一至周五 9:00-18:00.
var hours = regexp.MustCompile(`^周([一二三四五六日])至周([一二三四五六日])\s*(\d{1,2}):(\d{2})\s*[-–—至]\s*(\d{1,2}):(\d{2})$`)

// OpenAt reports whether customer service can be reached then.
//
// Nil/zero: known is false when Hours is not of the form 周一至周五 9:00-18:00.
// Source: S002-58.
func (c Contact) OpenAt(t time.Time) (open, known bool) {
	m := hours.FindStringSubmatch(strings.TrimSpace(c.Hours))
	if m == nil {
		return false, false
	}
	const days = "一二三四五六日"
	day := func(s string) int { return strings.Index(days, s)/len("一") + 1 }
	minute := func(h, m string) int {
		a, _ := strconv.Atoi(h) // digits by the pattern
		b, _ := strconv.Atoi(m)
		return a*60 + b
	}
	local := t.In(china)
	today := (int(local.Weekday())+6)%7 + 1
	now := local.Hour()*60 + local.Minute()
	return today >= day(m[1]) && today <= day(m[2]) && now >= minute(m[3], m[4]) && now < minute(m[5], m[6]), true
}
