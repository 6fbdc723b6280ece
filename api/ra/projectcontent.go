package ra

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"gorm.io/gorm"

	"signet/api/problem"
	"signet/api/store"
)

// ProjectDocument is all of a project that staff write.
//
// Shape: Policies and Materials are complete: one for each kind of application, in the order of the defaults. The key is the slug.
type ProjectDocument struct {
	Name       string                    `json:"name"`
	Product    string                    `json:"product"`
	TermMonths int                       `json:"termMonths"`
	PriceCents int64                     `json:"priceCents"`
	CA         string                    `json:"ca,omitempty"`
	Notice     string                    `json:"notice"`
	Contact    Contact                   `json:"contact"`
	Process    []string                  `json:"process"`
	Help       []string                  `json:"help"`
	Downloads  []Download                `json:"downloads"`
	Prices     []PriceRule               `json:"prices"`
	Policies   []ReviewRule              `json:"policies"`
	Materials  map[string][]MaterialRule `json:"materials"`
	Windows    Windows                   `json:"windows"`
	Fields     map[string][]FormField    `json:"fields"`
}

// PriceRule is a Price as it is written in a document.
type PriceRule struct {
	Kind       string `json:"kind"`
	TermMonths int    `json:"termMonths"`
	PriceCents int64  `json:"priceCents"`
}

// ReviewRule is a Policy without its price.
type ReviewRule struct {
	Kind        string `json:"kind"`
	Steps       int    `json:"steps"`
	WorkingDays int    `json:"workingDays"`
	PayFirst    bool   `json:"payFirst"`
}

func (r ReviewRule) policy() Policy {
	return Policy{Kind: r.Kind, Steps: r.Steps, WorkingDays: r.WorkingDays, PayFirst: r.PayFirst}
}

// ProjectContent is where documents of projects take effect.
type ProjectContent struct{ r *RA }

// ProjectContent gives the source of projects for package content.
func (r *RA) ProjectContent() ProjectContent { return ProjectContent{r} }

// Titles names all projects.
func (ProjectContent) Titles(db *gorm.DB) (map[string]string, error) {
	var rows []projectRow
	if err := db.Select("slug, name").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("listing projects: %w", err)
	}
	titles := map[string]string{}
	for _, row := range rows {
		titles[row.Slug] = row.Name
	}
	return titles, nil
}

// Live is the project as it is.
func (ProjectContent) Live(db *gorm.DB, slug string) (ProjectDocument, error) {
	p, err := findProject(db, slug)
	if err != nil {
		return ProjectDocument{}, err
	}
	d := ProjectDocument{
		Name: p.Name, Product: p.Product, TermMonths: p.TermMonths, PriceCents: p.PriceCents, CA: p.CA, Notice: p.Notice, Contact: p.Contact,
		Process: p.Process, Help: p.Help, Downloads: p.Downloads, Materials: map[string][]MaterialRule{}, Windows: p.Windows, Fields: map[string][]FormField{},
	}
	prices, err := pricesOf(db, slug)
	if err != nil {
		return d, err
	}
	for _, one := range prices {
		d.Prices = append(d.Prices, PriceRule(one))
	}
	all, err := policies(db, slug)
	if err != nil {
		return d, err
	}
	for _, one := range all {
		d.Policies = append(d.Policies, ReviewRule{one.Kind, one.Steps, one.WorkingDays, one.PayFirst})
	}
	for kind := range defaultMaterials {
		if d.Materials[kind], err = materialRules(db, slug, kind); err != nil {
			return d, err
		}
	}
	for _, kind := range fieldKinds {
		if d.Fields[kind], err = formFields(db, slug, kind); err != nil {
			return d, err
		}
	}
	d.complete()
	return d, nil
}

// complete gives the document its one spelling: nothing is null, every kind is there, prices are in order.
func (d *ProjectDocument) complete() {
	for _, list := range []*[]string{&d.Process, &d.Help} {
		if *list == nil {
			*list = []string{}
		}
	}
	if d.Downloads == nil {
		d.Downloads = []Download{}
	}
	if d.Prices == nil {
		d.Prices = []PriceRule{}
	}
	slices.SortFunc(d.Prices, func(a, b PriceRule) int {
		if a.Kind != b.Kind {
			return strings.Compare(a.Kind, b.Kind)
		}
		return a.TermMonths - b.TermMonths
	})
	rules := make([]ReviewRule, len(defaults))
	for i, p := range defaults {
		rules[i] = ReviewRule{p.Kind, p.Steps, p.WorkingDays, p.PayFirst}
		if at := slices.IndexFunc(d.Policies, func(r ReviewRule) bool { return r.Kind == p.Kind }); at >= 0 {
			rules[i] = d.Policies[at]
		}
	}
	d.Policies = rules
	if d.Fields == nil {
		d.Fields = map[string][]FormField{}
	}
	for _, kind := range fieldKinds {
		if d.Fields[kind] == nil {
			d.Fields[kind] = []FormField{}
		}
	}
	if d.Materials == nil {
		d.Materials = map[string][]MaterialRule{}
	}
	for kind, list := range defaultMaterials {
		if _, there := d.Materials[kind]; !there {
			d.Materials[kind] = list
		}
		if d.Materials[kind] == nil {
			d.Materials[kind] = []MaterialRule{}
		}
	}
}

// Check holds a document to the rules of signetctl project set, and to what the project's page has room for.
//
// Errors: CodeInvalidField, CodeMissingField.
func (c ProjectContent) Check(_ *gorm.DB, slug string, d *ProjectDocument) error {
	d.tidy()
	if d.Windows.unset() {
		d.Windows = defaultWindows()
	}
	p := d.project(slug)
	if p.CA != "" && c.r.checkCA(p.CA) != nil {
		return badField("ca", "There is no CA of that name that signs with SM2.")
	}
	if err := c.r.checkProject(p); err != nil {
		return err
	}
	if d.PriceCents > maxPriceCents {
		return badField("priceCents", "A price is 0 to 1,000,000 yuan.")
	}
	if err := d.checkPage(); err != nil {
		return err
	}
	if _, err := checkPrices(slug, d.prices()); err != nil {
		return err
	}
	if err := d.Windows.check(); err != nil {
		return err
	}
	for i, rule := range d.Policies {
		known := slices.ContainsFunc(defaults, func(p Policy) bool { return p.Kind == rule.Kind })
		twice := slices.ContainsFunc(d.Policies[:i], func(other ReviewRule) bool { return other.Kind == rule.Kind })
		if !known || twice || rule.policy().check() != nil {
			return badField("policies", "Each kind has one rule: at most two steps within 1 to 20 working days; suspending and resuming have no second step.").WithParam("kind", clip(rule.Kind, 40))
		}
	}
	for kind, rules := range d.Materials {
		if _, known := defaultMaterials[kind]; !known || checkRules(rules) != nil {
			return badField("materials", "A rule names each known type once, with at most 10 files.").WithParam("kind", clip(kind, 40))
		}
	}
	for kind, fields := range d.Fields {
		if !slices.Contains(fieldKinds, kind) {
			return badField("fields", "There is no such kind of application, or its form asks nothing more.").WithParam("kind", clip(kind, 40))
		}
		if err := checkFields(fields); err != nil {
			return err
		}
	}
	d.complete()
	return nil
}

func (d *ProjectDocument) prices() []Price {
	list := make([]Price, len(d.Prices))
	for i, one := range d.Prices {
		list[i] = Price(one)
	}
	return list
}

func badField(field, detail string) *problem.Error {
	return problem.New(problem.Invalid, problem.CodeInvalidField, detail).WithField(field)
}

// tidy trims texts and drops empty lines.
func (d *ProjectDocument) tidy() {
	for _, text := range []*string{&d.Name, &d.Product, &d.Notice, &d.CA, &d.Contact.Phone, &d.Contact.Site, &d.Contact.Hours, &d.Contact.Emergency} {
		*text = strings.TrimSpace(*text)
	}
	for _, list := range []*[]string{&d.Process, &d.Help} {
		var kept []string
		for _, line := range *list {
			if line = strings.TrimSpace(line); line != "" {
				kept = append(kept, line)
			}
		}
		*list = kept
	}
	for i := range d.Downloads {
		d.Downloads[i].Title, d.Downloads[i].URL = strings.TrimSpace(d.Downloads[i].Title), strings.TrimSpace(d.Downloads[i].URL)
	}
}

// The room on a project's page; the API's answers have the same bounds.
const (
	maxLine  = 500
	maxLines = 30
)

// checkPage holds what the page shows to its room. Addresses lead to this site or over HTTP, never to a script.
func (d *ProjectDocument) checkPage() error {
	if len(d.Process) > maxLines || len(d.Help) > maxLines || len(d.Downloads) > maxLines {
		return badField("help", "A list has at most 30 entries.")
	}
	for field, text := range map[string]struct {
		text string
		most int
	}{
		"product": {d.Product, 200}, "notice": {d.Notice, maxLine}, "contact.phone": {d.Contact.Phone, 40}, "contact.site": {d.Contact.Site, 200},
		"contact.hours": {d.Contact.Hours, 100}, "contact.emergency": {d.Contact.Emergency, 40},
	} {
		if !printable(text.text, text.most) {
			return badField(field, fmt.Sprintf("This is at most %d plain characters.", text.most))
		}
	}
	for field, list := range map[string][]string{"process": d.Process, "help": d.Help} {
		if slices.ContainsFunc(list, func(line string) bool { return !printable(line, maxLine) }) {
			return badField(field, "An entry is at most 500 plain characters.")
		}
	}
	for _, one := range d.Downloads {
		here := strings.HasPrefix(one.URL, "/") && !strings.HasPrefix(one.URL, "//")
		away := strings.HasPrefix(one.URL, "https://") || strings.HasPrefix(one.URL, "http://")
		if one.Title == "" || !printable(one.Title, 200) || !printable(one.URL, maxLine) || !here && !away {
			return badField("downloads", "A download has a title and an address that begins with https://, http:// or /.")
		}
	}
	return nil
}

func printable(text string, most int) bool {
	return utf8.RuneCountInString(text) <= most && !strings.ContainsFunc(text, func(c rune) bool { return unicode.IsControl(c) && c != '\n' })
}

func (d *ProjectDocument) project(slug string) Project {
	return Project{
		Slug: slug, Name: d.Name, Product: d.Product, PriceCents: d.PriceCents, TermMonths: d.TermMonths, CA: d.CA, Contact: d.Contact,
		Process: d.Process, Help: d.Help, Downloads: d.Downloads, Notice: d.Notice, Windows: d.Windows,
	}
}

// Put makes a document the project. Orders and applications under way keep what they were made with, but open applications go by new rules of materials.
func (ProjectContent) Put(tx *store.Tx, slug string, d ProjectDocument) error {
	p := d.project(slug)
	old, err := findProject(tx.DB(), slug)
	if err != nil && !problem.Has(err, problem.CodeNotFound) {
		return err
	}
	p.Demo = old.Demo
	if _, err := putProject(tx, p); err != nil {
		return err
	}
	prices, err := checkPrices(slug, d.prices())
	if err != nil {
		return err
	}
	if err := replace(tx, prices, "project_slug = ?", slug); err != nil {
		return err
	}
	rules := make([]policyRow, len(d.Policies))
	for i, rule := range d.Policies {
		rules[i] = rule.policy().row(tx, slug)
	}
	if err := replace(tx, rules, "project_slug = ?", slug); err != nil {
		return err
	}
	var forms []formFieldRow
	for kind, fields := range d.Fields {
		if len(fields) == 0 {
			continue
		}
		text, err := json.Marshal(fields)
		if err != nil {
			return err
		}
		forms = append(forms, formFieldRow{ProjectSlug: slug, Kind: kind, Fields: string(text), ChangedAt: store.Millis(tx.Now())})
	}
	if err := replace(tx, forms, "project_slug = ?", slug); err != nil {
		return err
	}
	var materials []materialRuleRow
	for kind, list := range d.Materials {
		text, err := json.Marshal(list)
		if err != nil {
			return err
		}
		materials = append(materials, materialRuleRow{ProjectSlug: slug, Kind: kind, Rules: string(text), ChangedAt: store.Millis(tx.Now())})
	}
	return replace(tx, materials, "project_slug = ?", slug)
}

// replace puts rows in place of those that condition finds.
func replace[Row any](tx *store.Tx, rows []Row, condition string, args ...any) error {
	if err := tx.DB().Where(condition, args...).Delete(new(Row)).Error; err != nil || len(rows) == 0 {
		return err
	}
	return tx.DB().Create(&rows).Error
}
