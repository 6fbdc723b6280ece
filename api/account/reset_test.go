package account

import (
	"strings"
	"testing"
	"time"

	"signet/api/problem"
)

// forgets asks for a reset code with a right captcha.
func (f *fixture) forgets(phone, from string) (CodeSent, error) {
	f.Helper()
	id, answer := f.captcha(from)
	return f.SendResetCode(f.Context(), ResetCodeRequest{Phone: phone, CaptchaID: id, Captcha: answer, From: from})
}

func (f *fixture) resets(phone, code string, p Password) error {
	f.Helper()
	return f.ResetPassword(f.Context(), ResetRequest{Phone: phone, Code: code, Password: p, Confirm: p, From: home})
}

const nextPassword = "Other-2026-ok"

func TestAForgottenPasswordIsReset(t *testing.T) {
	each(t, func(f *fixture) {
		f.supplemented()
		_, token := f.enters(newPhone, newPassword)
		for range 6 {
			_, _, err := f.login(newPhone, "wrong", home)
			if problem.CodeOf(err) != problem.CodeLoginFailed {
				f.wants(problem.CodeLoginLocked, err)
			}
		}
		f.clock.add(codeEvery) // since the code of the supplement page
		_, err := f.forgets(newPhone, home)
		f.ok(err)
		code := f.lastCode(newPhone)
		f.wants(problem.CodeCodeWrong, f.resets(newPhone, wrong(code), nextPassword))
		f.wants(problem.CodePasswordWeak, f.resets(newPhone, code, "weak"))
		f.wants(problem.CodePasswordSame, f.resets(newPhone, code, newPassword)) // and the code is not used up
		f.ok(f.resets(newPhone, code, nextPassword))
		f.wants(problem.CodeCodeExpired, f.resets(newPhone, code, "Third-2026-ok"))
		_, _, err = f.Authenticate(f.Context(), token)
		f.wants(problem.CodeSessionExpired, err)
		_, _, err = f.login(newPhone, newPassword, home) // the lock is lifted, the old password wrong
		f.wants(problem.CodeLoginFailed, err)
		f.enters(newPhone, nextPassword)
		for _, phone := range []string{newPhone, oldPhone} {
			sent, err := f.c.Notice.List(f.Context(), phone)
			f.ok(err)
			if len(sent) == 0 || !strings.Contains(sent[0].Text, "密码已修改") {
				f.Errorf("%s was not told: %+v", phone, sent)
			}
		}
		f.ok(f.db.VerifyAudit(f.Context()))
	})
}

// What can be asked without an account looks the same for a phone that has one and for one that has none.
func TestAResetTellsNobodyWhoIsACustomer(t *testing.T) {
	each(t, func(f *fixture) {
		f.supplemented()
		f.clock.add(codeEvery)
		const nobody = "13800000001"
		outcome := func(phone string) (all []problem.Code) {
			note := func(err error) { all = append(all, problem.CodeOf(err)) }
			note(f.resets(phone, "123456", nextPassword)) // before any code
			first, err := f.forgets(phone, "192.0.2.1")
			note(err)
			if first.ResendAt.Sub(first.SentAt) != codeEvery || first.ExpiresAt.Sub(first.SentAt) != codeFor {
				f.Errorf("%s: %+v", phone, first)
			}
			_, err = f.forgets(phone, "192.0.2.2")
			note(err) // too soon
			for range codeTries + 1 {
				note(f.resets(phone, "x", nextPassword))
			}
			for range 6 { // until the hour's limit
				f.clock.add(codeEvery)
				_, err = f.forgets(phone, "192.0.2.3")
				note(err)
			}
			f.clock.add(time.Hour)
			return all
		}
		known, unknown := outcome(newPhone), outcome(nobody)
		if len(known) != len(unknown) {
			f.Fatal(known, unknown)
		}
		for i := range known {
			if known[i] != unknown[i] {
				f.Errorf("step %d: %q for a customer, %q for nobody", i, known[i], unknown[i])
			}
		}
		if known[0] != problem.CodeCodeExpired || known[1] != "" || known[2] != problem.CodeSMSTooSoon || known[8] != problem.CodeCodeTriesExceeded || known[len(known)-1] != problem.CodeSMSLimit {
			f.Errorf("%q", known)
		}
		sent, err := f.c.Notice.List(f.Context(), nobody)
		f.ok(err)
		if len(sent) != 0 {
			f.Errorf("nobody got %+v", sent)
		}
	})
}

// A limit of other messages keeps the code back, and the answer does not say so.
func TestAResetHidesOtherMessages(t *testing.T) {
	each(t, func(f *fixture) {
		f.supplemented() // a message went to the phone just now
		before := f.lastCode(newPhone)
		_, err := f.forgets(newPhone, home)
		f.ok(err)
		if f.lastCode(newPhone) != before {
			f.Error("sent within a minute")
		}
	})
}

func TestResetIsForHoldersWhoMayLogIn(t *testing.T) {
	each(t, func(f *fixture) {
		id := f.supplemented()
		admin := f.staff("admin", RoleSecurity)
		f.clock.add(codeEvery)
		_, err := f.forgets(newPhone, home)
		f.ok(err)
		code := f.lastCode(newPhone)
		f.ok(f.Freeze(f.Context(), admin, id, "test"))
		f.wants(problem.CodeCodeExpired, f.resets(newPhone, code, nextPassword)) // as for nobody
		f.clock.add(codeEvery)
		_, err = f.forgets(newPhone, home)
		f.ok(err)
		if f.lastCode(newPhone) != code {
			f.Error("a frozen account was sent a code")
		}
		f.ok(f.Unfreeze(f.Context(), admin, id, "test"))
		f.enters(newPhone, newPassword) // nothing changed
	})
}

func TestResetNeedsACaptchaEachTime(t *testing.T) {
	each(t, func(f *fixture) {
		f.supplemented()
		f.clock.add(codeEvery)
		id, answer := f.captcha(home)
		ask := func(id, answer string) error {
			_, err := f.SendResetCode(f.Context(), ResetCodeRequest{Phone: newPhone, CaptchaID: id, Captcha: answer, From: home})
			return err
		}
		f.wants(problem.CodeCaptchaRequired, ask("", ""))
		f.wants(problem.CodeCaptchaWrong, ask(id, wrong(answer)))
		f.wants(problem.CodeCaptchaExpired, ask(id, answer)) // used up by the wrong answer
		id, answer = f.captcha(home)
		f.ok(ask(id, answer))
		f.clock.add(codeEvery)
		f.wants(problem.CodeCaptchaExpired, ask(id, answer))
	})
}

func TestResetIsLimitedPerAddress(t *testing.T) {
	each(t, func(f *fixture) {
		phone := func(i int) string {
			return "1380000" + string([]byte{'1', '0' + byte(i/100), '0' + byte(i/10%10), '0' + byte(i%10)})
		}
		for i := range 20 {
			_, err := f.forgets(phone(i), home)
			f.ok(err)
		}
		_, err := f.forgets(phone(20), home)
		f.wants(problem.CodeSMSLimit, err)
		for i := range triesPerAsker.most {
			f.wants(problem.CodeCodeExpired, f.resets(phone(100+i), "123456", nextPassword))
		}
		f.wants(problem.CodeRateLimited, f.resets(phone(1), "123456", nextPassword))
	})
}
