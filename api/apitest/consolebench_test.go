package apitest

import (
	"encoding/json"
	"fmt"
	"log/slog"
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
)

// consoleLimit is what every list and search of the back office must keep to, at p95.
const consoleLimit = 300 * time.Millisecond

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
	s := Start(b, options...)
	c := &demo.Crowd{
		DB: s.DB, Authority: s.Authority, CA: "sm2", RA: s.RA, Accounts: s.Accounts, N: n, Now: time.Now().UTC().Truncate(time.Second),
		Log: slog.New(slog.NewTextHandler(b.Output(), nil)),
	}
	must(b, c.Fill(b.Context()))
	staff := map[string]*demo.Client{}
	for _, role := range []string{"reviewer", "finance", "shipper", "operator", "auditor", "window"} {
		staff[role] = s.Staff(b, role)
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
	name := func() string { _, name, _ := c.Organisation(someone()); return name }
	code := func() string { _, _, code := c.Organisation(someone()); return code }
	day := func(days int) string { return c.Now.AddDate(0, 0, days).Format(time.RFC3339) }
	for _, ask := range []struct {
		what, role string
		path       func() string
	}{
		{"certificates/newest", "operator", func() string { return with("/admin/certificates") }},
		{"certificates/name", "operator", func() string { return with("/admin/certificates", "by", "name", "value", name()) }},
		{"certificates/part-of-name", "operator", func() string { return with("/admin/certificates", "by", "name", "value", string([]rune(name())[6:])) }},
		{"certificates/code", "operator", func() string { return with("/admin/certificates", "by", "code", "value", code()) }},
		{"certificates/serial", "operator", func() string {
			return with("/admin/certificates", "by", "serial", "value", c.Serial(r.IntN(n)))
		}},
		{"certificates/key", "operator", func() string {
			return with("/admin/certificates", "by", "key", "value", fmt.Sprintf("%x", c.KeyHash(r.IntN(n))))
		}},
		{"certificates/token", "operator", func() string { return with("/admin/certificates", "by", "token", "value", c.Token(someone())) }},
		{"certificates/expiry", "operator", func() string {
			return with("/admin/certificates", "expiresFrom", day(r.IntN(300)), "expiresBefore", day(330))
		}},
		{"certificates/revoked", "operator", func() string { return with("/admin/certificates", "state", "revoked") }},
		{"certificates/one", "operator", func() string {
			return "/admin/certificates/sm2." + c.Serial(r.IntN(n))
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
		{"tokens/serial", "operator", func() string { return with("/admin/tokens", "serial", c.Token(someone())) }},
		{"audit/newest", "auditor", func() string { return with("/admin/audit") }},
		{"audit/object", "auditor", func() string { return with("/admin/audit", "object", fmt.Sprintf("app_%020d", someone())) }},
		{"audit/act", "auditor", func() string { return with("/admin/audit", "act", "session.create") }},
		{"statistics/days", "auditor", func() string { return with("/admin/statistics") }},
		{"statistics/two-years", "auditor", func() string {
			return with("/admin/statistics", "by", "month", "from", c.Now.AddDate(-2, 0, 0).Format(time.DateOnly))
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
