package content

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"gorm.io/gorm"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/api/store/storetest"
)

// page is a document of the test's own kind.
type page struct {
	Title string   `json:"title"`
	Lines []string `json:"lines"`
}

// pages keeps documents in a table of another package, so that what is rolled back is seen to be.
type pages struct{}

func (pages) Titles(db *gorm.DB) (map[string]string, error) {
	var keys []string
	err := db.Table("notice_texts").Where("template = ?", "test").Pluck("language", &keys).Error
	titles := map[string]string{}
	for _, key := range keys {
		titles[key] = "title of " + key
	}
	return titles, err
}

func (pages) Live(db *gorm.DB, key string) (page, error) {
	var texts []string
	if err := db.Table("notice_texts").Where("template = ? AND language = ?", "test", key).Pluck("text", &texts).Error; err != nil {
		return page{}, err
	}
	if len(texts) == 0 {
		return page{}, problem.New(problem.NotFound, problem.CodeNotFound, "none")
	}
	title, lines, _ := strings.Cut(texts[0], "|")
	return page{title, strings.Fields(lines)}, nil
}

func (pages) Check(_ *gorm.DB, _ string, d *page) error {
	if d.Title == "" {
		return problem.New(problem.Invalid, problem.CodeMissingField, "none").WithField("title")
	}
	if d.Lines == nil {
		d.Lines = []string{}
	}
	return nil
}

func (pages) Put(tx *store.Tx, key string, d page) error {
	if err := tx.DB().Exec("DELETE FROM notice_texts WHERE template = 'test' AND language = ?", key).Error; err != nil {
		return err
	}
	return tx.DB().Exec("INSERT INTO notice_texts (template, language, text) VALUES ('test', ?, ?)", key, d.Title+"|"+strings.Join(d.Lines, " ")).Error
}

type desk struct {
	*testing.T
	*Contents
	db *store.DB
}

// TestContents runs all of these on one database of each dialect.
func TestContents(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c, err := New(Config{DB: db, Kinds: map[string]Kind{Projects: Of(pages{}), "site": Of(pages{})}})
		if err != nil {
			t.Fatal(err)
		}
		for name, f := range map[string]func(desk){
			"rows": rowsMatchTheSchema, "life": lifeOfADraft, "revisions": noRevisionComesTwice, "outside": changedOutside, "bad": badDocuments,
			"reach": reach, "publishers": twoPublishers,
		} {
			t.Run(name, func(t *testing.T) {
				storetest.Wipe(t, db)
				f(desk{t, c, db})
			})
		}
	})
}

func actor(name string, role account.Role, projects ...string) account.Actor {
	a := account.Actor{AccountID: "acc_" + name, Login: name, Role: role, State: account.Verified}
	for _, p := range projects {
		a.Reaches = append(a.Reaches, account.Reach{Role: role, Project: p})
	}
	return a
}

var (
	anna = actor("anna", account.RoleManager)
	bert = actor("bert", account.RoleManager)
)

func (d desk) draft(by account.Actor, key, document string, revision int) Item {
	d.Helper()
	one, err := d.SaveDraft(d.Context(), by, Projects, key, document, "why", revision)
	d.ok(err)
	return one
}

func (d desk) act(by account.Actor, key, act string, revision int) Item {
	d.Helper()
	one, err := d.Move(d.Context(), by, Projects, key, act, "note", revision)
	d.ok(err)
	return one
}

func (d desk) ok(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

func (d desk) want(err error, code problem.Code) {
	d.Helper()
	if !problem.Has(err, code) {
		d.Fatalf("got %v, want %s", err, code)
	}
}

func (d desk) published(key, document string) {
	d.Helper()
	one := d.draft(anna, key, document, 0)
	one = d.act(anna, key, Submit, one.Draft.Revision)
	d.act(bert, key, Publish, one.Draft.Revision)
}

func rowsMatchTheSchema(d desk) {
	d.ok(d.db.CheckRows(d.Context(), draftRow{}, versionRow{}))
}

// lifeOfADraft: drafted, returned, corrected, published by another; the version stays readable when the next one comes.
func lifeOfADraft(d desk) {
	one := d.draft(anna, "a", `{"title":"一"}`, 0)
	if one.Live != "" || one.Draft == nil || !one.Draft.Mine || one.Draft.Document != `{"title":"一","lines":[]}` || one.Version != 0 {
		d.Fatalf("drafted: %+v", one)
	}
	_, err := d.Move(d.Context(), bert, Projects, "a", Publish, "", one.Draft.Revision)
	d.want(err, problem.CodeConflict) // it was not submitted
	one = d.act(anna, "a", Submit, one.Draft.Revision)
	_, err = d.Move(d.Context(), anna, Projects, "a", Publish, "", one.Draft.Revision)
	d.want(err, problem.CodeSecondPerson)
	_, err = d.Move(d.Context(), anna, Projects, "a", Return, "x", one.Draft.Revision)
	d.want(err, problem.CodeSecondPerson)
	_, err = d.Move(d.Context(), bert, Projects, "a", Return, " ", one.Draft.Revision)
	d.want(err, problem.CodeMissingField)
	one = d.act(bert, "a", Return, one.Draft.Revision)
	if one.Draft.State != Draft || one.Draft.Reason != "note" || one.Draft.Mine {
		d.Fatalf("returned: %+v", one.Draft)
	}
	_, err = d.Move(d.Context(), bert, Projects, "a", Submit, "", one.Draft.Revision)
	d.want(err, problem.CodeContentTaken)
	_, err = d.SaveDraft(d.Context(), bert, Projects, "a", `{"title":"x"}`, "", one.Draft.Revision)
	d.want(err, problem.CodeContentTaken)
	old := one.Draft.Revision
	one = d.draft(anna, "a", `{"title":"二","lines":["x"]}`, old)
	_, err = d.SaveDraft(d.Context(), anna, Projects, "a", `{"title":"三"}`, "", old)
	d.want(err, problem.CodeContentChanged)
	one = d.act(anna, "a", Submit, one.Draft.Revision)
	_, err = d.Move(d.Context(), bert, Projects, "a", Publish, "", old)
	d.want(err, problem.CodeContentChanged)
	one = d.act(bert, "a", Publish, one.Draft.Revision)
	if one.Draft != nil || one.Version != 1 || one.Live != `{"title":"二","lines":["x"]}` || one.PublishedBy != "bert" {
		d.Fatalf("published: %+v", one)
	}
	d.published("a", `{"title":"三","lines":["x"]}`)
	v, err := d.Version(d.Context(), anna, Projects, "a", 1)
	d.ok(err)
	if v.Document != `{"title":"二","lines":["x"]}` || v.Author != "anna" || v.Publisher != "bert" {
		d.Errorf("version 1: %+v", v)
	}
	v, err = d.Version(d.Context(), anna, Projects, "a", 2)
	d.ok(err)
	if len(v.Changes) != 1 || v.Changes[0].Path != "title" || *v.Changes[0].Was != "二" || *v.Changes[0].Became != "三" {
		d.Errorf("changes of version 2: %+v", v.Changes)
	}
	list, err := d.Versions(d.Context(), anna, Projects, "a", 2, 10)
	d.ok(err)
	if len(list) != 1 || list[0].Version != 1 || list[0].Document != "" {
		d.Errorf("versions below 2: %+v", list)
	}
	d.published("a", `{"title":"二","lines":["x"]}`) // back to what it was
	_, err = d.Version(d.Context(), anna, Projects, "a", 4)
	d.want(err, problem.CodeNotFound)
	entries, err := d.db.AuditEntries(d.Context(), store.AuditFilter{Object: "project/a", Limit: 50})
	d.ok(err)
	acts := map[string]int{}
	for _, e := range entries {
		acts[e.Act]++
	}
	if acts["content.draft"] != 4 || acts["content.submit"] != 4 || acts["content.return"] != 1 || acts["content.publish"] != 3 {
		d.Errorf("audit: %v", acts)
	}
}

// noRevisionComesTwice: who saw a draft that was discarded cannot publish the one that came after it.
func noRevisionComesTwice(d desk) {
	first := d.draft(anna, "a", `{"title":"一"}`, 0)
	d.act(bert, "a", Discard, first.Draft.Revision)
	second := d.draft(bert, "a", `{"title":"二"}`, 0)
	if second.Draft.Revision == first.Draft.Revision {
		d.Error("the revision came again")
	}
	_, err := d.Move(d.Context(), anna, Projects, "a", Discard, "", first.Draft.Revision)
	d.want(err, problem.CodeContentChanged)
	_, err = d.SaveDraft(d.Context(), anna, Projects, "b", `{"title":"一"}`, "", 3)
	d.want(err, problem.CodeContentChanged)
	_, err = d.Move(d.Context(), anna, Projects, "b", Discard, "", 1)
	d.want(err, problem.CodeNotFound)
}

// changedOutside: what signetctl changed under a draft is not overwritten unseen, and is a version too.
func changedOutside(d desk) {
	d.published("a", `{"title":"一"}`)
	one := d.draft(anna, "a", `{"title":"二"}`, 0)
	one = d.act(anna, "a", Submit, one.Draft.Revision)
	d.ok(d.db.Tx(d.Context(), func(tx *store.Tx) error { return pages{}.Put(tx, "a", page{Title: "别处"}) }))
	_, err := d.Move(d.Context(), bert, Projects, "a", Publish, "", one.Draft.Revision)
	d.want(err, problem.CodeContentChanged)
	one, err = d.Item(d.Context(), anna, Projects, "a")
	d.ok(err)
	if one.Draft == nil || !one.Draft.Stale || *one.Draft.Changes[0].Was != "别处" {
		d.Fatalf("not told: %+v", one.Draft)
	}
	one = d.draft(anna, "a", `{"title":"二"}`, one.Draft.Revision)
	v, err := d.Version(d.Context(), anna, Projects, "a", 2)
	d.ok(err)
	if v.Author != "" || !strings.Contains(v.Document, "别处") {
		d.Errorf("version from outside: %+v", v)
	}
	one = d.act(anna, "a", Submit, one.Draft.Revision)
	if one = d.act(bert, "a", Publish, one.Draft.Revision); one.Version != 3 {
		d.Errorf("got version %d", one.Version)
	}
	_, err = d.SaveDraft(d.Context(), anna, Projects, "a", `{"title":"二"}`, "", 0)
	d.want(err, problem.CodeConflict) // nothing differs
}

func badDocuments(d desk) {
	for _, bad := range []string{"", "[]", "{}{}", `{"title":"x","more":1}`, `{"title":1}`, `{"title":""}`, `{"title":"` + strings.Repeat("x", maxDocument) + `"}`} {
		_, err := d.SaveDraft(d.Context(), anna, Projects, "a", bad, "", 0)
		if _, told := errors.AsType[*problem.Error](err); !told {
			d.Errorf("%.30s: %v", bad, err)
		}
	}
	_, err := d.SaveDraft(d.Context(), anna, "nothing", "a", `{"title":"x"}`, "", 0)
	d.want(err, problem.CodeNotFound)
	_, err = d.SaveDraft(d.Context(), anna, Projects, "a", `{"title":"x"}`, strings.Repeat("长", 501), 0)
	d.want(err, problem.CodeTooLong)
	if changes, err := d.Check(d.Context(), anna, Projects, "a", `{"title":"x"}`); err != nil || len(changes) != 1 {
		d.Errorf("check: %+v %v", changes, err)
	}
}

// reach: a manager of one project reaches that one; what holds for the whole site takes somebody without bounds; the auditor only reads.
func reach(d desk) {
	d.published("a", `{"title":"一"}`)
	d.published("b", `{"title":"一"}`)
	one := actor("one", account.RoleManager, "a")
	admin, auditor, reviewer := actor("admin", account.RoleAdmin), actor("auditor", account.RoleAuditor), actor("reviewer", account.RoleReviewer)
	for _, c := range []struct {
		name      string
		by        account.Actor
		kind, key string
		read, act bool
	}{
		{"own project", one, Projects, "a", true, true}, {"other project", one, Projects, "b", false, false}, {"the site", one, "site", "a", true, false},
		{"a new project", one, Projects, "c", false, false}, {"admin, a new project", admin, Projects, "c", true, true}, {"admin, the site", admin, "site", "a", true, true},
		{"auditor", auditor, Projects, "a", true, false}, {"auditor, the site", auditor, "site", "a", true, false}, {"reviewer", reviewer, Projects, "a", false, false},
		{"unbounded manager", anna, "site", "a", true, true}, {"nobody", account.Actor{}, "site", "a", false, false},
	} {
		_, err := d.Item(d.Context(), c.by, c.kind, c.key)
		if (err == nil) != c.read {
			d.Errorf("%s reads: %v", c.name, err)
		}
		if _, err = d.Check(d.Context(), c.by, c.kind, c.key, `{"title":"x"}`); (err == nil) != c.act {
			d.Errorf("%s checks: %v", c.name, err)
		}
		saved, err := d.SaveDraft(d.Context(), c.by, c.kind, c.key, `{"title":"x"}`, "", 0)
		if (err == nil) != c.act {
			d.Errorf("%s drafts: %v", c.name, err)
		}
		if err == nil {
			_, err = d.Move(d.Context(), c.by, c.kind, c.key, Discard, "", saved.Draft.Revision)
			d.ok(err)
		}
	}
	list, err := d.Items(d.Context(), one, Projects, "")
	d.ok(err)
	if len(list) != 1 || list[0].Key != "a" {
		d.Errorf("one sees %+v", list)
	}
	if list, err = d.Items(d.Context(), anna, Projects, "of b"); err != nil || len(list) != 1 || list[0].Version != 1 {
		d.Errorf("search: %+v %v", list, err)
	}
}

// twoPublishers: of many who publish at once one does.
func twoPublishers(d desk) {
	one := d.draft(anna, "a", `{"title":"一"}`, 0)
	one = d.act(anna, "a", Submit, one.Draft.Revision)
	const many = 6
	done := make([]error, many)
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() { _, done[i] = d.Move(d.Context(), bert, Projects, "a", Publish, "", one.Draft.Revision) })
	}
	all.Wait()
	won := 0
	for _, err := range done {
		if err == nil {
			won++
		} else if _, told := errors.AsType[*problem.Error](err); !told {
			d.Error(err)
		}
	}
	if now, err := d.Item(d.Context(), anna, Projects, "a"); won != 1 || err != nil || now.Version != 1 {
		d.Errorf("%d won, version %d, %v", won, now.Version, err)
	}
}

func TestChanges(t *testing.T) {
	list, err := changes([]byte(`{"a":"x","n":1,"list":["p","q"],"days":[{"date":"2027-01-01","name":"元旦"}],"gone":true,"same":{"k":[1]}}`),
		[]byte(`{"a":"y","n":1000000,"list":["p","q","r"],"days":[{"date":"2026-12-31","name":"前"},{"date":"2027-01-01","name":"元旦"}],"same":{"k":[1]},"prices":[{"kind":"renewal","termMonths":36,"priceCents":5}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range list {
		text := func(s *string) string {
			if s == nil {
				return "-"
			}
			return *s
		}
		got = append(got, c.Path+":"+text(c.Was)+">"+text(c.Became))
	}
	want := "a:x>y days.2026-12-31.date:->2026-12-31 days.2026-12-31.name:->前 gone:true>- list.3:->r n:1>1000000 " +
		"prices.renewal-36.kind:->renewal prices.renewal-36.priceCents:->5 prices.renewal-36.termMonths:->36"
	if strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
	if natural("help.2", "help.10") >= 0 || natural("help.10", "help.2") <= 0 || natural("a.1", "a.1") != 0 {
		t.Error("numbers are not in order")
	}
}
