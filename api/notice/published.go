package notice

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"gorm.io/gorm"

	"signet/api/problem"
	"signet/api/store"
)

// textRow is a row of notice_texts: a text that staff published in place of the built-in one.
type textRow struct {
	Template string   `gorm:"primaryKey"`
	Language Language `gorm:"primaryKey"`
	Text     string
}

// TableName names the table for gorm.
func (textRow) TableName() string { return "notice_texts" }

// published is the text that staff published for a template in a language, "" = none.
func published(db *gorm.DB, template string, language Language) (string, error) {
	var rows []textRow
	if err := db.Where("template = ? AND language = ?", template, language).Find(&rows).Error; err != nil {
		return "", fmt.Errorf("reading the text of %s: %w", template, err)
	}
	if len(rows) == 0 {
		return "", nil
	}
	return rows[0].Text, nil
}

// override fills a published text in place of the built-in one. A published text may leave places out, so only the values it names are given.
//
// Nil/zero: ok is false where the built-in text goes out: nothing is published, or it names a place that the program has no value for any more.
func (t Template) override(text string, params map[string]string) (shown, masked string, ok bool) {
	if text == "" {
		return "", "", false
	}
	named := map[string]string{}
	for _, name := range places(text) {
		value, known := params[name]
		if !known {
			return "", "", false
		}
		named[name] = value
	}
	shown, masked, err := t.render(text, named)
	return shown, masked, err == nil
}

// TextDocument is what a notice says. The key is the template's.
//
// Nil/zero: English "" = the built-in one.
type TextDocument struct {
	Chinese string `json:"zh"`
	English string `json:"en"`
}

// Content is where published texts take effect.
type Content struct{ n *Notices }

// Content gives the source of texts for package content.
func (n *Notices) Content() Content { return Content{n} }

// Titles begins each text.
func (c Content) Titles(*gorm.DB) (map[string]string, error) {
	titles := map[string]string{}
	for id, t := range c.n.templates {
		titles[id] = t.Text
		if runes := []rune(t.Text); len(runes) > 40 {
			titles[id] = string(runes[:39]) + "…"
		}
	}
	return titles, nil
}

// Live is what a notice says now.
func (c Content) Live(db *gorm.DB, id string) (TextDocument, error) {
	t, known := c.n.templates[id]
	if !known {
		return TextDocument{}, errNoTemplate
	}
	d := TextDocument{Chinese: t.Text, English: t.English}
	for language, into := range map[Language]*string{Chinese: &d.Chinese, English: &d.English} {
		text, err := published(db, id, language)
		if err != nil {
			return d, err
		}
		if text != "" {
			*into = text
		}
	}
	return d, nil
}

var errNoTemplate = problem.New(problem.NotFound, problem.CodeNotFound, "There is no such notice.")

// Check holds texts to what can be sent: only the places of the built-in text, all of its secrets, no forged signature, never too long.
//
// Errors: CodeInvalidField, CodeMissingField.
func (c Content) Check(_ *gorm.DB, id string, d *TextDocument) error {
	t, known := c.n.templates[id]
	if !known {
		return errNoTemplate
	}
	d.Chinese, d.English = strings.TrimSpace(d.Chinese), strings.TrimSpace(d.English)
	if d.Chinese == "" {
		return problem.New(problem.Invalid, problem.CodeMissingField, "The text is required.").WithField("zh")
	}
	if d.English == "" {
		d.English = t.English
	}
	if err := t.check("zh", d.Chinese); err != nil {
		return err
	}
	return t.check("en", d.English)
}

func (t Template) check(field, text string) error {
	bad := func(detail string) *problem.Error {
		return problem.New(problem.Invalid, problem.CodeInvalidField, detail).WithField(field)
	}
	if strings.ContainsAny(text, "【】") || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) {
		return bad("A text has no line breaks, no control characters and no brackets of a signature.")
	}
	if strings.Count(text, "{") != len(strings.Split(text, "}"))-1 {
		return bad("A place is a name in braces.")
	}
	given := places(text)
	own := places(t.Text)
	for _, name := range given {
		if !slices.Contains(own, name) {
			return bad("This notice has no such place.").WithParam("place", store.Clip(name, 60))
		}
	}
	for _, secret := range t.Secret {
		if !slices.Contains(given, secret) {
			return bad("The text must have the place of its code or link.").WithParam("place", secret)
		}
	}
	// Sending must not fail later, whatever the values are.
	if utf8.RuneCountInString(text)+strings.Count(text, "{")*maxValue > maxText-50 {
		return bad("The text is too long.")
	}
	values := map[string]string{}
	for _, name := range given {
		values[name] = "x"
	}
	if _, err := fill(text, values); err != nil {
		return bad("A place is a name in braces.")
	}
	return nil
}

// Put publishes texts; one that is the built-in text needs no row.
func (c Content) Put(tx *store.Tx, id string, d TextDocument) error {
	for language, text := range map[Language]string{Chinese: d.Chinese, English: d.English} {
		if err := tx.DB().Where("template = ? AND language = ?", id, language).Delete(&textRow{}).Error; err != nil {
			return err
		}
		if text == c.n.templates[id].in(language) {
			continue
		}
		if err := tx.DB().Create(&textRow{Template: id, Language: language, Text: text}).Error; err != nil {
			return err
		}
	}
	return nil
}

// Place is a place in a text for a value.
type Place struct {
	Name   string
	Secret bool // a code or a link: the text cannot do without it
}

// Places are those that a notice's texts may have.
//
// Nil/zero: empty for an unknown notice.
func (n *Notices) Places(id string) []Place {
	t := n.templates[id]
	list := []Place{}
	for _, name := range places(t.Text) {
		list = append(list, Place{name, slices.Contains(t.Secret, name)})
	}
	return list
}
