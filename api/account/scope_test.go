package account

import (
	"slices"
	"testing"

	"signet/api/problem"
)

func TestBounds(t *testing.T) {
	person := func(reaches ...Reach) Actor {
		a := Actor{AccountID: "acc_1", State: Verified}
		for _, r := range reaches {
			a.Role = r.Role
			a.Roles, a.Reaches = append(a.Roles, r.Role), append(a.Reaches, r)
		}
		return a
	}
	const region = "o IN (SELECT id FROM acct_organisations WHERE uscc LIKE ?)"
	for _, c := range []struct {
		who       Actor
		condition string
		args      []any
	}{
		{person(Reach{Role: RoleReviewer}), "", nil},
		{person(Reach{RoleReviewer, "a", ""}, Reach{Role: RoleReviewer}), "", nil},
		{person(Reach{RoleReviewer, "a", ""}, Reach{Role: RoleSupervisor}), "", nil}, // another role reaches everything by the same verb
		{person(Reach{RoleReviewer, "a", ""}), "(1 = 0 OR (p = ?))", []any{"a"}},
		{person(Reach{RoleReviewer, "a", ""}, Reach{RoleSupervisor, "", "3307"}), "(1 = 0 OR (p = ?) OR (" + region + "))", []any{"a", "__3307%"}},
		{person(Reach{RoleReviewer, "a", "330000"}), "(1 = 0 OR (p = ? AND " + region + "))", []any{"a", "__33%"}},
		{person(Reach{RoleReviewer, "", "330702001"}), "(1 = 0)", nil}, // finer than a number says
		{person(Reach{Role: RoleFinance}), "(1 = 0)", nil},             // not this verb at all
	} {
		condition, args := c.who.Bounds(ReviewerRead, "p", "o")
		if condition != c.condition || !slices.Equal(args, c.args) {
			t.Errorf("%+v: %q %v", c.who.Reaches, condition, args)
		}
	}
	if condition, args := person(Reach{RoleOperator, "", "33"}).Bounds(TokenAct, "p", ""); condition != "(1 = 0)" || len(args) > 0 {
		t.Errorf("what has no organisation is in no region: %q", condition)
	}

	manager := person(Reach{RoleManager, "a", ""}, Reach{RoleManager, "b", "33"})
	if !manager.Covers(ContentPublish, "a") || manager.Covers(ContentPublish, "b") || manager.Covers(ContentPublish, "c") || manager.Covers(TokenAct, "a") {
		t.Error("a manager has all of one project and a part of another")
	}
	reviewer := person(Reach{RoleReviewer, "a", ""})
	for verb, code := range map[Verb]problem.Code{ReviewerRead: "", ReviewerAct: "", StaffSign: "", RevocationAct: problem.CodeForbidden, InventoryRead: problem.CodeForbidden} {
		if err := Can(reviewer, verb); (code == "") != (err == nil) || err != nil && !problem.Has(err, code) {
			t.Errorf("a bounded reviewer, %s: %v", verb, err)
		}
	}
	if err := CanAll(reviewer, WindowAct); !problem.Has(err, problem.CodeForbidden) {
		t.Errorf("what belongs to nobody: %v", err)
	}
	for _, role := range powers {
		for _, q := range []GrantRequest{{Role: role, Project: "a-project"}, {Role: role, Region: "33"}} {
			if err := q.check(); !problem.Has(err, problem.CodeInvalidField) {
				t.Errorf("%+v: %v", q, err)
			}
		}
	}
}
