package rest

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Ops serves /healthz, /readyz and /metrics. It belongs on an address of its own that only operators reach.
func (s *Server) Ops() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
		defer cancel()
		if err := s.c.Health(ctx); err != nil {
			s.c.Log.Warn("not ready", "error", err)
			http.Error(w, "database unavailable", http.StatusServiceUnavailable)
			return
		}
		if s.c.Keys != nil {
			if err := s.c.Keys(ctx); err != nil {
				s.c.Log.Warn("not ready", "error", err)
				http.Error(w, "keystore unavailable", http.StatusServiceUnavailable)
				return
			}
		}
		_, _ = w.Write([]byte("ready\n"))
	})
	mux.HandleFunc("GET /metrics", s.metrics)
	return mux
}

func (s *Server) metrics(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	var m Exposition
	s.requests.expose(&m)
	up := 1.0
	if s.c.Health(ctx) != nil {
		up = 0
	}
	m.Add("signet_database_up", "gauge", "1 when the database can be written durably.", up)
	if s.c.Metrics != nil {
		s.c.Metrics(ctx, &m)
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write([]byte(m.text.String()))
}

// Exposition collects figures in the text format of Prometheus.
//
// Source: https://prometheus.io/docs/instrumenting/exposition_formats/ (text format 0.0.4).
type Exposition struct {
	text strings.Builder
	last string
}

// Add writes one figure. Labels come in pairs of name and value; figures of one name must follow each other.
func (m *Exposition) Add(name, kind, help string, v float64, labels ...string) {
	if m.last != name {
		fmt.Fprintf(&m.text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
		m.last = name
	}
	m.text.WriteString(name)
	for i := 0; i+1 < len(labels); i += 2 {
		fmt.Fprintf(&m.text, "%s%s=%s", [2]string{"{", ","}[min(i, 1)], labels[i], quote(labels[i+1]))
	}
	if len(labels) > 0 {
		m.text.WriteByte('}')
	}
	fmt.Fprintf(&m.text, " %s\n", strconv.FormatFloat(v, 'g', -1, 64))
}

func quote(label string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(label) + `"`
}

// requestCounts counts answers by method, route and status.
type requestCounts struct {
	mu     sync.Mutex // guards counts
	counts map[requestKind]*requestCount
}

type requestKind struct {
	method, route string
	status        int
}

type requestCount struct {
	n    int64
	took time.Duration
}

func newRequestCounts() *requestCounts {
	return &requestCounts{counts: map[requestKind]*requestCount{}}
}

func (r *requestCounts) add(method, route string, status int, took time.Duration) {
	if !slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}, method) {
		method = "other" // made-up methods must not fill the memory
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	k := requestKind{method, route, status}
	c := r.counts[k]
	if c == nil {
		c = &requestCount{}
		r.counts[k] = c
	}
	c.n++
	c.took += took
}

func (r *requestCounts) expose(m *Exposition) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kinds := make([]requestKind, 0, len(r.counts))
	for k := range r.counts {
		kinds = append(kinds, k)
	}
	slices.SortFunc(kinds, func(a, b requestKind) int {
		return cmp.Or(cmp.Compare(a.route, b.route), cmp.Compare(a.method, b.method), cmp.Compare(a.status, b.status))
	})
	for _, k := range kinds {
		m.Add("signet_http_requests_total", "counter", "Answers by route and status.", float64(r.counts[k].n), k.labels()...)
	}
	for _, k := range kinds {
		m.Add("signet_http_request_seconds_total", "counter", "Time spent on them.", r.counts[k].took.Seconds(), k.labels()...)
	}
}

func (k requestKind) labels() []string {
	return []string{"method", k.method, "route", k.route, "status", strconv.Itoa(k.status)}
}
