package ra

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/ca"
	"signet/ca/kmc"
	"signet/ca/pki"
	"signet/ukey"
	"signet/ukey/softkey"
	"signet/ukey/ticket"
)

func (o *office) approver() account.Actor {
	return account.Actor{AccountID: "acc_approver", Role: account.RoleApprover, State: account.Verified, Login: "fushen"}
}

// noPapers has the project ask for no materials and no money: those have tests of their own.
func (o *office) noPapers() {
	o.t.Helper()
	p := demoProject()
	p.PriceCents = 0
	check(o.t, o.ra.EnsureProject(o.ctx, p))
	check(o.t, o.db.Tx(o.ctx, func(tx *store.Tx) error {
		for _, policy := range defaults {
			if err := tx.DB().Create(&materialRuleRow{ProjectSlug: p.Slug, Kind: policy.Kind, Rules: "[]"}).Error; err != nil {
				return err
			}
		}
		return nil
	}))
}

// draft starts an application with a form.
func (p *party) draft(kind, certificateID string, f Form) Application {
	p.t.Helper()
	slug := ""
	if kind == KindNew {
		certificateID, slug = "", "jhggzy"
	}
	a, err := p.ra.CreateApplication(p.ctx, p.me, kind, certificateID, slug)
	check(p.t, err)
	a, err = p.ra.SaveForm(p.ctx, p.me, a.ID, f)
	check(p.t, err)
	return a
}

func (p *party) submit(kind, certificateID string, f Form) Application {
	p.t.Helper()
	a, err := p.ra.Submit(p.ctx, p.me, p.draft(kind, certificateID, f).ID, Submission{})
	check(p.t, err)
	return a
}

// approve takes an application through all its steps.
func (p *party) approve(id string) Application {
	p.t.Helper()
	for _, by := range []account.Actor{p.reviewer(), p.approver()} {
		if s := p.application(id).State; s != AppPending && s != AppSecond {
			break
		}
		_, err := p.ra.Claim(p.ctx, by, id)
		check(p.t, err)
		_, err = p.ra.Decide(p.ctx, by, id, Decision{Decision: Approve})
		check(p.t, err)
	}
	return p.application(id)
}

// written has the pair of an approved application written to a key.
func (p *party) written(id, serial string) Application {
	p.t.Helper()
	_, err := p.ra.StartEnrolment(p.ctx, p.me, id, Target{AgentID: p.agentID, TokenSerial: serial})
	check(p.t, err)
	p.done()
	a := p.application(id)
	if a.State != AppCompleted {
		p.t.Fatalf("%s is %s", a.Kind, a.State)
	}
	return a
}

// plugBlank puts another key without content into the slot.
func (p *party) plugBlank(serial string) {
	p.t.Helper()
	_, err := softkey.Create(filepath.Join(p.slot(), serial), softkey.Config{Serial: serial, PIN: ukey.PIN(pin), SOPIN: ukey.PIN("SO-secret-43"), KDF: softkey.KDF{Time: 1, MemoryKiB: 64, Threads: 1}})
	check(p.t, err)
}

// certificateRow reads what is kept of a certificate.
func (p *party) kept(id string) *certificateRow {
	p.t.Helper()
	c, err := take[certificateRow](p.db.Read(p.ctx), "certificate", "id = ?", id)
	check(p.t, err)
	return c
}

// revocation is the CA's word on a certificate of ours.
func (p *party) revocation(c *certificateRow, enc bool) *ca.Revocation {
	p.t.Helper()
	p.deliver()
	serial := c.SerialHex
	if enc {
		serial = c.EncSerialHex
	}
	got, err := p.db.CA().BySerial(p.ctx, c.CA, serial)
	check(p.t, err)
	return got.Revoked
}

// usccOf makes a number with right check characters around an organisation code.
func usccOf(t *testing.T, begin, orgCode string) string {
	t.Helper()
	for _, c := range "0123456789ABCDEFGHJKLMNPQRTUWXY" {
		if code := begin + orgCode + string(c); pki.CheckUSCC(code) == nil {
			return code
		}
	}
	t.Fatalf("no check character fits %s%s", begin, orgCode)
	return ""
}

// TestRevocationIsSigned: the key that is to be revoked signs the request in place of the stamped letter, over what the form says, and only until it is suspended.
func TestRevocationIsSigned(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		c.set(start)
		o := officeOn(t, db, c).withFiles()
		p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
		p.pay()
		p.renewed()
		certificate := p.certificate()
		a := p.draft(KindRevoke, certificate.ID, Form{})
		signs := func() bool { return slices.Contains(p.application(a.ID).Acts, ActSign) }
		if signs() {
			t.Error("a request without a reason is offered to be signed")
		}
		_, err := o.ra.SignConsent(o.ctx, p.me, a.ID, target)
		want(t, err, problem.CodeMissingField)

		save := func(f Form) {
			t.Helper()
			_, err := o.ra.SaveForm(o.ctx, p.me, a.ID, f)
			check(t, err)
		}
		save(Form{Revocation: "superseded"})
		_, err = o.ra.Submit(o.ctx, p.me, a.ID, Submission{})
		want(t, err, problem.CodeMaterialsMissing)
		_, err = o.ra.SignConsent(o.ctx, p.me, a.ID, target)
		check(t, err)
		p.done()
		if a = p.application(a.ID); a.ConsentAt.IsZero() || a.RiskNotice.Title != revocationTitle || !strings.Contains(a.RiskNotice.Text, "已有新证书") || signs() {
			t.Fatalf("signed: %+v", a)
		}

		// Another reason is another request.
		save(Form{Revocation: "cessation", Reason: "不再投标"})
		if a = p.application(a.ID); !a.ConsentAt.IsZero() || !strings.Contains(a.RiskNotice.Text, "不再投标") || !signs() {
			t.Fatalf("changed: %+v", a)
		}
		_, err = o.ra.Submit(o.ctx, p.me, a.ID, Submission{})
		want(t, err, problem.CodeMaterialsMissing)
		_, err = o.ra.SignConsent(o.ctx, p.me, a.ID, target)
		check(t, err)
		p.done()
		_, err = o.ra.Submit(o.ctx, p.me, a.ID, Submission{})
		check(t, err)

		// Handed in, the certificate is suspended: returned, it is paper or nothing.
		c := p.kept(certificate.ID)
		if c.State != certSuspended {
			t.Fatalf("the certificate is %s", c.State)
		}
		row, err := take[applicationRow](o.db.Read(o.ctx), "application", "id = ?", a.ID)
		check(t, err)
		want(t, o.ra.signBlock(row, certificateView{Row: *c}), problem.CodeCertificateSuspended)
		if a = p.approve(a.ID); a.State != AppCompleted || p.kept(certificate.ID).State != certRevoked {
			t.Fatalf("approved: %+v", a)
		}
	})
}

// TestApplicationsEndToEnd takes one holder with a software key through every kind of application, on both databases.
func TestApplicationsEndToEnd(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		c.set(start)
		o := officeOn(t, db, c)
		o.noPapers()
		p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
		legacy := p.certificate()

		// 变更名称: the key signs the letter, two people approve, the same key gets the new name.
		const name = "杭州田谷科技有限公司"
		a := p.draft(KindChangeName, legacy.ID, Form{Name: name})
		_, err := o.ra.SignConsent(o.ctx, p.me, a.ID, target)
		check(t, err)
		p.done()
		if a = p.application(a.ID); a.State != AppDraft || a.ConsentAt.IsZero() || !strings.Contains(a.RiskNotice.Text, "变更") {
			t.Fatalf("signed: %+v", a)
		}
		p.me.State = account.Verified // possession was proved
		a, err = o.ra.Submit(o.ctx, p.me, a.ID, Submission{})
		check(t, err)
		if a.State != AppPending || a.DueAt.IsZero() {
			t.Fatalf("submitted: %+v", a)
		}
		if a = p.approve(a.ID); a.State != AppReady {
			t.Fatalf("approved: %+v", a)
		}
		a = p.written(a.ID, tokenNo)
		renamed := p.kept(a.NewCertificateID)
		record, err := account.FindRecord(o.db.Read(o.ctx), p.me.OrganisationID, p.me.AccountID)
		check(t, err)
		if renamed.Name != name || record.Organisation.Name != name || !slices.Equal(record.FormerNames, []string{tianguName}) || renamed.NotAfterAt != p.kept(legacy.ID).NotAfterAt {
			t.Fatalf("renamed: %+v, record %+v", renamed, record)
		}
		if got := p.kept(legacy.ID).State; got != certSuperseded {
			t.Errorf("the old certificate is %s", got)
		}

		// 变更 USCC: another organisation follows, with everything; the encryption key is certified again.
		code := usccOf(t, "91330100", "123456788")
		a = p.submit(KindChangeName, renamed.ID, Form{Name: name, USCC: code})
		p.approve(a.ID)
		before := p.me.OrganisationID
		_, err = o.ra.StartEnrolment(o.ctx, p.me, a.ID, target)
		check(t, err)
		p.done()
		check(t, o.db.Read(o.ctx).Raw("SELECT organisation_id FROM acct_accounts WHERE id = ?", p.me.AccountID).Scan(&p.me.OrganisationID).Error)
		follows, err := account.Predecessors(o.db.Read(o.ctx), p.me.OrganisationID)
		check(t, err)
		moved := p.kept(p.application(a.ID).NewCertificateID)
		if p.me.OrganisationID == before || !slices.Equal(follows, []string{before}) || moved.OrganisationID != p.me.OrganisationID || moved.EncSPKIHash != renamed.EncSPKIHash {
			t.Fatalf("succeeded: %s after %v, certificate %+v", p.me.OrganisationID, follows, moved)
		}
		if r := p.revocation(renamed, false); r == nil || r.Reason != ca.AffiliationChanged {
			t.Errorf("the signing certificate of the old name: %+v", r)
		}
		if r := p.revocation(renamed, true); r != nil {
			t.Errorf("the encryption certificate of the old name: %+v", r)
		}
		p.checkSuccessor(moved, before)

		// 挂失 and 解挂 at once.
		if a = p.submit(KindSuspend, moved.ID, Form{Cause: "lost"}); a.State != AppCompleted || p.certificate().State != CertSuspended {
			t.Fatalf("suspended: %+v", a)
		}
		if r := p.revocation(moved, true); r == nil || r.Reason != ca.CertificateHold {
			t.Errorf("on hold: %+v", r)
		}
		_, err = o.ra.CreateApplication(o.ctx, p.me, KindChangeName, moved.ID, "")
		want(t, err, problem.CodeCertificateSuspended)
		if a = p.submit(KindResume, moved.ID, Form{}); a.State != AppCompleted {
			t.Fatalf("resumed: %+v", a)
		}
		if r := p.revocation(moved, false); r != nil || p.certificate().State == CertSuspended {
			t.Errorf("in force again: %+v", r)
		}

		// 补办 on a blank key: suspended when asked for, replaced with the same end and the same encryption key, then revoked whole.
		p.plugBlank("SK-0002")
		a = p.submit(KindReplace, moved.ID, Form{Cause: "lost", Delivery: DeliverOwn})
		if p.kept(moved.ID).State != certSuspended {
			t.Error("a lost key still signs")
		}
		p.approve(a.ID)
		_, err = o.ra.CreateApplication(o.ctx, p.me, KindResume, moved.ID, "")
		check(t, err) // the draft may be made, not more
		a = p.written(a.ID, "SK-0002")
		replaced := p.kept(a.NewCertificateID)
		if replaced.NotAfterAt != moved.NotAfterAt || replaced.EncSPKIHash != moved.EncSPKIHash || replaced.TokenSerial != "SK-0002" {
			t.Fatalf("replaced: %+v", replaced)
		}
		for _, enc := range []bool{false, true} {
			want := map[bool]int{false: ca.KeyCompromise, true: ca.Superseded}[enc] // its key is certified again
			if r := p.revocation(moved, enc); r == nil || r.Reason != want {
				t.Errorf("the lost pair (encryption %v): %+v", enc, r)
			}
		}

		if lost := p.kept(moved.ID); lost.State != certRevoked || lost.SuccessorID != replaced.ID {
			t.Errorf("the lost certificate: %+v", lost)
		}
		shown, err := o.ra.Certificate(o.ctx, p.me, moved.ID)
		check(t, err)
		if shown.Certificate.State != CertRevoked || shown.RevokedFor != "key_compromise" || shown.RevokedAt.IsZero() {
			t.Errorf("the lost certificate is shown as %+v", shown)
		}

		// 新领 beside it: a pair and a paid period of its own.
		p.plugBlank("SK-0003")
		a = p.submit(KindNew, "", Form{Delivery: DeliverOwn})
		p.approve(a.ID)
		a = p.written(a.ID, "SK-0003")
		fresh := p.kept(a.NewCertificateID)
		paid := false
		check(t, o.db.Tx(o.ctx, func(tx *store.Tx) (err error) { paid, err = paidService(tx, fresh.ID); return err }))
		if fresh.PredecessorID != "" || fresh.EncSPKIHash == replaced.EncSPKIHash || !paid || fresh.Name != name {
			t.Fatalf("new: %+v, paid %v", fresh, paid)
		}

		// 吊销: on hold at once, ended after review.
		a = p.submit(KindRevoke, fresh.ID, Form{Revocation: "cessation"})
		if r := p.revocation(fresh, false); r == nil || r.Reason != ca.CertificateHold {
			t.Errorf("while the review lasts: %+v", r)
		}
		if a = p.approve(a.ID); a.State != AppCompleted || p.kept(fresh.ID).State != certRevoked {
			t.Fatalf("revoked: %+v", a)
		}
		if r := p.revocation(fresh, true); r == nil || r.Reason != ca.CessationOfOperation {
			t.Errorf("revoked: %+v", r)
		}

		// 延期 by review, after the end: the term starts now.
		c.set(store.Time(replaced.NotAfterAt).Add(30 * 24 * time.Hour))
		p.touch()
		a = p.submit(KindRenew, replaced.ID, Form{})
		if a = p.approve(a.ID); a.State != AppReady {
			t.Fatalf("renewal: %+v", a)
		}
		a = p.written(a.ID, "SK-0002")
		renewed := p.kept(a.NewCertificateID)
		if end := addMonths(c.Now(), 12); store.Time(renewed.NotAfterAt).Sub(end).Abs() > time.Hour || renewed.EncSPKIHash != replaced.EncSPKIHash {
			t.Errorf("renewed until %v, want %v", store.Time(renewed.NotAfterAt), end)
		}
		c.set(store.Time(renewed.NotAfterAt).Add(366 * 24 * time.Hour))
		_, err = o.ra.CreateApplication(o.ctx, p.me, KindRenew, renewed.ID, "")
		want(t, err, problem.CodeRenewalTooLate)

		// 变更法人, 变更经办人.
		a = p.submit(KindChangeLegal, renewed.ID, Form{LegalRep: "李四"})
		p.approve(a.ID)
		a = p.draft(KindChangeHandler, renewed.ID, Form{HandlerName: "王五", HandlerPhone: "139 1111 2222"})
		if a, err = o.ra.Submit(o.ctx, p.me, a.ID, Submission{Confirmed: true}); err != nil || a.State != AppCompleted {
			t.Fatalf("confirmed by both phones: %+v %v", a, err)
		}
		record, err = account.FindRecord(o.db.Read(o.ctx), p.me.OrganisationID, p.me.AccountID)
		check(t, err)
		if record.LegalRep != "李四" || record.HandlerName != "王五" || record.HandlerPhone != "139****2222" {
			t.Errorf("record: %+v", record)
		}
		o.audited()
	})
}

// TestReview is what reviewers may and may not do.
func TestReview(t *testing.T) {
	o := newOffice(t)
	o.noPapers()
	p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
	legacy := p.certificate()
	first, second := o.reviewer(), o.approver()
	a := p.draft(KindChangeName, legacy.ID, Form{})
	_, err := o.ra.Submit(o.ctx, p.me, a.ID, Submission{})
	want(t, err, problem.CodeMissingField)
	_, err = o.ra.SaveForm(o.ctx, p.me, a.ID, Form{USCC: "91330100123456788X1"})
	want(t, err, problem.CodeIdentityCodeInvalid)
	_, err = o.ra.SaveForm(o.ctx, p.me, a.ID, Form{LegalRep: "李四"})
	want(t, err, problem.CodeInvalidField)
	_, err = o.ra.CreateApplication(o.ctx, p.me, KindReplace, legacy.ID, "")
	want(t, err, problem.CodeApplicationOpen)
	if again, err := o.ra.CreateApplication(o.ctx, p.me, KindChangeName, legacy.ID, ""); err != nil || again.ID != a.ID {
		t.Errorf("again: %v %v", again.ID, err)
	}
	_, err = o.ra.Review(o.ctx, first, a.ID)
	want(t, err, problem.CodeNotFound) // a draft is its holder's alone
	_, err = o.ra.SaveForm(o.ctx, p.me, a.ID, Form{Name: "杭州田谷科技有限公司"})
	check(t, err)
	_, err = o.ra.Submit(o.ctx, p.me, a.ID, Submission{})
	check(t, err)

	for who, by := range map[string]account.Actor{"the holder": p.me, "finance": o.finance(), "an approver, too early": second} {
		if _, err := o.ra.Claim(o.ctx, by, a.ID); !problem.Has(err, problem.CodeForbidden) {
			t.Errorf("%s claims: %v", who, err)
		}
	}
	own := first
	own.AccountID = p.me.AccountID
	_, err = o.ra.Claim(o.ctx, own, a.ID)
	want(t, err, problem.CodeReviewSamePerson)
	_, err = o.ra.Decide(o.ctx, first, a.ID, Decision{Decision: Approve})
	want(t, err, problem.CodeApplicationState)
	review, err := o.ra.Claim(o.ctx, first, a.ID)
	check(t, err)
	if !review.MayDecide || len(review.Differences) != 1 || review.Differences[0].Field != "name" {
		t.Errorf("claimed: %+v", review)
	}
	other := account.Actor{AccountID: "acc_other", Role: account.RoleReviewer, State: account.Verified, Login: "bieren"}
	_, err = o.ra.Claim(o.ctx, other, a.ID)
	want(t, err, problem.CodeReviewClaimed)
	_, err = o.ra.WithdrawApplication(o.ctx, p.me, a.ID)
	want(t, err, problem.CodeApplicationState)

	// Left alone for half an hour it is anybody's again.
	o.clock.set(start.Add(claimFor))
	_, err = o.ra.Decide(o.ctx, first, a.ID, Decision{Decision: Approve})
	want(t, err, problem.CodeReviewClaimed)
	check(t, o.ra.TendReviews(o.ctx))
	if got := p.application(a.ID).State; got != AppPending {
		t.Errorf("idle: %s", got)
	}

	// Returned: the clock stands, and goes on where it stood.
	_, err = o.ra.Claim(o.ctx, other, a.ID)
	check(t, err)
	_, err = o.ra.Decide(o.ctx, other, a.ID, Decision{Decision: Return})
	want(t, err, problem.CodeMissingField)
	_, err = o.ra.Decide(o.ctx, other, a.ID, Decision{Decision: Return, Reasons: []string{"data_mismatch"}, Note: "名称与执照不符"})
	check(t, err)
	back := p.application(a.ID)
	if back.State != AppReturned || !back.Paused || !back.DueAt.IsZero() || back.ReviewNote != "名称与执照不符" || !slices.Equal(back.Reasons, []string{"data_mismatch"}) {
		t.Fatalf("returned: %+v", back)
	}
	o.clock.set(start.Add(10 * 24 * time.Hour))
	_, err = o.ra.Submit(o.ctx, p.me, a.ID, Submission{})
	check(t, err)
	if left := readDays(o).left(o.clock.Now(), p.application(a.ID).DueAt); left <= 0 || left > 2*workday {
		t.Errorf("after the correction %s are left", left)
	}

	// Two steps, two people: sixteen approvals at once count once.
	_, err = o.ra.Claim(o.ctx, first, a.ID)
	check(t, err)
	text, err := o.ra.DecisionText(o.ctx, first, a.ID, Decision{Decision: Approve})
	check(t, err)
	if !strings.Contains(text, a.Number) || !strings.Contains(text, "approve") || !strings.Contains(text, first.Login) {
		t.Errorf("text: %s", text)
	}
	var mu sync.Mutex
	won := 0
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			_, err := o.ra.Decide(o.ctx, first, a.ID, Decision{Decision: Approve})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			} else if p, ok := errors.AsType[*problem.Error](err); !ok || p.Kind == problem.Invalid {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := p.application(a.ID).State; won != 1 || got != AppSecond {
		t.Fatalf("%d approvals counted, the application is %s", won, got)
	}
	both := first
	both.Roles = []account.Role{account.RoleReviewer, account.RoleApprover}
	_, err = o.ra.Claim(o.ctx, both, a.ID)
	want(t, err, problem.CodeReviewSamePerson)

	// Late: told once, shown to both sides.
	o.clock.set(p.application(a.ID).DueAt.Add(time.Minute))
	check(t, o.ra.TendReviews(o.ctx))
	check(t, o.ra.TendReviews(o.ctx))
	late, err := o.ra.ReviewQueue(o.ctx, second, ReviewFilter{Overdue: true, Search: "田谷"}, Paging{})
	check(t, err)
	if len(late.Items) != 1 || !late.Items[0].Escalated || !p.application(a.ID).Overdue {
		t.Errorf("late: %+v", late)
	}
	_, err = o.ra.Claim(o.ctx, second, a.ID)
	check(t, err)
	done, err := o.ra.Decide(o.ctx, second, a.ID, Decision{Decision: Reject, Reasons: []string{"not_eligible"}})
	check(t, err)
	if done.Application.State != AppRejected || len(done.Decisions) != 3 {
		t.Errorf("rejected: %+v", done)
	}
	figures, err := o.ra.ReviewStatistics(o.ctx, first)
	check(t, err)
	if figures.Waiting != 0 || len(figures.People) != 3 {
		t.Errorf("figures: %+v", figures)
	}

	// Nobody corrects for 30 days: it ends, and the certificate is free again.
	b := p.submit(KindChangeLegal, legacy.ID, Form{LegalRep: "李四"})
	_, err = o.ra.Claim(o.ctx, first, b.ID)
	check(t, err)
	_, err = o.ra.Decide(o.ctx, first, b.ID, Decision{Decision: Return, Reasons: []string{"material_unclear"}})
	check(t, err)
	o.clock.set(o.clock.Now().Add(correctFor))
	check(t, o.ra.TendReviews(o.ctx))
	if got := p.application(b.ID).State; got != AppWithdrawn || p.certificate().OpenApplicationID != "" {
		t.Errorf("not corrected: %s", got)
	}
	o.audited()
}

// TestPaidApplications: paid after approval by default, before review where the project says so.
func TestPaidApplications(t *testing.T) {
	o := newOffice(t)
	o.noPapers()
	o.publish(func(d *ProjectDocument) { d.Prices = []PriceRule{{Kind: KindChangeLegal, PriceCents: 5000}} })
	p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
	pay := func(a Application) {
		t.Helper()
		if _, err := o.ra.ConfirmOrder(o.ctx, o.finance(), a.OrderID, 5000, "流水 "+a.Number); err != nil {
			t.Fatal(err)
		}
	}
	a := p.submit(KindChangeLegal, p.certificate().ID, Form{LegalRep: "李四"})
	if a = p.approve(a.ID); a.State != AppPaying || a.OrderID == "" || a.PriceCents != 5000 {
		t.Fatalf("approved: %+v", a)
	}
	pay(a)
	if a = p.application(a.ID); a.State != AppCompleted {
		t.Fatalf("paid: %+v", a)
	}
	o.publish(func(d *ProjectDocument) {
		for i := range d.Policies {
			if d.Policies[i].Kind == KindChangeLegal {
				d.Policies[i] = ReviewRule{Kind: KindChangeLegal, Steps: 1, WorkingDays: 3, PayFirst: true}
			}
		}
	})
	if a = p.submit(KindChangeLegal, p.certificate().ID, Form{LegalRep: "赵六"}); a.State != AppPaying {
		t.Fatalf("submitted: %+v", a)
	}
	pay(a)
	if a = p.application(a.ID); a.State != AppPending || a.DueAt.IsZero() {
		t.Fatalf("paid first: %+v", a)
	}
	if a = p.approve(a.ID); a.State != AppCompleted {
		t.Errorf("approved: %+v", a)
	}
	b := p.submit(KindChangeLegal, p.certificate().ID, Form{LegalRep: "钱七"})
	if _, err := o.ra.WithdrawApplication(o.ctx, p.me, b.ID); err != nil {
		t.Fatal(err)
	}
	if order, err := o.ra.Order(o.ctx, p.me, b.OrderID); err != nil || order.State != OrderClosed {
		t.Errorf("the order of a withdrawn application: %+v %v", order, err)
	}
}

// TestMovesStayInTheTable walks at random: whatever is tried, an application changes only as the table says.
func TestMovesStayInTheTable(t *testing.T) {
	o := newOffice(t)
	all := map[act]bool{}
	for _, acts := range moves {
		for a := range acts {
			all[a] = true
		}
	}
	var tried []act
	for a := range all {
		tried = append(tried, a)
	}
	slices.Sort(tried)
	check(t, o.db.Tx(o.ctx, func(tx *store.Tx) error {
		for i := range 20 {
			id := store.NewID("app")
			row := applicationRow{ID: id, Number: id, Kind: KindRenew, State: AppDraft, Consent: []byte{}}
			if err := tx.DB().Create(&row).Error; err != nil {
				return err
			}
			at := AppDraft
			random := rand.New(rand.NewPCG(uint64(i), 20))
			for range 60 {
				a := tried[random.IntN(len(tried))]
				moved, err := move(tx, id, a, nil)
				if err != nil {
					return err
				}
				next, allowed := moves[at][a]
				if moved != allowed {
					t.Fatalf("%s from %s: moved %v", a, at, moved)
				}
				if moved {
					at = next
				}
				if got, err := take[applicationRow](tx.DB(), "application", "id = ?", id); err != nil || got.State != at {
					t.Fatalf("after %s: %v %v, want %s", a, got, err, at)
				}
			}
		}
		return nil
	}))
	for state := range ends { // no way leads out of an end
		if len(moves[state]) > 0 {
			t.Errorf("%s is no end", state)
		}
	}
	for _, acts := range moves {
		for a, to := range acts {
			for from, others := range moves {
				if other, ok := others[a]; ok && other != to {
					t.Errorf("%s leads to %s and, from %s, to %s", a, to, from, other)
				}
			}
		}
	}
}

func readDays(o *office) workdays {
	o.t.Helper()
	days, err := readWorkdays(o.db.Read(o.ctx))
	check(o.t, err)
	return days
}

// TestWorkingDays counts over weekends, holidays and days that are worked instead.
func TestWorkingDays(t *testing.T) {
	o := newOffice(t)
	days := readDays(o)
	at := func(text string) time.Time {
		t.Helper()
		v, err := time.ParseInLocation("2006-01-02 15:04", text, china)
		check(t, err)
		return v
	}
	for _, c := range []struct {
		from string
		n    int
		due  string
	}{
		{"2026-11-23 10:00", 2, "2026-11-25 18:00"}, // Monday
		{"2026-11-20 17:59", 2, "2026-11-24 18:00"}, // Friday
		{"2026-11-21 09:00", 1, "2026-11-23 18:00"}, // Saturday
		{"2026-09-30 20:00", 2, "2026-10-09 18:00"}, // over the national holiday
		{"2026-10-09 09:00", 1, "2026-10-10 18:00"}, // a Saturday that is worked
		{"2026-02-13 09:00", 2, "2026-02-24 18:00"}, // Spring Festival, with the Saturday before it worked
	} {
		if got := days.due(at(c.from), c.n); !got.Equal(at(c.due)) {
			t.Errorf("%d working days from %s: %s, want %s", c.n, c.from, got.In(china), c.due)
		}
	}
	if got := days.left(at("2026-09-30 16:00"), at("2026-10-08 10:30")); got != 2*time.Hour+90*time.Minute {
		t.Errorf("over the national holiday %s of work", got)
	}
	for _, span := range []time.Duration{time.Minute, 3 * time.Hour, workday, 2*workday + time.Hour} { // both count alike
		from := at("2026-09-30 16:00")
		if got := days.left(from, days.after(from, span)); got != span {
			t.Errorf("%s became %s", span, got)
		}
	}
}

// escrowOf is a centre that knows a key under one holder, as kmc.Office does.
type escrowOf struct{ holder, opened string }

func (e *escrowOf) Restore(_ context.Context, q kmc.RestoreRequest) (*kmc.Assigned, error) {
	switch {
	case e.opened == "" && q.Holder != e.holder:
		return nil, kmc.ErrNotEscrowed
	case e.opened == "":
		e.opened = q.ID
		return nil, kmc.ErrPending
	case q.Holder != e.holder || q.ID != e.opened:
		return nil, kmc.ErrConflict
	}
	return &kmc.Assigned{Envelope: []byte("envelope")}, nil
}

// checkSuccessor looks at what an organisation under a new number has of the one before: the paired agent, and the keys in escrow.
func (p *party) checkSuccessor(c *certificateRow, before string) {
	p.t.Helper()
	agents, err := p.relay.ListAgents(p.ctx, p.me)
	if err != nil || len(agents) != 1 || agents[0].ID != p.agentID {
		p.t.Fatalf("the agent is not paired any more: %+v, %v", agents, err)
	}
	_, err = p.ra.ListKeys(p.ctx, p.me, p.agentID)
	check(p.t, err)
	job, outcome := p.work()
	check(p.t, p.relay.Result(p.ctx, p.agentID, job.ID, outcome))
	var claims ticket.Claims
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(job.Ticket, ".")[1])
	check(p.t, err)
	check(p.t, json.Unmarshal(payload, &claims))
	if claims.Organisation != c.Name {
		p.t.Errorf("the agent shows %q", claims.Organisation)
	}
	var found ticket.ListResult
	check(p.t, json.Unmarshal(outcome.Result, &found))
	keys, err := p.ra.Annotate(p.ctx, p.me, found)
	if err != nil || len(keys) != 1 || !keys[0].Mine {
		p.t.Errorf("the key is not the successor's: %+v, %v", keys, err)
	}

	p.ra.c.Recovery = &escrowOf{holder: before}
	defer func() { p.ra.c.Recovery = nil }()
	v, err := p.ra.RequestRecovery(p.ctx, p.me, RecoveryRequest{CertificateID: c.ID, Reason: "UKey 损坏", ToCertificateID: c.ID})
	check(p.t, err)
	check(p.t, p.db.Tx(p.ctx, func(tx *store.Tx) error { // its two reviews
		return tx.DB().Model(&recoveryRow{}).Where("id = ?", v.ID).Update("state", RecoveryRequested).Error
	}))
	for _, want := range []RecoveryState{RecoveryRequested, RecoveryReady} {
		check(p.t, p.ra.AskCentre(p.ctx))
		if v, err = p.ra.Recovery(p.ctx, p.me, v.ID); err != nil || v.State != want {
			p.t.Fatalf("the successor's recovery is %s, want %s: %v", v.State, want, err)
		}
	}
	check(p.t, p.db.Tx(p.ctx, func(tx *store.Tx) error {
		told, err := p.ra.TellRecovered(tx, kmc.Notice{Kind: kmc.UserRecovery, Holder: before, SPKIHash: c.EncSPKIHash, At: p.clock.Now()})
		if err == nil && told == 0 {
			p.t.Error("nobody is told of the recovery")
		}
		return err
	}))
}
