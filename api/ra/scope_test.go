package ra

import (
	"testing"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/ca/catest"
	"signet/ca/pki"
)

// bounded is a person with every role whose work lies in projects and regions, each bounded.
func bounded(project, region string) account.Actor {
	a := account.Actor{AccountID: "acc_bounded", Role: account.RoleReviewer, State: account.Verified, Login: "quyu"}
	for _, role := range []account.Role{account.RoleReviewer, account.RoleApprover, account.RoleOperator, account.RoleFinance, account.RoleShipper, account.RoleWindow, account.RoleManager, account.RoleSupervisor} {
		a.Roles = append(a.Roles, role)
		a.Reaches = append(a.Reaches, account.Reach{Role: role, Project: project, Region: region})
	}
	return a
}

// TestBounds asks for every kind of object in another project, another region and its own, on both databases.
func TestBounds(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		c.set(start)
		o := officeOn(t, db, c)
		p := o.newParty("擎洲测试投标人6", catest.USCC, legacyRequest("擎洲测试投标人6", catest.USCC, pki.SM2))
		p.me.State = account.Verified
		order := p.pay()
		a, err := o.ra.StartRenewal(o.ctx, p.me, p.certificate().ID, "")
		check(t, err)
		check(t, o.db.Tx(o.ctx, func(tx *store.Tx) error {
			return tx.DB().Exec("UPDATE ra_applications SET state = 'pending', submitted_at = 1 WHERE id = ?", a.ID).Error
		}))
		region := catest.USCC[2:8]
		here := []account.Actor{
			bounded("jhggzy", ""), bounded("", region), bounded("", region[:2]), bounded("", region[:2]+"0000"), bounded("jhggzy", region[:4]), o.reviewer(),
		}
		elsewhere := []account.Actor{bounded("other", ""), bounded("", "1199"), bounded("jhggzy", "1199"), bounded("other", region), bounded("", region+"001")}
		for i, by := range append(here, elsewhere...) {
			mine := 0
			if i < len(here) {
				mine = 1
			}
			queue, err := o.ra.ReviewQueue(o.ctx, by, ReviewFilter{}, Paging{})
			check(t, err)
			figures, err := o.ra.ReviewStatistics(o.ctx, by)
			check(t, err)
			_, missing := o.ra.Review(o.ctx, by, a.ID)
			if queue.Page.Total != mine || len(queue.Items) != mine || figures.Waiting != mine || (missing == nil) != (mine == 1) || mine == 0 && !problem.Has(missing, problem.CodeNotFound) {
				t.Errorf("%+v: %d in the queue, %d waiting, %v", by.Reaches, queue.Page.Total, figures.Waiting, missing)
			}
			for _, s := range []struct {
				scope
				id string
			}{
				{ofOrders, order.ID}, {ofApplications, a.ID}, {ofRecoveries, "x"}, {ofUnlocks, "x"}, {ofSeals, "x"}, {ofShipments, "x"}, {ofRefunds, "x"}, {ofInvoices, "x"}, {ofBatches, "x"},
				{ofFlashKeys, "x"}, {ofTokens, "x"},
			} { // every statement, on this database
				err := s.check(db.Read(o.ctx), by, account.FinanceRead, s.id)
				if err != nil && !problem.Has(err, problem.CodeNotFound) || s.id != "x" && by.Login == "quyu" && (err == nil) != (mine == 1) {
					t.Errorf("%+v %s: %v", by.Reaches, s.what, err)
				}
			}
		}
		// A role without bounds beside a bounded one reaches everything; a verb that cannot be narrowed takes one.
		both := bounded("other", "")
		both.Reaches = append(both.Reaches, account.Reach{Role: account.RoleReviewer})
		if _, err := o.ra.Review(o.ctx, both, a.ID); err != nil {
			t.Error(err)
		}
		want(t, account.Can(bounded("jhggzy", ""), account.RevocationAct), problem.CodeForbidden)
		_, err = o.ra.ListStatements(o.ctx, bounded("jhggzy", ""), Paging{})
		want(t, err, problem.CodeForbidden)
		_, err = o.ra.Prices(o.ctx, bounded("jhggzy", region), "jhggzy")
		want(t, err, problem.CodeNotFound)
		if _, err = o.ra.Prices(o.ctx, bounded("jhggzy", ""), "jhggzy"); err != nil {
			t.Error(err)
		}
	})
}

// Stock is everybody's; a key of an organisation is for those who reach it.
func TestBoundsOfTokens(t *testing.T) {
	o := newOffice(t)
	p := o.newParty("擎洲测试投标人6", catest.USCC, legacyRequest("擎洲测试投标人6", catest.USCC, pki.SM2))
	_, err := o.ra.RegisterTokens(o.ctx, o.operator(), []TokenEntry{{Serial: "SK-STOCK", Model: "A"}, {Serial: "SK-THEIRS", Model: "A", OrganisationID: p.me.OrganisationID, State: TokenActive}})
	check(t, err)
	region := catest.USCC[2:6]
	for by, n := range map[string]int{region: 2, "1199": 1} {
		list, err := o.ra.ListTokens(o.ctx, bounded("", by), TokenFilter{}, Paging{})
		check(t, err)
		counts, err := o.ra.CountTokens(o.ctx, bounded("", by))
		check(t, err)
		if list.Page.Total != n || len(counts) != n {
			t.Errorf("region %s sees %d keys in %+v", by, list.Page.Total, counts)
		}
		for _, one := range list.Items {
			if want := map[string]string{"SK-THEIRS": "擎洲测试投标人6"}[one.Serial]; one.OrganisationName != want {
				t.Errorf("%s is of %q", one.Serial, one.OrganisationName)
			}
		}
	}
	_, err = o.ra.MoveToken(o.ctx, bounded("", "1199"), "SK-THEIRS", TokenLost, "报失")
	want(t, err, problem.CodeNotFound)
	_, err = o.ra.RegisterTokens(o.ctx, bounded("", "1199"), []TokenEntry{{Serial: "SK-MORE"}, {Serial: "SK-GRABBED", OrganisationID: p.me.OrganisationID}})
	want(t, err, problem.CodeNotFound)
	if _, err := o.ra.token(o.ctx, "SK-MORE"); !problem.Has(err, problem.CodeNotFound) {
		t.Errorf("half of a list was registered: %v", err)
	}
}

// A lost key that is found goes back to where it was; each of it is said why.
func TestTokenLostAndFound(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		c.set(start)
		o := officeOn(t, db, c)
		model := "龙脉"
		_, err := o.ra.RegisterTokens(o.ctx, o.operator(), []TokenEntry{{Serial: "SK-1", Model: model}, {Serial: "SK-2"}, {Serial: "SK-3", Model: model, State: TokenActive}})
		check(t, err)
		move := func(serial string, to TokenState, note string) (TokenState, error) {
			v, err := o.ra.MoveToken(o.ctx, o.operator(), serial, to, note)
			return v.State, err
		}
		for serial, from := range map[string]TokenState{"SK-1": TokenBlank, "SK-3": TokenActive} {
			_, err = move(serial, TokenLost, " ")
			want(t, err, problem.CodeMissingField)
			_, err = move(serial, TokenFound, "在抽屉里")
			want(t, err, problem.CodeTokenState)
			if state, err := move(serial, TokenLost, "盘点未见"); err != nil || state != TokenLost {
				t.Errorf("%s lost: %s %v", serial, state, err)
			}
			if state, err := move(serial, TokenFound, "在抽屉里"); err != nil || state != from {
				t.Errorf("%s found: %s %v", serial, state, err)
			}
		}
		if state, err := move("SK-3", TokenScrapped, "外壳破损"); err != nil || state != TokenScrapped {
			t.Errorf("scrapped: %s %v", state, err)
		}
		_, err = move("SK-3", TokenFound, "捡回")
		want(t, err, problem.CodeTokenState)

		counts, err := o.ra.CountTokens(o.ctx, o.operator())
		check(t, err)
		got := map[TokenCount]bool{}
		for _, n := range counts {
			got[n] = true
		}
		if len(counts) != 3 || !got[TokenCount{"", TokenBlank, 1}] || !got[TokenCount{model, TokenBlank, 1}] || !got[TokenCount{model, TokenScrapped, 1}] {
			t.Errorf("counts: %+v", counts)
		}
		none := ""
		for want, f := range map[string]TokenFilter{"SK-1": {Model: &model, State: TokenBlank}, "SK-2": {Model: &none}, "SK-3": {State: TokenScrapped, Serial: "3"}} {
			list, err := o.ra.ListTokens(o.ctx, o.operator(), f, Paging{})
			check(t, err)
			if len(list.Items) != 1 || list.Items[0].Serial != want {
				t.Errorf("%+v: %+v", f, list.Items)
			}
		}
	})
}
