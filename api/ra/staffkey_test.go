package ra

import (
	"encoding/hex"
	"encoding/json"
	"testing"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/ca/catest"
	"signet/ca/pki"
	"signet/ukey/ticket"
)

func (o *office) security() account.Actor {
	return account.Actor{AccountID: "acc_security", Role: account.RoleSecurity, State: account.Verified, Login: "anquan"}
}

// newSigner is a member of staff with a key and an agent of their own.
func (o *office) newSigner(me account.Actor, name, code string) *party {
	o.t.Helper()
	p := o.newParty(name, code, legacyRequest(name, code, pki.SM2))
	p.me = me
	p.me.SessionID = "ses_" + me.AccountID
	p.pair()
	return p
}

// asked has the key asked for, and gives what waits.
func (p *party) asked() StaffKey {
	p.t.Helper()
	hash := pki.SPKIHash(p.sign.Certificate.SPKI)
	_, err := p.ra.BindStaffKey(p.ctx, p.me, target, hash[:])
	check(p.t, err)
	p.done()
	keys, err := p.ra.StaffKeys(p.ctx, p.me)
	check(p.t, err)
	if len(keys) != 1 || keys[0].State != StaffKeyRequested || keys[0].SPKIHash != hex.EncodeToString(hash[:]) || keys[0].AccountID != p.me.AccountID {
		p.t.Fatalf("asked: %+v", keys)
	}
	return keys[0]
}

// signed has a text signed by the agent.
func (p *party) signed(text string) []byte {
	p.t.Helper()
	_, err := p.ra.SignStaffText(p.ctx, p.me, Target{}, text)
	check(p.t, err)
	var res ticket.SignResult
	check(p.t, json.Unmarshal(p.done().Result, &res))
	return res.Signature
}

// Only a key that is bound and confirmed counts, over the very text, while its certificate is good.
func TestStaffKeys(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		c.set(start)
		o := officeOn(t, db, c)
		o.ra.c.StaffKeys = true
		p := o.newSigner(o.reviewer(), "擎洲测试投标人6", catest.USCC)
		other := o.newSigner(o.approver(), tianguName, tiangu)
		const text = "决定 Decision: approve\n"
		good := func(der []byte, text string) error { return o.ra.checkStaffSignature(o.ctx, p.me, text, der) }

		want(t, good(nil, text), problem.CodeStaffKeyRequired)
		_, err := o.ra.SignStaffText(o.ctx, p.me, Target{}, text)
		want(t, err, problem.CodeStaffKeyRequired)
		k := p.asked()
		want(t, good(nil, text), problem.CodeStaffKeyRequired)
		_, err = o.ra.SignStaffText(o.ctx, p.me, Target{}, text)
		want(t, err, problem.CodeStaffKeyRequired) // it waits

		// A second person confirms, and only who may.
		own := o.security()
		own.AccountID = p.me.AccountID
		want(t, o.ra.DecideStaffKey(o.ctx, own, k.ID, true), problem.CodeSecondPerson)
		want(t, o.ra.DecideStaffKey(o.ctx, other.me, k.ID, true), problem.CodeForbidden)
		check(t, o.ra.DecideStaffKey(o.ctx, o.security(), k.ID, true))
		want(t, o.ra.DecideStaffKey(o.ctx, o.security(), k.ID, false), problem.CodeNotFound)

		der := p.signed(text)
		check(t, good(der, text))
		want(t, good(der, text+"x"), problem.CodeStaffSignature)
		want(t, good(der[:len(der)-1], text), problem.CodeStaffSignature)
		want(t, o.ra.checkStaffSignature(o.ctx, other.me, text, der), problem.CodeStaffSignature) // a key of another's

		// A key is one person's; what waits signs for nobody.
		k2 := other.asked()
		want(t, o.ra.EndStaffKey(o.ctx, p.me, k2.ID), problem.CodeNotFound)
		check(t, o.ra.DecideStaffKey(o.ctx, o.security(), k2.ID, false))
		want(t, o.ra.checkStaffSignature(o.ctx, other.me, text, der), problem.CodeStaffSignature)

		// A certificate out of use signs nothing.
		certificate := func(state certState) {
			t.Helper()
			check(t, o.db.Tx(o.ctx, func(tx *store.Tx) error {
				return tx.DB().Model(&certificateRow{}).Where("sign_hash = ?", hashHex(p.sign.Certificate.Raw)).Update("state", state).Error
			}))
		}
		for _, state := range []certState{certRevoked, certSuspended} {
			certificate(state)
			want(t, good(der, text), problem.CodeStaffSignature)
		}
		certificate(certActive)
		check(t, good(der, text))
		c.set(p.sign.Certificate.NotAfter.AddDate(0, 0, 1))
		want(t, good(der, text), problem.CodeStaffSignature)
		c.set(start)

		// An operator's batch takes only a key bound to that operator.
		_, _, err = o.ra.operatorSigned(o.ctx, other.me, der)
		want(t, err, problem.CodeStaffSignature)
		if _, content, err := o.ra.operatorSigned(o.ctx, p.me, der); err != nil || content != text {
			t.Errorf("operator: %q %v", content, err)
		}

		check(t, o.ra.EndStaffKey(o.ctx, p.me, k.ID))
		want(t, good(der, text), problem.CodeStaffSignature)
		o.ra.c.StaffKeys = false
		check(t, good(nil, text))
		want(t, good(der, text), problem.CodeStaffSignature) // what is given is looked at
	})
}

// A decision is signed over its own words: not those of another application, nor another decision.
func TestStaffKeyDecision(t *testing.T) {
	o := newOffice(t)
	o.noPapers()
	reviewer := o.newSigner(o.reviewer(), tianguName, tiangu)
	p := o.newParty("擎洲测试投标人6", catest.USCC, legacyRequest("擎洲测试投标人6", catest.USCC, pki.SM2))
	p.me.State = account.Verified
	check(t, o.ra.DecideStaffKey(o.ctx, o.security(), reviewer.asked().ID, true))
	o.ra.c.StaffKeys = true
	a := p.submit(KindChangeName, p.certificate().ID, Form{Name: "杭州田谷新科技有限公司"})
	_, err := o.ra.Claim(o.ctx, reviewer.me, a.ID)
	check(t, err)
	d := Decision{Decision: Approve}
	_, err = o.ra.Decide(o.ctx, reviewer.me, a.ID, d)
	want(t, err, problem.CodeStaffKeyRequired)
	text, err := o.ra.DecisionText(o.ctx, reviewer.me, a.ID, d)
	check(t, err)
	for what, wrong := range map[string]string{"another application": "申请单号 Application: X\n" + text, "another decision": text + "."} {
		d.Signature = reviewer.signed(wrong)
		if _, err := o.ra.Decide(o.ctx, reviewer.me, a.ID, d); !problem.Has(err, problem.CodeStaffSignature) {
			t.Errorf("%s: %v", what, err)
		}
	}
	d.Signature = reviewer.signed(text)
	reject := Decision{Decision: Reject, Reasons: []string{"data_mismatch"}, Signature: d.Signature}
	_, err = o.ra.Decide(o.ctx, reviewer.me, a.ID, reject)
	want(t, err, problem.CodeStaffSignature)
	review, err := o.ra.Decide(o.ctx, reviewer.me, a.ID, d)
	check(t, err)
	if len(review.Decisions) != 1 || !review.Decisions[0].Signed {
		t.Errorf("decided: %+v", review.Decisions)
	}
}

// What was signed in one round on an application decides nothing in the next, even by the same person on the same words.
func TestStaffDecisionOfAnEarlierRound(t *testing.T) {
	o := newOffice(t)
	o.noPapers()
	reviewer := o.newSigner(o.reviewer(), tianguName, tiangu)
	p := o.newParty("擎洲测试投标人6", catest.USCC, legacyRequest("擎洲测试投标人6", catest.USCC, pki.SM2))
	p.me.State = account.Verified
	check(t, o.ra.DecideStaffKey(o.ctx, o.security(), reviewer.asked().ID, true))
	o.ra.c.StaffKeys = true
	a := p.submit(KindChangeName, p.certificate().ID, Form{Name: "杭州田谷新科技有限公司"})
	d := Decision{Decision: Return, Reasons: []string{"data_mismatch"}, Note: "名称与执照不符"}
	for round := range 2 {
		_, err := o.ra.Claim(o.ctx, reviewer.me, a.ID)
		check(t, err)
		if round > 0 {
			_, err = o.ra.Decide(o.ctx, reviewer.me, a.ID, d)
			want(t, err, problem.CodeStaffSignature)
		}
		text, err := o.ra.DecisionText(o.ctx, reviewer.me, a.ID, d)
		check(t, err)
		d.Signature = reviewer.signed(text)
		_, err = o.ra.Decide(o.ctx, reviewer.me, a.ID, d)
		check(t, err)
		_, err = o.ra.Submit(o.ctx, p.me, a.ID, Submission{}) // at the same moment, unchanged
		check(t, err)
	}
}

// Decisions on recoveries and unlocking are signed where keys are required, and kept with their words.
func TestStaffKeyOtherDecisions(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		c.set(start)
		o := officeOn(t, db, c)
		reviewer := o.newSigner(o.reviewer(), tianguName, tiangu)
		p := o.newParty("擎洲测试投标人6", catest.USCC, legacyRequest("擎洲测试投标人6", catest.USCC, pki.SM2))
		p.me.State = account.Verified
		check(t, o.ra.DecideStaffKey(o.ctx, o.security(), reviewer.asked().ID, true))
		o.ra.c.StaffKeys = true
		certificate := p.certificate().ID
		recovery := func(number string) *recoveryRow {
			row := recoveryRow{ID: store.NewID("rec"), Number: number, State: RecoveryPending, OrganisationID: p.me.OrganisationID, AccountID: p.me.AccountID, CertificateID: certificate,
				ToSPKI: []byte("to"), Reason: "开标", Files: "[]", Envelope: []byte{}}
			check(t, o.db.Tx(o.ctx, func(tx *store.Tx) error { return tx.DB().Create(&row).Error }))
			return &row
		}
		kept := func(id string, step int, text string) {
			t.Helper()
			row, err := take[decisionRow](o.db.Read(o.ctx), "decision", "object_id = ? AND step = ?", id, step)
			check(t, err)
			if row.Text != text || len(row.Signature) == 0 || row.ByName != "shenhe" {
				t.Errorf("kept: %+v", row)
			}
		}

		one, other := recovery("HF1"), recovery("HF2")
		_, err := o.ra.DecideRecovery(o.ctx, reviewer.me, one.ID, Word{Approve: true})
		want(t, err, problem.CodeStaffKeyRequired)
		text, err := o.ra.RecoveryDecisionText(o.ctx, reviewer.me, one.ID, Word{Approve: true})
		check(t, err)
		signature := reviewer.signed(text)
		_, err = o.ra.DecideRecovery(o.ctx, reviewer.me, other.ID, Word{Approve: true, Signature: signature})
		want(t, err, problem.CodeStaffSignature)
		_, err = o.ra.DecideRecovery(o.ctx, reviewer.me, one.ID, Word{Note: "材料不全", Signature: signature})
		want(t, err, problem.CodeStaffSignature)
		v, err := o.ra.DecideRecovery(o.ctx, reviewer.me, one.ID, Word{Approve: true, Signature: signature})
		check(t, err)
		if v.Recovery.State != RecoverySecond {
			t.Errorf("approved: %s", v.Recovery.State)
		}
		kept(one.ID, 1, text)
		no := Word{Note: "材料不全"}
		text, err = o.ra.RecoveryDecisionText(o.ctx, reviewer.me, other.ID, no)
		check(t, err)
		no.Signature = reviewer.signed(text)
		_, err = o.ra.DecideRecovery(o.ctx, reviewer.me, other.ID, no)
		check(t, err)
		kept(other.ID, 1, text)

		row := workRow{ID: store.NewID("wrk"), Number: "JS1", Kind: WorkUnlock, State: WorkPending, TokenSerial: tokenNo, CertificateID: certificate, OrganisationID: p.me.OrganisationID, AccountID: p.me.AccountID}
		check(t, o.db.Tx(o.ctx, func(tx *store.Tx) error { return tx.DB().Create(&row).Error }))
		_, err = o.ra.DecideUnlock(o.ctx, reviewer.me, row.ID, Word{Approve: true})
		want(t, err, problem.CodeStaffKeyRequired)
		_, err = o.ra.DecideUnlock(o.ctx, reviewer.me, row.ID, Word{Approve: true, Signature: no.Signature})
		want(t, err, problem.CodeStaffSignature)
		text, err = o.ra.UnlockDecisionText(o.ctx, reviewer.me, row.ID, Word{Approve: true})
		check(t, err)
		signature = reviewer.signed(text)
		w, err := o.ra.DecideUnlock(o.ctx, reviewer.me, row.ID, Word{Approve: true, Signature: signature})
		check(t, err)
		if w.State != WorkApproved {
			t.Errorf("approved: %s", w.State)
		}
		kept(row.ID, 1, text)
	})
}
