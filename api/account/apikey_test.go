package account

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

func apiKeyRequest(until time.Time) APIKeyRequest {
	return APIKeyRequest{Name: "注册机构", Profiles: []string{"org-pair", "ecdsa/org-sign"}, Any: true, PerMinute: 100, ExpiresAt: until, By: "operator"}
}

// apiKey makes a key.
func (f *fixture) apiKey(change func(*APIKeyRequest)) (key APIKey, id string) {
	f.Helper()
	key = NewAPIKey()
	q := apiKeyRequest(f.clock.Now().Add(time.Hour))
	change(&q)
	f.tx(func(tx *store.Tx) (err error) {
		id, err = AddAPIKey(tx, key, q)
		return err
	})
	return key, id
}

func TestAPIKeyLife(t *testing.T) {
	each(t, func(f *fixture) {
		key, id := f.apiKey(func(q *APIKeyRequest) {
			q.Any, q.Organisations = false, []NamedOrganisation{{Code: " 91350211m000100y46", Name: " 示例公司 "}}
		})
		c, err := f.AuthenticateKey(f.Context(), key)
		f.ok(err)
		if c.KeyID != id || c.Any || len(c.Organisations) != 1 || c.Organisations[0] != (NamedOrganisation{"91350211M000100Y46", "示例公司"}) || strings.Join(c.Profiles, " ") != "org-pair ecdsa/org-sign" {
			f.Errorf("read back %+v", c)
		}
		f.tx(func(tx *store.Tx) error { // the same key again is the same row
			again, err := AddAPIKey(tx, key, apiKeyRequest(f.clock.Now().Add(time.Hour)))
			if again != id {
				f.Errorf("kept twice: %s and %s", id, again)
			}
			return err
		})
		for _, wrong := range []APIKey{"", "x", NewAPIKey(), key + "x", key[:len(key)-1], APIKey(strings.ToLower(string(key)))} {
			_, err := f.AuthenticateKey(f.Context(), wrong)
			f.wants(problem.CodeAPIKeyInvalid, err)
		}
		f.tx(func(tx *store.Tx) error { return EndAPIKey(tx, id, "operator") })
		_, err = f.AuthenticateKey(f.Context(), key)
		f.wants(problem.CodeAPIKeyExpired, err)
		f.wants(problem.CodeNotFound, f.db.Tx(f.Context(), func(tx *store.Tx) error { return EndAPIKey(tx, id, "operator") }))

		f.clock.add(time.Minute)
		key, _ = f.apiKey(func(*APIKeyRequest) {})
		f.clock.add(time.Hour)
		_, err = f.AuthenticateKey(f.Context(), key)
		f.wants(problem.CodeAPIKeyExpired, err)
		list, err := ListAPIKeys(f.Context(), f.db)
		f.ok(err)
		if len(list) != 2 || list[0].EndedAt.IsZero() || !list[1].EndedAt.IsZero() {
			f.Errorf("listed %+v", list)
		}
	})
}

func TestAPIKeysThatAreRefused(t *testing.T) {
	each(t, func(f *fixture) {
		some := []NamedOrganisation{{Code: "91350211M000100Y46", Name: "示例公司"}}
		for what, c := range map[string]struct {
			field  string
			change func(*APIKeyRequest)
		}{
			"no name":             {"name", func(q *APIKeyRequest) { q.Name = "" }},
			"name of two lines":   {"name", func(q *APIKeyRequest) { q.Name = "a\nb" }},
			"long name":           {"name", func(q *APIKeyRequest) { q.Name = strings.Repeat("x", 101) }},
			"no profile":          {"profiles", func(q *APIKeyRequest) { q.Profiles = nil }},
			"odd profile":         {"profiles", func(q *APIKeyRequest) { q.Profiles = []string{"../org"} }},
			"nobody":              {"organisations", func(q *APIKeyRequest) { q.Any = false }},
			"any and one":         {"organisations", func(q *APIKeyRequest) { q.Organisations = some }},
			"code without a name": {"organisations", func(q *APIKeyRequest) { q.Any, q.Organisations = false, []NamedOrganisation{{Code: some[0].Code}} }},
			"wrong check digit": {"organisations", func(q *APIKeyRequest) {
				q.Any, q.Organisations = false, []NamedOrganisation{{Code: "91350211M000100Y47", Name: "x"}}
			}},
			"negative rate": {"perMinute", func(q *APIKeyRequest) { q.PerMinute = -1 }},
			"over already":  {"expiresAt", func(q *APIKeyRequest) { q.ExpiresAt = f.clock.Now() }},
		} {
			q := apiKeyRequest(f.clock.Now().Add(time.Hour))
			c.change(&q)
			err := f.db.Tx(f.Context(), func(tx *store.Tx) error { _, err := AddAPIKey(tx, NewAPIKey(), q); return err })
			if p := f.wants(problem.CodeInvalidField, err); p.Field != c.field {
				f.Errorf("%s: field %q", what, p.Field)
			}
		}
	})
}

// TestAPIRateIsShared has two servers on one database and counts what both let through.
func TestAPIRateIsShared(t *testing.T) {
	each(t, func(f *fixture) {
		n, err := notice.New(notice.Config{DB: f.db})
		f.ok(err)
		second, err := New(Config{DB: f.db, Notice: n, CodeKey: make(Key, 32), ContactPhone: func(string) string { return "" }})
		f.ok(err)
		servers := []*Accounts{f.Accounts, second}
		for _, c := range []struct{ rate, fewest int }{{1, 1}, {7, 7}, {100, 100 - 100/shareOf}} {
			key, _ := f.apiKey(func(q *APIKeyRequest) { q.PerMinute = c.rate })
			for window := range 2 {
				got := tally(together(2*c.rate+10, func(i int) error {
					_, err := servers[i%2].AuthenticateKey(f.Context(), key)
					return err
				}))
				through := 2*c.rate + 10 - got[problem.CodeRateLimited]
				if through > c.rate || through < c.fewest {
					f.Errorf("window %d: %d of %d a minute went through: %v", window, through, c.rate, got)
				}
				_, err := f.AuthenticateKey(f.Context(), key)
				if p := f.wants(problem.CodeRateLimited, err); p.Params[problem.ParamRetryAfter] == nil {
					f.Error("it is not said when to come again")
				}
				f.clock.add(rateWindow)
			}
		}
		key, _ := f.apiKey(func(q *APIKeyRequest) { q.PerMinute = 1 })
		_, err = f.AuthenticateKey(f.Context(), key)
		f.ok(err)
		f.clock.add(-30 * time.Minute) // a clock set back must not lock the key out for half an hour
		_, err = f.AuthenticateKey(f.Context(), key)
		f.ok(err)
	})
}

func TestAPIKeyDoesNotPrint(t *testing.T) {
	each(t, func(f *fixture) {
		key, _ := f.apiKey(func(*APIKeyRequest) {})
		_, err := f.AuthenticateKey(f.Context(), key+"x")
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", key, "in", struct{ K APIKey }{key})
		all := log.String() + fmt.Sprint(err) + fmt.Sprintf("%v %s %q %x %#v %+v", key, key, key, key, key, struct{ K APIKey }{key}) + f.dump()
		if secret := strings.TrimPrefix(string(key), apiKeyPrefix); strings.Contains(all, secret) || strings.Contains(all, fmt.Sprintf("%x", secret)) {
			f.Error("the key is readable")
		}
		if !strings.Contains(all, "注册机构") {
			f.Fatal("the dump is not one")
		}
	})
}
