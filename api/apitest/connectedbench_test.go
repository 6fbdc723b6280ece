package apitest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"signet/api/account"
	"signet/ca/pki"
)

var clientCounts = []int{1, 8, 64}

// BenchmarkIssueHTTP issues SM2 certificates over POST /api/v1/ra/certificates with every safety on, and beside it, in the same run, has a bare
// server sign such certificates and write them to a file with a sync that its callers share. Clients are in the same process; requests and
// keys are made before the clock runs.
func BenchmarkIssueHTTP(b *testing.B) {
	bare := map[int]float64{}
	b.Run("bare", func(b *testing.B) {
		server := startBare(b)
		for _, clients := range clientCounts {
			b.Run(strconv.Itoa(clients), func(b *testing.B) {
				bare[clients] = measureHTTP(b, clients, server.requests(b, b.N))
			})
		}
	})
	for _, database := range []struct {
		name    string
		options func(testing.TB) []Option
	}{{"sqlite", func(testing.TB) []Option { return nil }}, {"mariadb", func(t testing.TB) []Option { return []Option{OnMariaDB(t)} }}} {
		b.Run(database.name, func(b *testing.B) {
			s := Start(b, database.options(b)...)
			key := s.apiKey(b, account.APIKeyRequest{Profiles: []string{"org-sign"}, Any: true, PerMinute: 10_000_000})
			for _, clients := range clientCounts {
				b.Run(strconv.Itoa(clients), func(b *testing.B) {
					rate := measureHTTP(b, clients, s.requests(b, key, clients))
					if bare[clients] > 0 { // -bench may have left it out
						b.ReportMetric(rate/bare[clients], "of_bare")
					}
				})
			}
		})
	}
}

func (s *System) requests(b *testing.B, key string, clients int) []*http.Request {
	b.Helper()
	all := make([]*http.Request, b.N)
	for i := range all {
		body, err := json.Marshal(orderFor(b, "org-sign", companyA, codeA, newKey(b, pki.SM2)))
		must(b, err)
		all[i] = post(b, s.URL+"/api/v1/ra/certificates", "application/json", body)
		all[i].Header.Set("Authorization", "Bearer "+key)
		all[i].Header.Set("Idempotency-Key", fmt.Sprintf("%d-%d-%d", clients, b.N, i))
	}
	return all
}

func post(b *testing.B, url, media string, body []byte) *http.Request {
	b.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, bytes.NewReader(body))
	must(b, err)
	r.Header.Set("Content-Type", media)
	return r
}

// measureHTTP has so many clients send the requests, each once, and gives the rate per second.
func measureHTTP(b *testing.B, clients int, requests []*http.Request) float64 {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	var next atomic.Int64
	var group sync.WaitGroup
	b.ResetTimer()
	for range clients {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(requests); i = int(next.Add(1)) - 1 {
				if err := created(client.Do(requests[i])); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	b.StopTimer()
	rate := float64(len(requests)) / b.Elapsed().Seconds()
	b.ReportMetric(rate, "certs/s")
	return rate
}

func created(r *http.Response, err error) error {
	if err != nil {
		return err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode != http.StatusCreated {
		err = fmt.Errorf("%d %s", r.StatusCode, text)
	}
	return err
}

// startBare serves the bare server.
func startBare(b *testing.B) *bareServer {
	b.Helper()
	s := newBareServer(b)
	at := httptest.NewServer(s)
	b.Cleanup(at.Close)
	s.url = at.URL
	return s
}

func (s *bareServer) requests(b *testing.B, n int) []*http.Request {
	b.Helper()
	all := make([]*http.Request, n)
	for i := range all {
		csr, err := pki.CreateCertificateRequest(s.random, newKey(b, pki.SM2), s.model.Subject)
		must(b, err)
		all[i] = post(b, s.url, "application/pkcs10", csr)
	}
	return all
}
