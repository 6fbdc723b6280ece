package ra

import (
	"archive/zip"
	"bytes"
	"image"
	"image/png"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/api/account"
	"signet/api/blob"
	"signet/api/problem"
	"signet/api/store"
	"signet/ca/pki"
	"signet/hsm/keyfile"
)

// files gives the office a real store of files.
func (o *office) files() {
	o.t.Helper()
	dir, err := blob.OpenDir(o.t.TempDir())
	check(o.t, err)
	keys, err := keyfile.Create(keyfile.Config{Dir: o.t.TempDir() + "/keys", Passphrase: []byte("passphrase"), Cost: keyfile.Cost{Passes: 1, Memory: 8 << 10, Lanes: 1}})
	check(o.t, err)
	wrapper, err := keys.Wrapper(o.ctx, "files")
	check(o.t, err)
	o.ra.c.Files = blob.New(dir, wrapper)
}

func (o *office) party() *party {
	o.t.Helper()
	return o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
}

func staff(name string, role account.Role) account.Actor {
	return account.Actor{AccountID: "acc_" + name, Role: role, State: account.Verified, Login: name}
}

func (o *office) stranger() account.Actor {
	return account.Actor{AccountID: "acc_other", OrganisationID: "org_other", Role: account.RoleHolder, State: account.Verified, SessionID: "ses_2", Login: "other"}
}

func pngImage(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	check(t, png.Encode(&out, image.NewGray(image.Rect(0, 0, 300, 200))))
	return out.Bytes()
}

const smallPDF = "%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"

func acts(o Order) string {
	var list []string
	for _, e := range o.Timeline {
		list = append(list, e.Act)
	}
	return strings.Join(list, " ")
}

func TestPrices(t *testing.T) {
	o := newOffice(t)
	for name, bad := range map[string][]PriceRule{
		"kind": {{Kind: "gift", PriceCents: 1}}, "term": {{Kind: PriceRenewal, TermMonths: 61}}, "no term": {{Kind: PriceRenewal}}, "negative": {{Kind: "replace", PriceCents: -1}},
		"much": {{Kind: "replace", PriceCents: maxPriceCents + 1}}, "twice": {{Kind: "replace", PriceCents: 1}, {Kind: "replace", PriceCents: 2}},
	} {
		d, err := o.ra.ProjectContent().Live(o.db.Read(o.ctx), "jhggzy")
		check(t, err)
		d.Prices = bad
		if err := o.ra.ProjectContent().Check(nil, "jhggzy", &d); !problem.Has(err, problem.CodeInvalidField) {
			t.Errorf("%s: %v", name, err)
		}
	}
	o.publish(func(d *ProjectDocument) {
		d.Prices = []PriceRule{{PriceRenewal, 36, 50000}, {PriceRenewal, 12, 19900}, {"new", 0, 10000}, {"new", 36, 60000}, {"replace", 0, 5000}}
	})
	terms, err := o.ra.Terms(o.ctx, "jhggzy")
	if err != nil || len(terms) != 2 || terms[0] != (Term{12, 19900}) || terms[1] != (Term{36, 50000}) {
		t.Error(terms, err)
	}
	db := o.db.Read(o.ctx)
	for _, c := range []struct {
		kind   string
		months int
		cents  int64
	}{{"new", 36, 60000}, {"new", 12, 10000}, {"replace", 0, 5000}, {"revoke", 0, 0}} {
		if got, err := o.ra.applicationPrice(db, "jhggzy", c.kind, c.months); err != nil || got != c.cents {
			t.Errorf("%s for %d months: %d, %v", c.kind, c.months, got, err)
		}
	}
	p := o.party()
	_, err = o.ra.RenewService(o.ctx, p.me, p.service().ID, 24) // a multiple, which no longer counts where terms are listed
	want(t, err, problem.CodeInvalidField)
	order, err := o.ra.RenewService(o.ctx, p.me, p.service().ID, 36)
	if err != nil || order.AmountCents != 50000 || !order.NewTo.Equal(addMonths(start, 36)) {
		t.Error(order, err)
	}
	o.publish(func(d *ProjectDocument) { d.Prices = nil })
	if order, err = o.ra.Order(o.ctx, p.me, order.ID); err != nil || order.AmountCents != 50000 {
		t.Error("an order made before changed its amount", order, err)
	}
}

func TestOrderLapses(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		c.set(start)
		o := officeOn(t, db, c)
		o.files()
		p := o.party()
		order, err := o.ra.RenewService(o.ctx, p.me, p.service().ID, 0)
		check(t, err)
		if !order.DueAt.Equal(start.Add(7 * 24 * time.Hour)) {
			t.Errorf("due %v", order.DueAt)
		}
		c.set(order.DueAt.Add(-time.Second))
		check(t, o.ra.CloseDue(o.ctx))
		slip, err := o.ra.UploadSlip(o.ctx, p.me, order.ID, `C:\转账凭证.PNG`, pngImage(t))
		if err != nil || slip.Slip == nil || slip.Slip.Name != "转账凭证.png" || slip.Slip.Type != "image/png" || !slip.DueAt.Equal(c.Now().Add(7*24*time.Hour)) {
			t.Fatal(slip, err)
		}
		due := slip.DueAt
		c.set(order.DueAt.Add(time.Hour))
		if again, err := o.ra.UploadSlip(o.ctx, p.me, order.ID, "b.png", pngImage(t)); err != nil || !again.DueAt.Equal(due) {
			t.Error("a second slip moved the end", again.DueAt, err)
		}
		check(t, o.ra.CloseDue(o.ctx)) // not yet: the slip gave it time
		if order, err = o.ra.Order(o.ctx, p.me, order.ID); err != nil || order.State != OrderPending {
			t.Fatal(order, err)
		}
		shown, content, err := o.ra.SlipFile(o.ctx, o.finance(), order.ID)
		if err != nil || shown.Name != "b.png" || len(content) == 0 {
			t.Error(shown, err)
		}
		_, _, err = o.ra.SlipFile(o.ctx, o.stranger(), order.ID)
		want(t, err, problem.CodeNotFound)
		_, err = o.ra.UploadSlip(o.ctx, o.stranger(), order.ID, "x", pngImage(t))
		want(t, err, problem.CodeNotFound)
		_, err = o.ra.UploadSlip(o.ctx, p.me, order.ID, "x.png", []byte("MZ no image"))
		want(t, err, problem.CodeUploadType)
		c.set(due)
		check(t, o.ra.CloseDue(o.ctx))
		check(t, o.ra.CloseDue(o.ctx))
		if order, err = o.ra.Order(o.ctx, p.me, order.ID); err != nil || order.State != OrderClosed || acts(order) != "order.created order.slip order.slip order.lapsed" {
			t.Error(acts(order), err)
		}
		_, err = o.ra.UploadSlip(o.ctx, p.me, order.ID, "x", pngImage(t))
		want(t, err, problem.CodeOrderState)
		if s := p.service(); s.OpenOrderID != "" {
			t.Error("the service is not free")
		}
		o.audited()
	})
}

// billed puts an application where it waits for its order.
func (p *party) billed(cents int64) (*applicationRow, Order) {
	p.t.Helper()
	a, err := p.ra.StartRenewal(p.ctx, p.me, p.certificate().ID, "")
	check(p.t, err)
	row, err := take[applicationRow](p.db.Read(p.ctx), "application", "id = ?", a.ID)
	check(p.t, err)
	var id string
	check(p.t, p.db.Tx(p.ctx, func(tx *store.Tx) error {
		if err := tx.DB().Model(&applicationRow{}).Where("id = ?", a.ID).Update("state", "paying").Error; err != nil {
			return err
		}
		var err error
		if id, err = p.ra.openApplicationOrder(tx, staff("shenhe", account.RoleReviewer), row, cents, "证书补办"); err != nil {
			return err
		}
		again, err := p.ra.openApplicationOrder(tx, staff("shenhe", account.RoleReviewer), row, cents, "证书补办")
		if err == nil && again != id {
			p.t.Error("a second order for the same application")
		}
		return err
	}))
	order, err := p.ra.Order(p.ctx, p.me, id)
	check(p.t, err)
	return row, order
}

func TestApplicationOrder(t *testing.T) {
	o := newOffice(t)
	p := o.party()
	p.pay()
	row, order := p.billed(5000)
	if order.ApplicationID != row.ID || order.ServiceID != "" || order.AmountCents != 5000 || order.Title != "证书补办" || !order.NewTo.IsZero() || order.Transfer == nil {
		t.Fatalf("order: %+v", order)
	}
	_, err := o.ra.CloseOrder(o.ctx, o.stranger(), order.ID)
	want(t, err, problem.CodeNotFound)
	closed, err := o.ra.CloseOrder(o.ctx, p.me, order.ID)
	if err != nil || closed.State != OrderClosed || p.application(row.ID).State != AppWithdrawn {
		t.Fatal(closed, p.application(row.ID).State, err)
	}
	row, order = p.billed(5000)
	paid, err := o.ra.ConfirmOrder(o.ctx, o.finance(), order.ID, 5000, "流水9")
	if err != nil || paid.State != OrderPaid {
		t.Fatal(paid, err)
	}
	if s := p.application(row.ID).State; s == "paying" || s == AppWithdrawn {
		t.Errorf("the application is %s", s)
	}
	_, err = o.ra.RequestRefund(o.ctx, p.me, order.ID, "不办了")
	want(t, err, problem.CodeRefundUsed)
	o.audited()
}

// TestEndedIsRefunded: what was paid for an application that ends without result is asked back by itself, once, and two people decide on it.
func TestEndedIsRefunded(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		c.set(start)
		o := officeOn(t, db, c)
		o.noPapers()
		p := o.party()
		paid := func(id string) Order {
			t.Helper()
			var order string
			check(t, db.Tx(o.ctx, func(tx *store.Tx) error {
				a, err := take[applicationRow](tx.DB(), "application", "id = ?", id)
				if err == nil {
					order, err = o.ra.openApplicationOrder(tx, p.me, a, 5000, "变更法人")
				}
				return err
			}))
			made, err := o.ra.ConfirmOrder(o.ctx, o.finance(), order, 5000, "流水 "+id)
			check(t, err)
			return made
		}
		asked := func(order Order, why string) Order {
			t.Helper()
			got, err := o.ra.Order(o.ctx, p.me, order.ID)
			check(t, err)
			if got.State != OrderPaid || got.Refund == nil || got.Refund.State != RefundRequested || got.Refund.Reason != why || got.Refund.AmountCents != 5000 || got.Refund.AskedBy != "" {
				t.Fatalf("%s: %+v, %+v", why, got, got.Refund)
			}
			return got
		}

		a := p.submit(KindChangeLegal, p.certificate().ID, Form{LegalRep: "李四"})
		order := paid(a.ID)
		_, err := o.ra.RequestRefund(o.ctx, p.me, order.ID, "不办了")
		want(t, err, problem.CodeRefundUsed)
		for range 2 { // a repeat asks for nothing more
			_, err = o.ra.WithdrawApplication(o.ctx, p.me, a.ID)
			check(t, err)
		}
		order = asked(order, refundWithdrawn)
		_, err = o.ra.RequestRefund(o.ctx, p.me, order.ID, "不办了")
		want(t, err, problem.CodeRefundOpen)
		manager := staff("jingli", account.RoleManager)
		_, err = o.ra.DecideRefund(o.ctx, manager, order.Refund.ID, true, "")
		check(t, err)
		_, err = o.ra.FinishRefund(o.ctx, o.finance(), order.Refund.ID, "TK1")
		check(t, err)
		if got, err := o.ra.Order(o.ctx, p.me, order.ID); err != nil || got.State != OrderRefunded {
			t.Fatal(got, err)
		}

		a = p.submit(KindChangeLegal, p.certificate().ID, Form{LegalRep: "李四"})
		order = paid(a.ID)
		_, err = o.ra.Claim(o.ctx, p.reviewer(), a.ID)
		check(t, err)
		_, err = o.ra.Decide(o.ctx, p.reviewer(), a.ID, Decision{Decision: Reject, Reasons: []string{"not_eligible"}})
		check(t, err)
		asked(order, refundRejected)

		a = p.submit(KindChangeLegal, p.certificate().ID, Form{LegalRep: "李四"})
		order = paid(a.ID)
		_, err = o.ra.Claim(o.ctx, p.reviewer(), a.ID)
		check(t, err)
		_, err = o.ra.Decide(o.ctx, p.reviewer(), a.ID, Decision{Decision: Return, Reasons: []string{"other"}, Note: "请补正"})
		check(t, err)
		if got, err := o.ra.Order(o.ctx, p.me, order.ID); err != nil || got.Refund != nil {
			t.Fatal(got.Refund, err)
		}
		c.set(c.Now().Add(correctFor + time.Hour))
		check(t, o.ra.lapse(o.ctx))
		asked(order, refundLapsed)

		a = p.submit(KindChangeLegal, p.certificate().ID, Form{LegalRep: "李四"}) // nothing paid: nothing asked
		_, err = o.ra.WithdrawApplication(o.ctx, p.me, a.ID)
		check(t, err)
		if l, err := o.ra.ListRefunds(o.ctx, manager, "", Paging{}); err != nil || l.Page.Total != 3 {
			t.Error(l, err)
		}
		o.audited()
	})
}

func TestRefund(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		c.set(start)
		o := officeOn(t, db, c)
		p := o.party()
		before := p.service()
		order := p.pay()
		first, second, manager := o.finance(), staff("kuaiji", account.RoleFinance), staff("jingli", account.RoleManager)

		_, err := o.ra.RequestRefund(o.ctx, o.stranger(), order.ID, "x")
		want(t, err, problem.CodeNotFound)
		_, err = o.ra.RequestRefund(o.ctx, p.me, order.ID, " ")
		want(t, err, problem.CodeInvalidField)
		_, err = o.ra.RequestRefund(o.ctx, staff("r", account.RoleReviewer), order.ID, "x")
		want(t, err, problem.CodeFinanceOnly)
		asked, err := o.ra.RequestRefund(o.ctx, first, order.ID, "多付了一次")
		check(t, err)
		id := asked.Refund.ID
		_, err = o.ra.RequestRefund(o.ctx, p.me, order.ID, "再来一次")
		want(t, err, problem.CodeRefundOpen)
		_, err = o.ra.DecideRefund(o.ctx, first, id, true, "")
		want(t, err, problem.CodeRefundSame)
		_, err = o.ra.DecideRefund(o.ctx, p.me, id, true, "")
		want(t, err, problem.CodeFinanceOnly)
		_, err = o.ra.DecideRefund(o.ctx, second, id, false, "")
		want(t, err, problem.CodeInvalidField)
		if got, err := o.ra.DecideRefund(o.ctx, second, id, false, "金额无误"); err != nil || got.State != RefundRejected || got.Note != "金额无误" {
			t.Fatal(got, err)
		}
		_, err = o.ra.FinishRefund(o.ctx, first, id, "TK1")
		want(t, err, problem.CodeRefundState)

		asked, err = o.ra.RequestRefund(o.ctx, p.me, order.ID, "不再投标")
		check(t, err)
		if _, err = o.ra.WithdrawRefund(o.ctx, o.stranger(), asked.Refund.ID); !problem.Has(err, problem.CodeNotFound) {
			t.Error(err)
		}
		if got, err := o.ra.WithdrawRefund(o.ctx, p.me, asked.Refund.ID); err != nil || got.Refund.State != RefundWithdrawn {
			t.Fatal(got, err)
		}
		c.set(c.Now().Add(time.Second))
		asked, err = o.ra.RequestRefund(o.ctx, p.me, order.ID, "不再投标")
		check(t, err)
		id = asked.Refund.ID

		approved := 0
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				_, err := o.ra.DecideRefund(o.ctx, manager, id, true, "同意")
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					approved++
				} else if !problem.Has(err, problem.CodeRefundState) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if s := p.service(); approved != 1 || !s.To.Equal(before.To) || !s.From.Equal(before.From) {
			t.Errorf("%d approvals; the service is back at %v to %v, was %v to %v", approved, s.From, s.To, before.From, before.To)
		}
		if _, err := o.ra.StartRenewal(o.ctx, p.me, p.certificate().ID, ""); !problem.Has(err, problem.CodeServiceUnpaid) {
			t.Errorf("what was taken back can be used: %v", err)
		}
		_, err = o.ra.FinishRefund(o.ctx, manager, id, "TK1") // neither finance nor another person
		want(t, err, problem.CodeFinanceOnly)
		for _, bad := range []string{"", "a\nb"} {
			_, err = o.ra.FinishRefund(o.ctx, first, id, bad)
			want(t, err, problem.CodeInvalidField)
		}
		done, err := o.ra.FinishRefund(o.ctx, first, id, "TK1")
		if err != nil || done.State != RefundDone || done.AmountCents != 20000 || done.Reference != "TK1" || done.DecidedBy != "jingli" || done.DoneBy != "caiwu" {
			t.Fatal(done, err)
		}
		if again, err := o.ra.FinishRefund(o.ctx, first, id, "TK2"); err != nil || again.Reference != "TK1" {
			t.Error(again, err)
		}
		whole, err := o.ra.Order(o.ctx, p.me, order.ID)
		if err != nil || whole.State != OrderRefunded || !strings.HasSuffix(acts(whole), "refund.requested refund.approved refund.done") {
			t.Error(whole.State, acts(whole), err)
		}
		_, err = o.ra.RequestRefund(o.ctx, p.me, order.ID, "x")
		want(t, err, problem.CodeOrderState)
		if l, err := o.ra.ListRefunds(o.ctx, manager, RefundDone, Paging{}); err != nil || len(l.Items) != 1 || l.Items[0].OrderNumber != order.Number {
			t.Error(l, err)
		}
		p.pay() // the service can be renewed again
		o.audited()
	})
}

// TestRefundSamePerson holds the rule of two people where the same person has both verbs, and in the database itself.
func TestRefundSamePerson(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		o := officeOn(t, db, c)
		p := o.party()
		order := p.pay()
		asked, err := o.ra.RequestRefund(o.ctx, p.me, order.ID, "不再投标")
		check(t, err)
		both := o.finance()
		_, err = o.ra.DecideRefund(o.ctx, both, asked.Refund.ID, true, "")
		check(t, err)
		_, err = o.ra.FinishRefund(o.ctx, both, asked.Refund.ID, "TK1")
		want(t, err, problem.CodeRefundSame)
		if o.db.Tx(o.ctx, func(tx *store.Tx) error {
			return tx.DB().Model(&refundRow{}).Where("id = ?", asked.Refund.ID).Update("done_by", both.AccountID).Error
		}) == nil {
			t.Error("the database takes the same person twice")
		}
	})
}

// TestRefundUsed: what has been used is not given back.
func TestRefundUsed(t *testing.T) {
	o := newOffice(t)
	p := o.party()
	order := p.pay()
	asked, err := o.ra.RequestRefund(o.ctx, p.me, order.ID, "x")
	check(t, err)
	a, err := o.ra.StartRenewal(o.ctx, p.me, p.certificate().ID, "") // between asking and deciding
	check(t, err)
	_, err = o.ra.DecideRefund(o.ctx, o.finance(), asked.Refund.ID, true, "")
	want(t, err, problem.CodeRefundUsed)
	if s := p.service(); !s.To.Equal(order.NewTo) {
		t.Errorf("the service ends %v", s.To)
	}
	_, err = o.ra.WithdrawApplication(o.ctx, p.me, a.ID)
	check(t, err)
	_, err = o.ra.DecideRefund(o.ctx, o.finance(), asked.Refund.ID, true, "")
	check(t, err)
}

func TestInvoice(t *testing.T) {
	o := newOffice(t)
	o.files()
	p := o.party()
	good := InvoiceRequest{Title: tianguName, TaxNumber: "91330106352497899E", Email: "caiwu@example.com"}
	if account.CheckUSCC(good.TaxNumber) != "" {
		good.TaxNumber = "330106352497899"
	}
	pending, err := o.ra.RenewService(o.ctx, p.me, p.service().ID, 0)
	check(t, err)
	_, err = o.ra.RequestInvoice(o.ctx, p.me, pending.ID, good)
	want(t, err, problem.CodeOrderState)
	order := p.pay()
	for name, spoil := range map[string]func(*InvoiceRequest){
		"title": func(q *InvoiceRequest) { q.Title = " " }, "check digit": func(q *InvoiceRequest) { q.TaxNumber = "91330106352497899A" }, "no number": func(q *InvoiceRequest) { q.TaxNumber = "" },
		"mail": func(q *InvoiceRequest) { q.Email = "caiwu" }, "mail with a name": func(q *InvoiceRequest) { q.Email = "a <a@example.com>" }, "a person's": func(q *InvoiceRequest) { q.Personal = true },
		"two mails": func(q *InvoiceRequest) { q.Email = "a@example.com,b@example.com" },
	} {
		q := good
		spoil(&q)
		if _, err := o.ra.RequestInvoice(o.ctx, p.me, order.ID, q); !problem.Has(err, problem.CodeInvalidField) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = o.ra.RequestInvoice(o.ctx, o.stranger(), order.ID, good)
	want(t, err, problem.CodeNotFound)
	asked, err := o.ra.RequestInvoice(o.ctx, p.me, order.ID, InvoiceRequest{Title: "张三", Personal: true, Email: "z@example.com"})
	check(t, err)
	_, err = o.ra.RequestInvoice(o.ctx, p.me, order.ID, good)
	want(t, err, problem.CodeInvoiceOpen)
	_, err = o.ra.CancelInvoice(o.ctx, o.stranger(), asked.Invoice.ID)
	want(t, err, problem.CodeNotFound)
	if got, err := o.ra.CancelInvoice(o.ctx, p.me, asked.Invoice.ID); err != nil || got.Invoice.State != InvoiceCancelled {
		t.Fatal(got, err)
	}
	o.clock.set(o.clock.Now().Add(time.Second))
	asked, err = o.ra.RequestInvoice(o.ctx, p.me, order.ID, good)
	if err != nil || asked.Invoice.State != InvoiceRequested || asked.Invoice.AmountCents != 20000 {
		t.Fatal(asked, err)
	}
	id := asked.Invoice.ID

	var ofd bytes.Buffer
	z := zip.NewWriter(&ofd)
	_, err = z.Create("OFD.xml")
	check(t, err)
	check(t, z.Close())
	var other bytes.Buffer
	z = zip.NewWriter(&other)
	_, err = z.Create("word/document.xml")
	check(t, err)
	check(t, z.Close())
	for name, content := range map[string]string{
		"nothing": "", "a page": "<html>", "cut": "%PDF-1.4\n1 0 obj", "script": strings.Replace(smallPDF, "/Catalog", "/Catalog/OpenAction<</S/JavaScript/JS (x)>>", 1),
		"a document": other.String(), "large": smallPDF[:len(smallPDF)-6] + strings.Repeat(" ", maxInvoice) + "%%EOF\n",
	} {
		if _, err := o.ra.UploadInvoice(o.ctx, o.finance(), id, false, InvoiceFile{Number: "24332000000012345678", Name: "x.pdf", Content: []byte(content)}); !problem.Has(err, problem.CodeFileRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	f := InvoiceFile{Number: "24332000000012345678", Name: "../../发票.pdf", Content: []byte(smallPDF)}
	_, err = o.ra.UploadInvoice(o.ctx, o.finance(), id, false, InvoiceFile{Number: "=1+1", Name: "x", Content: f.Content})
	want(t, err, problem.CodeInvalidField)
	_, err = o.ra.UploadInvoice(o.ctx, p.me, id, false, f)
	want(t, err, problem.CodeFinanceOnly)
	_, err = o.ra.UploadInvoice(o.ctx, o.finance(), id, true, f)
	want(t, err, problem.CodeInvoiceState)
	_, err = o.ra.InvoiceFile(o.ctx, p.me, id, false)
	want(t, err, problem.CodeNotFound)
	issued, err := o.ra.UploadInvoice(o.ctx, o.finance(), id, false, f)
	if err != nil || issued.State != InvoiceIssued || issued.FileName != "发票.pdf" || issued.Number != f.Number {
		t.Fatal(issued, err)
	}
	_, err = o.ra.UploadInvoice(o.ctx, o.finance(), id, false, f)
	want(t, err, problem.CodeInvoiceState)
	for _, who := range []account.Actor{p.me, o.finance(), staff("audit", account.RoleAuditor)} {
		if got, err := o.ra.InvoiceFile(o.ctx, who, id, false); err != nil || string(got.Content) != smallPDF {
			t.Error(got, err)
		}
	}
	_, err = o.ra.InvoiceFile(o.ctx, o.stranger(), id, false)
	want(t, err, problem.CodeNotFound)

	asked, err = o.ra.RequestRefund(o.ctx, p.me, order.ID, "不再投标")
	check(t, err)
	_, err = o.ra.DecideRefund(o.ctx, staff("jingli", account.RoleManager), asked.Refund.ID, true, "")
	check(t, err)
	_, err = o.ra.FinishRefund(o.ctx, o.finance(), asked.Refund.ID, "TK1")
	check(t, err)
	if l, err := o.ra.ListInvoices(o.ctx, o.finance(), InvoiceRedDue, Paging{}); err != nil || len(l.Items) != 1 || l.Items[0].ID != id {
		t.Fatal(l, err)
	}
	red, err := o.ra.UploadInvoice(o.ctx, o.finance(), id, true, InvoiceFile{Number: "24332000000099999999", Name: "红字.ofd", Content: ofd.Bytes()})
	if err != nil || red.State != InvoiceRed || red.RedFileName != "红字.ofd" || red.FileName != "发票.pdf" {
		t.Fatal(red, err)
	}
	if got, err := o.ra.InvoiceFile(o.ctx, p.me, id, true); err != nil || !bytes.Equal(got.Content, ofd.Bytes()) {
		t.Error(got.Name, err)
	}
	o.audited()
}

// TestInvoiceNotMade: a refund cancels an invoice that nobody made yet.
func TestInvoiceNotMade(t *testing.T) {
	o := newOffice(t)
	p := o.party()
	order := p.pay()
	_, err := o.ra.RequestInvoice(o.ctx, p.me, order.ID, InvoiceRequest{Title: "张三", Personal: true, Email: "z@example.com"})
	check(t, err)
	asked, err := o.ra.RequestRefund(o.ctx, p.me, order.ID, "x")
	check(t, err)
	_, err = o.ra.DecideRefund(o.ctx, staff("jingli", account.RoleManager), asked.Refund.ID, true, "")
	check(t, err)
	_, err = o.ra.FinishRefund(o.ctx, o.finance(), asked.Refund.ID, "TK1")
	check(t, err)
	if got, err := o.ra.Order(o.ctx, p.me, order.ID); err != nil || got.Invoice.State != InvoiceCancelled || got.State != OrderRefunded {
		t.Error(got, err)
	}
}

func TestMoneyRowsMatchTheSchema(t *testing.T) {
	each(t, &clock{now: start}, func(t *testing.T, db *store.DB) {
		check(t, db.CheckRows(t.Context(), refundRow{}, invoiceRow{}, statementRow{}, statementLineRow{}, chargeRow{}))
	})
}
