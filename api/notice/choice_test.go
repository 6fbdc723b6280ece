package notice

import (
	"strings"
	"testing"
	"time"

	"signet/api/problem"
	"signet/api/store"
)

func inbox(t *testing.T, n *Notices) []Note {
	t.Helper()
	notes, _, _, err := n.Inbox(t.Context(), "acc_"+phone, false, 1, 100)
	if err != nil {
		t.Fatal(err)
	}
	return notes
}

func TestPeopleAreToldWhereTheyChose(t *testing.T) {
	connected(t, func(t *testing.T, db *store.DB, n *Notices, m *movable, sms, mail *recorder) {
		account := "acc_" + phone
		security := Message{To: phone, Template: PasswordChanged, Params: map[string]string{"contact": "400"}}
		for name, c := range map[string]struct {
			of                Message
			choice            Choice
			portal, text, own bool
		}{
			"everywhere":       {plain("甲"), Choice{KindOrganisation, true, true, true}, true, true, true},
			"portal only":      {plain("甲"), Choice{KindOrganisation, true, false, false}, true, false, false},
			"mail only":        {plain("甲"), Choice{KindOrganisation, false, false, true}, false, false, true},
			"text only":        {plain("甲"), Choice{KindOrganisation, false, true, false}, false, true, false},
			"nowhere":          {plain("甲"), Choice{KindOrganisation, false, false, false}, false, false, false},
			"security by mail": {security, Choice{KindSecurity, true, false, true}, true, false, true},
			"another kind":     {plain("甲"), Choice{KindOrder, false, false, false}, true, true, true},
		} {
			m.add(24 * time.Hour) // a day, so that no cap holds anything back
			sms.got, mail.got = nil, nil
			before := len(inbox(t, n))
			all := Preferences{Language: Chinese}
			for _, k := range Kinds {
				all.Choices = append(all.Choices, Choice{k, true, true, true})
			}
			for i := range all.Choices {
				if all.Choices[i].Kind == c.choice.Kind {
					all.Choices[i] = c.choice
				}
			}
			if err := n.SetPreferences(t.Context(), account, all); err != nil {
				t.Fatal(name, err)
			}
			if got, err := n.Preferences(t.Context(), account); err != nil || got.of(c.choice.Kind) != c.choice || len(got.Choices) != len(Kinds) {
				t.Fatal(name, got, err)
			}
			if err := send(t, db, n, c.of); err != nil {
				t.Fatal(name, err)
			}
			work(t, db, n)
			if len(inbox(t, n))-before != map[bool]int{true: 1}[c.portal] || (len(sms.got) == 1) != c.text || (len(mail.got) == 1) != c.own {
				t.Errorf("%s: %d in the portal, %d texts, %d mails", name, len(inbox(t, n))-before, len(sms.got), len(mail.got))
			}
		}
	})
}

func TestMailIsInThePersonsLanguage(t *testing.T) {
	connected(t, func(t *testing.T, db *store.DB, n *Notices, _ *movable, sms, mail *recorder) {
		if err := n.SetPreferences(t.Context(), "acc_"+phone, Preferences{Language: English}); err != nil {
			t.Fatal(err)
		}
		if err := send(t, db, n, plain("甲公司")); err != nil {
			t.Fatal(err)
		}
		work(t, db, n)
		if len(sms.got) != 1 || !strings.Contains(sms.got[0].Text, "已完成核验") {
			t.Errorf("text message: %+v", sms.got)
		}
		if len(mail.got) != 1 || mail.got[0].Text != "【印信】The Signet account of 甲公司 has been verified." {
			t.Errorf("mail: %+v", mail.got)
		}
		if got := inbox(t, n); len(got) != 1 || !strings.Contains(got[0].Text, "已完成核验") || !strings.HasPrefix(got[0].English, "The Signet account") {
			t.Errorf("portal: %+v", got)
		}
	})
}

func TestSecurityCannotBeSilenced(t *testing.T) {
	each(t, func(t *testing.T, _ *store.DB, n *Notices, _ *movable) {
		for name, p := range map[string]Preferences{
			"not in the portal": {Chinese, []Choice{{KindSecurity, false, true, true}}},
			"only in it":        {Chinese, []Choice{{KindSecurity, true, false, false}}},
			"no such kind":      {Chinese, []Choice{{"gossip", true, true, true}}},
			"a kind twice":      {Chinese, []Choice{{KindOrder, true, true, true}, {KindOrder, false, true, true}}},
			"no such language":  {"fr-FR", nil},
		} {
			if err := n.SetPreferences(t.Context(), "acc_1", p); !problem.Has(err, problem.CodeInvalidField) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	// By mail only, but there is no mail address: the text message goes all the same.
	each(t, func(t *testing.T, db *store.DB, _ *Notices, _ *movable) {
		n, err := New(Config{DB: db, Owner: func(*store.Tx, string) (string, string, error) { return "acc_1", "", nil }})
		if err != nil {
			t.Fatal(err)
		}
		if err := n.SetPreferences(t.Context(), "acc_1", Preferences{Chinese, []Choice{{KindSecurity, true, false, true}}}); err != nil {
			t.Fatal(err)
		}
		if err := send(t, db, n, Message{To: phone, Template: PasswordChanged, Params: map[string]string{"contact": "400"}}); err != nil {
			t.Fatal(err)
		}
		if len(list(t, n, phone)) != 1 {
			t.Error("nobody was told")
		}
	})
}
