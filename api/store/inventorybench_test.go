package store_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"signet/api/store"
	"signet/api/store/storetest"
	"signet/ca/catest"
	"signet/ca/pki"
)

// Of a million certificates each organisation has four: a pair and its renewal.
const (
	certificatesEach = 4
	seedBatch        = 2000
)

var (
	cities   = strings.Fields("金华市 杭州市 宁波市 温州市 嘉兴市 湖州市 绍兴市 衢州市 舟山市 台州市 丽水市 义乌市 永康市 兰溪市 东阳市")
	business = strings.Fields("建设 软件 科技 咨询 监理 设计 勘察 造价 贸易 电气 园林 水利 装饰 物业 交通 环保 机械 医药")
	letters  = []rune("擎洲田谷宏远泰昌鼎盛瑞丰恒达华信正大中天金石海川明德嘉禾东方新兴永安长城四季春江南山水云龙凤飞鸿祥和顺景福")
)

// organisation makes up the name and code of an organisation, always of the same length: 14 characters, 18 letters and digits.
func organisation(n int) (name, code string) {
	r := rand.New(rand.NewPCG(uint64(n), 7))
	pick := func() string { return string(letters[r.IntN(len(letters))]) }
	name = cities[r.IntN(len(cities))] + pick() + pick() + pick() + business[r.IntN(len(business))] + "有限责任公司"
	const digits = "0123456789ABCDEFGHJKLMNPQRTUWXY"
	organisation := withDigit(fmt.Sprintf("MA%06d", n%1_000_000), "0123456789X", pki.CheckOrgCode)
	return name, withDigit("91330700"+organisation, digits, pki.CheckUSCC)
}

// withDigit finds the check digit.
func withDigit(text, digits string, check func(string) error) string {
	for _, d := range digits {
		if check(text+string(d)) == nil {
			return text + string(d)
		}
	}
	panic("no digit fits " + text)
}

// seedCertificates fills ca_certificates with n rows that differ in name, code, serial number, key hash and expiry. Their DER is that of one
// certificate with name, code and number replaced, so that it reads well; its signature is of the first.
func seedCertificates(b *testing.B, db *store.DB, n int) {
	b.Helper()
	model := modelCertificate(b, db)
	start := time.Now()
	for from := 0; from < n; from += seedBatch {
		rows := make([][]any, min(seedBatch, n-from))
		for i := range rows {
			k := from + i
			name, code := organisation(k / certificatesEach)
			var serial [16]byte
			binary.BigEndian.PutUint64(serial[:], 0x1000_0000_0000_0000+uint64(k))
			sum := sha256.Sum256(serial[:4+k%12])
			binary.BigEndian.PutUint64(sum[:], uint64(k))
			der := renamed(model, serial[:], name, code)
			notAfter := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(k*7919%(3*365*24*60)) * time.Minute)
			rows[i] = []any{"issuing", fmt.Sprintf("%X", serial), fmt.Appendf(nil, "seed-%09d", k), "org-sign", "CN=" + name, der, store.Millis(notAfter.AddDate(-1, 0, 0)), store.Millis(notAfter),
				sum[:], fmt.Sprintf("pair-%09d", k/2), store.Millis(notAfter.AddDate(-1, 0, 0)), "bench", 0}
		}
		err := db.Tx(b.Context(), func(tx *store.Tx) error {
			return tx.Insert("ca_certificates", "ca, serial_hex, request_id, profile, subject, der, not_before_at, not_after_at, spki_hash, pair_id, issued_at, asked_by, shard", rows)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	inserted := time.Since(start)
	for done := false; !done; {
		var err error
		if done, err = db.CA().FillInventory(b.Context(), 10_000); err != nil {
			b.Fatal(err)
		}
	}
	b.Logf("%d certificates of %d organisations: rows in %s, names and codes in %s", n, n/certificatesEach, inserted.Round(time.Second), (time.Since(start) - inserted).Round(time.Second))
}

const modelName = "金华市某某某建设有限责任公司"

func modelCertificate(b *testing.B, db *store.DB) *pki.Certificate {
	b.Helper()
	tree := catest.HierarchyWith(b, pki.P256, catest.Options{Store: db.CA()})
	req := tree.Request(b, "model", "org-sign", catest.Key(b, pki.P256))
	var err error
	req.Subject, err = pki.NewName(pki.Attr{Type: pki.OIDCommonName, Value: modelName}, pki.Attr{Type: pki.OIDOrganization, Value: modelName})
	if err != nil {
		b.Fatal(err)
	}
	issued, err := tree.Authority.Issue(b.Context(), req)
	if err != nil {
		b.Fatal(err)
	}
	c, err := pki.ParseCertificate(issued.DER)
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// renamed puts another name, code and serial number, of the same lengths, into a certificate.
func renamed(model *pki.Certificate, serial []byte, name, code string) []byte {
	der := bytes.ReplaceAll(model.Raw, []byte(modelName), []byte(name))
	der = bytes.ReplaceAll(der, []byte(catest.USCC), []byte(code))
	return bytes.Replace(der, model.Serial, serial, 1)
}

// BenchmarkInventory searches among a million certificates, pages of 50. SIGNET_BENCH_CERTIFICATES says how many others.
func BenchmarkInventory(b *testing.B) {
	n, err := strconv.Atoi(os.Getenv("SIGNET_BENCH_CERTIFICATES"))
	if err != nil {
		n = 1_000_000
	}
	for _, dialect := range []struct {
		name string
		open func(testing.TB, ...storetest.Option) *store.DB
	}{{"sqlite", storetest.Open}, {"mariadb", storetest.OpenMariaDB}} {
		b.Run(dialect.name, func(b *testing.B) {
			db := dialect.open(b)
			seedCertificates(b, db, n)
			r := rand.New(rand.NewPCG(1, 2))
			someone := func() (string, string) { return organisation(r.IntN(n / certificatesEach)) }
			part := func(from, length int) store.Inventory {
				name, _ := someone()
				return store.Inventory{Name: string([]rune(name)[from : from+length])}
			}
			for _, ask := range []struct {
				what string
				q    func() store.Inventory
			}{
				{"name-whole", func() store.Inventory { return part(0, 14) }},
				{"name-2-of-14", func() store.Inventory { return part(r.IntN(12), 2) }},
				{"name-4-of-14", func() store.Inventory { return part(r.IntN(10), 4) }},
				{"uscc", func() store.Inventory { _, code := someone(); return store.Inventory{Code: code} }},
				{"serial", func() store.Inventory {
					return store.Inventory{SerialHex: fmt.Sprintf("%016X%016X", 0x1000_0000_0000_0000+uint64(r.IntN(n)), 0)}
				}},
				{"key", func() store.Inventory {
					var serial [16]byte
					k := r.IntN(n)
					binary.BigEndian.PutUint64(serial[:], 0x1000_0000_0000_0000+uint64(k))
					sum := sha256.Sum256(serial[:4+k%12])
					binary.BigEndian.PutUint64(sum[:], uint64(k))
					return store.Inventory{Key: sum[:]}
				}},
				{"expiry", func() store.Inventory {
					return store.Inventory{ExpiresFrom: time.Date(2027, 1, 1+r.IntN(1000), 0, 0, 0, 0, time.UTC)}
				}},
				{"name-and-expiry", func() store.Inventory {
					q := part(3, 2)
					q.ExpiresBefore = time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)
					return q
				}},
			} {
				b.Run(ask.what, func(b *testing.B) { searchBench(b, db, ask.q) })
			}
		})
	}
}

// searchBench asks for one page after another and gives the slowest of a hundred.
func searchBench(b *testing.B, db *store.DB, q func() store.Inventory) {
	var spans []time.Duration
	found := 0
	for b.Loop() {
		query := q()
		start := time.Now()
		page, err := db.CA().Search(b.Context(), query)
		if err != nil {
			b.Fatal(err)
		}
		spans = append(spans, time.Since(start))
		found += len(page.Entries)
	}
	if found == 0 {
		b.Error("nothing was found")
	}
	slices.Sort(spans)
	b.ReportMetric(float64(spans[len(spans)*99/100].Microseconds())/1000, "p99_ms")
	b.ReportMetric(float64(found)/float64(len(spans)), "found/op")
}
