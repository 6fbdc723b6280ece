package ra

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/api/store/storetest"
	"signet/ca/catest"
	"signet/ca/pki"
)

func TestRowsOfSealsAndShipments(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		check(t, db.CheckRows(t.Context(), sealRow{}, shipmentRow{}, recoveryRow{}))
	})
}

// platform is a bidding platform with the right to register sealed bids.
func platform(id string) account.ConnectedRA {
	return account.ConnectedRA{KeyID: "rak_" + id, Name: "某招投标平台" + id, Application: true, Seals: true}
}

func (p *party) bid(number string, in time.Duration) SealRequest {
	return SealRequest{SPKIHash: hashHex(p.enc.Certificate.SPKI), Name: "城东学校一期施工", Number: number, OpensAt: p.clock.Now().Add(in)}
}

// TestSealHoldsRenewal: a sealed bid refuses a renewal until the holder chose; what was chosen about which bid stands in the timeline, and the old key opens
// the old bid afterwards.
func TestSealHoldsRenewal(t *testing.T) {
	o := newOffice(t)
	p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
	p.pay()
	id := p.certificate().ID
	seal, err := o.ra.RegisterSeal(o.ctx, platform("1"), p.bid("ZB-1", 48*time.Hour))
	check(t, err)
	_, err = o.ra.AddSeal(o.ctx, p.me, id, SealRequest{Name: "自行登记", OpensAt: o.clock.Now().Add(72 * time.Hour)})
	check(t, err)
	_, err = o.ra.StartRenewal(o.ctx, p.me, id, "")
	want(t, err, problem.CodeSealedBids)
	if e, _ := errors.AsType[*problem.Error](err); e == nil || e.Params["bid"] != seal.Name || e.Params["count"] != 2 || e.Params["choices"] != "keep_old proceed" {
		t.Errorf("it says %v", err)
	}
	_, err = o.ra.StartRenewal(o.ctx, p.me, id, "whatever")
	want(t, err, problem.CodeInvalidField)
	a, err := o.ra.StartRenewal(o.ctx, p.me, id, SealKeepOld)
	check(t, err)
	if !slices.ContainsFunc(a.Timeline, func(l TimelineEntry) bool {
		return l.Act == "seal.keep_old" && l.Note == "城东学校一期施工、自行登记"
	}) {
		t.Errorf("timeline %+v", a.Timeline)
	}
	_, err = o.ra.SignConsent(o.ctx, p.me, a.ID, target)
	check(t, err)
	p.done()
	p.enrol(a.ID)
	p.done()
	if a = p.application(a.ID); a.State != AppCompleted || a.Enrolment.Proof.OldKeysOpened != 1 {
		t.Errorf("%s, %d old keys opened their test", a.State, a.Enrolment.Proof.OldKeysOpened)
	}
	// The new certificate's line has the seals, for the old key is on the token still.
	seals, err := o.ra.Seals(o.ctx, p.me, p.certificate().ID)
	check(t, err)
	if len(seals) != 2 || seals[0].ID != seal.ID || seals[0].Platform == "" || seals[1].Platform != "" {
		t.Errorf("seals of the new certificate %+v", seals)
	}
	o.audited()
}

// TestSealLife: platforms change and release their own, holders their own, and time ends all.
func TestSealLife(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		c.set(start)
		o := officeOn(t, db, c)
		p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
		q := o.newParty("擎洲测试投标人6", catest.USCC, legacyRequest("擎洲测试投标人6", catest.USCC, pki.SM2))
		id := p.certificate().ID
		first, err := o.ra.RegisterSeal(o.ctx, platform("1"), p.bid("ZB-1", time.Hour))
		check(t, err)
		later := p.bid("ZB-1", 24*time.Hour)
		later.SPKIHash, later.Serial, later.Name = "", strings.ToLower(p.enc.Certificate.SerialHex), "改期"
		again, err := o.ra.RegisterSeal(o.ctx, platform("1"), later) // postponed
		check(t, err)
		if again.ID != first.ID || again.Name != "改期" || !again.OpensAt.Equal(c.Now().Add(24*time.Hour)) {
			t.Errorf("postponed %+v", again)
		}
		other, err := o.ra.RegisterSeal(o.ctx, platform("2"), p.bid("ZB-1", time.Hour)) // another platform's number is another bid
		check(t, err)
		mine, err := o.ra.AddSeal(o.ctx, p.me, id, SealRequest{Name: "自行登记", OpensAt: c.Now().Add(48 * time.Hour)})
		check(t, err)

		// Whose is whose.
		_, err = o.ra.ReleaseSeal(o.ctx, platform("2"), first.ID)
		want(t, err, problem.CodeNotFound)
		want(t, o.ra.RemoveSeal(o.ctx, p.me, first.ID), problem.CodeSealState)
		want(t, o.ra.RemoveSeal(o.ctx, q.me, mine.ID), problem.CodeNotFound)
		_, err = o.ra.Seals(o.ctx, q.me, id)
		want(t, err, problem.CodeNotFound)
		if list, err := o.ra.PlatformSeals(o.ctx, platform("1"), SealOpen, Paging{}); err != nil || len(list.Items) != 1 || list.Items[0].ID != first.ID {
			t.Errorf("the platform sees %+v, %v", list, err)
		}
		no := platform("3")
		no.Seals = false
		_, err = o.ra.RegisterSeal(o.ctx, no, p.bid("ZB-9", time.Hour))
		want(t, err, problem.CodeForbidden)
		_, err = o.ra.LiftSeal(o.ctx, o.reviewer(), other.ID, "平台停办")
		want(t, err, problem.CodeForbidden)

		check(t, o.ra.RemoveSeal(o.ctx, p.me, mine.ID))
		want(t, o.ra.RemoveSeal(o.ctx, p.me, mine.ID), problem.CodeSealState)
		_, err = o.ra.LiftSeal(o.ctx, o.approver(), other.ID, " ")
		want(t, err, problem.CodeMissingField)
		lifted, err := o.ra.LiftSeal(o.ctx, o.approver(), other.ID, "平台停办")
		check(t, err)
		if lifted.State != SealReleased {
			t.Error(lifted.State)
		}

		// Time: a holder who waits is told; what was postponed after the job looked is not ended.
		_, err = o.ra.RemindSeals(o.ctx, p.me, id)
		check(t, err)
		c.set(start.Add(23 * time.Hour))
		check(t, o.ra.EndSeals(o.ctx))
		if seals, err := o.ra.Seals(o.ctx, p.me, id); err != nil || seals[0].State != SealReleased && seals[0].State != SealOpen || o.messages(NoticeSealOpened) != 0 {
			t.Errorf("an hour before %+v, %v", seals, err)
		}
		c.set(start.Add(24 * time.Hour))
		check(t, o.ra.EndSeals(o.ctx))
		told := o.messages(NoticeSealOpened) // the account's phone and the handler's
		check(t, o.ra.EndSeals(o.ctx))
		if n := o.messages(NoticeSealOpened); told == 0 || n != told {
			t.Errorf("told %d times, then %d", told, n)
		}
		_, err = o.ra.ReleaseSeal(o.ctx, platform("1"), first.ID)
		want(t, err, problem.CodeSealState)
		p.pay()
		_, err = o.ra.StartRenewal(o.ctx, p.me, id, "")
		check(t, err)
		fresh, err := o.ra.RegisterSeal(o.ctx, platform("1"), p.bid("ZB-1", time.Hour)) // the number is free again
		check(t, err)
		if fresh.ID == first.ID {
			t.Error("an ended seal came back")
		}
		_, err = o.ra.ReleaseSeal(o.ctx, platform("1"), fresh.ID)
		check(t, err)
		o.audited()
	})
}

// messages counts what was sent by a template.
func (o *office) messages(template string) (n int64) {
	o.t.Helper()
	check(o.t, o.db.Read(o.ctx).Table("notice_messages").Where("template = ?", template).Count(&n).Error)
	return n
}

// TestSealBounds: what is no seal, and how many one key has.
func TestSealBounds(t *testing.T) {
	o := newOffice(t)
	p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
	for name, c := range map[string]struct {
		change func(*SealRequest)
		want   problem.Code
	}{
		"past":            {func(q *SealRequest) { q.OpensAt = start }, problem.CodeInvalidField},
		"too far":         {func(q *SealRequest) { q.OpensAt = start.Add(367 * 24 * time.Hour) }, problem.CodeInvalidField},
		"no name":         {func(q *SealRequest) { q.Name = " " }, problem.CodeMissingField},
		"no number":       {func(q *SealRequest) { q.Number = "" }, problem.CodeMissingField},
		"long name":       {func(q *SealRequest) { q.Name = strings.Repeat("标", 201) }, problem.CodeTooLong},
		"two lines":       {func(q *SealRequest) { q.Name = "a\nb" }, problem.CodeInvalidField},
		"no key":          {func(q *SealRequest) { q.SPKIHash = "" }, problem.CodeInvalidField},
		"two keys":        {func(q *SealRequest) { q.Serial = "01" }, problem.CodeInvalidField},
		"no hash":         {func(q *SealRequest) { q.SPKIHash = "xy" }, problem.CodeInvalidField},
		"unknown key":     {func(q *SealRequest) { q.SPKIHash = strings.Repeat("00", 32) }, problem.CodeCertificateUnknown},
		"the signing key": {func(q *SealRequest) { q.SPKIHash = hashHex(p.sign.Certificate.SPKI) }, problem.CodeCertificateUnknown},
		"unknown serial":  {func(q *SealRequest) { q.SPKIHash, q.Serial = "", "0102" }, problem.CodeCertificateUnknown},
	} {
		q := p.bid("ZB-1", time.Hour)
		c.change(&q)
		if _, err := o.ra.RegisterSeal(o.ctx, platform("1"), q); !problem.Has(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range sealsMost {
		_, err := o.ra.RegisterSeal(o.ctx, platform("1"), p.bid(fmt.Sprint("ZB-", i), time.Hour))
		check(t, err)
	}
	_, err := o.ra.RegisterSeal(o.ctx, platform("1"), p.bid("ZB-x", time.Hour))
	want(t, err, problem.CodeSealLimit)
	_, err = o.ra.RegisterSeal(o.ctx, platform("1"), p.bid("ZB-0", 2*time.Hour)) // one that is there may still be postponed
	check(t, err)
	o.clock.set(start.Add(90 * time.Minute)) // ended ones do not count, even before the job looked
	_, err = o.ra.RegisterSeal(o.ctx, platform("1"), p.bid("ZB-x", time.Hour))
	check(t, err)
}

// TestSealHoldsInit: a USB key that a sealed key was written to is not initialised without a word.
func TestSealHoldsInit(t *testing.T) {
	o := newOffice(t)
	p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
	_, err := o.ra.RegisterTokens(o.ctx, o.operator(), []TokenEntry{{Serial: tokenNo, OrganisationID: p.me.OrganisationID}})
	check(t, err)
	check(t, o.db.Tx(o.ctx, func(tx *store.Tx) error {
		return tx.DB().Model(&certificateRow{}).Where("id = ?", p.certificate().ID).Update("token_serial", tokenNo).Error
	}))
	_, err = o.ra.RegisterSeal(o.ctx, platform("1"), p.bid("ZB-1", time.Hour))
	check(t, err)
	_, err = o.ra.InitToken(o.ctx, p.me, target, "")
	want(t, err, problem.CodeSealedBids)
	_, err = o.ra.InitToken(o.ctx, p.me, target, SealKeepOld) // nothing stays on a key that is erased
	want(t, err, problem.CodeInvalidField)
	_, err = o.ra.InitToken(o.ctx, p.me, target, SealProceed)
	check(t, err)
}
