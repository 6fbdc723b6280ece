package account

import (
	"testing"
	"time"

	"signet/api/problem"
)

// TestLookupsAreLimitedPerAddress: sixty a minute, each address for itself.
func TestLookupsAreLimitedPerAddress(t *testing.T) {
	each(t, func(f *fixture) {
		for n := range lookupsPerAddress.most {
			if err := f.CountLookup(f.Context(), "198.51.100.7"); err != nil {
				t.Fatalf("lookup %d: %v", n, err)
			}
		}
		if err := f.CountLookup(f.Context(), "198.51.100.7"); !problem.Has(err, problem.CodeRateLimited) {
			t.Errorf("one more: %v", err)
		}
		if err := f.CountLookup(f.Context(), "198.51.100.8"); err != nil {
			t.Errorf("another address: %v", err)
		}
		f.clock.add(lookupsPerAddress.span + time.Second)
		if err := f.CountLookup(f.Context(), "198.51.100.7"); err != nil {
			t.Errorf("a minute later: %v", err)
		}
	})
}
