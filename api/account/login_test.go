package account

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"signet/api/problem"
	"signet/api/store"
)

func TestRowsMatchTheSchema(t *testing.T) {
	each(t, func(f *fixture) {
		f.ok(f.db.CheckRows(f.Context(), accountRow{}, membershipRow{}, organisationRow{}, legacyLogin{}, sessionRow{}, captchaRow{}, codeRow{}, throttle{}, apiKeyRow{}, joinRow{}, emailLinkRow{}, ticketRow{}, changeRow{}, deviceRow{}, pendingRow{}, namePartRow{}))
	})
}

func TestLegacyHolderLogsInWithEitherNumber(t *testing.T) {
	each(t, func(f *fixture) {
		_, id := f.holder()
		for _, typed := range []string{"35353550-9", "353535509", " 35353550 - 9 ", "３５３５３５５０－９", sampleUSCC, strings.ToLower(sampleUSCC)} {
			s, token, err := f.login(typed, initialPassword, home)
			f.ok(err)
			if s.AccountID != id || s.State != Legacy || !s.SupplementRequired() || s.OrganisationName != "擎洲测试投标人6" || s.ProjectSlug != "jhggzy" {
				f.Fatalf("%q: session %+v", typed, s)
			}
			actor, again, err := f.Authenticate(f.Context(), token)
			f.ok(err)
			if !reflect.DeepEqual(actor, s.Actor()) || again.ID != s.ID || actor.OrganisationID == "" {
				f.Fatalf("%q: %+v is not %+v", typed, actor, s.Actor())
			}
			f.wants(problem.CodeSupplementRequired, Can(actor, HolderRead))
		}
		f.ok(f.db.VerifyAudit(f.Context()))
	})
}

func TestCaptchaAnswersOnce(t *testing.T) {
	each(t, func(f *fixture) {
		f.holder()
		try := func(id, answer string) error {
			_, _, err := f.Login(f.Context(), LoginRequest{Login: sampleUSCC, Password: initialPassword, CaptchaID: id, Captcha: answer, Address: home})
			return err
		}
		f.wants(problem.CodeCaptchaRequired, try("", ""))
		f.wants(problem.CodeCaptchaExpired, try("cap_nobodyhasthisone", "1234"))
		f.wants(problem.CodeCaptchaExpired, try(strings.Repeat("x", 5000), "1234"))
		f.wants(problem.CodeCaptchaRequired, try("cap_nobodyhasthisone", "")) // CVE-2023-45292: unknown id, empty answer

		id, answer := f.captcha(home)
		f.wants(problem.CodeCaptchaRequired, try(id, " "))
		f.wants(problem.CodeCaptchaExpired, try(id, answer)) // the empty answer used it up

		id, answer = f.captcha(home)
		f.wants(problem.CodeCaptchaWrong, try(id, wrong(answer)))
		f.wants(problem.CodeCaptchaExpired, try(id, answer)) // so did the wrong one

		id, answer = f.captcha(home)
		f.ok(try(id, answer))
		f.wants(problem.CodeCaptchaExpired, try(id, answer)) // and the right one

		id, answer = f.captcha(home)
		other, _ := f.captcha(home)
		if f.answers[other] != answer {
			f.wants(problem.CodeCaptchaWrong, try(other, answer)) // an answer belongs to one image
		}

		id, answer = f.captcha(home)
		f.clock.add(captchaFor)
		f.wants(problem.CodeCaptchaExpired, try(id, answer))

		id, answer = f.captcha(home)
		f.clock.add(captchaFor - time.Second)
		f.ok(try(id, string('０'+rune(answer[0]-'0'))+" "+answer[1:])) // full-width, with a space
	})
}

func TestOneCaptchaUsedInParallelLetsOneIn(t *testing.T) {
	each(t, func(f *fixture) {
		f.holder()
		id, answer := f.captcha(home)
		got := tally(together(12, func(int) error {
			_, _, err := f.Login(f.Context(), LoginRequest{Login: sampleUSCC, Password: initialPassword, CaptchaID: id, Captcha: answer, Address: home})
			return err
		}))
		if got[""] != 1 || got[problem.CodeCaptchaExpired] != 11 {
			f.Fatal(got)
		}
	})
}

func TestCaptchasPerAddressAreLimited(t *testing.T) {
	each(t, func(f *fixture) {
		f.c.Limits.CaptchasPerAddress = 3
		for range 3 {
			f.captcha("2001:db8::1")
		}
		_, err := f.NewCaptcha(f.Context(), "2001:db8::ffff") // the same subscriber
		f.wants(problem.CodeRateLimited, err)
		f.captcha("2001:db8:0:1::1")
		f.clock.add(captchaFor)
		f.captcha("2001:db8::1")
	})
}

func TestSixWrongPasswordsLockTheAccount(t *testing.T) {
	each(t, func(f *fixture) {
		f.holder()
		for i, login := range []string{sampleUSCC, "353535509", sampleUSCC, "35353550-9", sampleUSCC} {
			_, _, err := f.login(login, "wrong", home) // both numbers count for one account
			p := f.wants(problem.CodeLoginFailed, err)
			if p.Params["triesLeft"] != 5-i {
				f.Fatalf("try %d: %v", i+1, p.Params)
			}
		}
		_, _, err := f.login(sampleUSCC, "wrong", home)
		f.wants(problem.CodeLoginLocked, err)
		f.clock.add(5 * time.Minute)
		_, _, err = f.login(sampleOrgCode, initialPassword, "203.0.113.9") // right, from elsewhere: still locked
		p := f.wants(problem.CodeLoginLocked, err)
		if p.Params["retryAfter"] != int64(600) {
			f.Fatal(p.Params)
		}
		f.clock.add(10*time.Minute - time.Second)
		_, _, err = f.login(sampleUSCC, initialPassword, home)
		f.wants(problem.CodeLoginLocked, err)
		f.clock.add(time.Second)
		f.enters(sampleUSCC, initialPassword)
	})
}

func TestUnknownLoginLooksLikeAWrongPassword(t *testing.T) {
	each(t, func(f *fixture) {
		f.holder()
		for i := range 7 {
			_, _, known := f.login(sampleUSCC, "wrong", "203.0.113.1")
			_, _, unknown := f.login("91330000000000000X", "wrong", "203.0.113.2")
			var k, u *problem.Error
			if !errors.As(known, &k) || !errors.As(unknown, &u) || k.Error() != u.Error() || k.Kind != u.Kind || len(k.Params) != len(u.Params) {
				f.Fatalf("try %d: %v differs from %v", i+1, known, unknown)
			}
			for key, value := range k.Params {
				if u.Params[key] != value {
					f.Fatalf("try %d: %v differs from %v", i+1, k.Params, u.Params)
				}
			}
		}
	})
}

func TestUnknownLoginCostsTheSame(t *testing.T) {
	// Not a timed assertion: the work is Argon2id with the parameters of the dummy,
	// so those must equal the ones of every hash we make.
	h, err := newHasher(1)
	if err != nil {
		t.Fatal(err)
	}
	made, err := parseHash(batchHash())
	if err != nil {
		t.Fatal(err)
	}
	if h.dummy.memory != made.memory || h.dummy.time != made.time || h.dummy.threads != made.threads || len(h.dummy.sum) != len(made.sum) {
		t.Fatalf("dummy %s, real %s", h.dummy, made)
	}
	h.dummy = made // even who guesses the dummy's password is not let in
	if ok, err := h.verify(t.Context(), "", initialPassword); ok || err != nil {
		t.Fatal(ok, err)
	}
}

func TestParallelGuessesCountBeforeTheyAreCompared(t *testing.T) {
	each(t, func(f *fixture) {
		f.holder()
		const guesses = 20
		type solved struct{ id, answer string }
		var captchas [guesses]solved
		for i := range captchas {
			captchas[i].id, captchas[i].answer = f.captcha(home)
		}
		errs := together(guesses, func(i int) error {
			_, _, err := f.Login(f.Context(), LoginRequest{Login: sampleUSCC, Password: "wrong", CaptchaID: captchas[i].id, Captcha: captchas[i].answer, Address: home})
			return err
		})
		got := tally(errs)
		// Five are told that they were wrong; the sixth and all later ones meet the lock.
		if got[problem.CodeLoginFailed] != 5 || got[problem.CodeLoginLocked] != guesses-5 {
			f.Fatal(got)
		}
	})
}

func TestThirtyWrongPasswordsLockTheAddress(t *testing.T) {
	each(t, func(f *fixture) {
		f.holder()
		for i := range 29 {
			_, _, err := f.login("login-"+strings.Repeat("x", i), "wrong", home)
			f.wants(problem.CodeLoginFailed, err)
		}
		f.enters(sampleUSCC, initialPassword) // right ones are not counted
		f.enters(sampleUSCC, initialPassword)
		_, _, err := f.login("another", "wrong", home)
		f.wants(problem.CodeLoginLocked, err)
		_, _, err = f.login(sampleUSCC, initialPassword, home)
		f.wants(problem.CodeLoginLocked, err)
		_, _, err = f.login(sampleUSCC, initialPassword, "203.0.113.5")
		f.ok(err)
		f.clock.add(15 * time.Minute)
		f.enters(sampleUSCC, initialPassword)
	})
}

func TestDeadLoginSaysSoOnlyAfterTheRightPassword(t *testing.T) {
	each(t, func(f *fixture) {
		f.supplemented()
		_, _, err := f.login(sampleUSCC, "wrong", home)
		f.wants(problem.CodeLoginFailed, err)
		for _, dead := range []string{sampleUSCC, sampleOrgCode} {
			_, _, err = f.login(dead, initialPassword, home)
			f.wants(problem.CodeLoginDead, err)
			_, _, err = f.login(dead, newPassword, home)
			f.wants(problem.CodeLoginFailed, err)
		}
		f.enters(newPhone, newPassword)
	})
}

func TestDeadLoginDoesNotClearTheCount(t *testing.T) {
	each(t, func(f *fixture) {
		f.supplemented()
		for range 5 {
			_, _, err := f.login(newPhone, "wrong", home)
			f.wants(problem.CodeLoginFailed, err)
			_, _, err = f.login(sampleUSCC, initialPassword, home) // everyone knows this one
			f.wants(problem.CodeLoginDead, err)
		}
		_, _, err := f.login(newPhone, "wrong", home)
		f.wants(problem.CodeLoginLocked, err)
	})
}

func TestPhoneLoginAsTyped(t *testing.T) {
	each(t, func(f *fixture) {
		f.supplemented()
		for _, typed := range []string{newPhone, " 138 5801 1084", "+86 13858011084", "１３８５８０１１０８４"} {
			actor, _ := f.enters(typed, newPassword)
			if actor.State != Unverified || actor.Login != newPhone {
				f.Fatalf("%q: %+v", typed, actor)
			}
		}
	})
}

func TestFrozenAccount(t *testing.T) {
	each(t, func(f *fixture) {
		id := f.supplemented()
		admin := f.staff("admin", RoleSecurity)
		actor, token := f.enters(newPhone, newPassword)
		f.wants(problem.CodeForbidden, f.Freeze(f.Context(), actor, admin.AccountID, "x"))
		f.wants(problem.CodeConflict, f.Freeze(f.Context(), admin, admin.AccountID, "x"))
		f.wants(problem.CodeNotFound, f.Freeze(f.Context(), admin, "acc_nobody", "x"))
		f.ok(f.Freeze(f.Context(), admin, id, "lost the key"))
		f.wants(problem.CodeConflict, f.Freeze(f.Context(), admin, id, "again"))
		_, _, err := f.Authenticate(f.Context(), token)
		f.wants(problem.CodeAccountFrozen, err)
		_, _, err = f.login(newPhone, "wrong", home)
		f.wants(problem.CodeLoginFailed, err) // says nothing without the password
		_, _, err = f.login(newPhone, newPassword, home)
		f.wants(problem.CodeAccountFrozen, err)
		f.ok(f.Unfreeze(f.Context(), admin, id, "found it"))
		f.wants(problem.CodeConflict, f.Unfreeze(f.Context(), admin, id, "again"))
		_, _, err = f.Authenticate(f.Context(), token)
		f.wants(problem.CodeSessionExpired, err) // the old session stays ended
		if again, _ := f.enters(newPhone, newPassword); again.State != Unverified {
			f.Fatal(again.State)
		}
		f.ok(f.db.VerifyAudit(f.Context()))
	})
}

// staff makes a member of staff and logs in.
func (f *fixture) staff(login string, role Role) Actor {
	f.Helper()
	p, err := NewPassword()
	f.ok(err)
	f.ok(CheckPassword(p))
	h, err := HashPassword(p)
	f.ok(err)
	f.tx(func(tx *store.Tx) error {
		_, err := CreateStaff(tx, login, role, h)
		return err
	})
	actor, _ := f.enters(login, p)
	if actor.Role != role || !actor.Verified() || actor.OrganisationID != "" {
		f.Fatalf("%+v", actor)
	}
	return actor
}

// TestFoundersAtOneTime has four operators appoint a security administrator at the same moment: two come through.
func TestFoundersAtOneTime(t *testing.T) {
	each(t, func(f *fixture) {
		const operators = 4
		made := make(chan error, operators)
		begin := make(chan struct{})
		for i := range operators {
			go func() {
				<-begin
				made <- f.db.Tx(f.Context(), func(tx *store.Tx) error {
					_, err := CreateStaff(tx, fmt.Sprintf("founder.%d", i), RoleSecurity, batchHash())
					return err
				})
			}()
		}
		batchHash()
		close(begin)
		through := 0
		for range operators {
			if err := <-made; err == nil {
				through++
			} else {
				f.wants(problem.CodeConflict, err)
			}
		}
		if through != 2 {
			t.Errorf("%d security administrators were appointed", through)
		}
	})
}

func TestCreateStaff(t *testing.T) {
	each(t, func(f *fixture) {
		f.staff("li-si.2", RoleFinance)
		create := func(login string, role Role, hash string) error {
			return f.db.Tx(f.Context(), func(tx *store.Tx) error {
				_, err := CreateStaff(tx, login, role, hash)
				return err
			})
		}
		f.wants(problem.CodeConflict, create("li-si.2", RoleReviewer, batchHash()))
		f.wants(problem.CodeInvalidField, create("Li Si", RoleReviewer, batchHash()))
		f.wants(problem.CodeInvalidField, create("lisi", RoleHolder, batchHash()))
		f.wants(problem.CodeInvalidField, create("lisi", "root", batchHash()))
		if err := create("lisi", RoleReviewer, "plain"); !errors.Is(err, errHash) {
			f.Fatal(err)
		}
	})
}
