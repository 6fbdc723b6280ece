package ra

import (
	"errors"
	"strings"
	"testing"
	"time"

	"signet/api/problem"
	"signet/api/store"
	"signet/ca/pki"
)

// TestWindows holds renewals to the days that the project publishes, to the second, on both databases.
func TestWindows(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		c.set(start)
		o := officeOn(t, db, c)
		p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
		p.pay()
		end := p.certificate().NotAfter
		o.publish(func(d *ProjectDocument) { d.Windows = Windows{RenewDays: 10, LateDays: 7} })
		from, until := end.AddDate(0, 0, -10), end.AddDate(0, 0, 7)
		if got := p.certificate(); !got.RenewFrom.Equal(from) || !got.RenewUntil.Equal(until) {
			t.Errorf("may be renewed from %v to %v", got.RenewFrom, got.RenewUntil)
		}
		c.set(from.Add(-time.Second))
		_, err := o.ra.StartRenewal(o.ctx, p.me, p.certificate().ID, "")
		want(t, err, problem.CodeRenewalTooEarly)
		if e, ok := errors.AsType[*problem.Error](err); !ok || e.Params["from"] != from.Format(time.RFC3339) {
			t.Errorf("too early says %v", err)
		}
		_, err = o.ra.CreateApplication(o.ctx, p.me, KindRenew, p.certificate().ID, "")
		want(t, err, problem.CodeRenewalTooEarly)
		if got := p.certificate(); got.Renewable || got.RenewBlock != string(problem.CodeRenewalTooEarly) {
			t.Errorf("a second before: %+v", got)
		}
		c.set(from)
		a, err := o.ra.StartRenewal(o.ctx, p.me, p.certificate().ID, "")
		check(t, err)
		_, err = o.ra.WithdrawApplication(o.ctx, p.me, a.ID)
		check(t, err)
		c.set(until)
		a, err = o.ra.CreateApplication(o.ctx, p.me, KindRenew, p.certificate().ID, "")
		check(t, err)
		_, err = o.ra.WithdrawApplication(o.ctx, p.me, a.ID)
		check(t, err)
		c.set(until.Add(time.Second))
		_, err = o.ra.CreateApplication(o.ctx, p.me, KindRenew, p.certificate().ID, "")
		want(t, err, problem.CodeRenewalTooLate)

		check(t, o.ra.EnsureProject(o.ctx, demoProject())) // as signetctl does: what it does not know stays
		if got, err := o.ra.Project(o.ctx, "jhggzy"); err != nil || got.Windows.RenewDays != 10 {
			t.Errorf("after the operator's file: %+v %v", got.Windows, err)
		}
	})
}

// TestServiceWindow: a service is renewed in the days in which the certificate is.
func TestServiceWindow(t *testing.T) {
	o := newOffice(t)
	p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
	o.publish(func(d *ProjectDocument) { d.Windows = Windows{RenewDays: 10} })
	ends := func(in time.Duration) {
		t.Helper()
		check(t, o.db.Tx(o.ctx, func(tx *store.Tx) error {
			return tx.DB().Model(&serviceRow{}).Where("id = ?", p.service().ID).Update("to_at", store.Millis(start.Add(in))).Error
		}))
	}
	ends(10*24*time.Hour + time.Second)
	_, err := o.ra.RenewService(o.ctx, p.me, p.service().ID, 0)
	want(t, err, problem.CodeServiceNotRenewable)
	ends(10 * 24 * time.Hour)
	if !p.service().Renewable {
		t.Error("not on the first day")
	}
}

// TestClosedTime: kinds that are closed are neither begun nor submitted from the first day's midnight to the last one's, in China; what was
// returned is corrected, and a lost key is suspended, at any time.
func TestClosedTime(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		c.set(start)
		o := officeOn(t, db, c)
		o.noPapers()
		p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
		_, err := o.ra.RenewService(o.ctx, p.me, p.service().ID, 0) // free here
		check(t, err)
		id := p.certificate().ID
		first, last := time.Date(2026, 11, 22, 0, 0, 0, 0, china), time.Date(2026, 11, 24, 0, 0, 0, 0, china)
		o.publish(func(d *ProjectDocument) {
			d.Windows.Closed = []Closure{{Kinds: []string{KindRenew, KindNew, KindChangeLegal}, From: "2026-11-22", To: "2026-11-23", Reason: "系统维护"}}
		})
		returned := p.submit(KindChangeLegal, id, Form{LegalRep: "李四"})
		_, err = o.ra.Claim(o.ctx, o.reviewer(), returned.ID)
		check(t, err)
		_, err = o.ra.Decide(o.ctx, o.reviewer(), returned.ID, Decision{Decision: Return, Reasons: []string{"data_mismatch"}, Note: "请核对"})
		check(t, err)

		c.set(first.Add(-time.Second))
		p.touch()
		fresh, err := o.ra.CreateApplication(o.ctx, p.me, KindNew, "", "jhggzy")
		check(t, err)
		for _, at := range []time.Time{first, last.Add(-time.Second)} {
			c.set(at)
			_, err := o.ra.StartRenewal(o.ctx, p.me, id, "")
			want(t, err, problem.CodeApplicationOpen) // the change is open
			_, err = o.ra.Submit(o.ctx, p.me, fresh.ID, Submission{})
			want(t, err, problem.CodeApplicationsClosed)
			if e, ok := errors.AsType[*problem.Error](err); !ok || e.Params["to"] != "2026-11-23" || e.Params["reason"] != "系统维护" {
				t.Errorf("closed says %v", err)
			}
			if got := p.certificate(); got.RenewBlock != string(problem.CodeApplicationsClosed) {
				t.Errorf("the certificate says %q", got.RenewBlock)
			}
		}
		_, err = o.ra.Submit(o.ctx, p.me, returned.ID, Submission{})
		check(t, err)
		_, err = o.ra.WithdrawApplication(o.ctx, p.me, returned.ID)
		check(t, err)
		_, err = o.ra.StartRenewal(o.ctx, p.me, id, "")
		want(t, err, problem.CodeApplicationsClosed)
		_, err = o.ra.CreateRenewalBatch(o.ctx, p.me, []string{id})
		want(t, err, problem.CodeApplicationsClosed)
		c.set(last)
		_, err = o.ra.StartRenewal(o.ctx, p.me, id, "")
		check(t, err)
	})
}

// TestWindowsRefused: what makes no sense is not published.
func TestWindowsRefused(t *testing.T) {
	good := Closure{Kinds: []string{KindNew}, From: "2027-02-05", To: "2027-02-05", Reason: "系统维护"}
	for name, spoil := range map[string]func(w *Windows){
		"never":       func(w *Windows) { w.RenewDays = 0 },
		"too long":    func(w *Windows) { w.RenewDays = 366 },
		"late":        func(w *Windows) { w.LateDays = -1 },
		"too late":    func(w *Windows) { w.LateDays = 1826 },
		"no kind":     func(w *Windows) { w.Closed[0].Kinds = nil },
		"twice":       func(w *Windows) { w.Closed[0].Kinds = []string{KindNew, KindNew} },
		"suspending":  func(w *Windows) { w.Closed[0].Kinds = []string{KindSuspend} },
		"no day":      func(w *Windows) { w.Closed[0].From = "2027-02-30" },
		"backwards":   func(w *Windows) { w.Closed[0].To = "2027-02-04" },
		"for ever":    func(w *Windows) { w.Closed[0].To = "2027-12-31" },
		"no reason":   func(w *Windows) { w.Closed[0].Reason = " " },
		"long reason": func(w *Windows) { w.Closed[0].Reason = strings.Repeat("长", 101) },
		"many":        func(w *Windows) { w.Closed = make([]Closure, maxClosures+1) },
	} {
		w := Windows{RenewDays: 90, LateDays: 365, Closed: []Closure{good}}
		spoil(&w)
		if err := w.check(); !problem.Has(err, problem.CodeInvalidField) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w := Windows{RenewDays: 1, Closed: []Closure{{[]string{KindReplace, KindNew}, "2027-03-01", "2027-03-02", " 维护 "}, good}}
	check(t, w.check())
	if w.Closed[0].From != "2027-02-05" || w.Closed[1].Kinds[0] != KindNew || w.Closed[1].Reason != "维护" {
		t.Errorf("spelt %+v", w)
	}
}
