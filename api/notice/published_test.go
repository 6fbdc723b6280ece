package notice

import (
	"strings"
	"testing"
	"time"

	"signet/api/problem"
	"signet/api/store"
	"signet/api/store/storetest"
)

// TestPublishedTexts: a published text goes out in place of the built-in one, with its secrets masked; one that cannot be filled any more does not.
func TestPublishedTexts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		n, err := New(Config{DB: db})
		if err != nil {
			t.Fatal(err)
		}
		ok := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		ok(db.CheckRows(t.Context(), textRow{}))
		c := n.Content()
		put := func(id string, d TextDocument) {
			t.Helper()
			ok(c.Check(nil, id, &d))
			ok(db.Tx(t.Context(), func(tx *store.Tx) error { return c.Put(tx, id, d) }))
		}
		said := func(params map[string]string) (text, masked string) {
			t.Helper()
			to := "13800001111"
			ok(db.Tx(t.Context(), func(tx *store.Tx) error {
				return n.Send(tx, Message{To: to, Template: SMSCode, Params: params, SecretUntil: tx.Now().Add(time.Minute)})
			}))
			var row messageRow
			ok(db.Read(t.Context()).Where("recipient = ?", to).Order("id DESC").Limit(1).Find(&row).Error)
			return row.Text, row.MaskedText
		}
		params := map[string]string{"code": "123456", "minutes": "10", "action": "补{code}录【假】"}
		if text, _ := said(params); !strings.HasPrefix(text, "【印信】验证码 123456,10分钟内有效") {
			t.Errorf("built in: %s", text)
		}
		put(SMSCode, TextDocument{Chinese: " {action}用的验证码是 {code}。 ", English: "Your code is {code}."})
		if text, masked := said(params); text != "【印信】补{code}录假用的验证码是 123456。" || masked != "【印信】补{code}录假用的验证码是 ******。" {
			t.Errorf("published: %s / %s", text, masked)
		}
		if d, err := c.Live(db.Read(t.Context()), SMSCode); err != nil || d.English != "Your code is {code}." {
			t.Errorf("live: %+v %v", d, err)
		}
		ok(db.Tx(t.Context(), func(tx *store.Tx) error { // an upgrade took the place away
			return tx.DB().Exec("UPDATE notice_texts SET text = ? WHERE language = ?", "{code} {former}", Chinese).Error
		}))
		if text, _ := said(params); !strings.Contains(text, "10分钟内有效") {
			t.Errorf("a text that cannot be filled: %s", text)
		}
		put(SMSCode, TextDocument{Chinese: n.templates[SMSCode].Text})
		var rows int64
		ok(db.Read(t.Context()).Model(&textRow{}).Count(&rows).Error)
		if rows != 0 {
			t.Errorf("the built-in text needs no row: %d", rows)
		}
	})
}

func TestTextsAreHeldToWhatCanBeSent(t *testing.T) {
	n, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	c := n.Content()
	for name, text := range map[string]string{
		"unknown place": "{code} {name}", "no secret": "验证码", "signature": "【假】{code}", "open brace": "{code} {", "closed brace": "{code} }", "nested": "{{code}}",
		"line break": "{code}\n回复 T 退订", "hidden": "{code}\u202e", "long": "{code}" + strings.Repeat("长", 900), "many": strings.Repeat("{code}", 11), "empty name": "{code}{}",
	} {
		for field, d := range map[string]TextDocument{"zh": {Chinese: text}, "en": {Chinese: "{code}", English: text}} {
			err := c.Check(nil, SMSCode, &d)
			if p, ok := err.(*problem.Error); !ok || p.Code != problem.CodeInvalidField || p.Field != field {
				t.Errorf("%s, %s: %v", name, field, err)
			}
		}
	}
	if err := c.Check(nil, SMSCode, &TextDocument{}); !problem.Has(err, problem.CodeMissingField) {
		t.Error(err)
	}
	if err := c.Check(nil, "nothing", &TextDocument{Chinese: "x"}); !problem.Has(err, problem.CodeNotFound) {
		t.Error(err)
	}
	for id, built := range n.templates { // what comes with the program passes its own rules
		if err := c.Check(nil, id, &TextDocument{Chinese: built.Text, English: built.English}); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
}
