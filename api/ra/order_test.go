package ra

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/ca/pki"
)

func (p *party) service() Service {
	p.t.Helper()
	l, err := p.ra.ListServices(p.ctx, p.me, "", Paging{})
	check(p.t, err)
	return l.Items[0]
}

func TestOrder(t *testing.T) {
	o := newOffice(t)
	p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
	s := p.service()
	if s.State != ServiceExpired || !s.Renewable || s.PriceCents != 20000 || s.ServiceName != "机构证书" || s.ProjectName != "金华市公共资源交易中心" {
		t.Fatalf("service: %+v", s)
	}
	if want := time.Date(2025, 8, 31, 3, 39, 36, 0, time.UTC); !s.From.Equal(want) { // 11:39:36 in China
		t.Errorf("from %v", s.From)
	}
	order, err := o.ra.RenewService(o.ctx, p.me, s.ID, 0)
	check(t, err)
	if order.State != OrderPending || order.AmountCents != 20000 || order.TermMonths != 12 || order.Transfer == nil || len(order.Transfer.Remark) != 8 || !order.Transfer.Simulated {
		t.Fatalf("order: %+v", order)
	}
	if !order.NewTo.Equal(addMonths(start, 12)) { // expired: the term starts with the payment
		t.Errorf("new end %v", order.NewTo)
	}
	if again, err := o.ra.RenewService(o.ctx, p.me, s.ID, 24); err != nil || again.ID != order.ID {
		t.Error("a second click made a second order", err)
	}
	_, err = o.ra.ConfirmOrder(o.ctx, o.finance(), order.ID, 19999, "流水1")
	want(t, err, problem.CodeOrderAmount)
	for _, reference := range []string{"", " ", "a\nb"} {
		_, err = o.ra.ConfirmOrder(o.ctx, o.finance(), order.ID, 20000, reference)
		want(t, err, problem.CodeInvalidField)
	}
	self := account.Actor{AccountID: p.me.AccountID, Role: account.RoleFinance, State: account.Verified, Login: "x"}
	_, err = o.ra.ConfirmOrder(o.ctx, self, order.ID, 20000, "流水1")
	want(t, err, problem.CodeFinanceOnly)
	paid, err := o.ra.ConfirmOrder(o.ctx, o.finance(), order.ID, 20000, "流水1")
	if err != nil || paid.State != OrderPaid || paid.ConfirmedBy != "caiwu" || !paid.NewTo.Equal(addMonths(start, 12)) {
		t.Fatal(paid, err)
	}
	if again, err := o.ra.ConfirmOrder(o.ctx, o.finance(), order.ID, 20000, "流水1"); err != nil || !again.NewTo.Equal(paid.NewTo) {
		t.Error(again, err)
	}
	_, err = o.ra.ConfirmOrder(o.ctx, o.finance(), order.ID, 20000, "流水2")
	want(t, err, problem.CodeOrderState)
	_, err = o.ra.CloseOrder(o.ctx, p.me, order.ID)
	want(t, err, problem.CodeOrderState)
	if s = p.service(); s.State != ServiceValid || s.Renewable || !s.To.Equal(paid.NewTo) || !s.From.Equal(start) || s.OpenOrderID != "" {
		t.Errorf("service: %+v", s)
	}
	_, err = o.ra.RenewService(o.ctx, p.me, s.ID, 0)
	want(t, err, problem.CodeServiceNotRenewable)
	o.audited()
}

// TestOrderEarly renews before the end: the old end counts on.
func TestOrderEarly(t *testing.T) {
	o := newOffice(t)
	p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
	end := start.AddDate(0, 0, 10)
	check(t, o.db.Tx(o.ctx, func(tx *store.Tx) error {
		return tx.DB().Model(&serviceRow{}).Where("id = ?", p.service().ID).Update("to_at", store.Millis(end)).Error
	}))
	for _, bad := range []int{-12, 1, 13, 61, 72} {
		_, err := o.ra.RenewService(o.ctx, p.me, p.service().ID, bad)
		want(t, err, problem.CodeInvalidField)
	}
	order, err := o.ra.RenewService(o.ctx, p.me, p.service().ID, 24)
	check(t, err)
	if order.AmountCents != 40000 || !order.NewTo.Equal(addMonths(end, 24)) {
		t.Errorf("order: %+v", order)
	}
	if closed, err := o.ra.CloseOrder(o.ctx, p.me, order.ID); err != nil || closed.State != OrderClosed || closed.ClosedAt.IsZero() {
		t.Error(closed, err)
	}
	_, err = o.ra.ConfirmOrder(o.ctx, o.finance(), order.ID, 40000, "流水")
	want(t, err, problem.CodeOrderState)
	second, err := o.ra.RenewService(o.ctx, p.me, p.service().ID, 0)
	if err != nil || second.ID == order.ID || second.Number == order.Number || second.Transfer.Remark == order.Transfer.Remark {
		t.Error(second, err)
	}
	check(t, func() error {
		_, err := o.ra.ConfirmOrder(o.ctx, o.finance(), second.ID, 20000, "流水")
		return err
	}())
	if s := p.service(); !s.To.Equal(addMonths(end, 12)) || s.From.Equal(start) {
		t.Errorf("service: %+v", s)
	}
}

func TestFreeOrder(t *testing.T) {
	o := newOffice(t)
	free := demoProject()
	free.PriceCents = 0
	check(t, o.ra.EnsureProject(o.ctx, free))
	p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
	order, err := o.ra.RenewService(o.ctx, p.me, p.service().ID, 0)
	if err != nil || order.State != OrderPaid || order.PayMethod != PayFree || order.Transfer != nil {
		t.Fatal(order, err)
	}
	if p.service().State != ServiceValid {
		t.Error(p.service())
	}
}

// TestConcurrentConfirms confirms 16 times at once: the service is extended once.
func TestConcurrentConfirms(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		o := officeOn(t, db, c)
		p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
		var order Order
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				got, err := o.ra.RenewService(o.ctx, p.me, p.service().ID, 0)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				if order.ID != "" && got.ID != order.ID {
					t.Error("two orders")
				}
				order = got
			})
		}
		wg.Wait()
		confirmed := 0
		for i := range 16 {
			wg.Go(func() {
				_, err := o.ra.ConfirmOrder(o.ctx, o.finance(), order.ID, order.AmountCents, "流水"+string(rune('a'+i)))
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					confirmed++
				} else if !problem.Has(err, problem.CodeOrderState) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if confirmed != 1 || !p.service().To.Equal(addMonths(start, 12)) {
			t.Errorf("%d confirmations counted, service until %v", confirmed, p.service().To)
		}
		o.audited()
	})
}

func TestAllOrders(t *testing.T) {
	o := newOffice(t)
	p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
	order, err := o.ra.RenewService(o.ctx, p.me, p.service().ID, 0)
	check(t, err)
	for search, n := range map[string]int{"": 1, order.Transfer.Remark: 1, "田谷": 1, order.Number: 1, "%": 0, "_": 0, "别人": 0} {
		l, err := o.ra.ListAllOrders(o.ctx, o.finance(), OrderFilter{Search: search}, Paging{})
		if err != nil || len(l.Items) != n || l.Page.Total != n || l.Page.Pages != 1 || l.Page.Size != 5 {
			t.Errorf("%q: %d orders, %+v, %v", search, len(l.Items), l.Page, err)
		}
	}
	if l, err := o.ra.ListAllOrders(o.ctx, o.finance(), OrderFilter{State: OrderPaid}, Paging{}); err != nil || len(l.Items) != 0 {
		t.Error(l, err)
	}
	_, err = o.ra.ListAllOrders(o.ctx, p.me, OrderFilter{}, Paging{})
	want(t, err, problem.CodeFinanceOnly)
}

func TestAddMonths(t *testing.T) {
	at := func(y int, m time.Month, d, h int) time.Time { return time.Date(y, m, d, h, 30, 0, 0, china) }
	for _, c := range []struct {
		from   time.Time
		months int
		want   time.Time
	}{
		{at(2026, 1, 31, 9), 1, at(2026, 2, 28, 9)},
		{at(2028, 2, 29, 9), 12, at(2029, 2, 28, 9)},
		{at(2026, 12, 31, 23), 2, at(2027, 2, 28, 23)},
		{at(2026, 8, 31, 0), 12, at(2027, 8, 31, 0)},
	} {
		if got := addMonths(c.from, c.months); !got.Equal(c.want) {
			t.Errorf("%v + %d = %v, want %v", c.from, c.months, got.In(china), c.want)
		}
	}
}

func TestOpenAt(t *testing.T) {
	c := Contact{Hours: "周一至周五 9:00-18:00"}
	monday := time.Date(2026, 11, 23, 0, 0, 0, 0, china)
	for at, open := range map[time.Time]bool{
		monday.Add(9 * time.Hour): true, monday.Add(9*time.Hour - time.Second): false, monday.Add(18 * time.Hour): false,
		monday.Add(18*time.Hour - time.Second): true, monday.AddDate(0, 0, 5).Add(12 * time.Hour): false, monday.AddDate(0, 0, 4).Add(12 * time.Hour): true,
	} {
		if got, known := c.OpenAt(at); got != open || !known {
			t.Errorf("%v: %v, %v", at, got, known)
		}
	}
	if _, known := (Contact{Hours: "随时"}).OpenAt(monday); known {
		t.Error("hours nobody can read")
	}
}

func TestProjects(t *testing.T) {
	o := newOffice(t)
	for name, spoil := range map[string]func(*Project){
		"slug": func(p *Project) { p.Slug = "JH" }, "name": func(p *Project) { p.Name = " " }, "price": func(p *Project) { p.PriceCents = -1 },
		"term": func(p *Project) { p.TermMonths = 0 },
	} {
		p := demoProject()
		spoil(&p)
		if err := o.ra.EnsureProject(o.ctx, p); !problem.Has(err, problem.CodeInvalidField) {
			t.Errorf("%s: %v", name, err)
		}
	}
	changed := demoProject()
	changed.CA = "root"
	if o.ra.EnsureProject(o.ctx, changed) == nil {
		t.Error("a CA that is not there")
	}
	changed.CA, changed.Notice = "issuing", "停机通知"
	check(t, o.ra.EnsureProject(o.ctx, changed))
	check(t, o.ra.EnsureProject(o.ctx, changed))
	got, err := o.ra.Project(o.ctx, "jhggzy")
	if err != nil || got.Notice != "停机通知" || got.Process[1] != "续期" || !got.Demo || got.Contact.Phone != "400-0878-198" {
		t.Error(got, err)
	}
	if o.ra.ContactPhone("jhggzy") != "400-0878-198" || o.ra.ContactPhone("none") != "" {
		t.Error("contact phone")
	}
	for search, n := range map[string]int{"金华市公共资源": 1, "招投标": 1, "杭州": 0, "%": 0} {
		if l, err := o.ra.ListProjects(o.ctx, search, Paging{}); err != nil || len(l.Items) != n {
			t.Errorf("%q: %d, %v", search, len(l.Items), err)
		}
	}
	_, err = o.ra.Project(o.ctx, "none")
	want(t, err, problem.CodeNotFound)
}

// TestOrderTimelineKeepsItsOrder: what happens to an order within one millisecond is told in the order in which it happened.
func TestOrderTimelineKeepsItsOrder(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		c.set(start)
		o := officeOn(t, db, c)
		p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
		order, err := o.ra.RenewService(o.ctx, p.me, p.service().ID, 0)
		check(t, err)
		wanted := []string{orderCreated}
		for i := range 6 { // of random ids, one order in 5040 is right by chance
			act := fmt.Sprint("order.", i)
			check(t, o.db.Tx(o.ctx, func(tx *store.Tx) error { return noteOrder(tx, order.ID, act, "", "") }))
			wanted = append(wanted, act)
		}
		check(t, o.db.Tx(o.ctx, func(tx *store.Tx) error { // and within one transaction
			if err := noteOrder(tx, order.ID, orderWasPaid, "", ""); err != nil {
				return err
			}
			return noteOrder(tx, order.ID, orderInvoiced, "", "")
		}))
		whole, err := o.ra.StaffOrder(o.ctx, o.finance(), order.ID)
		check(t, err)
		var got []string
		for _, e := range whole.Timeline {
			got = append(got, e.Act)
		}
		if wanted = append(wanted, orderWasPaid, orderInvoiced); !slices.Equal(got, wanted) {
			t.Errorf("got %v, want %v", got, wanted)
		}
	})
}
