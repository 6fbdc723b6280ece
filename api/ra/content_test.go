package ra

import (
	"slices"
	"strings"
	"testing"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
)

// TestProjectContent: a document is refused for what the page or the program cannot do, and what is put is what is read.
func TestProjectContent(t *testing.T) {
	o := newOffice(t)
	check(t, o.ra.db.CheckRows(o.ctx, holidayYearRow{}))
	c := o.ra.ProjectContent()
	live := func() ProjectDocument {
		t.Helper()
		d, err := c.Live(o.ra.db.Read(o.ctx), "jhggzy")
		check(t, err)
		return d
	}
	if d := live(); len(d.Policies) != len(defaults) || len(d.Materials) != len(defaultMaterials) || d.Downloads == nil || d.Prices == nil {
		t.Fatalf("not complete: %+v", d)
	}
	for name, spoil := range map[string]func(d *ProjectDocument){
		"name":                 func(d *ProjectDocument) { d.Name = " " },
		"termMonths":           func(d *ProjectDocument) { d.TermMonths = 0 },
		"priceCents":           func(d *ProjectDocument) { d.PriceCents = maxPriceCents + 1 },
		"ca":                   func(d *ProjectDocument) { d.CA = "nowhere" },
		"notice":               func(d *ProjectDocument) { d.Notice = strings.Repeat("长", 501) },
		"contact.phone":        func(d *ProjectDocument) { d.Contact.Phone = "1\t2" },
		"help":                 func(d *ProjectDocument) { d.Help = []string{strings.Repeat("长", 501)} },
		"process":              func(d *ProjectDocument) { d.Process = []string{"a\x00"} },
		"downloads script":     func(d *ProjectDocument) { d.Downloads = []Download{{"x", "javascript:alert(1)"}} },
		"downloads elsewhere":  func(d *ProjectDocument) { d.Downloads = []Download{{"x", "//evil.example"}} },
		"downloads no title":   func(d *ProjectDocument) { d.Downloads = []Download{{"", "/x"}} },
		"prices":               func(d *ProjectDocument) { d.Prices = []PriceRule{{"gift", 0, 1}} },
		"policies unknown":     func(d *ProjectDocument) { d.Policies = []ReviewRule{{Kind: "gift"}} },
		"policies twice":       func(d *ProjectDocument) { d.Policies = append(d.Policies, d.Policies[0]) },
		"policies three steps": func(d *ProjectDocument) { d.Policies[0].Steps = 3 },
		"materials kind":       func(d *ProjectDocument) { d.Materials["gift"] = nil },
		"materials type":       func(d *ProjectDocument) { d.Materials["new"] = []MaterialRule{{Type: "gift"}} },
	} {
		d := live()
		spoil(&d)
		err := c.Check(nil, "jhggzy", &d)
		field, _, _ := strings.Cut(name, " ")
		if p, ok := err.(*problem.Error); !ok || p.Code != problem.CodeInvalidField || p.Field != field {
			t.Errorf("%s: %v", name, err)
		}
	}
	d := live()
	d.Name, d.PriceCents, d.Notice = " 金华 ", 12300, "新公告"
	d.Help, d.Downloads = []string{" 一 ", "", "二"}, []Download{{"助手", "/download"}}
	d.Prices = []PriceRule{{PriceRenewal, 36, 50000}, {"change_legal", 0, 5000}}
	d.Policies[0].Steps, d.Policies = 1, d.Policies[:1]
	d.Materials = map[string][]MaterialRule{"new": {{Type: MaterialLicence, Required: true, Most: 2}}}
	check(t, c.Check(nil, "jhggzy", &d))
	check(t, o.ra.db.Tx(o.ctx, func(tx *store.Tx) error { return c.Put(tx, "jhggzy", d) }))
	got := live()
	if got.Name != "金华" || got.PriceCents != 12300 || len(got.Help) != 2 || got.Prices[0].Kind != "change_legal" || got.Policies[0].Steps != 1 || len(got.Materials["new"]) != 1 || len(got.Materials["renew"]) != 3 {
		t.Errorf("got %+v", got)
	}
	p, err := o.ra.Project(o.ctx, "jhggzy")
	check(t, err)
	if p.Notice != "新公告" || p.Contact.Phone == "" {
		t.Errorf("the page: %+v", p)
	}
	if terms, err := o.ra.Terms(o.ctx, "jhggzy"); err != nil || len(terms) != 2 || terms[1].PriceCents != 50000 {
		t.Errorf("terms: %+v %v", terms, err)
	}
	if all, err := o.ra.Policies(o.ctx, "jhggzy"); err != nil || all[0].Steps != 1 || all[3].PriceCents != 5000 {
		t.Errorf("policies: %+v %v", all, err)
	}
}

// TestHolidayContent: the built-in tables name no source; a published one does, and counts.
func TestHolidayContent(t *testing.T) {
	o := newOffice(t)
	c := o.ra.HolidayContent()
	db := o.ra.db.Read(o.ctx)
	titles, err := c.Titles(db)
	check(t, err)
	if titles["2026"] == "" || titles["2027"] == "" {
		t.Errorf("years: %v", titles)
	}
	d, err := c.Live(db, "2026")
	check(t, err)
	if d.Source != "" || len(d.Days) < 30 {
		t.Errorf("built in: %q, %d days", d.Source, len(d.Days))
	}
	want(t, c.Check(nil, "2026", &d), problem.CodeInvalidField)                                           // no source
	if missing, err := missingYears(db, start); err != nil || !slices.Equal(missing, []int{2026, 2027}) { // it is November 2026, and what is built in is from memory
		t.Errorf("missing: %v %v", missing, err)
	}
	if missing, err := missingYears(db, start.AddDate(0, -1, 0)); err != nil || !slices.Equal(missing, []int{2026}) {
		t.Errorf("missing in October: %v %v", missing, err)
	}
	elsewhere := HolidayDocument{Source: "国办", Days: []Holiday{{"2026-01-01", false, "元旦"}}}
	want(t, c.Check(nil, "2027", &elsewhere), problem.CodeInvalidField) // a day of another year
	_, err = c.Live(db, "2031")
	want(t, err, problem.CodeNotFound)
	for _, key := range []string{"1999", "x", "02026"} {
		_, err := c.Live(db, key)
		want(t, err, problem.CodeNotFound)
	}
	d = HolidayDocument{Source: " 国办发明电〔2026〕1号 ", Days: []Holiday{{"2027-10-01", false, "国庆节"}, {"2027-01-01", false, "元旦"}, {"2027-01-03", true, "元旦调休"}}}
	check(t, c.Check(nil, "2027", &d))
	check(t, o.ra.db.Tx(o.ctx, func(tx *store.Tx) error { return c.Put(tx, "2027", d) }))
	got, err := c.Live(o.ra.db.Read(o.ctx), "2027")
	check(t, err)
	if got.Source != "国办发明电〔2026〕1号" || len(got.Days) != 3 || got.Days[0].Date != "2027-01-01" {
		t.Errorf("got %+v", got)
	}
	if c, err := o.ra.Holidays(o.ctx, staff("admin", account.RoleAdmin)); err != nil || !slices.Equal(c.MissingYears, []int{2026}) {
		t.Errorf("with 2027 published: %v %v", c.MissingYears, err)
	}
	days := readDays(o)
	if !days["2027-01-03"] || days["2027-01-01"] {
		t.Error("the published table does not count")
	}
	_, err = o.ra.Holidays(o.ctx, o.reviewer())
	want(t, err, problem.CodeForbidden)
}
