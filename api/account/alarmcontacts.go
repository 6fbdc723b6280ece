package account

import (
	"fmt"

	"signet/api/store"
)

// AlarmContacts are the numbers, or else the mail addresses, of the staff who get alarms: system and security administrators. Who gave neither is
// left out.
func AlarmContacts(tx *store.Tx) ([]string, error) {
	var rows []accountRow
	err := tx.DB().Where("kind = 'staff' AND state = ? AND id IN (?)", Verified,
		tx.DB().Model(&grantRow{}).Select("account_id").Where("role IN ? AND state = ? AND expires_at > ?", []Role{RoleAdmin, RoleSecurity}, GrantActive, store.Millis(tx.Now()))).
		Order("id").Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("finding who gets alarms: %w", err)
	}
	var to []string
	for _, r := range rows {
		switch {
		case text(r.Phone) != "":
			to = append(to, text(r.Phone))
		case r.Email != "":
			to = append(to, r.Email)
		}
	}
	return to, nil
}
