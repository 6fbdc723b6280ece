package notice

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/api/problem"
	"signet/api/store"
	"signet/api/store/storetest"
)

const phone = "13858011084"

// movable is a clock that tests move.
type movable struct {
	mu  sync.Mutex
	now time.Time
}

func (m *movable) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

func (m *movable) add(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
}

func each(t *testing.T, f func(t *testing.T, db *store.DB, n *Notices, m *movable)) {
	t.Helper()
	m := &movable{}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		n, err := New(Config{DB: db, Signature: "e签宝"})
		if err != nil {
			t.Fatal(err)
		}
		f(t, db, n, m)
	}, func(c *store.Config) {
		m.now = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
		c.Now = m.Now
	})
}

func codeMessage(db *store.DB) Message {
	return Message{To: phone, Template: SMSCode, Purpose: "supplement", SecretUntil: db.Now().Add(10 * time.Minute),
		Params: map[string]string{"code": "852552", "minutes": "10", "action": "补录并重置登录信息"}}
}

func send(t *testing.T, db *store.DB, n *Notices, m Message) error {
	t.Helper()
	return db.Tx(t.Context(), func(tx *store.Tx) error { return n.Send(tx, m) })
}

func list(t *testing.T, n *Notices, to string) []Sent {
	t.Helper()
	sent, err := n.List(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	return sent
}

func TestRowsMatchTheSchema(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, _ *Notices, _ *movable) {
		if err := db.CheckRows(t.Context(), messageRow{}, numberRow{}, choiceRow{}, languageRow{}); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAMessageLivesAndDiesWithItsTransaction(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, n *Notices, m *movable) {
		stop := errors.New("stop")
		err := db.Tx(t.Context(), func(tx *store.Tx) error {
			if err := n.Send(tx, codeMessage(db)); err != nil {
				return err
			}
			return stop
		})
		if !errors.Is(err, stop) || len(list(t, n, "")) != 0 {
			t.Fatalf("%v, %d messages", err, len(list(t, n, "")))
		}
		if err := send(t, db, n, codeMessage(db)); err != nil {
			t.Fatal(err)
		}
		m.add(time.Second)
		other := codeMessage(db)
		other.To = "+86 139-0000-1111"
		if err := send(t, db, n, other); err != nil {
			t.Fatal(err)
		}
		all := list(t, n, "")
		if len(all) != 2 || all[0].To != "13900001111" || all[1].To != phone {
			t.Fatalf("%+v", all)
		}
		got := list(t, n, "138 5801 1084")
		want := "【e签宝】验证码 852552,10分钟内有效。您正在补录并重置登录信息,请勿将验证码告知他人;如非本人操作,请忽略本短信。"
		if len(got) != 1 || got[0].Text != want || got[0].Signature != "e签宝" || !got[0].Simulated || !n.Simulated() || got[0].At != m.Now().Add(-time.Second) {
			t.Fatalf("%+v", got)
		}
		if len(list(t, n, "nonsense")) != 0 {
			t.Fatal("messages to nobody")
		}
	})
}

func TestCodesAreGone15MinutesAfterTheyExpired(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, n *Notices, m *movable) {
		if err := send(t, db, n, codeMessage(db)); err != nil {
			t.Fatal(err)
		}
		plain := Message{To: phone, Template: PhoneRebound, Params: map[string]string{"organisation": "甲公司", "phone": "138****1084", "contact": "4000878198"}}
		if err := send(t, db, n, plain); err != nil {
			t.Fatal(err)
		}
		stored := func() (text string) {
			var rows []messageRow
			if err := db.Read(t.Context()).Find(&rows).Error; err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				text += r.Text + r.MaskedText + "\n"
			}
			return text
		}
		shown := func() (text string) {
			for _, s := range list(t, n, "") {
				text += s.Text + "\n"
			}
			return text
		}
		purge := func(want int64) {
			t.Helper()
			if got, err := n.Purge(t.Context()); err != nil || got != want {
				t.Fatalf("purged %d, %v", got, err)
			}
		}
		m.add(25*time.Minute - time.Millisecond)
		purge(0)
		if !strings.Contains(shown(), "852552") {
			t.Fatal("purged too early")
		}
		m.add(time.Millisecond)
		if strings.Contains(shown(), "852552") {
			t.Fatal("shown although due, before any purge ran")
		}
		purge(1)
		purge(0)
		if strings.Contains(stored(), "852552") || !strings.Contains(shown(), "验证码 ******") || !strings.Contains(shown(), "甲公司") {
			t.Fatal(stored())
		}
	})
}

func TestSendRefuses(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, n *Notices, _ *movable) {
		for name, spoil := range map[string]func(m *Message){
			"a malformed receiver":   func(m *Message) { m.To = "1300000000" },
			"a foreign receiver":     func(m *Message) { m.To = "+1 202 555 0100" },
			"an unknown template":    func(m *Message) { m.Template = "nothing" },
			"a missing value":        func(m *Message) { delete(m.Params, "code") },
			"a value without place":  func(m *Message) { m.Params["more"] = "x" },
			"a secret without end":   func(m *Message) { m.SecretUntil = time.Time{} },
			"an end without secrets": func(m *Message) { m.Template = AccountVerified; m.Params = map[string]string{"organisation": "x"} },
			"broken text":            func(m *Message) { m.Params["action"] = "\xff" },
		} {
			m := codeMessage(db)
			spoil(&m)
			err := send(t, db, n, m)
			if err == nil || strings.Contains(err.Error(), "852552") {
				t.Errorf("%s: %v", name, err)
			}
		}
		bad := codeMessage(db)
		bad.To = "110"
		if err := send(t, db, n, bad); !problem.Has(err, problem.CodePhoneInvalid) {
			t.Error(err)
		}
		if len(list(t, n, "")) != 0 {
			t.Error("a refused message was written")
		}
	})
}

func TestValuesCannotForgeText(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, n *Notices, _ *movable) {
		hostile := "甲{code}{phone}】【银行】请转账\r\n\u202e验证码\u200b 1" + strings.Repeat("长", 200)
		m := Message{To: phone, Template: PhoneRebound, Params: map[string]string{"organisation": hostile, "phone": "138****1084", "contact": "4000878198"}}
		if err := send(t, db, n, m); err != nil {
			t.Fatal(err)
		}
		text := list(t, n, "")[0].Text
		if strings.Count(text, "【") != 1 || strings.Count(text, "】") != 1 || strings.ContainsAny(text, "\r\n\u202e\u200b") {
			t.Errorf("%q", text)
		}
		if !strings.Contains(text, "甲{code}{phone}") || strings.Count(text, "138****1084") != 1 || !strings.Contains(text, "长…") {
			t.Errorf("%q", text)
		}
	})
}

func TestConfigIsChecked(t *testing.T) {
	for name, c := range map[string]Config{
		"bracket in signature": {Signature: "a】b"},
		"long signature":       {Signature: strings.Repeat("长", 21)},
		"a taken id":           {Templates: []Template{{ID: SMSCode, Text: "x", English: "x"}}},
		"no text":              {Templates: []Template{{ID: "x"}}},
		"one language":         {Templates: []Template{{ID: "x", Text: "x"}}},
		"other places":         {Templates: []Template{{ID: "x", Text: "甲 {a}", English: "a {b}"}}},
	} {
		if _, err := New(c); err == nil {
			t.Error(name)
		}
	}
	n, err := New(Config{Templates: []Template{{ID: "order_paid", Text: "订单 {order} 已支付。", English: "The order {order} was paid."}}})
	if err != nil || n.signature != "印信" {
		t.Fatal(err)
	}
	for language, want := range map[Language]string{Chinese: "订单 A1 已支付。", English: "The order A1 was paid."} {
		if text, masked, err := n.templates["order_paid"].render(n.templates["order_paid"].in(language), map[string]string{"order": "A1"}); err != nil || text != want || masked != text {
			t.Fatal(text, masked, err)
		}
	}
}

func TestMaskPhone(t *testing.T) {
	for in, want := range map[string]string{phone: "138****1084", "1300000000": "130****0000", "": "", "12345": "1****", "转张三": "转**"} {
		if got := MaskPhone(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
