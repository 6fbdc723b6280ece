package catest_test

import (
	"testing"

	"signet/ca"
	"signet/ca/catest"
	"signet/ca/kmc"
)

func TestMemoryStores(t *testing.T) {
	t.Run("ca", func(t *testing.T) {
		catest.TestStore(t, func(testing.TB) ca.Store { return catest.NewStore(nil) })
	})
	t.Run("status", func(t *testing.T) {
		catest.TestStatusStore(t, func(testing.TB) catest.FullStore { return catest.NewStore(nil) })
	})
	t.Run("kmc", func(t *testing.T) {
		catest.TestKMCStore(t, func(testing.TB) kmc.Store { return catest.NewKMCStore() })
	})
}
