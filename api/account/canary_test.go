package account

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

// Walks every road a secret takes and then looks for it in every table of ours,
// the audit chain, the log and the errors. Only the simulated outbox may hold the
// code, and that is package notice's to purge.
func TestSecretsStayOutOfTablesLogsAndErrors(t *testing.T) {
	each(t, func(f *fixture) {
		var log bytes.Buffer
		f.c.Log = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		const typo, first, second, third = "Canary-typo-1", "Canary-first-1", "Canary-second-1", "Canary-third-1"
		f.holder()
		for range 6 {
			_, _, err := f.login(sampleUSCC, typo, "203.0.113.1")
			fmt.Fprintln(&log, err)
		}
		f.clock.add(triesPerAccount.span)
		actor, legacyToken := f.enters(sampleUSCC, initialPassword)
		code := f.coded(actor, newPhone)
		fmt.Fprintln(&log, f.CheckSupplementCode(f.Context(), actor, newPhone, wrong(code)))
		_, err := f.CompleteSupplement(f.Context(), actor, SupplementRequest{Phone: newPhone, Code: code, Password: first, Confirm: first})
		f.ok(err)
		holder, token := f.enters(newPhone, first)
		f.ok(f.ChangePassword(f.Context(), holder, PasswordChange{Old: first, New: second, Confirm: second, From: home}))
		f.clock.add(codeEvery)
		_, err = f.forgets(newPhone, home)
		f.ok(err)
		resetCode := f.lastCode(newPhone)
		f.ok(f.resets(newPhone, resetCode, third))
		captcha, answer := f.captcha(home) // stays open

		dump := f.dump() + log.String()
		for _, secret := range []string{typo, first, second, third, initialPassword, string(token), string(legacyToken)} {
			if strings.Contains(dump, secret) {
				f.Errorf("%q is readable", secret)
			}
		}
		for _, short := range []string{code, wrong(code), resetCode, answer} { // too short to search for in hashes and times
			for _, quoted := range []string{`"` + short + `"`, " " + short + " ", ":" + short + ","} {
				if strings.Contains(dump, quoted) {
					f.Errorf("%q is readable", short)
				}
			}
		}
		if !strings.Contains(dump, captcha) || !strings.Contains(dump, newPhone) || !strings.Contains(dump, "session.lock") {
			f.Fatal("the dump is not one") // the search above would prove nothing
		}
	})
}

// dump writes out all rows of the package's tables and of the audit chain.
func (f *fixture) dump() string {
	f.Helper()
	var all strings.Builder
	for _, table := range []string{"acct_organisations", "acct_accounts", "acct_legacy_logins", "acct_sessions", "acct_captchas", "acct_codes", "acct_throttles", "acct_apikeys", "store_audit"} {
		var rows []map[string]any
		f.ok(f.db.Read(f.Context()).Table(table).Find(&rows).Error)
		for _, row := range rows {
			for column, value := range row {
				if b, ok := value.([]byte); ok {
					value = string(b)
				}
				if s, ok := value.(*string); ok && s != nil {
					value = *s
				}
				fmt.Fprintf(&all, "%s:\"%v\" ", column, value)
			}
			all.WriteByte('\n')
		}
	}
	return all.String()
}

func TestAFullHashQueueCostsNoTry(t *testing.T) {
	each(t, func(f *fixture) {
		f.holder()
		f.hashes.waiting.Store(mostWaiting)
		for range 8 {
			_, _, err := f.login(sampleUSCC, initialPassword, home)
			f.wants(problem.CodeRateLimited, err)
		}
		f.hashes.waiting.Store(0)
		_, _, err := f.login(sampleUSCC, "wrong", home)
		if p := f.wants(problem.CodeLoginFailed, err); p.Params["triesLeft"] != 5 {
			f.Fatal(p.Params)
		}
	})
}

func TestNothingIsSentWhenTheTransactionFails(t *testing.T) {
	each(t, func(f *fixture) {
		_, id := f.holder()
		boom := fmt.Errorf("boom")
		err := f.db.Tx(f.Context(), func(tx *store.Tx) error {
			if _, refused, err := f.sendCode(tx, codeRequest{purpose: forSupplement, accountID: id, phone: newPhone, from: home}); err != nil || refused != nil {
				return firstError(err, refused)
			}
			return boom
		})
		if err != boom {
			f.Fatal(err)
		}
		var sent []notice.Sent
		sent, err = f.c.Notice.List(f.Context(), "")
		f.ok(err)
		actor, _ := f.enters(sampleUSCC, initialPassword)
		if len(sent) != 0 {
			f.Fatal("a message without a code")
		}
		f.coded(actor, newPhone) // and it counted nowhere
	})
}
