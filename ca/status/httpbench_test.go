package status_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"signet/ca/pki"
)

// clients ask at once, each over its own connection.
const clients = 64

// storm asks b.N times and gives the answers a second, beside a limit unless that is 0.
func storm(b *testing.B, name string, limit float64, ask func(c *http.Client) (*http.Response, error)) (rate float64) {
	b.Run(name, func(b *testing.B) {
		c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients, MaxConnsPerHost: clients, DisableCompression: true}}
		defer c.CloseIdleConnections()
		var done atomic.Int64
		var wg sync.WaitGroup
		b.ResetTimer()
		for range clients {
			wg.Go(func() {
				for done.Add(1) <= int64(b.N) {
					resp, err := ask(c)
					if err != nil {
						b.Error(err)
						return
					}
					if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
						b.Errorf("%s: %v", resp.Status, err)
					}
					resp.Body.Close()
				}
			})
		}
		wg.Wait()
		rate = float64(b.N) / b.Elapsed().Seconds()
		b.ReportMetric(rate, "answers/s")
		if limit > 0 {
			b.ReportMetric(rate/limit, "of_limit")
		}
	})
	return rate
}

// BenchmarkOCSPHTTP asks over HTTP, client included: an empty answer, a kept one by GET and POST, and one that is signed for each question. The
// ratios are to the empty answer of the same run.
func BenchmarkOCSPHTTP(b *testing.B) {
	for _, alg := range []pki.KeyAlg{pki.SM2, pki.P256} {
		b.Run(string(alg), func(b *testing.B) {
			s := newSite(b, alg)
			empty := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			defer empty.Close()
			one := id(b, s.Issuing, s.issue(b).Serial, oidSHA256, sha)
			plain, nonced := request(b, nil, one), request(b, []extension{nonce(b, 16)}, one)
			post := func(url string, body []byte) func(*http.Client) (*http.Response, error) {
				return func(c *http.Client) (*http.Response, error) {
					return c.Post(url+"/ocsp", "application/ocsp-request", bytes.NewReader(body))
				}
			}
			bare := storm(b, "empty", 0, post(empty.URL, plain))
			get := s.http.URL + "/ocsp/" + url.PathEscape(base64.StdEncoding.EncodeToString(plain))
			for name, ask := range map[string]func(*http.Client) (*http.Response, error){
				"kept-get":  func(c *http.Client) (*http.Response, error) { return c.Get(get) },
				"kept-post": post(s.http.URL, plain),
				"live":      post(s.http.URL, nonced),
			} {
				storm(b, name, bare, ask)
			}
		})
	}
}
