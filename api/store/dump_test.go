package store_test

import (
	"bytes"
	"fmt"
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
)

// dumped is a table as Dump gives it.
type dumped struct {
	table   string
	columns []string
	rows    [][]any
}

func dump(t *testing.T, db *store.DB) []dumped {
	t.Helper()
	var all []dumped
	err := db.Dump(t.Context(), func(table string, columns []string) error {
		all = append(all, dumped{table: table, columns: columns})
		return nil
	}, func(values []any) error {
		row := slices.Clone(values)
		for i, v := range row {
			if raw, ok := v.([]byte); ok {
				row[i] = bytes.Clone(raw)
			}
		}
		last := &all[len(all)-1]
		last.rows = append(last.rows, row)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func load(t *testing.T, db *store.DB, all []dumped) {
	t.Helper()
	if err := db.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		if err := db.Load(t.Context(), d.table, d.columns, d.rows); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.VerifyAudit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// contents is a dump as text, whatever the order of rows and tables.
func contents(all []dumped) string {
	var lines []string
	for _, d := range all {
		for _, row := range d.rows {
			cells := make([]string, len(row))
			for i, v := range row {
				if raw, ok := v.([]byte); ok && len(raw) == 0 {
					v = "" // SQLite keeps '' in a column of octets as text
				}
				cells[i] = fmt.Sprintf("%s=%T:%v", d.columns[i], v, v)
			}
			slices.Sort(cells)
			lines = append(lines, d.table+" "+strings.Join(cells, " "))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// TestDump: what is dumped from either dialect and loaded into the other is the same there and dumped the same again; a database in use is not
// loaded into.
func TestDump(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		tree, issued := issueHolders(t, db)
		fill(t, db)
		for i, reason := range []int{ca.CertificateHold, ca.KeyCompromise, ca.RemoveFromCRL} {
			if err := tree.Authority.Revoke(t.Context(), ca.Revocation{CA: "issuing", SerialHex: issued[i%2].SerialHex, Reason: reason, Note: "说明 'quoted' \x00\n"}); err != nil && reason != ca.RemoveFromCRL {
				t.Fatal(err)
			}
		}
		if err := statusOver(t, tree, db).PublishCRL(t.Context(), "issuing"); err != nil {
			t.Fatal(err)
		}
		first := dump(t, db)
		for _, open := range []func(testing.TB, ...storetest.Option) *store.DB{storetest.OpenMariaDB, storetest.Open} {
			other := open(t)
			load(t, other, first)
			if contents(dump(t, other)) != contents(first) {
				t.Errorf("%s has other rows", other.Driver())
			}
			if got := all(t, other, store.Inventory{Name: "金华"}); len(got) == 0 {
				t.Error("nothing is found in what was loaded")
			}
			req := tree.Request(t, "after", "org-sign", catest.Key(t, pki.P256)) // numbers go on after those that were loaded
			if err := other.CA().Intend(t.Context(), []ca.Intent{{Request: req, SerialHex: "77", TBS: []byte{1}, At: time.Now(), NotAfter: time.Now()}}); err != nil {
				t.Error(err)
			}
			if err := other.Clear(t.Context()); err == nil {
				t.Error("a database in use was cleared")
			}
		}
	})
}

// TestDumpWhileWriting: a dump is of one moment, whatever is issued meanwhile.
func TestDumpWhileWriting(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		tree := catest.HierarchyWith(t, pki.P256, catest.Options{Store: db.CA()})
		stop := make(chan struct{})
		var writing sync.WaitGroup
		begun := make(chan struct{})
		writing.Go(func() {
			for i := 0; ; i++ {
				if _, err := tree.Authority.Issue(t.Context(), tree.Request(t, fmt.Sprint("meanwhile-", i), "org-sign", catest.Key(t, pki.P256))); err != nil {
					t.Error(err)
					return
				}
				if i == 2 {
					close(begun)
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
		<-begun
		for range 3 {
			other := storetest.Open(t)
			load(t, other, dump(t, db)) // which verifies the audit chain
			var counts [2]int64
			for i, query := range []string{"SELECT COUNT(*) FROM ca_certificates", "SELECT COUNT(*) FROM store_audit WHERE act = 'record_certificate'"} {
				if err := other.Read(t.Context()).Raw(query).Scan(&counts[i]).Error; err != nil {
					t.Fatal(err)
				}
			}
			if counts[0] != counts[1] || counts[0] < 3 {
				t.Errorf("%d certificates and %d audit entries of them", counts[0], counts[1])
			}
		}
		close(stop)
		writing.Wait()
	})
}
