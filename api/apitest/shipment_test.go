package apitest

import (
	"testing"

	"signet/api/store"
)

// home is where keys are sent.
var home = map[string]any{"name": "张三", "phone": "13800001111", "region": "浙江省 金华市 婺城区", "street": "人民东路 1 号 3 楼", "postcode": "321000"}

// shipmentOf puts the shipment of an application into the queue, as an approval does.
func (s *System) shipmentOf(t testing.TB, applicationID string) (id string) {
	t.Helper()
	must(t, s.DB.Tx(t.Context(), func(tx *store.Tx) error {
		if err := tx.DB().Exec("UPDATE ra_shipments SET state = 'waiting' WHERE application_id = ?", applicationID).Error; err != nil {
			return err
		}
		return tx.DB().Raw("SELECT id FROM ra_shipments WHERE application_id = ?", applicationID).Scan(&id).Error
	}))
	return id
}
