package ra

import (
	"path/filepath"
	"testing"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/ra/legacytest"
	"signet/api/store"
	"signet/ca/pki"
	"signet/ukey"
	"signet/ukey/softkey"
)

// twoKeys is a holder with two certificates of the former CA, each on a key of its own.
func (o *office) twoKeys() *party {
	o.t.Helper()
	p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
	sign, enc := issueLegacy(o.t, legacyRequest(tianguName, tiangu, pki.SM2), "")
	second := row(len(tiangu)+1, tianguName, tiangu, sign, enc)
	second.ServiceNumber = "20999"
	report, err := o.ra.ImportLegacy(o.ctx, "operator", o.batch([]ImportRow{second}, folderOf(sign, enc)))
	check(o.t, err)
	if report.Imported != 1 || len(report.Failed) > 0 {
		o.t.Fatalf("import: %+v", report)
	}
	token, err := softkey.Create(filepath.Join(p.slot(), "second"), softkey.Config{Serial: "SK-0002", PIN: ukey.PIN(pin), SOPIN: ukey.PIN("SO-secret-43"), KDF: softkey.KDF{Time: 1, MemoryKiB: 64, Threads: 1}})
	check(o.t, err)
	s, err := token.Open(o.ctx, ukey.PIN(pin))
	check(o.t, err)
	defer s.Close()
	for i, old := range []*legacytest.Issued{sign, enc} {
		id := ukey.KeyIDOf([16]byte{byte(i + 1)})
		check(o.t, s.ImportKey(o.ctx, id, []ukey.Usage{ukey.Sign, ukey.Encrypt}[i], old.Key.Signer))
		check(o.t, s.PutCertificate(o.ctx, id, old.Certificate.Raw))
	}
	return p
}

// mine are the holder's certificates that wait to be renewed.
func (p *party) mine() (ids []string) {
	p.t.Helper()
	list, err := p.ra.ListCertificates(p.ctx, p.me, "", Paging{Size: 100})
	check(p.t, err)
	for _, c := range list.Items {
		if c.Origin == originLegacy {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

func (p *party) renewals(id string, states ...RenewalState) RenewalBatch {
	p.t.Helper()
	b, err := p.ra.RenewalBatch(p.ctx, p.me, id)
	check(p.t, err)
	if len(b.Items) != len(states) {
		p.t.Fatalf("%d certificates, want %d", len(b.Items), len(states))
	}
	for i, item := range b.Items {
		if item.State != states[i] {
			p.t.Errorf("certificate %d is %s %s, want %s", i, item.State, item.Block, states[i])
		}
	}
	return b
}

// TestRenewalBatch renews two certificates by one order, key after key, with the state of each told all along.
func TestRenewalBatch(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		c.set(start)
		o := officeOn(t, db, c)
		p := o.twoKeys()
		ids := p.mine()
		b, err := o.ra.CreateRenewalBatch(o.ctx, p.me, ids)
		check(t, err)
		p.renewals(b.ID, RenewalUnpaid, RenewalUnpaid)
		if b.Total != 2 || b.Done != 0 || b.Order == nil || b.Order.AmountCents != 40000 || b.Order.State != OrderPending {
			t.Fatalf("begun: %+v %+v", b, b.Order)
		}

		// Neither service can be ordered a second time while this order waits; a closed one gives both free.
		services, err := o.ra.ListServices(o.ctx, p.me, "", Paging{})
		check(t, err)
		for _, s := range services.Items {
			if order, err := o.ra.RenewService(o.ctx, p.me, s.ID, 0); err != nil || order.ID != b.OrderID {
				t.Errorf("ordered alone: %+v, %v", order, err)
			}
		}
		_, err = o.ra.CreateRenewalBatch(o.ctx, p.me, ids)
		want(t, err, problem.CodeOrderState)
		_, err = o.ra.CloseOrder(o.ctx, p.me, b.OrderID)
		check(t, err)
		b, err = o.ra.CreateRenewalBatch(o.ctx, p.me, ids)
		check(t, err)
		_, err = o.ra.ConfirmOrder(o.ctx, o.finance(), b.OrderID, b.Order.AmountCents, "流水 1")
		check(t, err)
		p.renewals(b.ID, RenewalReady, RenewalReady)

		// Each by its own application, on its own key; the first is half done when somebody looks.
		for n, item := range b.Items {
			serial := tokenNo
			if item.Certificate.SerialHex != p.sign.Certificate.SerialHex {
				serial = "SK-0002"
			}
			at := Target{AgentID: p.agentID, TokenSerial: serial}
			a, err := o.ra.StartRenewal(o.ctx, p.me, item.Certificate.ID, "")
			check(t, err)
			_, err = o.ra.SignConsent(o.ctx, p.me, a.ID, at)
			check(t, err)
			p.done()
			if n == 0 {
				p.renewals(b.ID, RenewalWriting, RenewalReady)
			}
			_, err = o.ra.StartEnrolment(o.ctx, p.me, a.ID, at)
			check(t, err)
			p.done()
		}
		b = p.renewals(b.ID, RenewalDone, RenewalDone)
		if b.Done != 2 || b.Items[0].NewSerialHex == "" || b.Items[0].NewSerialHex == b.Items[1].NewSerialHex {
			t.Errorf("done: %+v", b)
		}
		if list, err := o.ra.ListRenewalBatches(o.ctx, p.me, Paging{}); err != nil || len(list.Items) != 2 || list.Items[0].Done != 2 {
			t.Errorf("listed: %+v, %v", list, err)
		}
		_, err = o.ra.RequestRefund(o.ctx, p.me, b.OrderID, "不用了")
		want(t, err, problem.CodeRefundUsed)
		o.audited()
	})
}

// TestRenewalBatchRefund gives the price of several services back, and takes every period away again.
func TestRenewalBatchRefund(t *testing.T) {
	o := newOffice(t)
	p := o.twoKeys()
	before, err := o.ra.ListServices(o.ctx, p.me, "", Paging{})
	check(t, err)
	b, err := o.ra.CreateRenewalBatch(o.ctx, p.me, p.mine())
	check(t, err)
	_, err = o.ra.ConfirmOrder(o.ctx, o.finance(), b.OrderID, b.Order.AmountCents, "流水 1")
	check(t, err)
	asked, err := o.ra.RequestRefund(o.ctx, p.me, b.OrderID, "不用了")
	check(t, err)
	_, err = o.ra.DecideRefund(o.ctx, staff("jingli", account.RoleManager), asked.Refund.ID, true, "")
	check(t, err)
	after, err := o.ra.ListServices(o.ctx, p.me, "", Paging{})
	check(t, err)
	for i, s := range after.Items {
		if !s.To.Equal(before.Items[i].To) || !s.From.Equal(before.Items[i].From) {
			t.Errorf("service %d runs %v to %v, want %v to %v", s.Number, s.From, s.To, before.Items[i].From, before.Items[i].To)
		}
	}
	p.renewals(b.ID, RenewalUnpaid, RenewalUnpaid)
}

// TestRenewalBatchRefuses what cannot be renewed together.
func TestRenewalBatchRefuses(t *testing.T) {
	o := newOffice(t)
	p := o.twoKeys()
	ids := p.mine()
	for _, wrong := range [][]string{nil, {ids[0], ids[0]}, make([]string, renewMost+1)} {
		_, err := o.ra.CreateRenewalBatch(o.ctx, p.me, wrong)
		want(t, err, problem.CodeInvalidField)
	}
	stranger := p.me
	stranger.OrganisationID = "org_other"
	_, err := o.ra.CreateRenewalBatch(o.ctx, stranger, ids)
	want(t, err, problem.CodeNotFound)
	_, err = o.ra.CreateRenewalBatch(o.ctx, o.finance(), ids)
	want(t, err, problem.CodeForbidden)
	b, err := o.ra.CreateRenewalBatch(o.ctx, p.me, ids[:1])
	check(t, err)
	_, err = o.ra.RenewalBatch(o.ctx, stranger, b.ID)
	want(t, err, problem.CodeNotFound)
	o.clock.set(start.AddDate(0, 2, 0)) // both have ended
	_, err = o.ra.CreateRenewalBatch(o.ctx, p.me, ids)
	want(t, err, problem.CodeCertificateExpired)
	b = p.renewals(b.ID, RenewalBlocked)
	if b.Items[0].Block != string(problem.CodeCertificateExpired) {
		t.Errorf("blocked by %q", b.Items[0].Block)
	}
}
