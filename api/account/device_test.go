package account

import (
	"strings"
	"testing"
	"time"

	"signet/api/notice"
	"signet/api/store"
)

const chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0 Safari/537.36"

// told lists the texts of one template that went to a number, newest first.
func (f *fixture) told(phone, template string) []string {
	f.Helper()
	sent, err := f.c.Notice.List(f.Context(), phone)
	f.ok(err)
	var texts []string
	for _, m := range sent {
		if m.Template == template {
			texts = append(texts, m.Text)
		}
	}
	return texts
}

func (f *fixture) loginOn(device Token) error {
	f.Helper()
	id, answer := f.captcha(home)
	_, _, err := f.Login(f.Context(), LoginRequest{Login: newPhone, Password: newPassword, CaptchaID: id, Captcha: answer, Address: home, UserAgent: chrome, Device: device})
	return err
}

func TestANewDeviceIsTold(t *testing.T) {
	each(t, func(f *fixture) {
		f.supplemented()
		first, second := Token(strings.Repeat("a", 43)), Token(strings.Repeat("b", 43))
		for i, step := range []struct {
			device Token
			told   int
		}{{"", 0}, {first, 0}, {first, 0}, {second, 1}, {second, 1}, {first, 1}} {
			f.ok(f.loginOn(step.device))
			if got := f.told(newPhone, notice.LoginNewDevice); len(got) != step.told {
				f.Fatalf("login %d: told %d times, want %d", i, len(got), step.told)
			}
		}
		text := f.told(newPhone, notice.LoginNewDevice)[0]
		if !strings.Contains(text, "于 2026-11-21 17:00 在新设备登录（Chrome / Windows，"+home+"）") {
			f.Fatal(text)
		}
		var kept []string
		f.ok(f.db.Read(f.Context()).Model(&deviceRow{}).Pluck("device_hash", &kept).Error)
		for _, hash := range kept {
			if len(hash) != 64 || strings.Contains(hash, string(first)) {
				f.Fatalf("kept %q", hash)
			}
		}
		f.clock.add(keepDevices + time.Minute)
		f.ok(f.Clean(f.Context()))
		f.ok(f.loginOn(second)) // forgotten, and so the first again
		if got := f.told(newPhone, notice.LoginNewDevice); len(got) != 1 {
			f.Fatalf("told %d times after all was forgotten", len(got))
		}
	})
}

func TestANewDeviceIsToldAfterTheSecondFactor(t *testing.T) {
	each(t, func(f *fixture) {
		f.supplemented()
		f.ok(f.loginOn(Token(strings.Repeat("a", 43))))
		me, _ := f.enters(newPhone, newPassword)
		e, err := f.EnrolTOTP(f.Context(), me)
		f.ok(err)
		recovery, err := f.ConfirmTOTP(f.Context(), me, e.FactorID, f.code(e))
		f.ok(err)
		if got := f.told(newPhone, notice.FactorAdded); len(got) != 1 || !strings.Contains(got[0], "动态口令") {
			f.Fatal(got)
		}
		needed, is := f.loginOn(Token(strings.Repeat("b", 43))).(*FactorNeeded)
		if !is || len(f.told(newPhone, notice.LoginNewDevice)) != 0 {
			f.Fatal("a login that waits is no login")
		}
		_, _, err = f.FinishByCode(f.Context(), needed.Token, string(recovery[0]))
		f.ok(err)
		if got := f.told(newPhone, notice.LoginNewDevice); len(got) != 1 {
			f.Fatal(got)
		}
		f.ok(f.RemoveFactor(f.Context(), me, e.FactorID, string(recovery[1])))
		if got := f.told(newPhone, notice.FactorRemoved); len(got) != 1 || !strings.Contains(got[0], "动态口令") {
			f.Fatal(got)
		}
	})
}

func TestKeysAreTold(t *testing.T) {
	each(t, func(f *fixture) {
		owner := f.owner()
		phone := text(f.row(owner.AccountID).Phone)
		made, _, err := f.CreateCompanyKey(f.Context(), owner, "ERP", []Scope{ScopeRead}, f.clock.Now().Add(time.Hour))
		f.ok(err)
		f.ok(f.RevokeCompanyKey(f.Context(), owner, made.ID))
		for _, template := range []string{notice.APIKeyMade, notice.APIKeyRevoked} {
			if got := f.told(phone, template); len(got) != 1 || !strings.Contains(got[0], "“ERP”") {
				f.Fatal(template, got)
			}
		}
	})
}

func TestANewMailAddressIsTold(t *testing.T) {
	each(t, func(f *fixture) {
		owner := f.owner()
		phone := text(f.row(owner.AccountID).Phone)
		for i, mail := range []string{"first@example.com", "second@example.com", "second@example.com"} {
			f.tx(func(tx *store.Tx) error {
				link := emailLinkRow{ID: tokenHash(Token(rune('a' + i))), AccountID: owner.AccountID, Email: mail, SentAt: store.Millis(tx.Now()), ExpiresAt: store.Millis(tx.Now().Add(time.Hour))}
				return tx.DB().Create(&link).Error
			})
			f.ok(f.ConfirmEmail(f.Context(), string(rune('a'+i))))
		}
		if got := f.told(phone, notice.EmailChanged); len(got) != 2 || !strings.Contains(got[0], "s***@example.com") {
			f.Fatal(got)
		}
		if got := f.told("first@example.com", notice.EmailChanged); len(got) != 1 {
			f.Fatal("the former address was not told")
		}
	})
}

func TestDevicesAreNamedInTwoWords(t *testing.T) {
	for agent, want := range map[string]string{
		chrome: "Chrome / Windows", chrome + " Edg/147.0": "Edge / Windows", "": "未知设备", "curl/8": "未知设备",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Safari/604.1": "Safari / iPhone",
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0":             "Firefox / Linux",
	} {
		if got, _ := deviceName(agent); got != want {
			t.Errorf("%q: %q, want %q", agent, got, want)
		}
	}
}
