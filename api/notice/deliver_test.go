package notice

import (
	"context"
	"errors"
	"testing"
	"time"

	"signet/api/store"
	"signet/api/store/storetest"
)

// recorder is a gateway that keeps what it is given and answers as told.
type recorder struct {
	got    []Envelope
	answer error
}

func (r *recorder) Deliver(_ context.Context, e Envelope) error {
	r.got = append(r.got, e)
	return r.answer
}

// connected is each with gateways; every number belongs to account acc_<number> with a mail address.
func connected(t *testing.T, f func(t *testing.T, db *store.DB, n *Notices, m *movable, sms, mail *recorder)) {
	t.Helper()
	m := &movable{now: time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC)} // noon in China
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		m.now = time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC)
		sms, mail := &recorder{}, &recorder{}
		n, err := New(Config{DB: db, SMS: sms, Mail: mail, Owner: func(_ *store.Tx, to string) (string, string, error) { return "acc_" + to, "a@b.example", nil }})
		if err != nil {
			t.Fatal(err)
		}
		f(t, db, n, m, sms, mail)
	}, func(c *store.Config) { c.Now = m.Now })
}

// work delivers what is due, as a worker does.
func work(t *testing.T, db *store.DB, n *Notices) {
	t.Helper()
	for {
		due, err := db.Lease(t.Context(), []string{Topic}, "worker", 10, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if len(due) == 0 {
			return
		}
		for _, m := range due {
			if err := n.Deliver(t.Context(), m); err != nil {
				err = db.Fail(t.Context(), m, err, db.Now().Add(time.Second))
				if err != nil {
					t.Fatal(err)
				}
			} else if err := db.Done(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func plain(organisation string) Message {
	return Message{To: phone, Template: AccountVerified, Params: map[string]string{"organisation": organisation}}
}

func states(t *testing.T, db *store.DB) map[string]int {
	t.Helper()
	var rows []messageRow
	if err := db.Read(t.Context()).Where("channel = ?", ChannelSMS).Find(&rows).Error; err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, r := range rows {
		count[r.State]++
		if r.State != stateQueued && r.State != stateSending && r.Params != "" {
			t.Errorf("values of a message that is %s are kept", r.State)
		}
	}
	return count
}

func TestMessagesReachGatewaysAndTheInbox(t *testing.T) {
	connected(t, func(t *testing.T, db *store.DB, n *Notices, m *movable, sms, mail *recorder) {
		for _, one := range []Message{codeMessage(db), plain("甲公司")} {
			if err := send(t, db, n, one); err != nil {
				t.Fatal(err)
			}
		}
		work(t, db, n)
		m.add(time.Minute) // the second text waits for the cap of one a minute
		work(t, db, n)
		if len(sms.got) != 2 || len(mail.got) != 1 || mail.got[0].To != "a@b.example" || states(t, db)[stateSent] != 2 || n.Simulated() {
			t.Fatalf("%+v %+v %v", sms.got, mail.got, states(t, db))
		}
		me := "acc_" + phone
		notes, total, fresh, err := n.Inbox(t.Context(), me, false, 1, 10)
		if err != nil || total != 1 || fresh != 1 || notes[0].Text != "甲公司的数字证书自助服务账号已完成核验。" || notes[0].Read {
			t.Fatalf("%+v %d %d %v", notes, total, fresh, err)
		}
		if err := n.Read(t.Context(), "acc_other", notes[0].ID); err == nil {
			t.Error("somebody else's message was read")
		}
		if err := n.Read(t.Context(), me, notes[0].ID); err != nil {
			t.Fatal(err)
		}
		if _, total, fresh, err = n.Inbox(t.Context(), me, true, 1, 10); err != nil || total != 0 || fresh != 0 {
			t.Error(total, fresh, err)
		}
	})
}

func TestAKilledWorkersMessageIsSentAgain(t *testing.T) {
	connected(t, func(t *testing.T, db *store.DB, n *Notices, m *movable, sms, _ *recorder) {
		if err := send(t, db, n, codeMessage(db)); err != nil {
			t.Fatal(err)
		}
		due, err := db.Lease(t.Context(), []string{Topic}, "killed", 10, time.Minute)
		if err != nil || len(due) != 1 {
			t.Fatal(due, err)
		}
		if _, err := n.claim(t.Context(), list(t, n, "")[0].ID); err != nil { // dies between claim and the gateway's answer
			t.Fatal(err)
		}
		m.add(30 * time.Second)
		work(t, db, n)
		if len(sms.got) != 0 {
			t.Fatal("sent while another holds it")
		}
		m.add(31 * time.Second)
		work(t, db, n)
		m.add(time.Hour)
		work(t, db, n)
		if len(sms.got) != 1 || states(t, db)[stateSent] != 1 {
			t.Fatal(len(sms.got), states(t, db))
		}
	})
}

func TestGatewaysThatFailAndThatRefuse(t *testing.T) {
	connected(t, func(t *testing.T, db *store.DB, n *Notices, m *movable, sms, _ *recorder) {
		sms.answer = errors.New("away")
		if err := send(t, db, n, codeMessage(db)); err != nil {
			t.Fatal(err)
		}
		work(t, db, n)
		sms.answer = nil
		m.add(2 * time.Second)
		work(t, db, n)
		if len(sms.got) != 2 || states(t, db)[stateSent] != 1 {
			t.Fatal(len(sms.got), states(t, db))
		}
		sms.answer = ErrRefused
		m.add(time.Hour)
		if err := send(t, db, n, codeMessage(db)); err != nil {
			t.Fatal(err)
		}
		work(t, db, n)
		m.add(time.Hour)
		work(t, db, n)
		if len(sms.got) != 3 || states(t, db)[stateFailed] != 1 {
			t.Fatal(len(sms.got), states(t, db))
		}
	})
}

func TestPumpingOneNumberIsCapped(t *testing.T) {
	connected(t, func(t *testing.T, db *store.DB, n *Notices, m *movable, sms, _ *recorder) {
		for range 40 { // more than an hour, a code every two minutes
			if err := send(t, db, n, codeMessage(db)); err != nil {
				t.Fatal(err)
			}
			work(t, db, n)
			m.add(2 * time.Minute)
		}
		if len(sms.got) != 10 || states(t, db)[stateDropped] != 30 {
			t.Fatal(len(sms.got), states(t, db))
		}
	})
}

func TestQuietHours(t *testing.T) {
	for at, want := range map[string]string{
		"2026-11-21T12:59:59Z":      "2026-11-21T12:59:59Z", // 20:59:59 in China
		"2026-11-21T13:00:00Z":      "2026-11-22T00:00:00Z", // 21:00
		"2026-11-21T15:59:59Z":      "2026-11-22T00:00:00Z", // before midnight
		"2026-11-21T16:00:00Z":      "2026-11-22T00:00:00Z", // midnight
		"2026-11-21T23:59:59Z":      "2026-11-22T00:00:00Z", // 07:59:59
		"2026-11-22T00:00:00Z":      "2026-11-22T00:00:00Z", // 08:00
		"2026-12-31T20:00:00-05:00": "2027-01-01T01:00:00Z",
		"2026-12-31T16:30:00Z":      "2027-01-01T00:00:00Z",
	} {
		when, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := morning(when).UTC().Format(time.RFC3339); got != want {
			t.Errorf("%s: %s, want %s", at, got, want)
		}
	}
	connected(t, func(t *testing.T, db *store.DB, n *Notices, m *movable, sms, mail *recorder) {
		m.add(10 * time.Hour) // 22:00 in China
		for _, one := range []Message{plain("甲公司"), codeMessage(db)} {
			if err := send(t, db, n, one); err != nil {
				t.Fatal(err)
			}
		}
		work(t, db, n)
		if len(sms.got) != 1 || sms.got[0].Template != SMSCode || len(mail.got) != 1 {
			t.Fatalf("%+v %+v", sms.got, mail.got)
		}
		m.add(10*time.Hour - time.Second)
		work(t, db, n)
		if len(sms.got) != 1 {
			t.Fatal("sent before the morning")
		}
		m.add(time.Second)
		work(t, db, n)
		if len(sms.got) != 2 {
			t.Fatal("not sent in the morning")
		}
	})
}
