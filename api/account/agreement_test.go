package account

import (
	"testing"
	"time"

	"signet/api/problem"
	"signet/api/store"
	"signet/api/store/storetest"
)

// TestAgreementContent: a published version is in force at once, and no version ever names two texts.
func TestAgreementContent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ok := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		ok(db.CheckRows(t.Context(), agreementRow{}))
		a := &Accounts{db: db}
		c := AgreementContent{}
		ok(a.checkAgreement(t.Context(), BuiltinAgreement.Version))
		next := Agreement{Version: "2027-01", Title: " 协议 ", Text: "一\n二"}
		ok(c.Check(db.Read(t.Context()), AgreementKey, &next))
		ok(db.Tx(t.Context(), func(tx *store.Tx) error { return c.Put(tx, AgreementKey, next) }))
		if now, err := a.Agreement(t.Context()); err != nil || now != (Agreement{"2027-01", "协议", "一\n二"}) {
			t.Errorf("in force: %+v %v", now, err)
		}
		if err := a.checkAgreement(t.Context(), BuiltinAgreement.Version); !problem.Has(err, problem.CodeAgreementOutdated) {
			t.Errorf("the old version: %v", err)
		}
		for name, bad := range map[string]Agreement{
			"taken": {"2027-01", "协议", "三"}, "built in": {BuiltinAgreement.Version, "协议", "三"}, "version": {"第一版", "协议", "三"}, "title": {"2", "", "三"}, "text": {"2", "协议", "a\x00"},
		} {
			if err := c.Check(db.Read(t.Context()), AgreementKey, &bad); !problem.Has(err, problem.CodeInvalidField) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := c.Live(db.Read(t.Context()), "other"); !problem.Has(err, problem.CodeNotFound) {
			t.Error(err)
		}
	})
}

// TestAgreementAnew: a published version is asked for at the next login, before all else; who works meanwhile goes on, and who has not set phone
// and password does that first.
func TestAgreementAnew(t *testing.T) {
	each(t, func(f *fixture) {
		publish := func(version string) {
			f.Helper()
			f.tx(func(tx *store.Tx) error {
				return AgreementContent{}.Put(tx, AgreementKey, Agreement{version, "协议", "一"})
			})
		}
		now := func(token Token) Actor {
			f.Helper()
			actor, _, err := f.Authenticate(f.Context(), token)
			f.ok(err)
			return actor
		}
		id := f.supplemented()
		f.clock.add(time.Second)
		_, before := f.enters(newPhone, newPassword)
		f.clock.add(time.Millisecond)
		publish("2027-01")
		f.ok(Can(now(before), HolderRead))
		f.ok(Can(f.staff("jingli", RoleManager), ContentRead)) // staff register by no agreement

		session, token, err := f.login(newPhone, newPassword, home) // in the millisecond of publishing: due
		f.ok(err)
		actor := now(token)
		if session.AgreementDue != "2027-01" || actor.AgreementDue != "2027-01" {
			f.Fatalf("due: %q %q", session.AgreementDue, actor.AgreementDue)
		}
		for _, verb := range []Verb{HolderRead, HolderAct, ProfileAct, AgentAct} {
			if p := f.wants(problem.CodeAgreementRequired, Can(actor, verb)); p.Params["version"] != "2027-01" {
				f.Errorf("%v", p.Params)
			}
		}
		f.ok(Can(actor, SessionRead)) // to accept, and to leave
		f.wants(problem.CodeAgreementOutdated, f.AcceptAgreement(f.Context(), actor, BuiltinAgreement.Version))
		f.clock.add(time.Minute)
		f.ok(f.AcceptAgreement(f.Context(), actor, "2027-01"))
		f.ok(f.AcceptAgreement(f.Context(), actor, "2027-01")) // once more by the same knowledge: nothing changes
		f.ok(Can(now(token), HolderRead))
		if row := f.row(id); row.Agreement != "2027-01" || row.AgreementAt != store.Millis(f.clock.Now()) {
			f.Errorf("recorded %q at %d", row.Agreement, row.AgreementAt)
		}
		var entries int64
		f.ok(f.db.Read(f.Context()).Table("store_audit").Where("act = ? AND actor = ?", "agreement.accept", id).Count(&entries).Error)
		if entries != 1 {
			f.Errorf("%d entries in the audit", entries)
		}

		f.clock.add(time.Minute)
		publish("2027-02") // the same session goes on, the next one is asked again
		f.ok(Can(now(token), HolderRead))
		f.clock.add(time.Minute)
		again, _ := f.enters(newPhone, newPassword)
		f.wants(problem.CodeAgreementRequired, Can(again, HolderRead))

		h, _ := f.holder()
		legacy, _ := f.enters(h.USCC, initialPassword)
		f.ok(Can(legacy, SupplementRead))
		f.wants(problem.CodeSupplementRequired, Can(legacy, HolderRead))
	})
}
