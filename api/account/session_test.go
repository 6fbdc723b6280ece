package account

import (
	"strings"
	"testing"
	"time"

	"signet/api/problem"
	"signet/api/store"
)

func TestSessionEnds(t *testing.T) {
	each(t, func(f *fixture) {
		f.supplemented()
		alive := func(token Token) error {
			_, _, err := f.Authenticate(f.Context(), token)
			return err
		}
		f.wants(problem.CodeUnauthenticated, alive(""))
		f.wants(problem.CodeUnauthenticated, alive("no-such-token"))

		_, idle := f.enters(newPhone, newPassword)
		f.clock.add(29 * time.Minute)
		f.ok(alive(idle)) // use keeps it alive
		f.clock.add(29 * time.Minute)
		f.ok(alive(idle))
		f.clock.add(30 * time.Minute)
		f.wants(problem.CodeSessionExpired, alive(idle))
		f.clock.add(-time.Hour)
		f.wants(problem.CodeSessionExpired, alive(idle)) // a clock set back revives nothing
		f.clock.add(time.Hour)

		_, used := f.enters(newPhone, newPassword)
		for range 12*3 - 1 {
			f.clock.add(20 * time.Minute)
			f.ok(alive(used))
		}
		f.clock.add(20 * time.Minute)
		f.wants(problem.CodeSessionExpired, alive(used)) // 12 hours, however busy

		actor, out := f.enters(newPhone, newPassword)
		_, other := f.enters(newPhone, newPassword)
		f.ok(f.Logout(f.Context(), actor))
		f.ok(f.Logout(f.Context(), actor))
		f.wants(problem.CodeSessionExpired, alive(out))
		f.ok(alive(other))
	})
}

func TestOnlyTheHashOfATokenIsKept(t *testing.T) {
	each(t, func(f *fixture) {
		f.supplemented()
		_, token := f.enters(newPhone, newPassword)
		var rows []sessionRow
		f.ok(f.db.Read(f.Context()).Where("token_hash = ? OR id = ?", string(token), string(token)).Find(&rows).Error)
		if len(rows) != 0 {
			f.Fatal("the token is stored as it is")
		}
		f.ok(f.db.Read(f.Context()).Where("token_hash = ?", tokenHash(token)).Find(&rows).Error)
		if len(rows) != 1 || len(token) != 43 {
			f.Fatalf("%d rows, token of %d characters", len(rows), len(token))
		}
		// Who reads the table cannot use what is in it.
		_, _, err := f.Authenticate(f.Context(), Token(rows[0].TokenHash))
		f.wants(problem.CodeUnauthenticated, err)
	})
}

func TestSessionsAreOnesOwn(t *testing.T) {
	each(t, func(f *fixture) {
		f.supplemented()
		admin := f.staff("admin", RoleAdmin)
		first, _ := f.enters(newPhone, newPassword)
		f.clock.add(time.Second)
		second, token := f.enters(newPhone, newPassword)
		list, err := f.Sessions(f.Context(), first)
		f.ok(err)
		if len(list) != 2 || list[0].ID != second.SessionID || list[1].ID != first.SessionID {
			f.Fatalf("%d sessions", len(list))
		}
		f.wants(problem.CodeNotFound, f.EndSession(f.Context(), admin, second.SessionID))
		f.ok(f.EndSession(f.Context(), first, second.SessionID))
		_, _, err = f.Authenticate(f.Context(), token)
		f.wants(problem.CodeSessionExpired, err)
	})
}

func TestPasswordChangeEndsOtherSessions(t *testing.T) {
	each(t, func(f *fixture) {
		f.supplemented()
		actor, mine := f.enters(newPhone, newPassword)
		_, other := f.enters(newPhone, newPassword)
		const next = "Other-2026-ok"
		change := func(old, p, confirm Password) error {
			return f.ChangePassword(f.Context(), actor, PasswordChange{Old: old, New: p, Confirm: confirm, From: home})
		}
		f.wants(problem.CodePasswordMismatch, change(newPassword, next, next+"x"))
		f.wants(problem.CodePasswordWeak, change(newPassword, "weak", "weak"))
		f.wants(problem.CodePasswordSame, change(newPassword, newPassword, newPassword))
		if p := f.wants(problem.CodeLoginFailed, change("wrong", next, next)); p.Kind != problem.Invalid || p.Field != "old" || p.Params["triesLeft"] != 5 {
			f.Fatalf("%+v", p) // a mistyped old password must not look like a lost session
		}
		f.hashes.waiting.Store(mostWaiting)
		f.wants(problem.CodeRateLimited, change(newPassword, next, next)) // never looked at, so it costs no try
		f.hashes.waiting.Store(0)
		f.ok(change(newPassword, next, next))
		for _, phone := range []string{newPhone, oldPhone} { // unverified: the imported contact hears of it too
			sent, err := f.c.Notice.List(f.Context(), phone)
			f.ok(err)
			if len(sent) == 0 || !strings.Contains(sent[0].Text, "密码已修改") {
				f.Errorf("%s was not told: %+v", phone, sent)
			}
		}
		_, _, err := f.Authenticate(f.Context(), mine)
		f.ok(err)
		_, _, err = f.Authenticate(f.Context(), other)
		f.wants(problem.CodeSessionExpired, err)
		_, _, err = f.login(newPhone, newPassword, home)
		f.wants(problem.CodeLoginFailed, err)
		f.enters(newPhone, next)
		for range 5 {
			f.wants(problem.CodeLoginFailed, change("wrong", newPassword, newPassword))
		}
		f.wants(problem.CodeLoginLocked, change("wrong", newPassword, newPassword))
		f.wants(problem.CodeLoginLocked, change(next, newPassword, newPassword))
	})
}

func TestCleanKeepsWhatIsNeeded(t *testing.T) {
	each(t, func(f *fixture) {
		f.holder()
		actor, token := f.enters(sampleUSCC, initialPassword)
		f.coded(actor, newPhone)
		stale, answer := f.captcha(home)
		_, _, err := f.login(sampleUSCC, "wrong", home)
		f.wants(problem.CodeLoginFailed, err)
		f.ok(f.Clean(f.Context()))
		_, _, err = f.Authenticate(f.Context(), token)
		f.ok(err)
		id, _ := f.captcha(home)
		f.clock.add(captchaFor)
		f.ok(f.Clean(f.Context()))
		for _, gone := range []string{id, stale} {
			_, _, err = f.Login(f.Context(), LoginRequest{Login: sampleUSCC, Password: initialPassword, CaptchaID: gone, Captcha: answer, Address: home})
			f.wants(problem.CodeCaptchaExpired, err)
		}
		_, err = f.SendSupplementCode(f.Context(), actor, newPhone, home)
		f.ok(err)
		_, err = f.SendSupplementCode(f.Context(), actor, newPhone, home)
		f.wants(problem.CodeSMSTooSoon, err) // cleaning lifted no limit
		f.clock.add(keepSessions + sessionFor)
		f.ok(f.Clean(f.Context()))
		for _, row := range []any{&captchaRow{}, &codeRow{}, &sessionRow{}, &throttle{}} {
			var left int64
			f.ok(f.db.Read(f.Context()).Model(row).Count(&left).Error)
			if left != 0 {
				f.Errorf("%T: %d rows left", row, left)
			}
		}
	})
}

func TestMarkVerified(t *testing.T) {
	each(t, func(f *fixture) {
		_, legacy := f.holder()
		organisation := text(f.row(legacy).OrganisationID)
		mark := func(id string) error {
			return f.db.Tx(f.Context(), func(tx *store.Tx) error { return MarkVerified(tx, organisation, id, "possession", "job_1") })
		}
		f.wants(problem.CodeConflict, mark(legacy))
		f.wants(problem.CodeNotFound, mark("acc_nobody"))
		actor, _ := f.enters(sampleUSCC, initialPassword)
		_, err := f.CompleteSupplement(f.Context(), actor, SupplementRequest{Phone: newPhone, Code: f.coded(actor, newPhone), Password: newPassword, Confirm: newPassword})
		f.ok(err)
		contacts := func() (list []string) {
			f.tx(func(tx *store.Tx) (err error) {
				list, err = Contacts(tx, legacy)
				return err
			})
			return list
		}
		if got := contacts(); len(got) != 2 || got[0] != newPhone || got[1] != oldPhone {
			f.Fatal(got)
		}
		holder, token := f.enters(newPhone, newPassword)
		f.wants(problem.CodeForbidden, Can(holder, HolderSwift))
		f.ok(mark(legacy))
		f.ok(mark(legacy))
		holder, _, err = f.Authenticate(f.Context(), token) // in force at once, without a new login
		f.ok(err)
		f.ok(Can(holder, HolderSwift))
		if got := contacts(); len(got) != 1 || got[0] != newPhone {
			f.Fatal(got)
		}
		f.ok(f.db.VerifyAudit(f.Context()))
	})
}
