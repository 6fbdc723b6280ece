package ra

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/ca"
	"signet/ca/catest"
	"signet/ca/kmc"
	"signet/ca/pki"
)

var outside = account.ConnectedRA{KeyID: "rak_0123456789abcdefghij", Profiles: []string{"org-sign", "org-pair"}, Any: true}

func connectedRequest(t *testing.T, profile, idempotency string) ConnectedRequest {
	t.Helper()
	return ConnectedRequest{
		Idempotency: idempotency, Profile: profile, CSR: csrOf(t, catest.Key(t, pki.SM2)),
		Subject:  ConnectedSubject{Country: "CN", Organisation: tianguName, CommonName: tianguName},
		Identity: ConnectedIdentity{OrgCode: tiangu},
	}
}

// certificatesOf counts what an idempotency key led to.
func (o *office) certificatesOf(p *plan) (n int) {
	o.t.Helper()
	for _, id := range []ca.RequestID{p.sign.ID, p.enc.ID} {
		_, err := o.faults.Issued(o.ctx, id)
		if err == nil {
			n++
		} else if !errors.Is(err, ca.ErrNotIssued) {
			o.t.Fatal(err)
		}
	}
	return n
}

// TestConnectedSurvivesFaults loses each durable step of the CA in both ways; the repeat must give one answer, for ever.
func TestConnectedSurvivesFaults(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		o := officeOn(t, db, c)
		for _, profile := range outside.Profiles {
			for step := 1; step <= 2; step++ {
				for _, fault := range []catest.Fault{catest.NotPersisted, catest.ThenPersisted} {
					q := connectedRequest(t, profile, fmt.Sprintf("%s-%d-%d", profile, step, fault))
					o.faults.Arm(step, fault, 1)
					_, failed := o.ra.IssueConnected(o.ctx, outside, q)
					o.faults.Arm(0, 0, 0)
					first, err := o.ra.IssueConnected(o.ctx, outside, q)
					check(t, err)
					again, err := o.ra.IssueConnected(o.ctx, outside, q)
					check(t, err)
					if failed == nil || !reflect.DeepEqual(first, again) {
						t.Errorf("%s, step %d, fault %d: %v; the repeats differ", profile, step, fault, failed)
					}
					p, err := o.ra.plan(outside, q)
					check(t, err)
					if n, want := o.certificatesOf(p), map[string]int{"org-sign": 1, "org-pair": 2}[profile]; n != want {
						t.Errorf("%s, step %d, fault %d: %d certificates", profile, step, fault, n)
					}
				}
			}
		}
		o.audited()
	})
}

// TestConnectedPairBeforeItsEnvelope is a crash between the pair and the keeping of its envelope.
func TestConnectedPairBeforeItsEnvelope(t *testing.T) {
	o := newOffice(t)
	q := connectedRequest(t, "org-pair", "crash")
	first, err := o.ra.IssueConnected(o.ctx, outside, q)
	check(t, err)
	check(t, o.db.Tx(o.ctx, func(tx *store.Tx) error { return tx.DB().Where("1 = 1").Delete(&envelopeRow{}).Error }))
	second, err := o.ra.IssueConnected(o.ctx, outside, q)
	check(t, err)
	if first.SerialHex != second.SerialHex || first.EncSerialHex != second.EncSerialHex || len(second.Envelope) == 0 {
		t.Errorf("another pair: %+v", second)
	}
	third, err := o.ra.IssueConnected(o.ctx, outside, q)
	check(t, err)
	if !reflect.DeepEqual(second, third) {
		t.Error("the repeats differ")
	}
}

// TestConnectedOutpaced: two requests under one idempotency key, a single certificate and a pair of the same key, meet between look-up and issuing.
func TestConnectedOutpaced(t *testing.T) {
	o := newOffice(t)
	single := connectedRequest(t, "org-sign", "race")
	pair := single
	pair.Profile = "org-pair"
	kept, err := o.ra.IssueConnected(o.ctx, outside, single)
	check(t, err)
	p, err := o.ra.plan(outside, pair) // has looked up before the single one was there
	check(t, err)
	key, err := o.ra.c.KMC.Assign(o.ctx, kmc.AssignRequest{ID: string(p.id), Holder: p.holder, SignSPKI: p.sign.SPKI})
	check(t, err)
	p.enc.SPKI = key.SPKI
	made, err := o.ra.c.Authority.IssuePair(o.ctx, ca.PairRequest{ID: p.id, Sign: p.sign, Enc: p.enc})
	check(t, err)
	if made.Sign.SerialHex != kept.SerialHex {
		t.Fatal("the signing key was certified twice")
	}
	want(t, o.ra.outpaced(o.ctx, p, made), problem.CodeIdempotencyConflict)
	enc, err := o.faults.Issued(o.ctx, p.enc.ID)
	check(t, err)
	sign, err := o.faults.Issued(o.ctx, p.sign.ID)
	check(t, err)
	if enc.Revoked == nil || sign.Revoked != nil {
		t.Errorf("encryption half %+v, signing certificate %+v", enc.Revoked, sign.Revoked)
	}
	again, err := o.ra.IssueConnected(o.ctx, outside, single)
	check(t, err)
	if !reflect.DeepEqual(kept, again) {
		t.Error("the first request got another answer")
	}
	_, err = o.ra.IssueConnected(o.ctx, outside, pair)
	want(t, err, problem.CodeIdempotencyConflict)
}

// TestConnectedRefusalsUseNothingUp: no certificate, no serial, no escrowed key, for any refusal of the request itself.
func TestConnectedRefusalsUseNothingUp(t *testing.T) {
	o := newOffice(t)
	q := connectedRequest(t, "org-pair", "k")
	bad := q
	bad.NotAfter = o.clock.Now().Add(100 * 365 * 24 * time.Hour)
	o.faults.Arm(0, 0, 0) // counts anew
	_, err := o.ra.IssueConnected(o.ctx, outside, bad)
	want(t, err, problem.CodeIssuanceRefused)
	p, err := o.ra.plan(outside, q)
	check(t, err)
	if o.faults.Steps() != 0 || o.certificatesOf(p) != 0 {
		t.Errorf("%d durable steps", o.faults.Steps())
	}
	var n int64
	check(t, o.db.Read(o.ctx).Table("kmc_assignments").Count(&n).Error)
	if n != 0 {
		t.Errorf("%d escrowed keys were assigned", n)
	}
	_, err = o.ra.IssueConnected(o.ctx, outside, q) // put right, under the same key
	check(t, err)

	// A legacy key, certified elsewhere and taken over, is certified already.
	party := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
	q = connectedRequest(t, "org-sign", "legacy")
	q.CSR = csrOf(t, party.sign.Key.Signer)
	_, err = o.ra.IssueConnected(o.ctx, outside, q)
	want(t, err, problem.CodeKeyCertified)
	_, err = o.ra.IssueConnected(o.ctx, account.ConnectedRA{}, q)
	want(t, err, problem.CodeProfileDenied) // nobody may do nothing
}
