package account

import (
	"context"
	"fmt"
	"strings"

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

// reachMost bounds how many accounts AccountsOf gives.
const reachMost = 200

// AccountsOf finds the accounts of organisations by part of the name or by the whole number, and the phones they have.
func (a *Accounts) AccountsOf(ctx context.Context, organisation string) (ids, phones []string, err error) {
	db := a.db.Read(ctx)
	pattern := "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(organisation) + "%"
	var rows []accountRow
	err = db.Where("id IN (?)", a.db.Read(ctx).Table("acct_memberships").Select("account_id").
		Where("organisation_id IN (?)", a.db.Read(ctx).Table("acct_organisations").Select("id").Where("name LIKE ? ESCAPE '!' OR uscc = ?", pattern, organisation))).
		Order("id").Limit(reachMost).Find(&rows).Error
	if err != nil {
		return nil, nil, fmt.Errorf("finding accounts of an organisation: %w", err)
	}
	for _, r := range rows {
		ids = append(ids, r.ID)
		if phone := text(r.Phone); phone != "" {
			phones = append(phones, phone)
		}
	}
	return ids, phones, nil
}
