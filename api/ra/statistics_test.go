package ra

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/ca"
)

// history writes down certificates and reviews as they would have come about.
type history struct {
	*office
	n int
}

func (h *history) create(row any) {
	h.t.Helper()
	check(h.t, h.db.Tx(h.ctx, func(tx *store.Tx) error { return tx.DB().Create(row).Error }))
}

// pair is one that an application of a kind made.
func (h *history) pair(at time.Time, project, region, kind string, months int) certificateRow {
	h.t.Helper()
	h.n++
	row := certificateRow{
		ID: fmt.Sprintf("crt_%020d", h.n), OrganisationID: "org_x", ProjectSlug: project, Origin: originSignet, State: certActive, CA: "issuing", SerialHex: fmt.Sprintf("%032X", h.n), SignDER: []byte{}, EncDER: []byte{},
		SignHash: fmt.Sprint(h.n), SignSPKIHash: fmt.Sprint(h.n), NotBeforeAt: store.Millis(at), NotAfterAt: store.Millis(h.clock.Now().AddDate(0, months, 0)), Region: region, CreatedAt: store.Millis(at), ChangedAt: store.Millis(at),
	}
	h.create(&row)
	if kind != "" {
		h.application(at, project, region, kind, AppCompleted, row.ID)
	}
	return row
}

func (h *history) application(at time.Time, project, region, kind string, state ApplicationState, made string) applicationRow {
	h.t.Helper()
	h.n++
	row := applicationRow{
		ID: fmt.Sprintf("app_%020d", h.n), Number: fmt.Sprint("N", h.n), Kind: kind, State: state, ProjectSlug: project, OrganisationCode: "91" + region + "MA2ABCDE0X", NewCertificateID: made,
		Consent: []byte{}, Steps: 2, SubmittedAt: store.Millis(at), CreatedAt: store.Millis(at), ChangedAt: store.Millis(at),
	}
	h.create(&row)
	return row
}

// review is a decision on an application that was submitted before.
func (h *history) review(a applicationRow, submitted, at time.Time, step int, decision, by string) {
	h.t.Helper()
	h.n++
	h.create(&timelineRow{ID: fmt.Sprintf("tml_%020d", h.n), ApplicationID: a.ID, At: store.Millis(submitted), Act: lineSubmitted})
	h.create(&reviewRow{ID: fmt.Sprintf("rev_%020d", h.n), ApplicationID: a.ID, Step: step, Decision: decision, Reasons: "[]", ByAccount: "acc_" + by, ByName: by, Signature: []byte{}, At: store.Millis(at)})
}

func (h *history) revoke(c certificateRow, at time.Time, reason int) {
	h.t.Helper()
	check(h.t, h.db.Tx(h.ctx, func(tx *store.Tx) error {
		return tx.DB().Exec(`INSERT INTO ca_revocations (ca, serial_hex, reason, revoked_at, invalid_at, not_after_at, asked_by, note, shard, revision) VALUES (?, ?, ?, ?, 0, ?, 'x', '', 0, 0)`,
			c.CA, c.SerialHex, reason, store.Millis(at), c.NotAfterAt).Error
	}))
}

func viewer(role account.Role, reaches ...account.Reach) account.Actor {
	return account.Actor{AccountID: "acc_" + string(role), Role: role, Reaches: reaches, State: account.Verified, Login: string(role)}
}

func TestStatistics(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		c.set(start)
		o := officeOn(t, db, c)
		check(t, db.CheckRows(t.Context(), figureRow{}, certificateRow{}))
		h := &history{office: o}
		auditor := viewer(account.RoleAuditor)
		empty, err := o.ra.Statistics(o.ctx, auditor, StatisticsFilter{})
		check(t, err)
		if !empty.CountedAt.IsZero() || len(empty.Series) != 30 || empty.Total.Issued() != 0 || empty.Applications == nil || empty.Projects == nil {
			t.Fatalf("with nothing: %+v", empty)
		}

		at := func(day, clock string) time.Time {
			moment, err := time.ParseInLocation("2006-01-02 15:04", day+" "+clock, china)
			check(t, err)
			return moment.UTC()
		}
		h.pair(at("2026-10-30", "23:59"), "jhggzy", "330702", "", 1) // the days are China's
		h.pair(at("2026-10-31", "00:01"), "jhggzy", "330702", KindRenew, 2)
		h.pair(at("2026-11-18", "10:00"), "jhggzy", "330783", KindChangeName, 11)
		gone := h.pair(at("2026-11-18", "11:00"), "other", "110101", KindReplace, 13)
		held := h.pair(at("2026-11-19", "11:00"), "other", "", "", 2)
		h.revoke(gone, at("2026-11-20", "23:30"), ca.KeyCompromise)
		h.revoke(held, at("2026-11-20", "23:30"), ca.CertificateHold)
		h.revoke(certificateRow{CA: "issuing", SerialHex: "FF"}, at("2026-11-20", "12:00"), ca.KeyCompromise) // nobody's here

		a := h.application(at("2026-11-18", "17:00"), "jhggzy", "330702", KindNew, AppPending, "")
		h.review(a, at("2026-11-18", "17:00"), at("2026-11-18", "17:30"), 1, Return, "wang")      // half an hour
		h.review(a, at("2026-11-19", "17:00"), at("2026-11-20", "10:00"), 1, Approve, "wang")     // the first of two steps
		h.review(a, at("2026-11-19", "17:00"), at("2026-11-20", "10:10"), 2, Approve, "li")       // 1 h + 1 h 10
		b := h.application(at("2026-11-13", "17:00"), "other", "110101", KindNew, AppPending, "") // a Friday
		h.review(b, at("2026-11-13", "17:00"), at("2026-11-16", "09:20"), 1, Reject, "wang")      // 1 h 20
		check(t, db.Tx(o.ctx, func(tx *store.Tx) error {
			return tx.DB().Model(&applicationRow{}).Where("id = ?", b.ID).Update("due_at", store.Millis(start)-1).Error
		}))

		check(t, o.ra.CountFigures(o.ctx))
		all, err := o.ra.Statistics(o.ctx, auditor, StatisticsFilter{})
		check(t, err)
		if all.Total != (IssuedFigures{New: 2, Renewed: 1, Changed: 1, Replaced: 1, Revoked: 1}) || all.Active != 5 || all.Waiting != 2 || all.Overdue != 1 || all.From != "2026-10-23" || all.To != "2026-11-21" {
			t.Errorf("all: %+v", all)
		}
		if all.Review != (ReviewFigures{Approved: 1, Returned: 1, Rejected: 1, Median: 90, P90: 150}) {
			t.Errorf("reviews: %+v", all.Review)
		}
		for date, want := range map[string]IssuedFigures{"2026-10-30": {New: 1}, "2026-10-31": {Renewed: 1}, "2026-11-18": {Changed: 1, Replaced: 1}, "2026-11-20": {Revoked: 1}, "2026-11-21": {}} {
			for _, p := range all.Series {
				if p.Date == date && p.IssuedFigures != want {
					t.Errorf("%s: %+v", date, p)
				}
			}
		}
		if len(all.Ending) != 12 || all.Ending[0].Date != "2026-11-01" || all.Ending[1].New != 1 || all.Ending[2].New != 2 || all.Ending[11].New != 1 {
			t.Errorf("ending: %+v", all.Ending)
		}
		if len(all.Projects) != 2 || all.Projects[0].Key != "jhggzy" || all.Projects[0].Name != demoProject().Name || all.Projects[0].Issued() != 3 || all.Projects[0].Active != 3 {
			t.Errorf("projects: %+v", all.Projects)
		}
		if len(all.Regions) != 3 || all.Regions[0].Key != "33" || all.Regions[1].Key != "" || all.Regions[2].Key != "11" {
			t.Errorf("regions: %+v", all.Regions)
		}
		want := []KindFigures{{KindChangeName, AppCompleted, 1}, {KindNew, AppPending, 2}, {KindRenew, AppCompleted, 1}, {KindReplace, AppCompleted, 1}}
		if !reflect.DeepEqual(all.Applications, want) {
			t.Errorf("applications: %+v", all.Applications)
		}

		months, err := o.ra.Statistics(o.ctx, auditor, StatisticsFilter{By: ByMonth, Region: "33"})
		check(t, err)
		if len(months.Series) != 12 || months.Series[10].IssuedFigures != (IssuedFigures{New: 1, Renewed: 1}) || months.Series[11].IssuedFigures != (IssuedFigures{Changed: 1}) || len(months.Regions) != 1 || months.Regions[0].Key != "3307" {
			t.Errorf("months of a region: %+v", months)
		}
		weeks, err := o.ra.Statistics(o.ctx, auditor, StatisticsFilter{By: ByWeek, From: "2026-11-11", To: "2026-11-21", Project: "other"})
		check(t, err)
		if len(weeks.Series) != 2 || weeks.Series[0].Date != "2026-11-09" || weeks.Series[1].IssuedFigures != (IssuedFigures{New: 1, Replaced: 1, Revoked: 1}) {
			t.Errorf("weeks of a project: %+v", weeks)
		}
		o.bounded()

		// Counting again changes nothing; what comes later is added, what was written late the day before too.
		check(t, o.ra.CountFigures(o.ctx))
		again, err := o.ra.Statistics(o.ctx, auditor, StatisticsFilter{})
		check(t, err)
		if !reflect.DeepEqual(again, all) {
			t.Errorf("again: %+v", again)
		}
		h.pair(at("2026-11-20", "22:00"), "jhggzy", "330702", "", 5)
		c.set(start.AddDate(0, 0, 1))
		h.pair(at("2026-11-22", "08:00"), "jhggzy", "330702", "", 5)
		check(t, o.ra.CountFigures(o.ctx))
		later, err := o.ra.Statistics(o.ctx, auditor, StatisticsFilter{})
		check(t, err)
		if later.Total.New != 4 || later.Active != 7 || !later.CountedAt.After(all.CountedAt) {
			t.Errorf("later: %+v", later)
		}
	})
}

// bounded looks at what roles with bounds see, and who sees nothing.
func (o *office) bounded() {
	o.t.Helper()
	for role, want := range map[account.Role]int{account.RoleManager: 3, account.RoleSupervisor: 1} {
		by := viewer(role, account.Reach{Role: role, Project: "jhggzy"})
		if role == account.RoleSupervisor {
			by = viewer(role, account.Reach{Role: role, Region: "110000"})
		}
		s, err := o.ra.Statistics(o.ctx, by, StatisticsFilter{})
		check(o.t, err)
		if s.Total.Issued() != want || len(s.Projects) != 1 || len(s.Regions) != 1 {
			o.t.Errorf("%s: %+v", role, s)
		}
		s, err = o.ra.Statistics(o.ctx, by, StatisticsFilter{Region: "44"})
		check(o.t, err)
		if s.Total.Issued()+s.Active+s.Waiting+len(s.Applications) != 0 {
			o.t.Errorf("%s elsewhere: %+v", role, s)
		}
	}
	for _, role := range []account.Role{account.RoleReviewer, account.RoleFinance, account.RoleOperator, account.RoleShipper, account.RoleStaff} {
		_, err := o.ra.Statistics(o.ctx, viewer(role), StatisticsFilter{})
		if err == nil {
			o.t.Errorf("%s sees statistics", role)
		}
	}
}

func TestStatisticsAreBounded(t *testing.T) {
	o := newOffice(t)
	for _, f := range []StatisticsFilter{
		{By: "hour"}, {From: "2026-13-01"}, {To: "yesterday"}, {From: "2026-11-02", To: "2026-11-01"}, {From: "2020-01-01", To: "2026-01-01", By: ByMonth}, {From: "2025-01-01", To: "2026-06-01"}, {Region: "3%"}, {Region: "33078301"},
	} {
		_, err := o.ra.Statistics(o.ctx, viewer(account.RoleAuditor), f)
		want(t, err, problem.CodeInvalidField)
	}
	if _, err := o.ra.Statistics(o.ctx, viewer(account.RoleAuditor), StatisticsFilter{From: "2024-01-01", To: "2026-11-01", By: ByMonth}); err != nil {
		t.Error(err)
	}
}

func TestExportStatistics(t *testing.T) {
	o := newOffice(t)
	h := &history{office: o}
	evil := "=HYPERLINK(\"http://x\")"
	check(t, o.db.Tx(o.ctx, func(tx *store.Tx) error {
		return tx.DB().Model(&projectRow{}).Where("slug = ?", "jhggzy").Update("name", evil).Error
	}))
	h.pair(start.Add(-48*time.Hour), "jhggzy", "330702", KindRenew, 3)
	check(t, o.ra.CountFigures(o.ctx))
	_, err := o.ra.ExportStatistics(o.ctx, o.finance(), StatisticsFilter{}, FormatCSV)
	want(t, err, problem.CodeForbidden)
	_, err = o.ra.ExportStatistics(o.ctx, viewer(account.RoleManager), StatisticsFilter{}, "pdf")
	want(t, err, problem.CodeInvalidField)
	text, err := o.ra.ExportStatistics(o.ctx, viewer(account.RoleManager), StatisticsFilter{}, FormatCSV)
	check(t, err)
	reader := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	reader.FieldsPerRecord = -1
	rows, err := reader.ReadAll()
	check(t, err)
	flat := make([]string, len(rows))
	for i, row := range rows {
		flat[i] = strings.Join(row, "|")
	}
	for _, line := range []string{"日期|新发|延期|变更|补办|签发合计|吊销", "2026-11-19|0|1|0|0|1|0", "证书延期|已完成|1", "jhggzy|'" + evil + "|1|0|1|0|0|1|0", "33||1|0|1|0|0|1|0"} {
		if !strings.Contains("\n"+strings.Join(flat, "\n")+"\n", "\n"+line+"\n") {
			t.Errorf("no line %q in\n%s", line, strings.Join(flat, "\n"))
		}
	}
	sheet, err := o.ra.ExportStatistics(o.ctx, viewer(account.RoleManager), StatisticsFilter{}, FormatXLSX)
	check(t, err)
	book, err := excelize.OpenReader(bytes.NewReader(sheet))
	check(t, err)
	defer book.Close()
	name, err := book.GetCellValue("按项目", "B2")
	formula, err2 := book.GetCellFormula("按项目", "B2")
	kind, err3 := book.GetCellType("按项目", "C2")
	if err != nil || err2 != nil || err3 != nil || name != evil || formula != "" || kind == excelize.CellTypeSharedString {
		t.Error(name, formula, kind, err, err2, err3)
	}
	o.audited()
}
