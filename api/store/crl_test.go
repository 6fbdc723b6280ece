package store_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"signet/api/store"
	"signet/api/store/storetest"
	"signet/ca"
	"signet/ca/catest"
	"signet/ca/pki"
	"signet/ca/status"
)

// revokeMany fills the table of revocations, as a mishap with many certificates would.
func revokeMany(t testing.TB, db *store.DB, n int) {
	t.Helper()
	const step = 50_000 // a statement must end before the connection's time is up
	columns := "INSERT INTO ca_revocations (ca, serial_hex, reason, revoked_at, invalid_at, not_after_at, asked_by, note, shard, revision) "
	statement := columns + "WITH RECURSIVE c(i) AS (SELECT ? UNION ALL SELECT i + 1 FROM c WHERE i < ?) SELECT 'issuing', printf('01%030X', i), 4, 1700000000000 + i * 1000, 0, 0, 'bench', '', 0, i FROM c"
	if db.Driver() == store.MySQL {
		statement = columns + "SELECT 'issuing', CONCAT('01', LPAD(HEX(seq), 30, '0')), 4, 1700000000000 + seq * 1000, 0, 0, 'bench', '', 0, seq FROM seq_1_to_10000000 WHERE seq BETWEEN ? AND ?"
	}
	for from := 1; from <= n; from += step {
		err := db.Tx(t.Context(), func(tx *store.Tx) error { return tx.DB().Exec(statement, from, min(from+step-1, n)).Error })
		if err != nil {
			t.Fatal(err)
		}
	}
	err := db.Tx(t.Context(), func(tx *store.Tx) error {
		return tx.DB().Exec("INSERT INTO ca_revisions (ca, revision) VALUES ('issuing', ?)", n).Error
	})
	if err != nil {
		t.Fatal(err)
	}
}

// statusOver is the status service of a hierarchy over a real database.
func statusOver(t testing.TB, tree *catest.Tree, db *store.DB) *status.Service {
	t.Helper()
	s, err := status.New(status.Config{Store: db.CA(), Log: slog.New(slog.NewTextHandler(io.Discard, nil)), CAs: map[string]status.CA{
		"issuing": {Certificate: tree.Issuing, Chain: []*pki.Certificate{tree.Root}, Signer: tree.IssuingKey, Responder: tree.Responder, ResponderSigner: tree.ResponderKey},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestLongList: a list of many pieces is kept, read and served whole, and not changed by what happens meanwhile.
func TestLongList(t *testing.T) {
	tree := catest.Hierarchy(t, pki.P256)
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		const n = 95_000
		revokeMany(t, db, n)
		s := statusOver(t, tree, db)
		if err := s.PublishCRL(t.Context(), "issuing"); err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(s.Handler())
		defer server.Close()
		get := func(method, tag string) (*http.Response, []byte) {
			t.Helper()
			req, err := http.NewRequestWithContext(t.Context(), method, server.URL+"/crl/issuing.crl", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("If-None-Match", tag)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			return resp, body
		}
		resp, der := get("GET", "")
		list, err := pki.ParseCRL(der)
		if err != nil {
			t.Fatal(err)
		}
		if err := list.CheckSignatureFrom(tree.Issuing); err != nil {
			t.Fatal(err)
		}
		if len(list.Entries) != n || len(der) < 4<<20 || resp.ContentLength != int64(len(der)) {
			t.Fatalf("%d entries in %d bytes, Content-Length %d", len(list.Entries), len(der), resp.ContentLength)
		}
		for i, e := range list.Entries {
			if want := fmt.Sprintf("01%030X", i+1); fmt.Sprintf("%X", e.Serial) != want || e.Reason != ca.Superseded {
				t.Fatalf("entry %d: %X for %d, want %s", i, e.Serial, e.Reason, want)
			}
		}
		if same, body := get("GET", resp.Header.Get("ETag")); same.StatusCode != 304 || len(body) != 0 {
			t.Errorf("unchanged list: %s, %d bytes", same.Status, len(body))
		}
		if head, body := get("HEAD", ""); head.StatusCode != 200 || len(body) != 0 || head.ContentLength != int64(len(der)) {
			t.Errorf("HEAD: %s, Content-Length %d", head.Status, head.ContentLength)
		}
		_, whole, err := status.LoadCRL(t.Context(), db.CA(), "issuing")
		if err != nil || !bytes.Equal(whole, der) {
			t.Errorf("loaded and served lists differ: %v", err)
		}
		damageLongList(t, db, server.URL)
	})
}

// damageLongList: a piece that is gone breaks the transfer; it never ends as if it were whole.
func damageLongList(t *testing.T, db *store.DB, url string) {
	t.Helper()
	err := db.Tx(t.Context(), func(tx *store.Tx) error {
		return tx.DB().Exec("DELETE FROM ca_crl_parts WHERE part = 3").Error
	})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(url + "/crl/issuing.crl")
	if err != nil {
		return
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("a damaged list of %d bytes was served as whole", len(body))
	}
}

// BenchmarkCRL makes a list of a million revocations in a real database: read, encoded, kept, signed, linted, published. Their serials are in
// order, since filling in random ones takes minutes; the list is read from an index that has all of it, so that this is no help.
func BenchmarkCRL(b *testing.B) {
	tree := catest.Hierarchy(b, pki.SM2)
	for name, open := range map[string]func(testing.TB, ...storetest.Option) *store.DB{"sqlite": storetest.Open, "mariadb": storetest.OpenMariaDB} {
		b.Run(name, func(b *testing.B) {
			db := open(b)
			revokeMany(b, db, 1_000_000)
			s := statusOver(b, tree, db)
			for b.Loop() {
				if err := s.PublishCRL(b.Context(), "issuing"); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(1e6*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}
