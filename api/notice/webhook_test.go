package notice

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/api/problem"
	"signet/api/store"
	"signet/api/store/storetest"
)

// plainSealer hides nothing; that sealing hides is for the tests of keystores.
type plainSealer struct{}

func (plainSealer) Wrap(plain, aad []byte) ([]byte, error) {
	return append([]byte(string(aad)+"|"), plain...), nil
}

func (plainSealer) Unwrap(sealed, aad []byte) ([]byte, error) {
	plain, is := strings.CutPrefix(string(sealed), string(aad)+"|")
	if !is {
		return nil, errors.New("sealed for something else")
	}
	return []byte(plain), nil
}

// listener is an organisation's server.
type listener struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	got    []*http.Request
	bodies []string
}

func listen(t *testing.T) *listener {
	l := &listener{status: http.StatusNoContent}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.got, l.bodies = append(l.got, r), append(l.bodies, string(body))
		if l.status == http.StatusFound {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(l.status)
	}))
	t.Cleanup(l.Close)
	return l
}

func (l *listener) answers(status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status = status
}

func (l *listener) calls() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.got)
}

var boss = By{AccountID: "acc_boss", OrganisationID: "org_1"}

// hooked runs f with webhooks that may go to this machine.
func hooked(t *testing.T, f func(t *testing.T, db *store.DB, n *Notices, m *movable, l *listener)) {
	t.Helper()
	m := &movable{}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		n, err := New(Config{DB: db, Seal: plainSealer{}, Loopback: true, Contacts: func(*store.Tx, string) ([]string, error) { return []string{phone}, nil }})
		if err != nil {
			t.Fatal(err)
		}
		f(t, db, n, m, listen(t))
	}, func(c *store.Config) {
		m.now = time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC)
		c.Now = m.Now
	})
}

// deliver works through what waits, with all its repetitions.
func deliver(t *testing.T, db *store.DB, n *Notices, m *movable) {
	t.Helper()
	for {
		due, err := db.Lease(t.Context(), []string{TopicWebhook}, "worker", 10, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if len(due) == 0 {
			return
		}
		for _, message := range due {
			if err := n.DeliverWebhook(t.Context(), message); err != nil {
				err = db.Fail(t.Context(), message, err, db.Now())
				if err != nil {
					t.Fatal(err)
				}
			} else if err := db.Done(t.Context(), message); err != nil {
				t.Fatal(err)
			}
		}
		m.add(time.Second)
	}
}

func event(t *testing.T, db *store.DB, n *Notices, organisation, template string, params map[string]string) {
	t.Helper()
	if err := db.Tx(t.Context(), func(tx *store.Tx) error { return n.Event(tx, organisation, template, params) }); err != nil {
		t.Fatal(err)
	}
}

func log(t *testing.T, n *Notices, id string) []Delivery {
	t.Helper()
	list, total, err := n.Deliveries(t.Context(), boss, id, 1, 100)
	if err != nil || total != len(list) {
		t.Fatal(total, err)
	}
	return list
}

func TestWebhookRowsMatchTheSchema(t *testing.T) {
	hooked(t, func(t *testing.T, db *store.DB, _ *Notices, _ *movable, _ *listener) {
		if err := db.CheckRows(t.Context(), webhookRow{}, deliveryRow{}); err != nil {
			t.Fatal(err)
		}
	})
}

// Source: the example of Standard Webhooks 1.0 (standardwebhooks.com, reference libraries' test vector).
func TestWebhookSignature(t *testing.T) {
	key, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	got := SignWebhook(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Fatal(got)
	}
}

func TestWebhookIsDelivered(t *testing.T) {
	hooked(t, func(t *testing.T, db *store.DB, n *Notices, m *movable, l *listener) {
		w, secret, err := n.AddWebhook(t.Context(), boss, l.URL+"/in", []Kind{KindOrganisation, KindSecurity})
		if err != nil {
			t.Fatal(err)
		}
		event(t, db, n, boss.OrganisationID, PhoneRebound, map[string]string{"organisation": "甲公司", "phone": "138****1084", "contact": "400"})
		event(t, db, n, "org_2", AccountVerified, map[string]string{"organisation": "乙公司"})
		event(t, db, n, boss.OrganisationID, SMSCode, map[string]string{"code": "852552"})
		deliver(t, db, n, m)
		if l.calls() != 1 {
			t.Fatalf("%d calls", l.calls())
		}
		r, body := l.got[0], l.bodies[0]
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil || len(key) != 32 {
			t.Fatal(secret, err)
		}
		at, err := http.ParseTime(m.Now().Format(http.TimeFormat))
		if err != nil {
			t.Fatal(err)
		}
		id := r.Header.Get("webhook-id")
		sent := false
		for back := range 5 { // the clock moved on after the call
			sent = sent || r.Header.Get("webhook-signature") == SignWebhook(key, id, at.Add(-time.Duration(back)*time.Second), []byte(body))
		}
		if !sent || r.Method != http.MethodPost || r.URL.Path != "/in" {
			t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
		}
		var got struct {
			Type, Timestamp string
			Data            map[string]string
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil || got.Type != PhoneRebound || got.Timestamp != "2026-11-21T04:00:00Z" || got.Data["organisation"] != "甲公司" || got.Data["kind"] != "security" || got.Data["phone"] != "" {
			t.Errorf("%s %v", body, err)
		}
		list := log(t, n, w.ID)
		if len(list) != 1 || list[0].State != DeliveryDelivered || list[0].Attempts != 1 || list[0].Status != http.StatusNoContent || list[0].ID != id {
			t.Errorf("%+v", list)
		}
		if err := n.Redeliver(t.Context(), boss, id); err != nil {
			t.Fatal(err)
		}
		if err := n.Redeliver(t.Context(), boss, id); !problem.Has(err, problem.CodeConflict) {
			t.Errorf("while it waits: %v", err)
		}
		deliver(t, db, n, m)
		if l.calls() != 2 || l.got[1].Header.Get("webhook-id") != id {
			t.Error("not delivered once more under its id")
		}
	})
}

func TestWebhookStops(t *testing.T) {
	hooked(t, func(t *testing.T, db *store.DB, n *Notices, m *movable, l *listener) {
		w, _, err := n.AddWebhook(t.Context(), boss, l.URL, []Kind{KindOrganisation})
		if err != nil {
			t.Fatal(err)
		}
		l.answers(http.StatusFound) // a redirect is not followed
		for i := range webhookFailures + 1 {
			event(t, db, n, boss.OrganisationID, AccountVerified, map[string]string{"organisation": "甲公司"})
			deliver(t, db, n, m)
			if want := min(i+1, webhookFailures) * store.MaxAttempts; l.calls() != want {
				t.Fatalf("%d calls after %d events, want %d", l.calls(), i+1, want)
			}
		}
		list := log(t, n, w.ID)
		if len(list) != webhookFailures || list[0].State != DeliveryFailed || list[0].Attempts != store.MaxAttempts || list[0].Status != http.StatusFound {
			t.Fatalf("%+v", list)
		}
		hooks, err := n.Webhooks(t.Context(), boss)
		if err != nil || len(hooks) != 1 || hooks[0].State != WebhookHalted {
			t.Fatal(hooks, err)
		}
		told := 0
		for _, s := range listAll(t, n) {
			if s.Template == WebhookStopped {
				told++
			}
		}
		if told != 1 {
			t.Errorf("told %d times", told)
		}
		if _, err := n.TestWebhook(t.Context(), boss, w.ID); !problem.Has(err, problem.CodeConflict) {
			t.Errorf("a stopped one tested: %v", err)
		}
		l.answers(http.StatusOK)
		if _, err := n.SetWebhook(t.Context(), boss, w.ID, l.URL, []Kind{KindOrganisation}, true); err != nil {
			t.Fatal(err)
		}
		if _, err := n.TestWebhook(t.Context(), boss, w.ID); err != nil {
			t.Fatal(err)
		}
		deliver(t, db, n, m)
		if list := log(t, n, w.ID); list[0].State != DeliveryDelivered || list[0].Event != "webhook.test" {
			t.Errorf("%+v", list[0])
		}
		if err := n.RemoveWebhook(t.Context(), boss, w.ID); err != nil {
			t.Fatal(err)
		}
		var kept webhookRow
		if err := db.Read(t.Context()).Where("id = ?", w.ID).Take(&kept).Error; err != nil || len(kept.Sealed) != 0 {
			t.Errorf("the secret of a removed webhook is kept: %v", err)
		}
		m.add(keepDeliveries + time.Hour)
		if err := n.PruneDeliveries(t.Context()); err != nil {
			t.Fatal(err)
		}
		var left int64
		if err := db.Read(t.Context()).Model(&deliveryRow{}).Count(&left).Error; err != nil || left != 0 {
			t.Errorf("%d deliveries left, %v", left, err)
		}
	})
}

func listAll(t *testing.T, n *Notices) []Sent { t.Helper(); return list(t, n, "") }

func TestWebhooksAreOnesOwn(t *testing.T) {
	hooked(t, func(t *testing.T, db *store.DB, n *Notices, m *movable, l *listener) {
		w, _, err := n.AddWebhook(t.Context(), boss, l.URL, []Kind{KindOrder})
		if err != nil {
			t.Fatal(err)
		}
		d, err := n.TestWebhook(t.Context(), boss, w.ID)
		if err != nil {
			t.Fatal(err)
		}
		other := By{AccountID: "acc_other", OrganisationID: "org_2"}
		for name, act := range map[string]func(ctx context.Context) error{
			"set": func(ctx context.Context) error {
				_, err := n.SetWebhook(ctx, other, w.ID, l.URL, []Kind{KindOrder}, true)
				return err
			},
			"test":       func(ctx context.Context) error { _, err := n.TestWebhook(ctx, other, w.ID); return err },
			"deliveries": func(ctx context.Context) error { _, _, err := n.Deliveries(ctx, other, w.ID, 1, 10); return err },
			"again":      func(ctx context.Context) error { return n.Redeliver(ctx, other, d.ID) },
			"remove":     func(ctx context.Context) error { return n.RemoveWebhook(ctx, other, w.ID) },
		} {
			if err := act(t.Context()); !problem.Has(err, problem.CodeNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for range webhooksMost - 1 {
			if _, _, err := n.AddWebhook(t.Context(), boss, l.URL, []Kind{KindOrder}); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := n.AddWebhook(t.Context(), boss, l.URL, []Kind{KindOrder}); !problem.Has(err, problem.CodeConflict) {
			t.Errorf("an eleventh: %v", err)
		}
	})
}

func TestWebhookAddresses(t *testing.T) {
	n, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"https://erp.example.com/in", "https://erp.example.com:8443/in?a=b", "https://8.8.8.8/", "https://[2606:4700::1111]/"} {
		if err := n.checkAddress(address); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{
		"", "x", "http://erp.example.com/", "ftp://erp.example.com/", "https://", "https:erp", "https://u:p@erp.example.com/", "https://erp.example.com/#x", "https://erp.example.com/ x", "https://例.example/",
		"https://erp.example.com:25/", "https://erp.example.com:0/", "https://erp.example.com:99999/", "https://127.0.0.1/", "https://[::1]/", "https://10.0.0.1/", "https://169.254.169.254/", "https://[fd00:ec2::254]/", "https://[::ffff:10.0.0.1]/",
		"https://erp.example.com/" + strings.Repeat("x", 500),
	} {
		if err := n.checkAddress(address); !problem.Has(err, problem.CodeInvalidField) {
			t.Errorf("%s: %v", address, err)
		}
	}
	for address, public := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true, "127.0.0.1": false, "0.0.0.0": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false, "100.100.100.200": false,
		"168.63.129.16": false, "224.0.0.1": false, "255.255.255.255": false, "240.0.0.1": false, "::": false, "::1": false, "::ffff:127.0.0.1": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "ff02::1": false,
		"64:ff9b::7f00:1": false, "2002:7f00:1::": false, "2001:db8::1": false, "198.18.0.1": false,
	} {
		if got := n.reachable(netip.MustParseAddr(address)); got != public {
			t.Errorf("%s: %v", address, got)
		}
	}
}

// TestWebhookNamesThatLeadInside holds a name to where it leads when the connection is made.
func TestWebhookNamesThatLeadInside(t *testing.T) {
	l := listen(t)
	n, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(strings.TrimPrefix(l.URL, "http://"), ":")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost:"+port, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := n.client.Do(req)
	if err == nil {
		resp.Body.Close()
	}
	if !errors.Is(err, errInner) || l.calls() != 0 {
		t.Fatal(err)
	}
}
