package account

import (
	"slices"
	"testing"

	"signet/api/problem"
	"signet/api/store"
)

// otherUSCC is the number of a second made-up company.
const otherUSCC = "91990000MA0000031E"

// second registers another company whose owner has secondPhone, and verifies it at the window.
func (f *fixture) second() Actor {
	f.Helper()
	r := f.registration(secondPhone)
	r.Name, r.Number, r.HandlerName = "绍兴示例贸易有限公司", otherUSCC, "赵六"
	_, err := f.registers(r)
	f.ok(err)
	owner, _ := f.enters(secondPhone, goodPassword)
	f.ok(f.VerifyOrganisation(f.Context(), f.staff("window9", RoleWindow), owner.OrganisationID, Verification{Accept: true, How: "window", Note: "出示营业执照原件"}))
	owner, _ = f.enters(secondPhone, goodPassword)
	return owner
}

// now gives who a session is, at this moment.
func (f *fixture) now(token Token) Actor {
	f.Helper()
	actor, _, err := f.Authenticate(f.Context(), token)
	f.ok(err)
	return actor
}

// serves makes the owner of the first company a member of the second one, by an invitation.
func (f *fixture) serves(other Actor, m Member) (Actor, Token) {
	f.Helper()
	link := f.invites(other, handlerPhone, m)
	actor, token := f.enters(handlerPhone, goodPassword)
	_, err := f.AcceptAsMember(f.Context(), actor, link)
	f.ok(err)
	return f.now(token), token
}

func TestOneAccountServesTwoOrganisations(t *testing.T) {
	each(t, func(f *fixture) {
		first, other := f.owner(), f.second()
		link := f.invites(other, handlerPhone, Reader)
		j, err := f.Invitation(f.Context(), link)
		f.ok(err)
		if !j.Known {
			f.Error("the phone is taken for a new one")
		}
		_, err = f.AcceptInvitation(f.Context(), link, goodPassword, goodPassword, BuiltinAgreement.Version)
		f.wants(problem.CodePhoneUsed, err) // the link alone does not act for an account
		_, err = f.AcceptAsMember(f.Context(), other, link)
		f.wants(problem.CodeForbidden, err)
		_, elsewhere := f.enters(handlerPhone, goodPassword)
		me, token := f.enters(handlerPhone, goodPassword)
		_, err = f.AcceptAsMember(f.Context(), me, link)
		f.ok(err)
		_, err = f.AcceptAsMember(f.Context(), me, link)
		f.wants(problem.CodeLinkExpired, err)
		_, _, err = f.Authenticate(f.Context(), elsewhere) // it may have been opened by a key of the first one
		f.wants(problem.CodeSessionExpired, err)

		if now := f.now(token); now.OrganisationID != first.OrganisationID || now.Member != Owner || now.State != Unverified {
			f.Fatalf("joining changed what the session acts for: %+v", now)
		}
		_, err = f.Switch(f.Context(), me, "org_nobody")
		f.wants(problem.CodeNotFound, err)
		_, err = f.Switch(f.Context(), other, first.OrganisationID)
		f.wants(problem.CodeNotFound, err)
		s, err := f.Switch(f.Context(), me, other.OrganisationID)
		f.ok(err)
		if s.Serves != 2 || s.OrganisationName != "绍兴示例贸易有限公司" {
			f.Errorf("%+v", s)
		}
		now := f.now(token)
		if now.OrganisationID != other.OrganisationID || now.Member != Reader || now.State != Verified { // vouched for by a verified owner, there alone
			f.Fatalf("%+v", now)
		}
		f.wants(problem.CodeForbidden, Can(now, HolderAct))
		f.wants(problem.CodeOrganisationChanged, f.ActsFor(f.Context(), now, first.OrganisationID))
		f.wants(problem.CodeOrganisationChanged, f.ActsFor(f.Context(), now, ""))
		f.ok(f.ActsFor(f.Context(), now, other.OrganisationID))
		p, err := f.Profile(f.Context(), now)
		f.ok(err)
		if p.Organisation.ID != other.OrganisationID || p.Member != Reader || p.State != Verified || p.HandlerName != "赵六" { // as the invitation called them
			f.Errorf("%+v", p)
		}

		logins := func(login, organisation string) Actor {
			f.Helper()
			actor, _ := f.enters(login, goodPassword)
			if actor.AccountID != first.AccountID || actor.OrganisationID != organisation {
				f.Fatalf("%s acts for %s", login, actor.OrganisationID)
			}
			return actor
		}
		logins(handlerPhone, other.OrganisationID)        // the last chosen
		back := logins(companyUSCC, first.OrganisationID) // the one whose number it is
		logins(handlerPhone, first.OrganisationID)        // which was chosen by that
		if back.State != Unverified || back.Member != Owner {
			f.Errorf("%+v", back)
		}
		for by, want := range map[*Actor]int{&other: 2, &back: 1} {
			list, err := f.Members(f.Context(), *by)
			f.ok(err)
			if len(list) != want {
				f.Errorf("%d members, want %d: %+v", len(list), want, list)
			}
		}
		f.ok(f.SetMember(f.Context(), other, me.AccountID, Handler))
		if f.now(token).Member != Handler || back.Member != Owner {
			f.Error("a role of one organisation is another's")
		}
		_, err = f.Invite(f.Context(), other, handlerPhone, "李四", Handler, home)
		f.wants(problem.CodePhoneUsed, err)

		served, err := f.Serves(f.Context(), back)
		f.ok(err)
		if len(served) != 2 || served[0].Acting == served[1].Acting {
			f.Errorf("%+v", served)
		}
		f.ok(f.db.VerifyAudit(f.Context()))
	})
}

// A key proves the organisation: whoever has it must not come to act for others.
func TestKeyLoginOfOneWhoServesTwo(t *testing.T) {
	each(t, func(f *fixture) {
		f.owner()
		other := f.second()
		me, _ := f.serves(other, Handler)
		by := func(organisation, account string) (*Session, error) {
			s, _, err := f.LoginByKey(f.Context(), organisation, account, LoginRequest{Address: home})
			return s, err
		}
		list, err := f.KeyAccounts(f.Context(), other.OrganisationID)
		f.ok(err)
		if len(list) != 2 || list[0].AccountID != other.AccountID {
			f.Fatalf("%+v", list)
		}
		_, err = by(other.OrganisationID, me.AccountID)
		f.wants(problem.CodeKeyLoginShared, err)
		_, err = by(me.OrganisationID, other.AccountID)
		f.wants(problem.CodeLoginFailed, err)
		s, err := by(other.OrganisationID, other.AccountID)
		f.ok(err)
		if s.OrganisationID != other.OrganisationID {
			f.Error(s.OrganisationID)
		}
		// With a second factor of the person's own, it acts for the key's organisation.
		_, token := f.enters(handlerPhone, goodPassword)
		e, err := f.EnrolTOTP(f.Context(), f.now(token))
		f.ok(err)
		_, err = f.ConfirmTOTP(f.Context(), f.now(token), e.FactorID, f.code(e))
		f.ok(err)
		_, err = by(other.OrganisationID, me.AccountID)
		if _, needed := err.(*FactorNeeded); !needed {
			f.Fatalf("%v", err)
		}
		var waits pendingRow
		f.ok(f.db.Read(f.Context()).Where("account_id = ?", me.AccountID).Take(&waits).Error)
		if waits.OrganisationID != other.OrganisationID {
			f.Errorf("%+v", waits)
		}
	})
}

func TestAskingToServeAnother(t *testing.T) {
	each(t, func(f *fixture) {
		f.owner()
		other := f.second()
		me, token := f.enters(handlerPhone, goodPassword)
		f.wants(problem.CodeNumberInvalid, f.AskToJoin(f.Context(), me, Enterprise, "1"))
		f.wants(problem.CodeNotFound, f.AskToJoin(f.Context(), me, Enterprise, "91990000MA0000015Q"))
		f.wants(problem.CodeMemberState, f.AskToJoin(f.Context(), me, Enterprise, companyUSCC))
		f.ok(f.AskToJoin(f.Context(), me, Enterprise, otherUSCC))
		joins, err := f.Joins(f.Context(), other)
		f.ok(err)
		if len(joins) != 1 || joins[0].Kind != joinAsked || joins[0].Name != handlerName {
			f.Fatalf("%+v", joins)
		}
		if sent, err := f.c.Notice.List(f.Context(), secondPhone); err != nil || sent[0].Template != "join_asked" {
			f.Fatalf("the owner is not told: %v %v", sent, err)
		}
		f.ok(f.DecideJoin(f.Context(), other, joins[0].ID, true))
		_, _, err = f.Authenticate(f.Context(), token)
		f.wants(problem.CodeSessionExpired, err)
		me, token = f.enters(handlerPhone, goodPassword)
		s, err := f.Switch(f.Context(), me, other.OrganisationID)
		f.ok(err)
		if s.Member != Handler || s.State != Verified {
			f.Errorf("%+v", s)
		}
		f.wants(problem.CodeMemberState, f.AskToJoin(f.Context(), me, Enterprise, otherUSCC))

		// Removed there, the account lives on here; asked in again, it has to be vouched for anew.
		f.ok(f.RemoveMember(f.Context(), other, me.AccountID))
		_, _, err = f.Authenticate(f.Context(), token)
		f.wants(problem.CodeSessionExpired, err)
		me, _ = f.enters(handlerPhone, goodPassword)
		if me.OrganisationID == other.OrganisationID || me.Member != Owner {
			f.Fatalf("%+v", me)
		}
		_, err = f.Switch(f.Context(), me, other.OrganisationID)
		f.wants(problem.CodeNotFound, err)
		f.ok(f.AskToJoin(f.Context(), me, Enterprise, otherUSCC))
		for range asksPerAccount.most {
			err = f.AskToJoin(f.Context(), me, Enterprise, "91990000MA0000015Q")
		}
		f.wants(problem.CodeRateLimited, err)
		f.ok(f.db.VerifyAudit(f.Context()))
	})
}

// What one organisation of an account does ends nothing at the other.
func TestClosingOneOfTwo(t *testing.T) {
	each(t, func(f *fixture) {
		first, other := f.owner(), f.second()
		me, token := f.serves(other, Handler)
		contacts := func(organisation string) (list []string) {
			f.tx(func(tx *store.Tx) (err error) {
				list, err = OrganisationContacts(tx, organisation)
				slices.Sort(list)
				return err
			})
			return list
		}
		if got := contacts(other.OrganisationID); !slices.Equal(got, []string{handlerPhone, secondPhone}) {
			f.Fatal(got)
		}
		f.clock.add(codeEvery)
		_, err := f.SendTransferCode(f.Context(), other, home)
		f.ok(err)
		f.ok(f.TransferOwner(f.Context(), other, me.AccountID, f.lastCode(secondPhone)))
		_, err = f.Switch(f.Context(), me, other.OrganisationID)
		f.ok(err)
		_, key, err := f.CreateCompanyKey(f.Context(), f.now(token), "ERP", []Scope{ScopeRead}, f.db.Now().Add(30*day))
		f.ok(err)
		f.tx(func(tx *store.Tx) error { // the phone would take both along
			err := ChangeHandler(tx, other.OrganisationID, me.AccountID, "钱七", "13712340009", "app_1")
			f.wants(problem.CodeHandlerShared, err)
			return ChangeHandler(tx, other.OrganisationID, me.AccountID, "钱七", handlerPhone, "app_1")
		})
		record := func(organisation string) (r Record) {
			f.tx(func(tx *store.Tx) (err error) {
				r, err = FindRecord(tx.DB(), organisation, me.AccountID)
				return err
			})
			return r
		}
		if a, b := record(first.OrganisationID), record(other.OrganisationID); a.HandlerName != handlerName || b.HandlerName != "钱七" || a.State != Unverified || b.State != Verified {
			f.Errorf("%+v %+v", a, b)
		}

		_, err = f.Switch(f.Context(), me, first.OrganisationID)
		f.ok(err)
		_, err = f.RequestClosure(f.Context(), f.now(token), goodPassword, home)
		f.ok(err)
		f.clock.add(coolingFor)
		f.ok(f.CloseDue(f.Context()))
		f.ok(f.CloseDue(f.Context()))
		_, _, err = f.login(companyUSCC, goodPassword, home)
		f.wants(problem.CodeLoginFailed, err)
		me, token = f.enters(handlerPhone, goodPassword)
		if me.OrganisationID != other.OrganisationID || me.Member != Owner {
			f.Fatalf("%+v", me)
		}
		o, err := f.Organisation(f.Context(), first.OrganisationID)
		f.ok(err)
		if got := contacts(first.OrganisationID); o.Status != OrganisationClosed || len(got) != 0 {
			f.Errorf("%s, and %v would hear of it", o.Status, got)
		}
		actor, _, err := f.AuthenticateCompany(f.Context(), key, ScopeRead)
		f.ok(err)
		if actor.OrganisationID != other.OrganisationID {
			f.Error(actor.OrganisationID)
		}
		_, err = f.RequestClosure(f.Context(), me, goodPassword, home) // the last one takes the account with it
		f.ok(err)
		f.clock.add(coolingFor)
		f.ok(f.CloseDue(f.Context()))
		_, _, err = f.login(handlerPhone, goodPassword, home)
		f.wants(problem.CodeLoginFailed, err)
		_, _, err = f.AuthenticateCompany(f.Context(), key, ScopeRead)
		f.wants(problem.CodeAPIKeyExpired, err)
		if f.row(me.AccountID).State != Closed {
			f.Error("the account is open")
		}
		f.ok(f.db.VerifyAudit(f.Context()))
	})
}

// An organisation that follows another keeps its people, their sessions and their pages.
func TestSuccessionTakesItsMembers(t *testing.T) {
	each(t, func(f *fixture) {
		first, other := f.owner(), f.second()
		_, token := f.serves(other, Handler)
		f.tx(func(tx *store.Tx) error {
			_, err := SucceedOrganisation(tx, RecordChange{OrganisationID: first.OrganisationID, Field: FieldUSCC, Before: companyUSCC, After: "91990000MA0000074A", ApplicationID: "app_1"}, company)
			return err
		})
		now := f.now(token)
		if now.OrganisationID == first.OrganisationID || now.OrganisationID == other.OrganisationID || now.Member != Owner {
			f.Fatalf("%+v", now)
		}
		f.ok(f.ActsFor(f.Context(), now, first.OrganisationID))
		_, err := f.Switch(f.Context(), now, first.OrganisationID)
		f.wants(problem.CodeNotFound, err)
	})
}

// An account that a program of an earlier version wrote, beside this one, gets its membership when it logs in.
func TestAccountsWithoutMembershipAreAdopted(t *testing.T) {
	each(t, func(f *fixture) {
		owner := f.owner()
		f.tx(func(tx *store.Tx) error {
			return tx.DB().Exec("DELETE FROM acct_memberships WHERE account_id = ?", owner.AccountID).Error
		})
		again, _ := f.enters(handlerPhone, goodPassword)
		if again.OrganisationID != owner.OrganisationID || again.Member != Owner || again.State != Unverified {
			f.Fatalf("%+v", again)
		}
		if list, err := f.Members(f.Context(), again); err != nil || len(list) != 1 {
			f.Fatalf("%+v %v", list, err)
		}
	})
}
