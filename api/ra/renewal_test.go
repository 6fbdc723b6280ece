package ra

import (
	"bytes"
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/ra/legacytest"
	"signet/api/relay"
	"signet/api/store"
	"signet/api/store/storetest"
	"signet/ca"
	"signet/ca/catest"
	"signet/ca/cms"
	"signet/ca/pki"
	"signet/ukey"
	"signet/ukey/ticket"
)

func TestRows(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		check(t, db.CheckRows(t.Context(), counterRow{}, projectRow{}, serviceRow{}, orderRow{}, orderLineRow{}, priceRow{}, certificateRow{}, anchorRow{}, applicationRow{}, timelineRow{}, enrolmentRow{}, envelopeRow{}, recoveryRow{}, reviewRow{}, policyRow{}, holidayRow{}, renewalBatchRow{}, renewalItemRow{}, orderServiceRow{}))
	})
}

const (
	tiangu     = "12345678-8"
	tianguName = "杭州田谷"
)

// TestWholeRenewal is the main story on both databases: pay, sign the notice, write
// the pair, and everything that must hold afterwards.
func TestWholeRenewal(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		c.set(start)
		o := officeOn(t, db, c)
		p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
		bid := []byte("投标文件")
		sealed, err := cms.Encrypt(rand.Reader, bid, []*pki.Certificate{p.enc.Certificate}, cms.GMT0010)
		check(t, err)

		old := p.certificate()
		if old.Renewable || old.RenewBlock != string(problem.CodeServiceUnpaid) || old.State != CertExpiring || old.Origin != "legacy" {
			t.Fatalf("before payment: %+v", old)
		}
		_, err = o.ra.StartRenewal(o.ctx, p.me, old.ID, "")
		want(t, err, problem.CodeServiceUnpaid)
		p.pay()

		a := p.consent()
		if a.State != AppConsented || !strings.Contains(a.RiskNotice.Text, riskText) || !strings.Contains(a.RiskNotice.Text, a.Number) || !strings.Contains(a.RiskNotice.Text, old.SerialHex) {
			t.Fatalf("consented: %+v", a)
		}
		p.enrol(a.ID)
		if got := p.application(a.ID); got.State != AppEnrolling || got.ActiveJobID == "" {
			t.Fatalf("enrolling: %+v", got)
		}
		p.done()
		a = p.application(a.ID)
		if a.State != AppCompleted || a.ActiveJobID != "" || a.Enrolment.State != EnrolDone || a.Enrolment.Proof == nil || a.Enrolment.Proof.OldKeysOpened != 1 {
			t.Fatalf("completed: %+v %+v", a, a.Enrolment)
		}
		p.checkRenewed(old, a, bid, sealed)
		o.audited()
	})
}

// checkRenewed holds the end of a legacy holder's renewal against what was promised.
func (p *party) checkRenewed(old Certificate, a Application, bid, sealed []byte) {
	t := p.t
	t.Helper()
	made := p.certificate()
	if made.ID != a.NewCertificateID || made.Origin != "signet" || made.State != CertValid || made.TokenSerial != tokenNo {
		t.Errorf("new: %+v", made)
	}
	if end := addMonths(old.NotAfter, 12); !made.NotAfter.Equal(end) {
		t.Errorf("ends %v, want the old end and a year, %v", made.NotAfter, end)
	}
	detail, err := p.ra.Certificate(p.ctx, p.me, made.ID)
	check(t, err)
	sign, err := pki.ParseCertificatesPEM([]byte(detail.SignPEM))
	check(t, err)
	enc, err := pki.ParseCertificatesPEM([]byte(detail.EncPEM))
	check(t, err)
	for i, c := range []*pki.Certificate{sign[0], enc[0]} {
		if c.Subject.CommonName() != tianguName || c.Subject.Organization() != tianguName || c.KeyUsage != []pki.KeyUsage{pki.SigningUsage, pki.EncryptionUsage}[i] {
			t.Errorf("certificate %d: %s, %s", i, c.Subject, c.KeyUsage)
		}
		if code := pki.ReadIdentity(c).Raw[pki.OIDOrgCode]; pki.NormaliseCode(code) != "123456788" {
			t.Errorf("certificate %d carries %q", i, code)
		}
		if _, err := pki.BuildPath(c, pki.PathOptions{Roots: pki.NewPool(p.tree.Root), Intermediates: pki.NewPool(p.tree.Issuing), At: p.clock.Now()}); err != nil {
			t.Errorf("certificate %d: %v", i, err)
		}
	}
	was, err := p.ra.Certificate(p.ctx, p.me, old.ID)
	check(t, err)
	if was.Certificate.State != CertSuperseded || was.SuccessorID != made.ID || detail.PredecessorID != old.ID || !strings.Contains(was.ChainPEM, "BEGIN") {
		t.Errorf("old: %+v", was.Certificate)
	}
	services, err := p.ra.ListServices(p.ctx, p.me, "", Paging{})
	check(t, err)
	if services.Items[0].CertificateID != made.ID || services.Items[0].State != ServiceValid {
		t.Errorf("service: %+v", services.Items[0])
	}
	if all, good := p.issued(); all != 2 || good != 2 {
		t.Errorf("%d certificates issued, %d good", all, good)
	}
	var state string
	check(t, p.db.Read(p.ctx).Raw("SELECT state FROM acct_accounts WHERE id = ?", p.me.AccountID).Scan(&state).Error)
	if state != "verified" {
		t.Errorf("the account is %s", state)
	}
	var texts []string
	check(t, p.db.Read(p.ctx).Raw("SELECT text FROM notice_messages ORDER BY created_at, id").Scan(&texts).Error)
	if len(texts) != 3 { // paid: phone and old handler's; renewed: the account is verified by then
		t.Errorf("%d notices: %q", len(texts), texts)
	}
	p.checkKey(sign[0], enc[0], bid, sealed)
}

// checkKey looks at the key itself: the new pair is on it, the old signing key is
// not, and the old encryption key opens what was sealed to it.
func (p *party) checkKey(sign, enc *pki.Certificate, bid, sealed []byte) {
	t := p.t
	t.Helper()
	found := map[string]ukey.Key{}
	for _, k := range p.keys() {
		spki, err := k.SPKI()
		check(t, err)
		found[hashHex(spki)] = k
	}
	if len(found) != 3 {
		t.Errorf("%d pairs on the key", len(found))
	}
	for _, c := range []*pki.Certificate{sign, enc} {
		if k, ok := found[hashHex(c.SPKI)]; !ok || !bytes.Equal(k.Certificate, c.Raw) {
			t.Errorf("%s is not on the key", c.SerialHex)
		}
	}
	if _, ok := found[hashHex(p.sign.Certificate.SPKI)]; ok {
		t.Error("the old signing key is still there")
	}
	session, err := p.token().Login(p.ctx, ukey.PIN(pin))
	check(t, err)
	defer session.Close()
	key, err := session.Decrypter(found[hashHex(p.enc.Certificate.SPKI)].ID)
	check(t, err)
	envelope, err := cms.ParseEnveloped(sealed)
	check(t, err)
	if plain, err := envelope.Open(p.enc.Certificate, key); err != nil || !bytes.Equal(plain, bid) {
		t.Errorf("the old bid opens to %q, %v", plain, err)
	}
}

// TestRenewTwice: the second renewal certifies the escrowed encryption key again, the
// superseded signing certificate is revoked, and the legacy key is still proved.
func TestRenewTwice(t *testing.T) {
	o := newOffice(t)
	p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
	p.pay()
	p.renewed()
	first := p.certificate()
	firstRow, err := take[certificateRow](o.db.Read(o.ctx), "certificate", "id = ?", first.ID)
	check(t, err)
	if first.Renewable || first.RenewBlock != string(problem.CodeRenewalTooEarly) {
		t.Errorf("a fresh certificate: %+v", first)
	}
	o.clock.set(first.NotAfter.AddDate(0, 0, -30))
	p.touch()
	p.pay()
	a := p.renewed()
	second, err := take[certificateRow](o.db.Read(o.ctx), "certificate", "id = ?", a.NewCertificateID)
	check(t, err)
	if second.EncSPKIHash != firstRow.EncSPKIHash || second.EncSerialHex == firstRow.EncSerialHex || second.SignSPKIHash == firstRow.SignSPKIHash {
		t.Error("the escrowed encryption key was not certified again")
	}
	if a.Enrolment.Proof.OldKeysOpened != 1 {
		t.Errorf("%d old keys proved", a.Enrolment.Proof.OldKeysOpened)
	}
	o.deliver()
	if all, good := o.issued(); all != 4 || good != 3 {
		t.Errorf("%d issued, %d good: the superseded signing certificate, and it alone, must be revoked", all, good)
	}
	c, err := o.faults.Issued(o.ctx, requestID(o.enrolmentOf(first.ID), firstRow.SignSPKIHash)+"/sign")
	check(t, err)
	if c.Revoked == nil || c.Revoked.Reason != ca.Superseded {
		t.Errorf("revoked: %+v", c.Revoked)
	}
	if n := len(p.keys()); n != 4 { // new sign, new enc twice under two ids (the same key), legacy enc
		t.Errorf("%d pairs on the key", n)
	}
	o.audited()
}

func (o *office) enrolmentOf(certificateID string) string {
	o.t.Helper()
	e, err := take[enrolmentRow](o.db.Read(o.ctx), "enrolment", "certificate_id = ?", certificateID)
	check(o.t, err)
	return e.ID
}

// TestOtherKeys renews holders whose old keys are RSA, P-256, and one key for both.
func TestOtherKeys(t *testing.T) {
	for name, c := range map[string]struct {
		change   func(*legacytest.Request)
		opened   int
		untested bool
		left     int // pairs on the key afterwards
	}{
		"RSA pair":   {func(r *legacytest.Request) { r.KeyAlg = pki.RSA2048 }, 1, false, 3},
		"P-256 pair": {func(r *legacytest.Request) { r.KeyAlg = pki.P256 }, 0, true, 3},
		"RSA single": {func(r *legacytest.Request) { r.KeyAlg, r.Usage = pki.RSA2048, legacytest.Dual }, 0, false, 3}, // the old key stays: it may have decrypted
		"SM2 single": {func(r *legacytest.Request) { r.Usage = legacytest.Sign }, 0, false, 2},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			req := legacyRequest("擎洲测试投标人6", catest.USCC, pki.SM2)
			c.change(&req)
			p := o.newParty("擎洲测试投标人6", catest.USCC, req)
			p.pay()
			a := p.renewed()
			if a.State != AppCompleted || a.Enrolment.Proof.OldKeysOpened != c.opened {
				t.Errorf("%s, %d old keys proved", a.State, a.Enrolment.Proof.OldKeysOpened)
			}
			said := false
			for _, l := range a.Timeline {
				said = said || l.Act == lineNotTested
			}
			if said != c.untested {
				t.Errorf("untested said: %v", said)
			}
			if n := len(p.keys()); n != c.left {
				t.Errorf("%d pairs on the key, want %d", n, c.left)
			}
		})
	}
}

// TestKilledAgent cuts the agent off before and after each step and before its last
// answer; it then takes the job again and ends it, with one pair issued.
func TestKilledAgent(t *testing.T) {
	o := newOffice(t)
	for i, cut := range []struct {
		step string
		when int
	}{{"csr", 0}, {"csr", 1}, {"proof", 0}, {"proof", 1}, {"result", 0}} {
		t.Run(cut.step+string(rune('0'+cut.when)), func(t *testing.T) {
			name := "公司" + string(rune('甲'+i))
			code := []string{"10000000-8", "MA000001-5", "D2143569-X", "00000000-0", "00000006-X"}[i]
			o.t = t
			p := o.newParty(name, code, legacyRequest(name, code, pki.SM2))
			p.pay()
			a := p.consent()
			p.enrol(a.ID)
			before, _ := o.issued()
			p.around = func(step string, when int) error {
				if step == cut.step && when == cut.when {
					return errCut
				}
				return nil
			}
			p.work() // and its outcome is lost
			p.around = nil
			p.start()
			if v := p.done(); v.ID == "" {
				t.Error(v)
			}
			if got := p.application(a.ID); got.State != AppCompleted {
				t.Errorf("%s: %+v", got.State, got.Enrolment)
			}
			if all, _ := o.issued(); all != before+2 {
				t.Errorf("%d certificates issued", all-before)
			}
			if n := len(p.keys()); n != 3 {
				t.Errorf("%d pairs on the key", n)
			}
		})
	}
	o.t = t
	o.audited()
}

// TestFaultyStore fails each durable step of the CA in both ways; the agent's repeat
// ends with one good pair.
func TestFaultyStore(t *testing.T) {
	o := newOffice(t)
	i := 0
	for _, step := range []int{1, 2} {
		for _, fault := range []catest.Fault{catest.NotPersisted, catest.ThenPersisted} {
			name := "公司" + string(rune('甲'+i))
			code := []string{"10000000-8", "MA000001-5", "D2143569-X", "00000000-0"}[i]
			i++
			p := o.newParty(name, code, legacyRequest(name, code, pki.SM2))
			p.pay()
			a := p.consent()
			p.enrol(a.ID)
			_, before := o.issued()
			o.faults.Arm(step, fault, 100)
			p.failed(problem.CodeInternal)
			o.faults.Arm(0, 0, 0)
			if got := p.application(a.ID); got.State != AppReady {
				t.Errorf("step %d fault %d: %s", step, fault, got.State)
			}
			p.enrol(a.ID)
			p.done()
			if _, good := o.issued(); good != before+2 {
				t.Errorf("step %d fault %d: %d good certificates", step, fault, good-before)
			}
		}
	}
	o.audited()
}

// TestReconcile: the CA recorded the pair and we died before writing it down.
func TestReconcile(t *testing.T) {
	o := newOffice(t)
	p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
	p.pay()
	a := p.consent()
	p.enrol(a.ID)
	o.faults.Arm(2, catest.ThenPersisted, 100)
	p.work()
	o.faults.Arm(0, 0, 0)
	if e := p.application(a.ID).Enrolment; e.State != EnrolCreated {
		t.Fatal(e)
	}
	report, err := o.ra.Reconcile(o.ctx)
	check(t, err)
	got := p.application(a.ID)
	if report.Enrolments != 1 || got.Enrolment.State != EnrolIssued || got.State != AppIssued {
		t.Fatal(report, got.State)
	}
	if report, err = o.ra.Reconcile(o.ctx); err != nil || report.Enrolments != 0 {
		t.Error(report, err)
	}
	p.enrol(a.ID)
	p.done()
	if all, good := o.issued(); all != 2 || good != 2 {
		t.Errorf("%d issued, %d good", all, good)
	}
}

// TestWithdrawnMeanwhile withdraws while the CA records the pair: it is revoked.
func TestWithdrawnMeanwhile(t *testing.T) {
	o := newOffice(t)
	p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
	p.pay()
	a := p.consent()
	p.enrol(a.ID)
	o.faults.afterRecord = func() {
		o.faults.afterRecord = nil
		if _, err := o.ra.WithdrawApplication(context.Background(), p.me, a.ID); err != nil {
			t.Error(err)
		}
	}
	p.failed(problem.CodeApplicationState)
	if got := p.application(a.ID); got.State != AppWithdrawn {
		t.Errorf("state %s", got.State)
	}
	o.deliver()
	if all, good := o.issued(); all != 2 || good != 0 {
		t.Errorf("%d issued, %d good", all, good)
	}
	if n := len(o.visible(p.me)); n != 1 {
		t.Errorf("%d certificates shown", n)
	}
	b := p.renewed() // the certificate can be renewed by a new application
	if b.State != AppCompleted || b.ID == a.ID {
		t.Error(b)
	}
	if n := len(p.keys()); n != 3 { // the signing key of the withdrawn attempt is gone too
		t.Errorf("%d pairs on the key", n)
	}
}

func (o *office) visible(by account.Actor) []Certificate {
	o.t.Helper()
	l, err := o.ra.ListCertificates(o.ctx, by, "", Paging{Size: 100})
	check(o.t, err)
	return l.Items
}

// csrJob brings an enrolment to where the agent may post its request, and takes the job.
func (p *party) csrJob() (Application, *ticket.Job) {
	p.t.Helper()
	p.pay()
	a := p.consent()
	p.enrol(a.ID)
	job, err := p.relay.Next(p.ctx, p.agentID, 0)
	check(p.t, err)
	return a, job
}

// TestConcurrentRequests posts the same request 12 times at once: one pair.
func TestConcurrentRequests(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		c.set(start)
		o := officeOn(t, db, c)
		p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
		_, job := p.csrJob()
		body := csrStep(t, catest.Key(t, pki.SM2), tokenNo)
		replies := map[string]bool{}
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 12 {
			wg.Go(func() {
				reply, err := o.relay.Step(o.ctx, p.agentID, job.ID, "csr", body)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				replies[string(reply)] = true
			})
		}
		wg.Wait()
		if all, good := o.issued(); all != 2 || good != 2 || len(replies) != 1 {
			t.Errorf("%d issued, %d good, %d different answers", all, good, len(replies))
		}
		o.audited()
	})
}

// TestTwoKeysAtOnce posts requests for two keys at once: one pair stays good.
func TestTwoKeysAtOnce(t *testing.T) {
	o := newOffice(t)
	p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
	_, job := p.csrJob()
	var wins int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 6 {
		body := csrStep(t, catest.Key(t, pki.SM2), tokenNo)
		wg.Go(func() {
			_, err := o.relay.Step(o.ctx, p.agentID, job.ID, "csr", body)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				wins++
			case !problem.Has(err, problem.CodeConflict) && !problem.Has(err, problem.CodeCSRKeyMismatch):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	o.clock.set(start.Add(10 * time.Minute))
	o.deliver()
	if _, good := o.issued(); wins != 1 || good != 2 {
		t.Errorf("%d answered, %d good certificates", wins, good)
	}
}

// TestJobsOfOthers: nothing of one organisation exists for another.
func TestOtherOrganisation(t *testing.T) {
	o := newOffice(t)
	p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
	q := o.newParty("擎洲测试投标人6", catest.USCC, legacyRequest("擎洲测试投标人6", catest.USCC, pki.SM2))
	order := p.pay()
	a := p.consent()
	v := p.enrol(a.ID)
	services, err := o.ra.ListServices(o.ctx, p.me, "", Paging{})
	check(t, err)
	cert, ctx := p.certificate(), o.ctx
	for name, call := range map[string]func() error{
		"Service":             func() error { _, err := o.ra.Service(ctx, q.me, services.Items[0].ID); return err },
		"RenewService":        func() error { _, err := o.ra.RenewService(ctx, q.me, services.Items[0].ID, 0); return err },
		"Order":               func() error { _, err := o.ra.Order(ctx, q.me, order.ID); return err },
		"CloseOrder":          func() error { _, err := o.ra.CloseOrder(ctx, q.me, order.ID); return err },
		"Certificate":         func() error { _, err := o.ra.Certificate(ctx, q.me, cert.ID); return err },
		"StartRenewal":        func() error { _, err := o.ra.StartRenewal(ctx, q.me, cert.ID, ""); return err },
		"Application":         func() error { _, err := o.ra.Application(ctx, q.me, a.ID); return err },
		"WithdrawApplication": func() error { _, err := o.ra.WithdrawApplication(ctx, q.me, a.ID); return err },
		"SignConsent":         func() error { _, err := o.ra.SignConsent(ctx, q.me, a.ID, target); return err },
		"StartEnrolment":      func() error { _, err := o.ra.StartEnrolment(ctx, q.me, a.ID, target); return err },
		"Job":                 func() error { _, err := o.relay.Job(ctx, q.me, v.ID); return err },
		"Cancel":              func() error { _, err := o.relay.Cancel(ctx, q.me, v.ID); return err },
		"Step":                func() error { _, err := o.relay.Step(ctx, q.agentID, v.ID, "csr", []byte("{}")); return err },
	} {
		if err := call(); !problem.Has(err, problem.CodeNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, items := range map[string]int{"certificates": len(o.visible(q.me))} {
		if items != 1 {
			t.Errorf("%d %s", items, name)
		}
	}
	if l, err := o.ra.ListOrders(ctx, q.me, "", Paging{}); err != nil || len(l.Items) != 0 {
		t.Error(l, err)
	}
	if l, err := o.ra.ListApplications(ctx, q.me, ApplicationFilter{}, Paging{}); err != nil || len(l.Items) != 0 {
		t.Error(l, err)
	}
	_, err = o.ra.SignFile(ctx, q.me, target, ticket.SignParams{Name: "a", Content: []byte("a"), SPKIHash: spkiHash(p.sign.Certificate)})
	want(t, err, problem.CodeCertificateForeign)
	nobody, legacy := account.Actor{}, p.me
	legacy.State = account.Legacy
	_, err = o.ra.ListServices(ctx, nobody, "", Paging{})
	want(t, err, problem.CodeUnauthenticated)
	_, err = o.ra.StartRenewal(ctx, legacy, cert.ID, "")
	want(t, err, problem.CodeSupplementRequired)
	_, err = o.ra.ConfirmOrder(ctx, p.me, order.ID, order.AmountCents, "x")
	want(t, err, problem.CodeFinanceOnly)
}

func spkiHash(c *pki.Certificate) []byte {
	h := pki.SPKIHash(c.SPKI)
	return h[:]
}

// TestRenewalRules walks through what forbids a renewal.
func TestRenewalRules(t *testing.T) {
	o := newOffice(t)
	p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
	p.pay()
	id := p.certificate().ID
	set := func(state certState, notBefore, notAfter time.Time) {
		check(t, o.db.Tx(o.ctx, func(tx *store.Tx) error {
			return tx.DB().Model(&certificateRow{}).Where("id = ?", id).Updates(map[string]any{"state": state, "not_before_at": store.Millis(notBefore), "not_after_at": store.Millis(notAfter)}).Error
		}))
	}
	year := start.AddDate(-1, 0, 0)
	for name, c := range map[string]struct {
		state    certState
		from, to time.Time
		want     problem.Code
	}{
		"expired":       {certActive, year, start.Add(-time.Second), problem.CodeCertificateExpired},
		"revoked":       {certRevoked, year, start.AddDate(0, 0, 9), problem.CodeCertificateRevoked},
		"superseded":    {certSuperseded, year, start.AddDate(0, 0, 9), problem.CodeCertificateNotRenewable},
		"not valid yet": {certActive, start.Add(time.Hour), start.AddDate(0, 0, 9), problem.CodeCertificateNotRenewable},
		"too early":     {certActive, year, start.AddDate(0, 0, 91), problem.CodeRenewalTooEarly},
	} {
		set(c.state, c.from, c.to)
		_, err := o.ra.StartRenewal(o.ctx, p.me, id, "")
		if !problem.Has(err, c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	set(certActive, year, start.AddDate(0, 0, 90))
	a, err := o.ra.StartRenewal(o.ctx, p.me, id, "")
	check(t, err)
	if again, err := o.ra.StartRenewal(o.ctx, p.me, id, ""); err != nil || again.ID != a.ID {
		t.Error("a second click opened a second application", err)
	}
	_, err = o.ra.StartEnrolment(o.ctx, p.me, a.ID, target)
	want(t, err, problem.CodeConsentRequired)
	_, err = o.ra.SignConsent(o.ctx, p.me, a.ID, Target{})
	want(t, err, problem.CodeMissingField)
	if _, err := o.ra.SignConsent(o.ctx, p.me, a.ID, target); err != nil {
		t.Error(err)
	}
	p.done()
	_, err = o.ra.SignConsent(o.ctx, p.me, a.ID, target)
	want(t, err, problem.CodeApplicationState)
	_, err = o.ra.StartEnrolment(o.ctx, p.me, a.ID, Target{TokenSerial: "SK-OTHER"})
	want(t, err, problem.CodeKeyWrongSerial)
	if w, err := o.ra.WithdrawApplication(o.ctx, p.me, a.ID); err != nil || w.State != AppWithdrawn {
		t.Error(w.State, err)
	}
	_, err = o.ra.StartEnrolment(o.ctx, p.me, a.ID, target)
	want(t, err, problem.CodeApplicationState)
}

// TestStartRenewalRace clicks 16 times at once: one application.
func TestStartRenewalRace(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		c.set(start)
		o := officeOn(t, db, c)
		p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
		p.pay()
		id := p.certificate().ID
		ids := map[string]bool{}
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				a, err := o.ra.StartRenewal(o.ctx, p.me, id, "")
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				ids[a.ID] = true
			})
		}
		wg.Wait()
		if len(ids) != 1 {
			t.Errorf("%d applications", len(ids))
		}
	})
}

var _ relay.Handler = consentHandler{}
