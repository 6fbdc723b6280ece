package status_test

import (
	"errors"
	"testing"
	"time"

	"signet/ca/status"
)

// TestOwnLease: a process that was killed while it published goes on at once, if it is named as before; nobody else does.
func TestOwnLease(t *testing.T) {
	s := shardedSite(t, 0)
	named := func(holder string) *status.Service {
		c := config(s.Tree, s.clock.now)
		c.Holder = holder
		service, err := status.New(c)
		must(t, err)
		return service
	}
	ours, err := s.Store.Lease(ctx, "crl issuing", "ceremony 1", s.clock.at.Add(10*time.Minute))
	must(t, err)
	if !ours {
		t.Fatal("no lease")
	}
	for _, other := range []string{"ceremony 2", ""} {
		if err := named(other).PublishCRL(ctx, "issuing"); !errors.Is(err, status.ErrBusy) {
			t.Errorf("%q published beside another: %v", other, err)
		}
	}
	must(t, named("ceremony 1").PublishCRL(ctx, "issuing"))
	must(t, named("ceremony 2").PublishCRL(ctx, "issuing")) // given back
}
