package account

import (
	"context"
	"fmt"

	"signet/api/store"
)

// Names tells what accounts are called: the login of staff, the display name of holders. Ids that are no account's are left out.
func (a *Accounts) Names(ctx context.Context, ids []string) (map[string]string, error) {
	names := map[string]string{}
	if len(ids) == 0 {
		return names, nil
	}
	var rows []accountRow
	if err := a.db.Read(ctx).Where("id IN ?", ids).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading names: %w", err)
	}
	for _, r := range rows {
		name := r.DisplayName
		if name == "" && r.OrganisationID == nil {
			name = text(r.Login)
		}
		if name != "" {
			names[r.ID] = name
		}
	}
	return names, nil
}

// IDOf finds the account with a login; "" = there is none.
func (a *Accounts) IDOf(ctx context.Context, login string) (string, error) {
	var row accountRow
	if err := a.db.Read(ctx).Where("login = ?", login).Take(&row).Error; err != nil {
		if store.IsNotFound(err) {
			return "", nil
		}
		return "", fmt.Errorf("reading account: %w", err)
	}
	return row.ID, nil
}
