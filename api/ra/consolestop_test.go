package ra

import (
	"testing"

	"signet/api/store"
	"signet/api/store/storetest"
)

func TestStopRowsMatchTheSchema(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if err := db.CheckRows(t.Context(), stopRow{}); err != nil {
			t.Error(err)
		}
	})
}
