package ra

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"signet/api/account"
	"signet/api/pay"
	"signet/api/problem"
	"signet/api/store"
)

// till is a platform without its protocol, which package pay's tests speak.
type till struct {
	mu      sync.Mutex
	charges map[string]pay.Payment
	refunds map[string]int64
	down    bool
}

var _ pay.Gateway = (*till)(nil)

func newTill() *till { return &till{charges: map[string]pay.Payment{}, refunds: map[string]int64{}} }

func (g *till) do(f func()) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.down {
		return errors.New("the platform is down")
	}
	f()
	return nil
}

func (g *till) Open(_ context.Context, c pay.Charge) (string, error) {
	return "weixin://" + c.Number, g.do(func() {
		g.charges[c.Number] = pay.Payment{Number: c.Number, State: pay.Waiting, AmountCents: c.AmountCents}
	})
}

func (g *till) Query(_ context.Context, number string) (p pay.Payment, err error) {
	err = g.do(func() {
		known := false
		if p, known = g.charges[number]; !known {
			p = pay.Payment{Number: number, State: pay.Gone}
		}
	})
	return p, err
}

func (g *till) Close(_ context.Context, number string) error {
	return g.do(func() { p := g.charges[number]; p.State = pay.Gone; g.charges[number] = p })
}

func (g *till) Refund(_ context.Context, r pay.Refund) (string, error) {
	return "refund of " + r.Number, g.do(func() { g.refunds[r.Number] = r.AmountCents })
}

func (g *till) Notice(*http.Request) (pay.Payment, error) { return pay.Payment{}, errors.New("none") }
func (g *till) Answer(http.ResponseWriter, bool)          {}

// scan is the payer's doing.
func (g *till) scan(t *testing.T) pay.Payment {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	for number, p := range g.charges {
		if p.State == pay.Waiting {
			p.State, p.Transaction = pay.Paid, "T-"+number
			g.charges[number] = p
			return p
		}
	}
	t.Fatal("there is nothing to scan")
	return pay.Payment{}
}

func TestCharge(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		c.set(start)
		o := officeOn(t, db, c)
		p := o.party()
		order, err := o.ra.RenewService(o.ctx, p.me, p.service().ID, 0)
		check(t, err)
		_, err = o.ra.StartCharge(o.ctx, p.me, order.ID, "wechat")
		want(t, err, problem.CodeGatewayOff)
		g := newTill()
		o.ra.c.Gateways = map[string]pay.Gateway{"wechat": g}
		_, err = o.ra.StartCharge(o.ctx, o.stranger(), order.ID, "wechat")
		want(t, err, problem.CodeNotFound)
		g.down = true
		_, err = o.ra.StartCharge(o.ctx, p.me, order.ID, "wechat")
		want(t, err, problem.CodeGatewayRefused)
		g.down = false
		first, err := o.ra.StartCharge(o.ctx, p.me, order.ID, "wechat")
		if err != nil || len(first.Image) == 0 || !first.ExpiresAt.Equal(start.Add(chargeFor)) {
			t.Fatal(first, err)
		}
		_, err = o.ra.StartCharge(o.ctx, p.me, order.ID, "wechat")
		if err != nil || len(g.charges) != 1 {
			t.Error("another code while one can be scanned", g.charges, err)
		}
		paid := g.scan(t)
		wrong := paid
		wrong.AmountCents--
		want(t, o.ra.ChargePaid(o.ctx, "wechat", wrong), problem.CodeOrderAmount)
		wrong = paid
		wrong.Number = "DD0"
		want(t, o.ra.ChargePaid(o.ctx, "wechat", wrong), problem.CodeNotFound)
		want(t, o.ra.ChargePaid(o.ctx, "alipay", paid), problem.CodeNotFound)

		var wg sync.WaitGroup // the notice comes several times, the job asks, and finance confirms a transfer
		for range 4 {
			wg.Go(func() {
				if err := o.ra.ChargePaid(o.ctx, "wechat", paid); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Go(func() {
			if _, err := o.ra.ConfirmOrder(o.ctx, o.finance(), order.ID, 20000, "流水"); err != nil && !problem.Has(err, problem.CodeOrderState) {
				t.Error(err)
			}
		})
		wg.Wait()
		got, err := o.ra.Order(o.ctx, p.me, order.ID)
		if err != nil || got.State != OrderPaid || !p.service().To.Equal(addMonths(start, 12)) {
			t.Fatal(got, err)
		}
		c.set(c.Now().Add(time.Minute))
		check(t, o.ra.SettleCharges(o.ctx))
		back := g.refunds["TK"+paid.Number]
		if got.PayMethod == "wechat" && (back != 0 || got.Reference != paid.Transaction) || got.PayMethod == PayTransfer && back != 20000 {
			t.Errorf("paid by %s (%s), %d went back", got.PayMethod, got.Reference, back)
		}
		o.audited()
	})
}

// TestChargeNoticeLost: the platform is asked, and a refund goes the way the money came.
func TestChargeNoticeLost(t *testing.T) {
	o := newOffice(t)
	p := o.party()
	g := newTill()
	o.ra.c.Gateways = map[string]pay.Gateway{"wechat": g}
	order, err := o.ra.RenewService(o.ctx, p.me, p.service().ID, 0)
	check(t, err)
	_, err = o.ra.StartCharge(o.ctx, p.me, order.ID, "wechat")
	check(t, err)
	g.scan(t)
	check(t, o.ra.SettleCharges(o.ctx)) // asked too lately
	if got, _ := o.ra.Order(o.ctx, p.me, order.ID); got.State != OrderPending {
		t.Fatal(got)
	}
	o.clock.set(o.clock.Now().Add(askEvery))
	g.down = true
	if o.ra.SettleCharges(o.ctx) == nil {
		t.Error("a platform that is down is not told")
	}
	g.down = false
	o.clock.set(o.clock.Now().Add(askEvery))
	check(t, o.ra.SettleCharges(o.ctx))
	got, err := o.ra.Order(o.ctx, p.me, order.ID)
	if err != nil || got.State != OrderPaid || got.PayMethod != "wechat" || got.ConfirmedBy != "wechat" {
		t.Fatal(got, err)
	}
	asked, err := o.ra.RequestRefund(o.ctx, p.me, order.ID, "不再投标")
	check(t, err)
	_, err = o.ra.DecideRefund(o.ctx, staff("jingli", account.RoleManager), asked.Refund.ID, true, "")
	check(t, err)
	g.down = true
	_, err = o.ra.FinishRefund(o.ctx, o.finance(), asked.Refund.ID, "")
	want(t, err, problem.CodeGatewayRefused)
	g.down = false
	done, err := o.ra.FinishRefund(o.ctx, o.finance(), asked.Refund.ID, "")
	if err != nil || done.Reference != "refund of "+done.Number || g.refunds[done.Number] != 20000 {
		t.Error(done, g.refunds, err)
	}
	o.audited()
}

// TestChargeLate: what is paid for a closed order goes back, once.
func TestChargeLate(t *testing.T) {
	o := newOffice(t)
	p := o.party()
	g := newTill()
	o.ra.c.Gateways = map[string]pay.Gateway{"wechat": g}
	order, err := o.ra.RenewService(o.ctx, p.me, p.service().ID, 0)
	check(t, err)
	_, err = o.ra.StartCharge(o.ctx, p.me, order.ID, "wechat")
	check(t, err)
	paid := g.scan(t)
	_, err = o.ra.CloseOrder(o.ctx, p.me, order.ID)
	check(t, err)
	check(t, o.ra.ChargePaid(o.ctx, "wechat", paid))
	for range 3 {
		o.clock.set(o.clock.Now().Add(askEvery))
		check(t, o.ra.SettleCharges(o.ctx))
	}
	got, err := o.ra.Order(o.ctx, p.me, order.ID)
	if err != nil || got.State != OrderClosed || acts(got) != "order.created order.closed order.late order.returned" || len(g.refunds) != 1 || g.refunds["TK"+paid.Number] != 20000 {
		t.Error(acts(got), g.refunds, err)
	}
	o.audited()
}

func TestChargeEnds(t *testing.T) {
	o := newOffice(t)
	p := o.party()
	g := newTill()
	o.ra.c.Gateways = map[string]pay.Gateway{"wechat": g}
	order, err := o.ra.RenewService(o.ctx, p.me, p.service().ID, 0)
	check(t, err)
	_, err = o.ra.StartCharge(o.ctx, p.me, order.ID, "wechat")
	check(t, err)
	o.clock.set(o.clock.Now().Add(chargeFor + chargeGrace + time.Second))
	check(t, o.ra.SettleCharges(o.ctx))
	row, err := take[chargeRow](o.db.Read(o.ctx), "charge", "order_id = ?", order.ID)
	if err != nil || row.State != chargeGone {
		t.Error(row, err)
	}
	if _, err := o.ra.StartCharge(o.ctx, p.me, order.ID, "wechat"); err != nil || len(g.charges) != 2 {
		t.Error("no new code after the old one ended", err)
	}
}
