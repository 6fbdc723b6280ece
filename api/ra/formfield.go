package ra

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"signet/api/problem"
	"signet/api/store"
)

// FormField is something that a project asks in a form beside what every project asks.
//
// Nil/zero: Most 0 = 200 characters; Choices only where Type is choice; En, HelpZh and HelpEn may be empty.
type FormField struct {
	Key      string        `json:"key"`
	Zh       string        `json:"zh"`
	En       string        `json:"en"`
	Type     string        `json:"type"` // text, number, date or choice
	Required bool          `json:"required"`
	Most     int           `json:"most,omitempty"`
	HelpZh   string        `json:"helpZh"`
	HelpEn   string        `json:"helpEn"`
	Choices  []FieldChoice `json:"choices,omitempty"`
}

// FieldChoice is one of several answers; Zh is what is kept and printed.
type FieldChoice struct {
	Zh string `json:"zh"`
	En string `json:"en"`
}

// Answer is what an applicant fills in for a FormField.
type Answer struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// The types of fields.
const (
	FieldText   = "text"
	FieldNumber = "number"
	FieldDate   = "date"
	FieldChosen = "choice"
)

// fieldKinds are the kinds whose forms may ask more. Who lost a key is asked nothing before it is suspended.
var fieldKinds = []string{KindNew, KindRenew, KindChangeName, KindChangeLegal, KindChangeHandler, KindReplace, KindRevoke}

// The room of a form.
const (
	maxFormFields = 12
	maxAnswer     = 500
	maxChoices    = 20
)

// formFieldRow is a row of ra_form_fields.
type formFieldRow struct {
	ProjectSlug string `gorm:"primaryKey"`
	Kind        string `gorm:"primaryKey"`
	Fields      string // JSON
	ChangedAt   int64
}

// TableName names the table for gorm.
func (formFieldRow) TableName() string { return "ra_form_fields" }

// askedRow is a row of ra_asked_fields: what an application was asked when it was submitted.
type askedRow struct {
	ApplicationID string `gorm:"primaryKey"`
	Fields        string // JSON
}

// TableName names the table for gorm.
func (askedRow) TableName() string { return "ra_asked_fields" }

// formFields are what a project asks for a kind of application now.
func formFields(db *gorm.DB, slug, kind string) ([]FormField, error) {
	row, err := take[formFieldRow](db, "fields of a form", "project_slug = ? AND kind = ?", slug, kind)
	if problem.Has(err, problem.CodeNotFound) {
		return []FormField{}, nil
	}
	if err != nil {
		return nil, err
	}
	return readFields(row.Fields)
}

func readFields(text string) ([]FormField, error) {
	fields := []FormField{}
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		return nil, fmt.Errorf("reading fields of a form: %w", err)
	}
	return fields, nil
}

// asked are the fields of an application's form: what the project asks now, or what it asked when the application was submitted first.
func (a *applicationRow) asked(db *gorm.DB) ([]FormField, error) {
	if !a.reviewed() {
		return []FormField{}, nil
	}
	if a.SubmittedAt == 0 {
		return formFields(db, a.ProjectSlug, a.Kind)
	}
	row, err := take[askedRow](db, "asked fields", "application_id = ?", a.ID)
	if problem.Has(err, problem.CodeNotFound) {
		return []FormField{}, nil
	}
	if err != nil {
		return nil, err
	}
	return readFields(row.Fields)
}

// keepAsked keeps with an application what it was asked.
func keepAsked(tx *store.Tx, id string, fields []FormField) error {
	if len(fields) == 0 {
		return nil
	}
	text, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	return tx.DB().Create(&askedRow{id, string(text)}).Error
}

var fieldKey = regexp.MustCompile(`^[a-z][a-z0-9_]{0,29}$`)

// checkFields holds the fields of one form that staff wrote to what pages and letters have room for.
//
// Errors: CodeInvalidField.
func checkFields(fields []FormField) error {
	bad := func(key, detail string) error {
		return badField("fields", detail).WithParam("key", clip(key, 40))
	}
	if len(fields) > maxFormFields {
		return bad("", "A form has at most 12 fields of its own.")
	}
	for i := range fields {
		f := &fields[i]
		for _, text := range []*string{&f.Zh, &f.En, &f.HelpZh, &f.HelpEn} {
			*text = strings.TrimSpace(*text)
		}
		line := func(text string, most int) bool { return printable(text, most) && !strings.Contains(text, "\n") }
		twice := slices.ContainsFunc(fields[:i], func(other FormField) bool { return other.Key == f.Key })
		switch {
		case !fieldKey.MatchString(f.Key) || twice:
			return bad(f.Key, "A field has a key of its own: lower-case letters, digits, underscores.")
		case f.Zh == "" || !line(f.Zh, 40) || !line(f.En, 80):
			return bad(f.Key, "A field has a label of at most 40 characters in Chinese, and of 80 in English.")
		case !line(f.HelpZh, 200) || !line(f.HelpEn, 200):
			return bad(f.Key, "The help of a field has at most 200 characters.")
		case !slices.Contains([]string{FieldText, FieldNumber, FieldDate, FieldChosen}, f.Type):
			return bad(f.Key, "A field asks for a text, a number, a date or a choice.")
		case f.Most < 0 || f.Most > maxAnswer || f.Most > 0 && f.Type != FieldText:
			return bad(f.Key, "A text has at most 1 to 500 characters.")
		case (f.Type == FieldChosen) != (len(f.Choices) > 1) || len(f.Choices) > maxChoices:
			return bad(f.Key, "A choice, and nothing else, has 2 to 20 choices.")
		}
		for j := range f.Choices {
			c := &f.Choices[j]
			c.Zh, c.En = strings.TrimSpace(c.Zh), strings.TrimSpace(c.En)
			if c.Zh == "" || !line(c.Zh, 40) || !line(c.En, 80) || slices.ContainsFunc(f.Choices[:j], func(other FieldChoice) bool { return other.Zh == c.Zh }) {
				return bad(f.Key, "Each choice is another text of at most 40 characters.")
			}
		}
	}
	return nil
}

var plainNumber = regexp.MustCompile(`^-?\d{1,15}(\.\d{1,6})?$`)

// check refuses an answer that is not of the field's type; an empty one is none.
//
// Errors: CodeInvalidField, CodeTooLong, naming the field.
func (f FormField) check(value string) error {
	name := "extra." + f.Key
	most := f.Most
	if most == 0 {
		most = 200
	}
	switch f.Type {
	case FieldText:
		if utf8.RuneCountInString(value) > most {
			return problem.New(problem.Invalid, problem.CodeTooLong, "The text is too long.").WithField(name).WithParam("max", most)
		}
		if !printable(value, most) || strings.Contains(value, "\n") {
			return badField(name, "The text holds control characters.")
		}
	case FieldNumber:
		if !plainNumber.MatchString(value) {
			return badField(name, "This is a number, with a point before decimals.")
		}
	case FieldDate:
		if _, err := time.Parse(time.DateOnly, value); err != nil {
			return badField(name, "This is a day as YYYY-MM-DD.")
		}
	default:
		if !slices.ContainsFunc(f.Choices, func(c FieldChoice) bool { return c.Zh == value }) {
			return badField(name, "This is one of the choices.")
		}
	}
	return nil
}

// tidyAnswers brings answers into the order of the fields and refuses those that are wrong, asked twice or not asked at all.
//
// Errors: those of FormField.check; CodeInvalidField.
func tidyAnswers(fields []FormField, given []Answer) ([]Answer, error) {
	var kept []Answer
	for i, a := range given {
		known := slices.ContainsFunc(fields, func(f FormField) bool { return f.Key == a.Key })
		if !known || slices.ContainsFunc(given[:i], func(other Answer) bool { return other.Key == a.Key }) {
			return nil, badField("extra."+clip(a.Key, 40), "The form has no such field, or has it answered once already.")
		}
	}
	for _, f := range fields {
		value := strings.TrimSpace(answerTo(given, f.Key))
		if value == "" {
			continue
		}
		if err := f.check(value); err != nil {
			return nil, err
		}
		kept = append(kept, Answer{f.Key, value})
	}
	return kept, nil
}

// completeAnswers asks for what an application cannot do without.
//
// Errors: CodeMissingField, naming the field.
func completeAnswers(fields []FormField, given []Answer) error {
	for _, f := range fields {
		if f.Required && answerTo(given, f.Key) == "" {
			return problem.New(problem.Invalid, problem.CodeMissingField, "The field is required.").WithField("extra." + f.Key)
		}
	}
	return nil
}

// stillAsked leaves out answers to what is not asked any more.
func stillAsked(fields []FormField, given []Answer) []Answer {
	return slices.DeleteFunc(slices.Clone(given), func(a Answer) bool {
		return !slices.ContainsFunc(fields, func(f FormField) bool { return f.Key == a.Key })
	})
}

// submitAnswers holds the answers of an application that is handed in to what it is asked, and keeps with it what that was.
//
// Errors: those of tidyAnswers and completeAnswers.
func submitAnswers(tx *store.Tx, a *applicationRow, f Form) error {
	fields, err := a.asked(tx.DB())
	if err != nil {
		return err
	}
	given := len(f.Extra)
	if f.Extra, err = tidyAnswers(fields, stillAsked(fields, f.Extra)); err != nil {
		return err
	}
	if err := completeAnswers(fields, f.Extra); err != nil {
		return err
	}
	if len(f.Extra) != given { // a field went while the draft lay
		text, err := json.Marshal(f)
		if err != nil {
			return err
		}
		a.FormJSON = string(text)
		if err := tx.DB().Model(&applicationRow{}).Where("id = ?", a.ID).Update("form", a.FormJSON).Error; err != nil {
			return err
		}
	}
	if a.SubmittedAt > 0 {
		return nil
	}
	return keepAsked(tx, a.ID, fields)
}

func answerTo(given []Answer, key string) string {
	if i := slices.IndexFunc(given, func(a Answer) bool { return a.Key == key }); i >= 0 {
		return given[i].Value
	}
	return ""
}

// answerDifferences lists what was answered otherwise in the organisation's last application of the kind in the project; without one,
// nothing differs.
func answerDifferences(db *gorm.DB, a *applicationRow, f Form) ([]Difference, error) {
	var before applicationRow
	found := db.Where("organisation_id = ? AND project_slug = ? AND kind = ? AND state = ? AND submitted_at > 0 AND submitted_at <= ? AND id <> ?",
		a.OrganisationID, a.ProjectSlug, a.Kind, AppCompleted, a.SubmittedAt, a.ID).Order("submitted_at DESC, id DESC").Limit(1).Find(&before)
	if found.Error != nil || found.RowsAffected == 0 {
		return nil, found.Error
	}
	was, err := before.form()
	if err != nil {
		return nil, err
	}
	var list []Difference
	for _, one := range f.Extra {
		if old := answerTo(was.Extra, one.Key); old != one.Value {
			list = append(list, Difference{"extra." + one.Key, old, one.Value})
		}
	}
	return list, nil
}
