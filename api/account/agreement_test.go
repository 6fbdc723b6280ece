package account

import (
	"testing"

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
