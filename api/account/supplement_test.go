package account

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

func TestSupplementFromStartToEnd(t *testing.T) {
	each(t, func(f *fixture) {
		h, id := f.holder()
		actor, token := f.enters(sampleOrgCode, initialPassword)
		_, second := f.enters(sampleUSCC, initialPassword)
		page, err := f.Supplement(f.Context(), actor)
		f.ok(err)
		want := Supplement{
			Phone: oldPhone, OrganisationName: h.OrgName, OrganisationCode: sampleUSCC, HandlerName: "张三",
			HandlerPhone: oldPhone, ContactPhone: contactPhone, ServerTime: f.db.Now(),
		}
		if page != want {
			f.Fatalf("page %+v", page)
		}
		before := f.row(id)
		_, err = f.Profile(f.Context(), actor)
		f.wants(problem.CodeSupplementRequired, err)

		sent, err := f.SendSupplementCode(f.Context(), actor, "138 5801 1084", home)
		f.ok(err)
		if now := f.db.Now(); !sent.Simulated || sent.SentAt != now || sent.ExpiresAt != now.Add(10*time.Minute) || sent.ResendAt != now.Add(time.Minute) {
			f.Fatalf("sent %+v", sent)
		}
		if page, err = f.Supplement(f.Context(), actor); err != nil || page.CodePhone != newPhone || page.ResendAt != sent.ResendAt {
			f.Fatalf("page %+v, %v", page, err)
		}
		code := f.lastCode(newPhone)
		f.ok(f.CheckSupplementCode(f.Context(), actor, newPhone, code))
		f.ok(f.CheckSupplementCode(f.Context(), actor, newPhone, code)) // looking does not use it up
		done, err := f.CompleteSupplement(f.Context(), actor, SupplementRequest{Phone: newPhone, Code: code, Password: newPassword, Confirm: newPassword})
		f.ok(err)
		if done != (SupplementDone{Login: newPhone, ProjectSlug: "jhggzy"}) {
			f.Fatalf("done %+v", done)
		}
		for _, tok := range []Token{token, second} {
			_, _, err = f.Authenticate(f.Context(), tok)
			f.wants(problem.CodeSessionExpired, err)
		}
		f.onlyLoginChanged(before, f.row(id))
		told, err := f.c.Notice.List(f.Context(), oldPhone)
		f.ok(err)
		if len(told) != 1 || told[0].Template != notice.PhoneRebound || !strings.Contains(told[0].Text, "138****1084") || strings.Contains(told[0].Text, newPhone) {
			f.Fatalf("the old phone was told %+v", told)
		}
		holder, _ := f.enters(newPhone, newPassword)
		f.ok(Can(holder, HolderAct))
		f.wants(problem.CodeForbidden, Can(holder, SupplementAct))
		profile, err := f.Profile(f.Context(), holder)
		f.ok(err)
		if profile.Login != newPhone || profile.State != Unverified || profile.PhoneMasked != "138****1084" || profile.Organisation.OrgCode != sampleOrgCode || profile.Organisation.CodeWarning != CodeCheckDigit {
			f.Fatalf("profile %+v", profile)
		}
		f.ok(f.db.VerifyAudit(f.Context()))
	})
}

// onlyLoginChanged fails unless the two rows differ exactly in what the page may set.
func (f *fixture) onlyLoginChanged(before, after accountRow) {
	f.Helper()
	if after.State != Unverified || text(after.Login) != newPhone || text(after.Phone) != newPhone || after.PasswordHash == "" {
		f.Fatalf("after %+v", after)
	}
	after.State, after.Login, after.Phone, after.PasswordHash, after.ChangedAt = before.State, before.Login, before.Phone, before.PasswordHash, before.ChangedAt
	if !reflect.DeepEqual(before, after) {
		f.Fatalf("%+v became %+v", before, after)
	}
}

func TestNothingElseCanBePosted(t *testing.T) {
	// What the page may post is these four fields; a new one must be thought about.
	var fields []string
	for i := range reflect.TypeFor[SupplementRequest]().NumField() {
		fields = append(fields, reflect.TypeFor[SupplementRequest]().Field(i).Name)
	}
	if want := []string{"Phone", "Code", "Password", "Confirm"}; !slices.Equal(fields, want) {
		t.Fatal(fields)
	}
	each(t, func(f *fixture) {
		_, id := f.holder()
		actor, _ := f.enters(sampleUSCC, initialPassword)
		before := f.row(id)
		organisation, err := f.Organisation(f.Context(), actor.OrganisationID)
		f.ok(err)
		var req SupplementRequest
		body := fmt.Sprintf(`{"phone":%q,"code":%q,"password":%q,"confirm":%q,"role":"admin","state":"verified","organisationName":"别家","handlerPhone":"13800000000",
			"organisationId":"org_other","accountId":"acc_other","id":"acc_other","kind":"staff"}`, newPhone, f.coded(actor, newPhone), newPassword, newPassword)
		f.ok(json.Unmarshal([]byte(body), &req))
		_, err = f.CompleteSupplement(f.Context(), actor, req)
		f.ok(err)
		f.onlyLoginChanged(before, f.row(id))
		after, err := f.Organisation(f.Context(), actor.OrganisationID)
		f.ok(err)
		if after != organisation {
			f.Fatalf("%+v became %+v", organisation, after)
		}
	})
}

func TestOnlyLegacyHoldersSupplement(t *testing.T) {
	each(t, func(f *fixture) {
		_, id := f.holder()
		legacy, _ := f.enters(sampleUSCC, initialPassword)
		req := SupplementRequest{Phone: newPhone, Code: f.coded(legacy, newPhone), Password: newPassword, Confirm: newPassword}
		for _, actor := range []Actor{{}, {AccountID: id, Role: RoleHolder, State: Verified}, {AccountID: id, Role: RoleAdmin, State: Verified}} {
			_, err := f.Supplement(f.Context(), actor)
			if err == nil {
				f.Fatalf("%+v sees the page", actor)
			}
			if _, err = f.SendSupplementCode(f.Context(), actor, newPhone, home); err == nil {
				f.Fatalf("%+v gets a code", actor)
			}
			if _, err = f.CompleteSupplement(f.Context(), actor, req); err == nil {
				f.Fatalf("%+v completes", actor)
			}
		}
		_, err := f.CompleteSupplement(f.Context(), legacy, req)
		f.ok(err)
		// A session's actor read before the end is of no use after it.
		_, err = f.SendSupplementCode(f.Context(), legacy, "13858011085", home)
		f.wants(problem.CodeConflict, err)
	})
}

func TestPasswordIsCheckedBeforeTheCode(t *testing.T) {
	each(t, func(f *fixture) {
		f.holder()
		actor, _ := f.enters(sampleUSCC, initialPassword)
		code := f.coded(actor, newPhone)
		complete := func(phone, code string, p, confirm Password) error {
			_, err := f.CompleteSupplement(f.Context(), actor, SupplementRequest{Phone: phone, Code: code, Password: p, Confirm: confirm})
			return err
		}
		f.wants(problem.CodePhoneInvalid, complete("1300000000", code, newPassword, newPassword)) // 10 digits, as in the seed
		f.wants(problem.CodePasswordMismatch, complete(newPhone, code, newPassword, newPassword+"x"))
		f.wants(problem.CodePasswordWeak, complete(newPhone, code, "weak", "weak"))
		f.wants(problem.CodePasswordSame, complete(newPhone, code, "91990000ma0000015Q", "91990000ma0000015Q")) // the login, in another case
		f.wants(problem.CodeCodeWrong, complete(newPhone, wrong(code), newPassword, newPassword))
		f.ok(complete(newPhone, code, newPassword, newPassword))
	})
}

func TestTheInitialPasswordIsRefused(t *testing.T) {
	each(t, func(f *fixture) {
		const initial = "Initial-2016" // one that meets the rule
		hash, err := HashPassword(initial)
		f.ok(err)
		f.tx(func(tx *store.Tx) error {
			_, _, _, err := ImportHolder(tx, Holder{OrgName: "甲", USCC: sampleUSCC, ProjectSlug: "p", BatchID: "b", BatchPasswordHash: hash})
			return err
		})
		actor, _ := f.enters(sampleUSCC, initial)
		req := SupplementRequest{Phone: newPhone, Code: f.coded(actor, newPhone), Password: initial, Confirm: initial}
		_, err = f.CompleteSupplement(f.Context(), actor, req)
		f.wants(problem.CodePasswordSame, err)
		req.Password, req.Confirm = newPassword, newPassword
		_, err = f.CompleteSupplement(f.Context(), actor, req)
		f.ok(err)
	})
}

func TestCodeRules(t *testing.T) {
	each(t, func(f *fixture) {
		f.holder()
		actor, _ := f.enters(sampleUSCC, initialPassword)
		check := func(phone, code string) error { return f.CheckSupplementCode(f.Context(), actor, phone, code) }
		f.wants(problem.CodeCodeExpired, check(newPhone, "000000")) // none was sent
		code := f.coded(actor, newPhone)
		f.wants(problem.CodeCodeExpired, check("13858011085", code)) // to another phone
		f.wants(problem.CodePhoneInvalid, check("12858011085", code))

		for left := 4; left > 0; left-- {
			p := f.wants(problem.CodeCodeWrong, check(newPhone, wrong(code)))
			if p.Params["triesLeft"] != left {
				f.Fatal(p.Params)
			}
		}
		f.ok(check(newPhone, code))
		f.wants(problem.CodeCodeTriesExceeded, check(newPhone, ""))
		f.wants(problem.CodeCodeTriesExceeded, check(newPhone, code)) // dead, even the right one

		f.clock.add(time.Minute)
		first := f.coded(actor, newPhone)
		f.clock.add(time.Minute)
		latest := f.coded(actor, newPhone)
		if first != latest {
			f.wants(problem.CodeCodeWrong, check(newPhone, first)) // replaced
		}
		f.ok(check(newPhone, latest))
		f.clock.add(10*time.Minute - time.Millisecond)
		f.ok(check(newPhone, latest))
		f.clock.add(time.Millisecond)
		f.wants(problem.CodeCodeExpired, check(newPhone, latest))
	})
}

func TestCodeServesOnePurposeAccountAndPhone(t *testing.T) {
	each(t, func(f *fixture) {
		_, id := f.holder()
		_, other := f.holder()
		actor, _ := f.enters(sampleUSCC, initialPassword)
		code := f.coded(actor, newPhone)
		try := func(r codeRequest) error { return f.tryCode(f.Context(), r, code) }
		own := codeRequest{purpose: forSupplement, accountID: id, phone: newPhone}
		f.ok(try(own))
		for _, r := range []codeRequest{
			{purpose: "receipt", accountID: id, phone: newPhone},
			{purpose: forSupplement, accountID: other, phone: newPhone},
			{purpose: forSupplement, accountID: id, phone: oldPhone},
		} {
			f.wants(problem.CodeCodeExpired, try(r))
			// Also if the stored row is made to say that it is for the other.
			move := func(to codeRequest) {
				f.tx(func(tx *store.Tx) error {
					return tx.DB().Model(&codeRow{}).Where("used_at = 0").
						Updates(map[string]any{"account_id": to.accountID, "purpose": to.purpose, "phone": to.phone}).Error
				})
			}
			move(r)
			f.wants(problem.CodeCodeWrong, try(r))
			move(own)
		}
		use := func() (refused error) {
			f.tx(func(tx *store.Tx) (err error) {
				refused, err = f.checkCode(tx, own, code, true)
				return err
			})
			return refused
		}
		f.ok(use())
		f.wants(problem.CodeCodeExpired, use()) // once
	})
}

func TestSMSLimits(t *testing.T) {
	each(t, func(f *fixture) {
		f.c.Limits.SMSPerAddress = 100
		f.holder()
		actor, _ := f.enters(sampleUSCC, initialPassword)
		send := func(phone string) error {
			_, err := f.SendSupplementCode(f.Context(), actor, phone, home)
			return err
		}
		f.ok(send(newPhone))
		f.clock.add(33 * time.Second)
		if p := f.wants(problem.CodeSMSTooSoon, send(newPhone)); p.Params["retryAfter"] != int64(27) {
			f.Fatal(p.Params)
		}
		f.wants(problem.CodeSMSTooSoon, send("13858011085")) // the account waits, not only the phone
		f.clock.add(27*time.Second - time.Millisecond)
		f.wants(problem.CodeSMSTooSoon, send(newPhone))
		f.clock.add(time.Millisecond)
		for range 4 {
			f.ok(send(newPhone))
			f.clock.add(time.Minute)
		}
		if p := f.wants(problem.CodeSMSLimit, send(newPhone)); p.Params["retryAfter"] != int64(3600-300) { // five in the hour
			f.Fatal(p.Params)
		}
		f.clock.add(time.Hour)
		for range 5 {
			f.ok(send(newPhone))
			f.clock.add(time.Minute)
		}
		f.clock.add(2 * time.Hour)
		if p := f.wants(problem.CodeSMSLimit, send(newPhone)); p.Params["retryAfter"].(int64) < int64((20 * time.Hour).Seconds()) { // ten in the day
			f.Fatal(p.Params)
		}
		f.ok(send("13858011085"))
		sent, err := f.c.Notice.List(f.Context(), newPhone)
		f.ok(err)
		if len(sent) != 10 {
			f.Fatalf("%d messages", len(sent))
		}
	})
}

func TestSMSLimitsPerAddressAndInTotal(t *testing.T) {
	each(t, func(f *fixture) {
		f.c.Limits.SMSPerAddress, f.c.Limits.SMSPerDay = 2, 3
		actors := make([]Actor, 5)
		for i := range actors {
			h, _ := f.holder()
			actors[i], _ = f.enters(h.USCC, initialPassword)
		}
		send := func(i int, from string) error {
			_, err := f.SendSupplementCode(f.Context(), actors[i], fmt.Sprintf("1385801100%d", i), from)
			return err
		}
		f.ok(send(0, home))
		f.ok(send(1, home))
		f.wants(problem.CodeSMSLimit, send(2, home))
		f.ok(send(2, "203.0.113.1"))
		f.wants(problem.CodeSMSLimit, send(3, "203.0.113.2"))
		f.clock.add(day)
		actors[3], _ = f.enters(fmt.Sprintf("%018d", 3), initialPassword)
		f.ok(send(3, "203.0.113.2"))
	})
}

func TestSMSLimitHoldsInARace(t *testing.T) {
	each(t, func(f *fixture) {
		actors := make([]Actor, 8)
		for i := range actors {
			h, _ := f.holder()
			actors[i], _ = f.enters(h.USCC, initialPassword)
		}
		got := tally(together(24, func(i int) error {
			_, err := f.SendSupplementCode(f.Context(), actors[i%8], newPhone, fmt.Sprintf("203.0.113.%d", i))
			return err
		}))
		if got[""] != 1 || got[problem.CodeSMSTooSoon] != 23 {
			f.Fatal(got)
		}
		sent, err := f.c.Notice.List(f.Context(), newPhone)
		f.ok(err)
		if len(sent) != 1 {
			f.Fatalf("%d messages", len(sent))
		}
	})
}

func TestUsedPhoneGetsNoMessage(t *testing.T) {
	each(t, func(f *fixture) {
		f.supplemented()
		h, _ := f.holder()
		actor, _ := f.enters(h.USCC, initialPassword)
		before, err := f.c.Notice.List(f.Context(), "")
		f.ok(err)
		_, err = f.SendSupplementCode(f.Context(), actor, newPhone, home)
		if p := f.wants(problem.CodePhoneUsed, err); p.Params["contactPhone"] != contactPhone || p.Field != "phone" {
			f.Fatalf("%+v", p)
		}
		after, err := f.c.Notice.List(f.Context(), "")
		f.ok(err)
		if len(after) != len(before) {
			f.Fatal("a message was sent")
		}
		f.coded(actor, "13858011085") // and it cost no waiting
	})
}

func TestPhonesCannotBeEnumerated(t *testing.T) {
	each(t, func(f *fixture) {
		f.supplemented()
		h, _ := f.holder()
		actor, _ := f.enters(h.USCC, initialPassword)
		send := func(phone string) error {
			_, err := f.SendSupplementCode(f.Context(), actor, phone, home)
			return err
		}
		f.wants(problem.CodePhoneUsed, send(newPhone))
		for i := range 4 {
			f.ok(send(fmt.Sprintf("1385801109%d", i)))
			f.clock.add(time.Minute)
		}
		f.wants(problem.CodePhoneUsed, send(newPhone)) // one already counted is free
		f.wants(problem.CodeRateLimited, send("13858011099"))
		actor, _ = f.enters(h.OrgCode, initialPassword) // a new session changes nothing
		f.wants(problem.CodeRateLimited, send("13858011099"))
		f.clock.add(56 * time.Minute)
		actor, _ = f.enters(h.OrgCode, initialPassword)
		f.ok(send("13858011099"))
	})
}

func TestManyCompletionsOneWins(t *testing.T) {
	each(t, func(f *fixture) {
		_, id := f.holder()
		actor, _ := f.enters(sampleUSCC, initialPassword)
		code := f.coded(actor, newPhone)
		passwords := make([]Password, 16)
		errs := together(len(passwords), func(i int) error {
			passwords[i] = Password(fmt.Sprintf("Ukey-2026-%02d", i))
			_, err := f.CompleteSupplement(f.Context(), actor, SupplementRequest{Phone: newPhone, Code: code, Password: passwords[i], Confirm: passwords[i]})
			return err
		})
		got := tally(errs)
		if got[""] != 1 || got[problem.CodeConflict]+got[problem.CodeCodeExpired] != 15 {
			f.Fatal(got)
		}
		winner := slices.Index(errs, nil)
		if ok, err := f.hashes.verify(f.Context(), f.row(id).PasswordHash, passwords[winner]); !ok || err != nil {
			f.Fatal("the stored password is not the winner's")
		}
		told, err := f.c.Notice.List(f.Context(), oldPhone)
		f.ok(err)
		if len(told) != 1 {
			f.Fatalf("the old phone was told %d times", len(told))
		}
		f.ok(f.db.VerifyAudit(f.Context()))
	})
}

func TestTwoAccountsRaceForOnePhone(t *testing.T) {
	each(t, func(f *fixture) {
		const racers = 4
		var reqs [racers]SupplementRequest
		var actors [racers]Actor
		for i := range racers {
			h, _ := f.holder()
			actors[i], _ = f.enters(h.USCC, initialPassword)
			reqs[i] = SupplementRequest{Phone: newPhone, Code: f.coded(actors[i], newPhone), Password: newPassword, Confirm: newPassword}
			f.clock.add(time.Minute)
		}
		got := tally(together(racers, func(i int) error {
			_, err := f.CompleteSupplement(f.Context(), actors[i], reqs[i])
			return err
		}))
		if got[""] != 1 || got[problem.CodePhoneUsed] != racers-1 {
			f.Fatal(got)
		}
		var owners int64
		f.ok(f.db.Read(f.Context()).Model(&accountRow{}).Where("phone = ?", newPhone).Count(&owners).Error)
		if owners != 1 {
			f.Fatalf("%d accounts have the phone", owners)
		}
	})
}
