package apitest

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"signet/api/demo"
	"signet/api/store"
	"signet/ca"
	"signet/ca/pki"
)

// consoleLimit is what every list and search of the back office must keep to, at p95.
const consoleLimit = 300 * time.Millisecond

// crowd is a made-up past: organisations with four certificates each, a pair and its renewal, applications, orders, shipments, USB keys.
type crowd struct {
	*System
	b     *testing.B
	n     int // certificates
	model *pki.Certificate
	now   time.Time
}

const (
	crowdName = "演示单位00000000"
	crowdCode = "91330700MA2QRTER0C"
	crowdRows = 500
)

var crowdRegions = []string{"330702", "330783", "330106", "330203", "330302", "110105", "310115", "320505", "440305", "510107", "370203", "420106"}

func crowdOrganisation(i int) (id, name, code, region string) {
	region = crowdRegions[i%len(crowdRegions)]
	return fmt.Sprintf("org_%020d", i), fmt.Sprintf("演示单位%08d", i), crowdUSCC(fmt.Sprintf("91%s%08d", region, i)), region
}

// crowdUSCC completes the first 16 characters of a USCC by its two check characters.
func crowdUSCC(body string) string {
	const digits = "0123456789ABCDEFGHJKLMNPQRTUWXY"
	for _, organisation := range digits {
		for _, last := range digits {
			if code := body + string(organisation) + string(last); pki.CheckUSCC(code) == nil {
				return code
			}
		}
	}
	panic("no check characters fit " + body)
}

// insert adds rows in few statements; only the bench writes around the packages.
func (c *crowd) insert(table, columns string, n int, row func(i int) []any) {
	c.b.Helper()
	began := time.Now()
	for from := 0; from < n; from += crowdRows {
		count := min(crowdRows, n-from)
		var args []any
		for i := range count {
			args = append(args, row(from+i)...)
		}
		one := "(?" + strings.Repeat(", ?", len(args)/count-1) + ")"
		err := c.DB.Tx(c.b.Context(), func(tx *store.Tx) error {
			return tx.DB().Exec("INSERT INTO "+table+" ("+columns+") VALUES "+one+strings.Repeat(", "+one, count-1), args...).Error
		})
		if err != nil {
			c.b.Fatal(err)
		}
	}
	c.b.Logf("%d rows of %s in %s", n, table, time.Since(began).Round(time.Second))
}

// certificate is that of one organisation put into the model: its signature is the model's.
func (c *crowd) certificate(k int) (der, serial []byte) {
	_, name, code, _ := crowdOrganisation(k / 4)
	serial = make([]byte, 16)
	binary.BigEndian.PutUint64(serial, 0x1000_0000_0000_0000+uint64(k))
	der = bytes.ReplaceAll(c.model.Raw, []byte(crowdName), []byte(name))
	der = bytes.ReplaceAll(der, []byte(crowdCode), []byte(code))
	return bytes.Replace(der, c.model.Serial, serial, 1), serial
}

// times are when the k-th certificate was made and ends: the renewal of each two follows after a year.
func (c *crowd) times(k int) (made, ends time.Time) {
	made = c.now.AddDate(-2, 0, 0).Add(time.Duration(k/4*7919%(365*24*60)) * time.Minute)
	if k%4 >= 2 {
		made = made.AddDate(1, 0, 0)
	}
	return made, made.AddDate(1, 1, 0)
}

func (c *crowd) fill() {
	organisations, millis := c.n/4, store.Millis
	key, err := pki.GenerateKey(pki.SM2, nil)
	must(c.b, err)
	spki, err := pki.MarshalPublicKey(key.Public())
	must(c.b, err)
	subject, err := pki.NewName(pki.Attr{Type: pki.OIDCountry, Value: "CN"}, pki.Attr{Type: pki.OIDOrganization, Value: crowdName}, pki.Attr{Type: pki.OIDCommonName, Value: crowdName})
	must(c.b, err)
	made, err := c.Authority.Issue(c.b.Context(), ca.Request{ID: "bench-model", CA: "sm2", Profile: "org-sign", Subject: subject, SPKI: spki, Fields: map[string]string{"uscc": crowdCode}, By: "bench"})
	must(c.b, err)
	c.model, err = pki.ParseCertificate(made.DER)
	must(c.b, err)

	c.insert("acct_organisations", "id, name, nature, uscc, org_code, code_warning, status, batch_id, created_at", organisations, func(i int) []any {
		id, name, code, _ := crowdOrganisation(i)
		return []any{id, name, "enterprise", code, "", "", "active", "bench", millis(c.now)}
	})
	c.insert("ca_certificates", "ca, serial_hex, request_id, profile, subject, der, not_before_at, not_after_at, spki_hash, pair_id, issued_at, asked_by, shard", c.n, func(k int) []any {
		der, serial := c.certificate(k)
		_, name, _, _ := crowdOrganisation(k / 4)
		made, ends := c.times(k)
		return []any{"sm2", fmt.Sprintf("%X", serial), fmt.Appendf(nil, "bench-%09d", k), []string{"org-sign", "org-enc"}[k%2], "CN=" + name, der, millis(made), millis(ends), crowdKey(k), fmt.Sprintf("bench-%09d", k/2), millis(made), "bench", 0}
	})
	c.insert("ra_certificates", `id, organisation_id, project_slug, origin, state, name, issuer_name, ca, key_alg, serial_hex, sign_der, sign_hash, sign_spki_hash, enc_serial_hex, enc_der, enc_hash, enc_spki_hash,
		not_before_at, not_after_at, token_serial, region, predecessor_id, successor_id, warning, batch_id, created_at, changed_at`, c.n/2, func(i int) []any {
		k := 2 * i
		_, serial := c.certificate(k)
		_, encSerial := c.certificate(k + 1)
		org, name, _, region := crowdOrganisation(k / 4)
		made, ends := c.times(k)
		state, before := "superseded", ""
		if i%2 == 1 {
			state, before = "active", fmt.Sprintf("crt_%020d", i-1)
		}
		return []any{fmt.Sprintf("crt_%020d", i), org, demo.ProjectSlug, "signet", state, name, "bench", "sm2", "sm2", fmt.Sprintf("%X", serial), []byte{}, fmt.Sprintf("%064x", k), fmt.Sprintf("%x", crowdKey(k)),
			fmt.Sprintf("%X", encSerial), []byte{}, fmt.Sprintf("%064x", k+1), fmt.Sprintf("%x", crowdKey(k+1)), millis(made), millis(ends), crowdToken(i / 2), region, before, "", "", "bench", millis(made), millis(made)}
	})
	c.insert("ca_revocations", "ca, serial_hex, reason, revoked_at, invalid_at, not_after_at, asked_by, note, shard, revision", c.n/40, func(i int) []any {
		_, serial := c.certificate(40 * i)
		made, ends := c.times(40 * i)
		return []any{"sm2", fmt.Sprintf("%X", serial), 4, millis(made.AddDate(0, 6, 0)), 0, millis(ends), "bench", "", 0, i + 1}
	})
	states := []string{"pending", "reviewing", "returned", "rejected", "withdrawn"}
	c.insert("ra_applications", `id, number, kind, state, organisation_id, account_id, project_slug, certificate_id, notice_title, notice_text, notice_version, consent, consent_at, token_serial, new_certificate_id, active_job_id,
		created_at, changed_at, organisation_name, organisation_code, steps, submitted_at, due_at`, c.n/4, func(i int) []any {
		org, name, code, _ := crowdOrganisation(i)
		state, at := "completed", c.now.AddDate(-1, 0, 0).Add(time.Duration(i*7919%(364*24*60))*time.Minute)
		if i%250 == 0 { // those that wait: a thousand of a million certificates
			state, at = states[i/250%len(states)], c.now.Add(-time.Duration(i%97)*time.Hour)
		}
		return []any{fmt.Sprintf("app_%020d", i), fmt.Sprintf("YQ%010d", i), []string{"renew", "change_name", "replace", "new"}[i%4], state, org, "acc_x", demo.ProjectSlug, fmt.Sprintf("crt_%020d", 2*i), "", "", "", []byte{}, 0, "",
			fmt.Sprintf("crt_%020d", 2*i+1), "", millis(at), millis(at), name, code, 1, millis(at), millis(at.Add(48 * time.Hour))}
	})
	c.insert("ra_reviews", "id, application_id, step, decision, reasons, note, by_account, by_name, text, signature, at", c.n/4, func(i int) []any {
		at := c.now.AddDate(-1, 0, 0).Add(time.Duration(i*7919%(364*24*60)) * time.Minute)
		return []any{fmt.Sprintf("rev_%020d", i), fmt.Sprintf("app_%020d", i), 1, "approve", "[]", "", fmt.Sprintf("acc_%d", i%12), fmt.Sprintf("审核员%d", i%12), "", []byte{}, millis(at)}
	})
	c.insert("ra_orders", "id, number, organisation_id, account_id, organisation_name, service_id, title, amount_cents, term_months, state, remark, pay_method, reference, confirmed_by, confirmed_name, created_at, paid_at, closed_at, new_to_at", c.n/4, func(i int) []any {
		org, name, _, _ := crowdOrganisation(i)
		at := millis(c.now.Add(-time.Duration(i) * time.Minute))
		return []any{fmt.Sprintf("ord_%020d", i), fmt.Sprintf("DD%010d", i), org, "acc_x", name, "", "证书服务", 20000, 12, []string{"paid", "paid", "paid", "closed"}[i%4], fmt.Sprintf("R%09d", i), "transfer", "", "", "", at, at, 0, 0}
	})
	c.insert("ra_shipments", `id, number, state, application_id, organisation_id, organisation_name, recipient, phone, region, address, postcode, token_serial, carrier, tracking, track, note, packed_by, received_by,
		shipped_at, delivered_at, received_at, polled_at, created_at, changed_at`, c.n/20, func(i int) []any {
		org, name, _, _ := crowdOrganisation(i)
		at := millis(c.now.Add(-time.Duration(i) * time.Minute))
		return []any{fmt.Sprintf("shp_%020d", i), fmt.Sprintf("JS%010d", i), []string{"received", "received", "received", "waiting"}[i%4], fmt.Sprintf("app_%020d", i), org, name, "张三", "13900000000", "浙江省 金华市", "某路 1 号", "", crowdToken(i), "", "", "[]", "", "", "", 0, 0, 0, at, at, at}
	})
	c.insert("ra_tokens", "id, model, label, state, organisation_id, so_first, so_version, so_pending, so_work, so_doubt, so_exposed, pin_rule, parked, parked_note, must_change, flash_job, created_at, changed_at", c.n/4, func(i int) []any {
		org, _, _, _ := crowdOrganisation(i)
		return []any{crowdToken(i), "bench", "", "active", org, []byte{}, 0, 0, "", 0, 0, "", 0, "", 0, "", millis(c.now), millis(c.now)}
	})
	began := time.Now()
	for done := false; !done; {
		done, err = c.DB.CA().FillInventory(c.b.Context(), 10_000)
		must(c.b, err)
	}
	c.b.Logf("names and codes in %s", time.Since(began).Round(time.Second))
	began = time.Now()
	must(c.b, c.RA.CountFigures(c.b.Context()))
	c.b.Logf("figures of two years in %s", time.Since(began).Round(time.Millisecond))
	began = time.Now()
	must(c.b, c.RA.CountFigures(c.b.Context()))
	c.b.Logf("figures again in %s", time.Since(began).Round(time.Millisecond))
}

func crowdKey(k int) []byte {
	sum := make([]byte, 32)
	binary.BigEndian.PutUint64(sum, uint64(k)*0x9E3779B97F4A7C15) // spread as hashes are
	return sum
}

func crowdToken(i int) string { return fmt.Sprintf("BENCH%08d", i) }

// BenchmarkConsole asks for every list and search of the back office over HTTP among a million certificates. SIGNET_BENCH_CERTIFICATES says how
// many others, SIGNET_BENCH_MARIADB=1 that MariaDB keeps them.
func BenchmarkConsole(b *testing.B) {
	n, err := strconv.Atoi(os.Getenv("SIGNET_BENCH_CERTIFICATES"))
	if err != nil {
		n = 1_000_000
	}
	var options []Option
	if os.Getenv("SIGNET_BENCH_MARIADB") != "" {
		options = append(options, OnMariaDB(b))
	}
	c := &crowd{System: Start(b, options...), b: b, n: n, now: time.Now().UTC().Truncate(time.Second)}
	c.fill()
	staff := map[string]*demo.Client{}
	for _, role := range []string{"reviewer", "finance", "shipper", "operator", "auditor", "window"} {
		staff[role] = c.Staff(b, role)
	}
	r := rand.New(rand.NewPCG(1, 2))
	someone := func() int { return r.IntN(n / 4) }
	with := func(path string, query ...string) string {
		v := url.Values{}
		for i := 0; i+1 < len(query); i += 2 {
			v.Set(query[i], query[i+1])
		}
		return path + "?" + v.Encode()
	}
	name := func() string { _, name, _, _ := crowdOrganisation(someone()); return name }
	code := func() string { _, _, code, _ := crowdOrganisation(someone()); return code }
	day := func(days int) string { return c.now.AddDate(0, 0, days).Format(time.RFC3339) }
	for _, ask := range []struct {
		what, role string
		path       func() string
	}{
		{"certificates/newest", "operator", func() string { return with("/admin/certificates") }},
		{"certificates/name", "operator", func() string { return with("/admin/certificates", "by", "name", "value", name()) }},
		{"certificates/part-of-name", "operator", func() string { return with("/admin/certificates", "by", "name", "value", string([]rune(name())[6:])) }},
		{"certificates/code", "operator", func() string { return with("/admin/certificates", "by", "code", "value", code()) }},
		{"certificates/serial", "operator", func() string {
			_, serial := c.certificate(r.IntN(n))
			return with("/admin/certificates", "by", "serial", "value", fmt.Sprintf("%X", serial))
		}},
		{"certificates/key", "operator", func() string {
			return with("/admin/certificates", "by", "key", "value", fmt.Sprintf("%x", crowdKey(r.IntN(n))))
		}},
		{"certificates/token", "operator", func() string { return with("/admin/certificates", "by", "token", "value", crowdToken(someone())) }},
		{"certificates/expiry", "operator", func() string {
			return with("/admin/certificates", "expiresFrom", day(r.IntN(300)), "expiresBefore", day(330))
		}},
		{"certificates/revoked", "operator", func() string { return with("/admin/certificates", "state", "revoked") }},
		{"certificates/one", "operator", func() string {
			_, serial := c.certificate(r.IntN(n))
			return fmt.Sprintf("/admin/certificates/sm2.%X", serial)
		}},
		{"review/queue", "reviewer", func() string { return with("/admin/applications", "size", "20") }},
		{"review/overdue", "reviewer", func() string { return with("/admin/applications", "overdue", "true", "size", "20") }},
		{"review/done", "reviewer", func() string {
			return with("/admin/applications", "state", "completed", "size", "20", "page", fmt.Sprint(1+r.IntN(50)))
		}},
		{"review/search", "reviewer", func() string { return with("/admin/applications", "search", name()) }},
		{"review/search-done", "reviewer", func() string { return with("/admin/applications", "state", "completed", "search", code()) }},
		{"review/throughput", "reviewer", func() string { return "/admin/applications/statistics" }},
		{"orders/newest", "finance", func() string { return with("/admin/orders", "size", "20") }},
		{"orders/paid", "finance", func() string {
			return with("/admin/orders", "state", "paid", "size", "20", "page", fmt.Sprint(1+r.IntN(50)))
		}},
		{"orders/search", "finance", func() string { return with("/admin/orders", "search", name()) }},
		{"shipments/newest", "shipper", func() string { return with("/admin/shipments", "size", "20") }},
		{"shipments/search", "shipper", func() string { return with("/admin/shipments", "search", name()) }},
		{"organisations/newest", "window", func() string { return with("/admin/organisations") }},
		{"organisations/name", "window", func() string { return with("/admin/organisations", "search", name()) }},
		{"organisations/code", "window", func() string { return with("/admin/organisations", "search", code()) }},
		{"tokens/newest", "operator", func() string { return with("/admin/tokens", "size", "20") }},
		{"tokens/serial", "operator", func() string { return with("/admin/tokens", "serial", crowdToken(someone())) }},
		{"audit/newest", "auditor", func() string { return with("/admin/audit") }},
		{"audit/object", "auditor", func() string { return with("/admin/audit", "object", fmt.Sprintf("app_%020d", someone())) }},
		{"audit/act", "auditor", func() string { return with("/admin/audit", "act", "session.create") }},
		{"statistics/days", "auditor", func() string { return with("/admin/statistics") }},
		{"statistics/two-years", "auditor", func() string {
			return with("/admin/statistics", "by", "month", "from", c.now.AddDate(-2, 0, 0).Format(time.DateOnly))
		}},
		{"statistics/region", "auditor", func() string { return with("/admin/statistics", "by", "month", "region", "3307") }},
	} {
		b.Run(ask.what, func(b *testing.B) {
			var spans []time.Duration
			for b.Loop() {
				path := ask.path()
				began := time.Now()
				var out struct{ Items []json.RawMessage }
				Call(b, staff[ask.role], http.MethodGet, path, nil, &out)
				spans = append(spans, time.Since(began))
				if len(out.Items) == 0 && strings.HasPrefix(path, "/admin/certificates?") {
					b.Fatalf("%s finds nothing", path)
				}
			}
			slices.Sort(spans)
			at := func(percent int) float64 { return float64(spans[len(spans)*percent/100].Microseconds()) / 1000 }
			b.ReportMetric(at(50), "p50_ms")
			b.ReportMetric(at(95), "p95_ms")
			b.ReportMetric(at(95)/float64(consoleLimit.Milliseconds()), "of_limit")
		})
	}
}
