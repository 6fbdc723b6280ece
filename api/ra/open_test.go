package ra

import (
	"testing"

	"signet/api/account"
	"signet/api/store"
	"signet/ca/catest"
	"signet/ca/pki"
)

// TestProgressIsForWhoServes: who has left the organisation learns nothing of its applications any more.
func TestProgressIsForWhoServes(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		c.set(start)
		o := officeOn(t, db, c)
		o.noPapers()
		p := o.newParty("擎洲测试投标人6", catest.USCC, legacyRequest("擎洲测试投标人6", catest.USCC, pki.SM2))
		a := p.submit(KindChangeLegal, p.certificate().ID, Form{LegalRep: "李四"})
		on := func(phone string) (known bool) {
			t.Helper()
			check(t, db.Tx(o.ctx, func(tx *store.Tx) (err error) {
				known, err = o.ra.OnApplication(tx, a.Number, phone)
				return err
			}))
			return known
		}
		var phones []string
		check(t, db.Tx(o.ctx, func(tx *store.Tx) (err error) {
			phones, err = account.MemberContacts(tx, p.me.OrganisationID, p.me.AccountID)
			return err
		}))
		if len(phones) == 0 || !on(phones[0]) || on("13900000000") {
			t.Fatal(phones)
		}
		check(t, db.Tx(o.ctx, func(tx *store.Tx) error {
			return tx.DB().Exec("UPDATE acct_memberships SET ended_at = 1 WHERE account_id = ?", p.me.AccountID).Error
		}))
		if on(phones[0]) {
			t.Error("told to who has left")
		}
	})
}
