package store_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/api/store"
	"signet/api/store/storetest"
	"signet/ca"
	"signet/ca/catest"
	"signet/ca/pki"
	"signet/ca/status"
)

// holders are names as they occur: alike at both ends, with brackets of both widths, twice the same word, persons of organisations.
var holders = []struct{ cn, o string }{
	{"金华市擎洲软件有限公司", "金华市擎洲软件有限公司"},
	{"金华市公共资源交易中心", "金华市公共资源交易中心"},
	{"ＡＢＣ（金华）科技有限公司", "ＡＢＣ（金华）科技有限公司"},
	{"Abc (Jinhua) Technology Co", "Abc (Jinhua) Technology Co"},
	{"公司公司有限公司", "公司公司有限公司"},
	{"张三", "金华市擎洲软件有限公司"},
	{"示例建设工程项目管理有限公司第一分公司", "示例建设工程项目管理有限公司第一分公司"},
	{"示例建设工程项目管理有限公司第二分公司", "示例建设工程项目管理有限公司第二分公司"},
	{"王五", "王五"},
}

// issueHolders issues two certificates for each holder.
func issueHolders(t testing.TB, db *store.DB) (*catest.Tree, []ca.Certificate) {
	t.Helper()
	tree := catest.HierarchyWith(t, pki.P256, catest.Options{Store: db.CA()})
	var issued []ca.Certificate
	for i := range 2 * len(holders) {
		h := holders[i/2]
		req := tree.Request(t, fmt.Sprint("holder-", i), "org-sign", catest.Key(t, pki.P256))
		name, err := pki.NewName(pki.Attr{Type: pki.OIDCommonName, Value: h.cn}, pki.Attr{Type: pki.OIDOrganization, Value: h.o}, pki.Attr{Type: pki.OIDLocality, Value: "永康"})
		if err != nil {
			t.Fatal(err)
		}
		req.Subject = name
		req.NotAfter = time.Now().Add(time.Duration(30+i) * 24 * time.Hour).Truncate(time.Second)
		c, err := tree.Authority.Issue(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		issued = append(issued, *c)
	}
	return tree, issued
}

func fill(t testing.TB, db *store.DB) {
	t.Helper()
	done, err := db.CA().FillInventory(t.Context(), 100_000)
	if err != nil || !done {
		t.Fatalf("filling the inventory: done %v, %v", done, err)
	}
}

// all turns the pages until the last, and gives the serial numbers.
func all(t testing.TB, db *store.DB, q store.Inventory) (serials []string) {
	t.Helper()
	for range 200 {
		page, err := db.CA().Search(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Entries {
			serials = append(serials, e.SerialHex)
		}
		if q.After = page.Next; q.After == "" {
			return serials
		}
	}
	t.Fatalf("%+v does not end", q)
	return nil
}

// plain is what normalising comes to for the names above, done otherwise.
func plain(name string) string {
	return strings.ToLower(strings.NewReplacer("Ａ", "a", "Ｂ", "b", "Ｃ", "c", "（", "(", "）", ")", " ", "").Replace(name))
}

func TestInventory(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		tree, issued := issueHolders(t, db)
		if page, err := db.CA().Search(t.Context(), store.Inventory{Name: "金华"}); err != nil || len(page.Entries) != 0 {
			t.Fatalf("found by name before the names are noted: %+v, %v", page, err)
		}
		fill(t, db)
		fill(t, db) // again changes nothing
		if err := tree.Authority.Revoke(t.Context(), ca.Revocation{CA: "issuing", SerialHex: issued[0].SerialHex, Reason: ca.Superseded}); err != nil {
			t.Fatal(err)
		}
		t.Run("names", func(t *testing.T) { searchNames(t, db, issued) })
		t.Run("columns", func(t *testing.T) { searchColumns(t, db, issued) })
		for _, bad := range []string{"!", "bm8", "WzFd"} {
			if _, err := db.CA().Search(t.Context(), store.Inventory{After: bad}); !errors.Is(err, store.ErrBadPlace) {
				t.Errorf("place %q: %v", bad, err)
			}
		}
	})
}

// searchNames compares with a search that reads every name, for parts of names at random and pages of every size.
func searchNames(t *testing.T, db *store.DB, issued []ca.Certificate) {
	random := rand.New(rand.NewPCG(1, 2))
	queries := []string{"公", "公司", "金华", "ABC(金华)", "abc （jinhua） tech", "永康", "司公", "张三金华", "三", "示例建设工程项目管理有限公司第二", "有限公司第一分公司", "no such", "%", "_", "'"}
	for range 60 {
		name := []rune(holders[random.IntN(len(holders))].cn)
		from := random.IntN(len(name))
		queries = append(queries, string(name[from:from+1+random.IntN(len(name)-from)]))
	}
	for _, part := range queries {
		var want []string
		for i, c := range issued {
			if h := holders[i/2]; strings.Contains(plain(h.cn), plain(part)) || strings.Contains(plain(h.o), plain(part)) {
				want = append(want, c.SerialHex)
			}
		}
		got := all(t, db, store.Inventory{Name: part, Limit: 1 + random.IntN(6)})
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%q finds %d certificates, want %d: %v", part, len(got), len(want), got)
		}
	}
}

func searchColumns(t *testing.T, db *store.DB, issued []ca.Certificate) {
	var everything []string
	for _, c := range issued {
		everything = append(everything, c.SerialHex)
	}
	after := func(n int) time.Time { return issued[n].NotAfter }
	for what, c := range map[string]struct {
		q    store.Inventory
		want []string
	}{
		"all":                 {store.Inventory{Limit: 5}, everything},
		"CA":                  {store.Inventory{CA: "issuing", Limit: 5}, everything},
		"other CA":            {store.Inventory{CA: "nobody"}, nil},
		"serial":              {store.Inventory{SerialHex: issued[3].SerialHex}, everything[3:4]},
		"serial, other name":  {store.Inventory{SerialHex: issued[3].SerialHex, Name: "王五"}, nil},
		"no such serial":      {store.Inventory{SerialHex: "00"}, nil},
		"key":                 {store.Inventory{Key: issued[4].SPKIHash[:]}, everything[4:5]},
		"no such key":         {store.Inventory{Key: make([]byte, sha256.Size)}, nil},
		"code":                {store.Inventory{Code: " " + strings.ToLower(catest.USCC), Limit: 3}, everything},
		"code and name":       {store.Inventory{Code: catest.USCC, Name: "王五"}, everything[16:]},
		"no such code":        {store.Inventory{Code: "91330702MA28DEXQ1B"}, nil},
		"expires before":      {store.Inventory{ExpiresBefore: after(4), Limit: 2}, everything[:4]},
		"expires from":        {store.Inventory{ExpiresFrom: after(15), Limit: 2}, everything[15:]},
		"expires between":     {store.Inventory{ExpiresFrom: after(2), ExpiresBefore: after(6), Limit: 3}, everything[2:6]},
		"name and expiry":     {store.Inventory{Name: "有限公司", ExpiresBefore: after(3), Limit: 2}, everything[:2]},
		"revoked":             {store.Inventory{State: status.Revoked, Limit: 2}, everything[:1]},
		"good":                {store.Inventory{State: status.Good, Limit: 2}, everything[1:]},
		"profile":             {store.Inventory{Profile: "org-sign", ExpiresBefore: after(1)}, everything[:1]},
		"other profile":       {store.Inventory{Profile: "org-enc"}, nil},
		"revoked of that key": {store.Inventory{Key: issued[0].SPKIHash[:], State: status.Good}, nil},
	} {
		got, want := all(t, db, c.q), slices.Clone(c.want)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s finds %d certificates, want %d", what, len(got), len(want))
		}
	}
	page, err := db.CA().Search(t.Context(), store.Inventory{SerialHex: issued[0].SerialHex})
	if err != nil || len(page.Entries) != 1 {
		t.Fatal(page, err)
	}
	e := page.Entries[0]
	if e.CA != "issuing" || e.Profile != "org-sign" || !e.NotAfter.Equal(issued[0].NotAfter) || !strings.Contains(e.Subject, "擎洲") || e.Revoked == nil || e.Revoked.Reason != ca.Superseded {
		t.Errorf("%+v", e)
	}
}

// TestFillInventoryInTurns: several servers at once note each certificate once; one whose transaction ends late is not passed over.
func TestFillInventoryInTurns(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		_, issued := issueHolders(t, db)
		behind := func(statement string) {
			t.Helper()
			if err := db.Tx(t.Context(), func(tx *store.Tx) error { return tx.DB().Exec(statement).Error }); err != nil {
				t.Fatal(err)
			}
		}
		behind("UPDATE ca_certificates SET id = id + 1000 WHERE id = 5") // as if its transaction had not ended
		var together sync.WaitGroup
		for range 4 {
			together.Go(func() {
				if _, err := db.CA().FillInventory(t.Context(), 1000); err != nil {
					t.Error(err)
				}
			})
		}
		together.Wait()
		if got := all(t, db, store.Inventory{Code: catest.USCC}); len(got) != 4 {
			t.Fatalf("%d certificates are noted before the gap, want 4", len(got))
		}
		behind("UPDATE ca_certificates SET id = id - 1000 WHERE id = 1005")
		fill(t, db)
		if got := all(t, db, store.Inventory{Code: catest.USCC}); len(got) != len(issued) {
			t.Fatalf("%d certificates are noted, want %d", len(got), len(issued))
		}
		behind("DELETE FROM ca_certificates WHERE id = 7") // a gap that stays
		behind("DELETE FROM ca_term_certificates")
		behind("UPDATE ca_inventory SET certificate_id = 0")
		behind("UPDATE ca_certificates SET issued_at = issued_at - 3600000")
		fill(t, db)
		if got := all(t, db, store.Inventory{Code: catest.USCC}); len(got) != len(issued)-1 {
			t.Fatalf("%d certificates are noted over an old gap, want %d", len(got), len(issued)-1)
		}
	})
}

// TestSearchIsBounded: a name of which thousands have every part, and none the whole, is looked for a page at a time.
func TestSearchIsBounded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		const names = 6000
		var terms, parts [][]any
		for i := range names {
			text := strings.Repeat("甲", 9) + fmt.Sprintf("%06d", i)
			terms = append(terms, []any{i + 1, 1, []byte(text)})
			parts = append(parts, []any{[]byte(strings.Repeat("甲", 8)), i + 1})
		}
		err := db.Tx(t.Context(), func(tx *store.Tx) error {
			return errors.Join(tx.Insert("ca_terms", "id, kind, term", terms), tx.Insert("ca_term_parts", "part, term_id", parts))
		})
		if err != nil {
			t.Fatal(err)
		}
		q, pages := store.Inventory{Name: strings.Repeat("甲", 12)}, 0
		for ; pages == 0 || q.After != ""; pages++ {
			page, err := db.CA().Search(t.Context(), q)
			if err != nil || len(page.Entries) != 0 || pages > names {
				t.Fatal(pages, page, err)
			}
			q.After = page.Next
		}
		if pages < 2 {
			t.Errorf("%d names were read for one page", names)
		}
	})
}

// TestManyOfOneName: a name with thousands of certificates is listed whole, each once, whatever the size of the pages.
func TestManyOfOneName(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		const count = 2300
		var rows, links [][]any
		for i := range count {
			rows = append(rows, []any{"one", fmt.Sprintf("%08X", i), fmt.Appendf(nil, "r%d", i), "org-sign", "CN=甲乙", []byte{}, 0, 0, make([]byte, 32), "", 0, "test", 0})
			links = append(links, []any{1 + i%2, i + 1})
		}
		err := db.Tx(t.Context(), func(tx *store.Tx) error {
			return errors.Join(
				tx.Insert("ca_terms", "id, kind, term", [][]any{{1, 1, []byte("甲乙")}, {2, 1, []byte("丙甲乙")}}),
				tx.Insert("ca_term_parts", "part, term_id", [][]any{{[]byte("甲乙"), 1}, {[]byte("甲乙"), 2}}),
				tx.Insert("ca_certificates", "ca, serial_hex, request_id, profile, subject, der, not_before_at, not_after_at, spki_hash, pair_id, issued_at, asked_by, shard", rows),
				tx.Insert("ca_term_certificates", "term_id, certificate_id", links))
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, limit := range []int{37, 500} {
			got := all(t, db, store.Inventory{Name: "甲乙", Limit: limit})
			slices.Sort(got)
			if len(got) != count || len(slices.Compact(got)) != count {
				t.Errorf("pages of %d: %d certificates, want %d", limit, len(got), count)
			}
		}
	})
}
