package store_test

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"signet/api/problem"
	"signet/api/store"
	"signet/api/store/storetest"
)

func TestACMERowsMatchTheSchema(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		err := db.CheckRows(t.Context(), store.ACMEKey{}, store.ACMEAccount{}, store.ACMEOrder{}, store.ACMEAuthorization{}, store.ACMEChallenge{}, store.ACMECertificate{})
		if err != nil {
			t.Error(err)
		}
	})
}

func addKey(t *testing.T, db *store.DB, q store.ACMEKeyRequest) *store.ACMEKey {
	t.Helper()
	q.Name, q.OrgCode, q.OrgName, q.By = "招标平台", "91990000MA0000015Q", "示例建设有限公司", "test"
	var k *store.ACMEKey
	err := db.Tx(t.Context(), func(tx *store.Tx) (err error) {
		k, err = store.AddACMEKey(tx, q)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// winners counts of n that do the same at once those that f tells true.
func winners(t *testing.T, n int, f func(i int) (bool, error)) int64 {
	t.Helper()
	var won atomic.Int64
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			ok, err := f(i)
			if err != nil {
				t.Error(err)
			}
			if ok {
				won.Add(1)
			}
		})
	}
	all.Wait()
	return won.Load()
}

// TestACMENonceOnce: of sixteen that send the same nonce at once, one is let through.
func TestACMENonceOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s, until := db.ACME(), time.Now().Add(time.Hour)
		for _, nonce := range []string{"a", "b", "A"} {
			if n := winners(t, 16, func(int) (bool, error) { return s.UseNonce(t.Context(), nonce, until) }); n != 1 {
				t.Errorf("nonce %s was used %d times", nonce, n)
			}
		}
	})
}

// TestACMEKeyBindsOnce: of sixteen accounts that come with one key, one gets it, and the others are nowhere.
func TestACMEKeyBindsOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := db.ACME()
		k := addKey(t, db, store.ACMEKeyRequest{Protocol: store.ProtocolACME, Names: []string{"a.example"}})
		accounts := make([]store.ACMEAccount, 16)
		n := winners(t, 16, func(i int) (bool, error) {
			accounts[i] = store.ACMEAccount{EABID: k.ID, KeyID: string(rune('a' + i)), JWK: "{}", Contact: []string{}, State: store.ACMEValid}
			return s.CreateAccount(t.Context(), &accounts[i])
		})
		if n != 1 {
			t.Fatalf("%d accounts got the key", n)
		}
		found := 0
		for i := range accounts {
			if a, err := s.AccountByKey(t.Context(), accounts[i].KeyID); err != nil {
				t.Error(err)
			} else if a != nil {
				found++
			}
		}
		if found != 1 {
			t.Errorf("%d accounts are there", found)
		}
		ended := addKey(t, db, store.ACMEKeyRequest{Protocol: store.ProtocolACME, Names: []string{"a.example"}})
		if err := db.Tx(t.Context(), func(tx *store.Tx) error { return store.EndACMEKey(tx, ended.ID, "test") }); err != nil {
			t.Fatal(err)
		}
		if bound, err := s.CreateAccount(t.Context(), &store.ACMEAccount{EABID: ended.ID, KeyID: "z", JWK: "{}", Contact: []string{}, State: store.ACMEValid}); bound || err != nil {
			t.Errorf("an ended key binds: %v %v", bound, err)
		}
		if err := db.VerifyAudit(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestSCEPPasswordOnce: a password is for one key, which may ask again.
func TestSCEPPasswordOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := db.ACME()
		k := addKey(t, db, store.ACMEKeyRequest{Protocol: store.ProtocolSCEP, Names: []string{"a.example"}})
		if n := winners(t, 8, func(i int) (bool, error) {
			return s.BindSCEP(t.Context(), k.ID, strings.Repeat(string(rune('a'+i)), 64))
		}); n != 1 {
			t.Fatalf("%d keys got the password", n)
		}
		now, err := s.Key(t.Context(), store.ProtocolSCEP, k.ID)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := s.BindSCEP(t.Context(), k.ID, now.BoundTo); !again || err != nil {
			t.Errorf("the same key again: %v %v", again, err)
		}
	})
}

// TestACMEOrderLimit: sixteen orders at once, of which the key allows three.
func TestACMEOrderLimit(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := db.ACME()
		k := addKey(t, db, store.ACMEKeyRequest{Protocol: store.ProtocolACME, Names: []string{"a.example"}, PerDay: 3})
		a := store.ACMEAccount{EABID: k.ID, KeyID: "k", JWK: "{}", Contact: []string{}, State: store.ACMEValid}
		if bound, err := s.CreateAccount(t.Context(), &a); !bound || err != nil {
			t.Fatal(bound, err)
		}
		n := winners(t, 16, func(int) (bool, error) {
			o, az, c := orderOf(a.ID, time.Now().Add(time.Hour))
			err := s.CreateOrder(t.Context(), o, k.ID, []*store.ACMEAuthorization{az}, []*store.ACMEChallenge{c})
			if err != nil && strings.Contains(err.Error(), store.ErrACMELimit.Error()) {
				return false, nil
			}
			return err == nil, err
		})
		if n != 3 {
			t.Errorf("%d orders instead of 3", n)
		}
		list, err := s.ListOrders(t.Context(), k.ID, 10)
		if err != nil || len(list) != 3 || list[0].OrgName != "示例建设有限公司" || list[0].Identifiers[0].Value != "a.example" || list[0].EABID != k.ID {
			t.Errorf("listed %v %v", list, err)
		}
	})
}

func orderOf(account string, until time.Time) (*store.ACMEOrder, *store.ACMEAuthorization, *store.ACMEChallenge) {
	az := &store.ACMEAuthorization{ID: store.NewID("azn"), AccountID: account, Type: "dns", Value: "a.example", State: store.ACMEPending, ExpiresAt: store.Millis(until)}
	c := &store.ACMEChallenge{ID: store.NewID("chl"), AuthorizationID: az.ID, AccountID: account, Type: "http-01", Value: az.Value, State: store.ACMEPending, ExpiresAt: az.ExpiresAt}
	o := &store.ACMEOrder{
		ID: store.NewID("ord"), AccountID: account, State: store.ACMEPending, Identifiers: []store.ACMEIdentifier{{Type: "dns", Value: "a.example"}},
		Authorizations: []string{az.ID}, ExpiresAt: az.ExpiresAt,
	}
	return o, az, c
}

// TestACMEChallengeIsLookedAtOnce: of sixteen that ask for validation one looks, and what it finds closes the authorisation.
func TestACMEChallengeIsLookedAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s, ctx := db.ACME(), t.Context()
		k := addKey(t, db, store.ACMEKeyRequest{Protocol: store.ProtocolACME, Names: []string{"a.example"}})
		o, az, c := orderOf("acc", time.Now().Add(time.Hour))
		if err := s.CreateOrder(ctx, o, k.ID, []*store.ACMEAuthorization{az}, []*store.ACMEChallenge{c}); err != nil {
			t.Fatal(err)
		}
		if n := winners(t, 16, func(int) (bool, error) { return s.ClaimChallenge(ctx, c.ID) }); n != 1 {
			t.Fatalf("%d look at once", n)
		}
		c.State, c.Problem = store.ACMEInvalid, `{"type":"x"}`
		if err := s.DecideChallenge(ctx, c); err != nil {
			t.Fatal(err)
		}
		c.State = store.ACMEValid // too late
		if err := s.DecideChallenge(ctx, c); err != nil {
			t.Fatal(err)
		}
		now, cs, err := s.Authorization(ctx, az.ID)
		if err != nil || now.State != store.ACMEInvalid || len(cs) != 1 || cs[0].State != store.ACMEInvalid || cs[0].Problem == "" {
			t.Errorf("%+v %+v %v", now, cs, err)
		}
	})
}

// TestACMEPrune: what is over goes, what may be asked for stays.
func TestACMEPrune(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s, ctx := db.ACME(), t.Context()
		k := addKey(t, db, store.ACMEKeyRequest{Protocol: store.ProtocolACME, Names: []string{"a.example"}})
		ago := func(d time.Duration) time.Time { return time.Now().Add(-d) }
		var kept *store.ACMEOrder
		for _, until := range []time.Time{ago(91 * 24 * time.Hour), ago(time.Hour)} {
			o, az, c := orderOf("acc", until)
			if err := s.CreateOrder(ctx, o, k.ID, []*store.ACMEAuthorization{az}, []*store.ACMEChallenge{c}); err != nil {
				t.Fatal(err)
			}
			kept = o
		}
		for id, until := range map[string]time.Time{"old": ago(time.Hour), "new": time.Now().Add(time.Hour)} {
			if _, err := s.UseNonce(ctx, id, until); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Prune(ctx); err != nil {
			t.Fatal(err)
		}
		for table, want := range map[string]int64{"acme_orders": 1, "acme_authorizations": 1, "acme_challenges": 1, "acme_nonces": 1} {
			var n int64
			if err := db.Read(ctx).Table(table).Count(&n).Error; err != nil || n != want {
				t.Errorf("%s has %d rows, %v", table, n, err)
			}
		}
		if o, err := s.Order(ctx, kept.ID); err != nil || o == nil {
			t.Errorf("the recent order is gone: %v", err)
		}
	})
}

func TestACMEKeyNames(t *testing.T) {
	k := store.ACMEKey{Names: []string{"a.example.cn", "*.b.example.cn", "192.0.2.0/24", "2001:db8::1"}}
	for host, want := range map[string]bool{
		"a.example.cn": true, "A.EXAMPLE.cn": true, "x.a.example.cn": false, "xa.example.cn": false, "*.a.example.cn": false,
		"x.b.example.cn": true, "*.b.example.cn": true, "b.example.cn": false, "x.y.b.example.cn": false, ".b.example.cn": false,
		"192.0.2.7": true, "192.0.3.7": false, "2001:db8::1": true, "2001:db8::2": false, "::ffff:192.0.2.7": true, "": false,
	} {
		if k.Allows(host) != want {
			t.Errorf("%q: %v", host, !want)
		}
	}
}

func TestACMEKeyIsChecked(t *testing.T) {
	db := storetest.Open(t)
	good := store.ACMEKeyRequest{Protocol: "acme", Name: "x", OrgCode: "91990000MA0000015Q", OrgName: "示例", Names: []string{"EXAMPLE.cn"}, By: "test"}
	for what, spoil := range map[string]func(*store.ACMEKeyRequest){
		"protocol": func(q *store.ACMEKeyRequest) { q.Protocol = "est" }, "name": func(q *store.ACMEKeyRequest) { q.Name = " " },
		"organisation": func(q *store.ACMEKeyRequest) { q.OrgCode = "91990000MA00000150" }, "names": func(q *store.ACMEKeyRequest) { q.Names = []string{"a b"} },
		"perDay": func(q *store.ACMEKeyRequest) { q.PerDay = -1 }, "bindFor": func(q *store.ACMEKeyRequest) { q.BindFor = -1 },
	} {
		q := good
		q.Names = slices.Clone(good.Names)
		spoil(&q)
		err := db.Tx(t.Context(), func(tx *store.Tx) error { _, err := store.AddACMEKey(tx, q); return err })
		if !problem.Has(err, problem.CodeInvalidField) {
			t.Errorf("%s: %v", what, err)
		}
	}
	var k *store.ACMEKey
	err := db.Tx(t.Context(), func(tx *store.Tx) (err error) { k, err = store.AddACMEKey(tx, good); return err })
	if err != nil || k.Names[0] != "example.cn" || k.PerDay != 50 || !k.Usable(time.Now()) || k.Usable(time.Now().Add(31*24*time.Hour)) {
		t.Errorf("%+v %v", k, err)
	}
	other := *k
	other.Protocol = "scep"
	if string(k.Secret([]byte("m"))) == string(other.Secret([]byte("m"))) || string(k.Secret([]byte("m"))) == string(k.Secret([]byte("n"))) {
		t.Error("secrets repeat")
	}
}
