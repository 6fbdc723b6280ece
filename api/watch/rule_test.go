package watch

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/api/jobs"
	"signet/api/notice"
	"signet/api/store"
	"signet/api/store/storetest"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// well are facts of which no rule has anything to say; a case spoils one of them.
func well() Facts {
	return Facts{
		At: noon,
		Ends: []End{
			{Authority: "sm2", At: noon.Add(authorityEndsFor)}, {Authority: "sm2", Responder: true, At: noon.Add(responderEndsFor)},
		},
		Jobs:    []jobs.State{{Name: "ra.orders", Failures: failuresMost - 1}},
		Storage: []Storage{{"files", storageFree}, {"database", storageFree}},
	}
}

// spoilt says for each rule that looks by itself what raises it, at the first moment that it does, and of what it then is.
var spoilt = map[string]struct {
	by    func(f *Facts)
	cause Cause
}{
	"crl_late":         {func(f *Facts) { f.LateLists = []string{"sm2"} }, Cause{Object: "sm2"}},
	"authority_ends":   {func(f *Facts) { f.Ends[0].At = noon.Add(authorityEndsFor - time.Second) }, Cause{"sm2", "2026-12-21"}},
	"responder_ends":   {func(f *Facts) { f.Ends[1].At = noon.Add(responderEndsFor - time.Second) }, Cause{"sm2", "2026-11-28"}},
	"keys_down":        {func(f *Facts) { f.KeysDown = true }, Cause{}},
	"clock_untrusted":  {func(f *Facts) { f.ClockProblem = true }, Cause{}},
	"escrow_locked":    {func(f *Facts) { f.EscrowLocked = true }, Cause{}},
	"job_failing":      {func(f *Facts) { f.Jobs[0].Failures = failuresMost }, Cause{"ra.orders", "3"}},
	"message_dead":     {func(f *Facts) { f.Dead = map[string]int64{"notice": 2} }, Cause{"notice", "2"}},
	"outbox_late":      {func(f *Facts) { f.Late = map[string]int64{"issue": 1} }, Cause{"issue", "1"}},
	"issuance_stopped": {func(f *Facts) { f.Stopped = true }, Cause{}},
	"storage_low":      {func(f *Facts) { f.Storage[0].Free-- }, Cause{"files", "1023 MB"}},
}

// watched is a Watch over facts that a test changes; told counts what was sent.
type watched struct {
	*Watch
	facts Facts
	fails error
}

func watch(t *testing.T, db *store.DB) *watched {
	t.Helper()
	n, err := notice.New(notice.Config{DB: db, Templates: NoticeTemplates()})
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{facts: well()}
	w.Watch = New(Config{
		DB: db, Notice: n,
		Look:   func(context.Context) (Facts, error) { return w.facts, w.fails },
		People: func(*store.Tx) ([]string, error) { return []string{"13966660001", "ops@example.cn"}, nil },
	})
	return w
}

func (w *watched) evaluate(t *testing.T) {
	t.Helper()
	if err := w.Evaluate(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (w *watched) rows(t *testing.T) (open, over []alarmRow) {
	t.Helper()
	var all []alarmRow
	if err := w.db.Read(t.Context()).Order("opened_at, id").Find(&all).Error; err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if r.ClosedAt == 0 {
			open = append(open, r)
		} else {
			over = append(over, r)
		}
	}
	return open, over
}

// TestEveryRuleRaisesAndEnds: of facts that are well no rule says anything; each spoilt fact raises its own rule and no other, once for however long it
// lasts, with a message to staff where it is grave; with the fact well again it is over, and may come again.
func TestEveryRuleRaisesAndEnds(t *testing.T) {
	for _, r := range Rules {
		if _, is := spoilt[r.ID]; is != (r.look != nil) {
			t.Errorf("rule %s is not in this test, or needs not be", r.ID)
		}
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := watch(t, db)
		w.evaluate(t)
		if open, over := w.rows(t); len(open)+len(over) != 0 {
			t.Fatalf("of facts that are well: %+v %+v", open, over)
		}
		for i, id := range slices.Sorted(maps.Keys(spoilt)) {
			s := spoilt[id]
			w.facts = well()
			s.by(&w.facts)
			w.evaluate(t)
			w.evaluate(t) // it lasts: still one
			open, over := w.rows(t)
			if len(open) != 1 || len(over) != i {
				t.Fatalf("%s: %d open, %d over: %+v", id, len(open), len(over), open)
			}
			told := 0
			if ruleOf(id).Severity == Grave {
				told = 2
			}
			if a := open[0]; a.Rule != id || a.Object != s.cause.Object || a.Detail != s.cause.Detail || a.Severity != ruleOf(id).Severity || a.Told != told || a.SeenAt < a.OpenedAt {
				t.Errorf("%s: got %+v", id, a)
			}
			w.facts = well()
			w.evaluate(t)
			if open, over = w.rows(t); len(open) != 0 || len(over) != i+1 {
				t.Fatalf("%s, well again: %d open, %d over", id, len(open), len(over))
			}
		}
		w.facts.Stopped = true
		w.evaluate(t)
		if open, over := w.rows(t); len(open) != 1 || len(over) != len(spoilt) {
			t.Errorf("the same again: %d open, %d over", len(open), len(over))
		}
	})
}

// TestAlarmsOfOneRule: each object has its own alarm; one ends while the other lasts, and its figure follows the facts. Where the facts cannot be
// had, no alarm ends.
func TestAlarmsOfOneRule(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := watch(t, db)
		w.facts.Dead = map[string]int64{"notice": 1, "issue": 1}
		w.evaluate(t)
		w.facts.Dead = map[string]int64{"issue": 7}
		w.evaluate(t)
		open, over := w.rows(t)
		if len(open) != 1 || open[0].Object != "issue" || open[0].Detail != "7" || len(over) != 1 || over[0].Object != "notice" {
			t.Errorf("got %+v, over %+v", open, over)
		}
		w.fails = errors.New("no answer")
		if err := w.Evaluate(t.Context()); !errors.Is(err, w.fails) {
			t.Errorf("got %v", err)
		}
		if open, _ = w.rows(t); len(open) != 1 {
			t.Errorf("without facts an alarm ended: %+v", open)
		}
		w.fails, w.facts = nil, well()
		w.facts.Jobs = []jobs.State{{Name: strings.Repeat("长", 200), Failures: 9}}
		w.evaluate(t) // too long for the table, and cut
		w.evaluate(t)
		if open, _ = w.rows(t); len(open) != 1 || open[0].Rule != "job_failing" {
			t.Errorf("got %+v", open)
		}
	})
}

// TestReported: what finds a fault itself raises its rule, and ends it; no look at the facts does.
func TestReported(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := watch(t, db)
		for _, rule := range []string{AuditBroken, LogBroken} {
			report := func(causes ...Cause) {
				t.Helper()
				if err := w.Report(t.Context(), rule, causes...); err != nil {
					t.Fatal(err)
				}
			}
			report(Cause{Detail: "#3"})
			w.evaluate(t)
			if open, _ := w.rows(t); len(open) != 1 || open[0].Rule != rule || open[0].Detail != "#3" || open[0].Told != 2 {
				t.Errorf("%s: got %+v", rule, open)
			}
			report()
			if open, _ := w.rows(t); len(open) != 0 {
				t.Errorf("%s did not end: %+v", rule, open)
			}
		}
	})
}

// TestQuietErrors: of an error nothing is shown that may name a person.
func TestQuietErrors(t *testing.T) {
	for text, want := range map[string]string{
		"sms to 13966660001 refused":                   "sms to … refused",
		"<wang@example.cn>: mailbox is full\nline two": "<…@…>: mailbox is full",
		"status 503 after 12345 ms":                    "status 503 after 12345 ms",
		"":                                             "",
		"91330702MA2QRTER0C does not answer, 330106 too": "…MA2QRTER0C does not answer, … too",
	} {
		if got := Quiet(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"": "", "panic: nil map": "defect", "context deadline exceeded": "timeout", "dial tcp: connection refused": "unreachable", "gateway: isv.LIMIT": "gateway",
		"write: no space left on device": "storage", "giving up": "given_up", "never finished": "never_finished", "else": "failed",
	} {
		if got := failure(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
