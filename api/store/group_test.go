package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"signet/api/store"
	"signet/api/store/storetest"
)

// TestTogether: callers share transactions, each gets its own answer, and nothing of one that is refused remains.
func TestTogether(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d *store.DB) {
		refused := errors.New("refused")
		entered, gate := make(chan struct{}), make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			once := sync.OnceFunc(func() { close(entered); <-gate })
			if err := d.Together(t.Context(), func(tx *store.Tx) error { once(); return tx.Audit("a", "first", "", nil) }); err != nil {
				t.Error(err)
			}
		})
		<-entered
		for i := range 10 {
			wg.Go(func() {
				err := d.Together(t.Context(), func(tx *store.Tx) error {
					if err := tx.Audit("a", "act", fmt.Sprint(i), nil); err != nil || i != 7 {
						return err
					}
					return refused
				})
				if errors.Is(err, refused) != (i == 7) || i != 7 && err != nil {
					t.Errorf("%d: %v", i, err)
				}
			})
		}
		for d.Waiting() < 10 {
			time.Sleep(time.Millisecond)
		}
		close(gate)
		wg.Wait()
		entries, err := d.AuditEntries(t.Context(), store.AuditFilter{Act: "act"})
		if err != nil || len(entries) != 9 {
			t.Fatalf("%d entries, %v", len(entries), err)
		}
		for _, e := range entries {
			if e.Object == "7" {
				t.Error("what was refused is written")
			}
		}
		if err := d.VerifyAudit(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
