package ra

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"signet/api/problem"
	"signet/api/store"
	"signet/ca/pki"
)

func bidFields() []FormField {
	return []FormField{
		{Key: "grade", Zh: "资质等级", En: "Grade", Type: FieldChosen, Required: true, Choices: []FieldChoice{{"一级", "First"}, {"二级", "Second"}}},
		{Key: "capital", Zh: "注册资本（万元）", Type: FieldNumber},
		{Key: "founded", Zh: "成立日期", Type: FieldDate},
		{Key: "remark", Zh: "投标专业", Type: FieldText, Most: 5},
	}
}

// TestFormFields: what a project asks is answered, printed, shown with its differences, and stays with the application as it was asked.
func TestFormFields(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		c.set(start)
		o := officeOn(t, db, c)
		o.noPapers()
		check(t, db.CheckRows(o.ctx, formFieldRow{}, askedRow{}))
		o.publish(func(d *ProjectDocument) { d.Fields[KindChangeLegal] = bidFields() })
		p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
		id := p.certificate().ID

		a := p.draft(KindChangeLegal, id, Form{LegalRep: "李四"})
		if len(a.Asked) != 4 || a.Asked[0].Choices[1].Zh != "二级" {
			t.Fatalf("asked: %+v", a.Asked)
		}
		_, err := o.ra.Submit(o.ctx, p.me, a.ID, Submission{})
		wantField(t, err, problem.CodeMissingField, "extra.grade")
		for _, bad := range []Answer{
			{"grade", "三级"}, {"capital", "1e9"}, {"founded", "2026-02-30"}, {"colour", "红"}, {"remark", "a\tb"},
		} {
			_, err := o.ra.SaveForm(o.ctx, p.me, a.ID, Form{LegalRep: "李四", Extra: []Answer{bad}})
			wantField(t, err, problem.CodeInvalidField, "extra."+bad.Key)
		}
		_, err = o.ra.SaveForm(o.ctx, p.me, a.ID, Form{LegalRep: "李四", Extra: []Answer{{"remark", "六个字太长了"}}})
		wantField(t, err, problem.CodeTooLong, "extra.remark")
		_, err = o.ra.SaveForm(o.ctx, p.me, a.ID, Form{LegalRep: "李四", Extra: []Answer{{"grade", "一级"}, {"grade", "二级"}}})
		wantField(t, err, problem.CodeInvalidField, "extra.grade")
		a, err = o.ra.SaveForm(o.ctx, p.me, a.ID, Form{LegalRep: "李四", Extra: []Answer{{"capital", " 500.5 "}, {"grade", "一级"}, {"founded", ""}}})
		check(t, err)
		if !slices.Equal(a.Form.Extra, []Answer{{"grade", "一级"}, {"capital", "500.5"}}) {
			t.Errorf("kept %+v", a.Form.Extra)
		}
		a, err = o.ra.Submit(o.ctx, p.me, a.ID, Submission{})
		check(t, err)

		o.publish(func(d *ProjectDocument) { // another question in place of two; the submitted one keeps its own
			d.Fields[KindChangeLegal] = []FormField{bidFields()[0], {Key: "region", Zh: "地区", Type: FieldText, Required: true}}
		})
		review, err := o.ra.Review(o.ctx, o.reviewer(), a.ID)
		check(t, err)
		if len(review.Application.Asked) != 4 || answerTo(review.Application.Form.Extra, "capital") != "500.5" {
			t.Errorf("the reviewer sees %+v, %+v", review.Application.Asked, review.Application.Form.Extra)
		}
		if a = p.approve(a.ID); a.State != AppCompleted || len(a.Asked) != 4 {
			t.Fatalf("approved: %s, %d fields", a.State, len(a.Asked))
		}

		b := p.draft(KindChangeLegal, id, Form{LegalRep: "赵六", Extra: []Answer{{"grade", "二级"}, {"region", "金华"}}})
		if len(b.Asked) != 2 {
			t.Errorf("a new draft is asked %+v", b.Asked)
		}
		o.publish(func(d *ProjectDocument) { d.Fields[KindChangeLegal] = bidFields()[:1] }) // a question goes while the draft lies
		b, err = o.ra.Submit(o.ctx, p.me, b.ID, Submission{})
		check(t, err)
		if !slices.Equal(b.Form.Extra, []Answer{{"grade", "二级"}}) {
			t.Errorf("submitted %+v", b.Form.Extra)
		}
		review, err = o.ra.Review(o.ctx, o.reviewer(), b.ID)
		check(t, err)
		if !slices.Contains(review.Differences, Difference{"extra.grade", "一级", "二级"}) {
			t.Errorf("differences: %+v", review.Differences)
		}
		o.audited()
	})
}

func wantField(t *testing.T, err error, code problem.Code, field string) {
	t.Helper()
	if p, ok := errors.AsType[*problem.Error](err); !ok || p.Code != code || p.Field != field {
		t.Errorf("got %v, want %s at %s", err, code, field)
	}
}

// TestFieldsInTheLetter: the registration form has a line for each question, with what was answered.
func TestFieldsInTheLetter(t *testing.T) {
	s := letterSubject{a: &applicationRow{Kind: KindNew}, fields: bidFields(), form: Form{Extra: []Answer{{"grade", "一级"}}}}
	var lines []string
	for _, row := range registrationForm(s).Rows {
		lines = append(lines, row.Label+"="+row.Value)
	}
	if text := strings.Join(lines, " "); !strings.Contains(text, "资质等级=一级") || !strings.Contains(text, "成立日期= ") {
		t.Errorf("rows: %s", text)
	}
}

// TestFieldsRefused: a form that pages and letters have no room for is not published.
func TestFieldsRefused(t *testing.T) {
	o := newOffice(t)
	c := o.ra.ProjectContent()
	for name, spoil := range map[string]func(d *ProjectDocument){
		"kind":           func(d *ProjectDocument) { d.Fields[KindSuspend] = bidFields() },
		"key":            func(d *ProjectDocument) { d.Fields[KindNew][0].Key = "Grade" },
		"twice":          func(d *ProjectDocument) { d.Fields[KindNew][1].Key = "grade" },
		"no label":       func(d *ProjectDocument) { d.Fields[KindNew][0].Zh = " " },
		"long label":     func(d *ProjectDocument) { d.Fields[KindNew][0].Zh = strings.Repeat("长", 41) },
		"long help":      func(d *ProjectDocument) { d.Fields[KindNew][0].HelpZh = strings.Repeat("长", 201) },
		"type":           func(d *ProjectDocument) { d.Fields[KindNew][1].Type = "file" },
		"longest":        func(d *ProjectDocument) { d.Fields[KindNew][3].Most = 501 },
		"longest number": func(d *ProjectDocument) { d.Fields[KindNew][1].Most = 5 },
		"one choice":     func(d *ProjectDocument) { d.Fields[KindNew][0].Choices = d.Fields[KindNew][0].Choices[:1] },
		"same choices":   func(d *ProjectDocument) { d.Fields[KindNew][0].Choices[1].Zh = "一级" },
		"choices":        func(d *ProjectDocument) { d.Fields[KindNew][3].Choices = []FieldChoice{{"一", ""}, {"二", ""}} },
		"many":           func(d *ProjectDocument) { d.Fields[KindNew] = make([]FormField, maxFormFields+1) },
	} {
		d, err := c.Live(o.db.Read(o.ctx), "jhggzy")
		check(t, err)
		d.Fields[KindNew] = bidFields()
		spoil(&d)
		if err := c.Check(nil, "jhggzy", &d); !problem.Has(err, problem.CodeInvalidField) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
