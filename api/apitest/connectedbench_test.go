package apitest

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"signet/ca/pki"
)

// BenchmarkConnected issues SM2 certificates over HTTP with every safety on, 64 clients at once; requests are made before the clock runs.
func BenchmarkConnected(b *testing.B) {
	s := Start(b)
	for _, profile := range []string{"org-sign", "org-pair"} {
		b.Run(profile, func(b *testing.B) {
			orders := make([]order, b.N)
			for i := range orders {
				orders[i] = orderFor(b, profile, companyA, codeA, newKey(b, pki.SM2))
			}
			http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = 64
			b.SetParallelism(32)
			var next atomic.Int64
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					i := int(next.Add(1)) - 1
					status, text, _, err := s.ask(b.Context(), s.Made.RA.Key, fmt.Sprintf("%s-%d-%d", profile, b.N, i), "", orders[i])
					if err != nil || status != http.StatusCreated {
						b.Errorf("%d %s %v", status, text, err)
						return
					}
				}
			})
		})
	}
}
