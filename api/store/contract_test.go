package store_test

import (
	"context"
	"testing"

	"signet/api/store"
	"signet/api/store/storetest"
	"signet/ca"
	"signet/ca/catest"
	"signet/ca/kmc"
)

// dialects runs a contract on one database per dialect, emptied before each case;
// the audit chain must hold after each.
func dialects(t *testing.T, run func(t *testing.T, open func(testing.TB) *store.DB)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		run(t, func(t testing.TB) *store.DB {
			storetest.Wipe(t, db)
			t.Cleanup(func() {
				if err := db.VerifyAudit(context.Background()); err != nil {
					t.Error(err)
				}
			})
			return db
		})
	})
}

func TestCAStoreContract(t *testing.T) {
	dialects(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		catest.TestStore(t, func(t testing.TB) ca.Store { return open(t).CA() })
	})
}

func TestStatusStoreContract(t *testing.T) {
	dialects(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		catest.TestStatusStore(t, func(t testing.TB) catest.FullStore { return open(t).CA() })
	})
}

func TestKMCStoreContract(t *testing.T) {
	dialects(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		catest.TestKMCStore(t, func(t testing.TB) kmc.Store { return open(t).KMC() })
	})
}

func TestKMCFullContract(t *testing.T) {
	dialects(t, func(t *testing.T, open func(testing.TB) *store.DB) {
		catest.TestKMCFull(t, func(t testing.TB) catest.KMCFull {
			return open(t).KMC().With(store.KMCHooks{Tell: func(tx *store.Tx, n kmc.Notice) error { return tx.Emit("kmc.recovered", n.Case, n) }})
		})
	})
}
