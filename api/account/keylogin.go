package account

import (
	"context"
	"fmt"
	"time"

	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

var keyLoginsPerAddress = rule{60, 5 * time.Minute}

// CountKeyLogin counts that somebody at a network address begins to log in with a USB key.
//
// Errors: CodeRateLimited.
func (a *Accounts) CountKeyLogin(ctx context.Context, from string) error {
	var refused error
	err := a.db.Tx(ctx, func(tx *store.Tx) error {
		t, err := holdThrottle(tx, "keylogin:address:"+address(from))
		if err != nil {
			return err
		}
		refused = nil
		if wait := t.hit(tx.Now(), keyLoginsPerAddress); wait > 0 {
			refused = retryLater(problem.CodeRateLimited, "Too many logins from this network address.", wait)
		}
		return t.save(tx)
	})
	return firstError(err, refused)
}

// KeyAccounts lists the accounts that a key of an organisation's may log in with, the owner first.
func (a *Accounts) KeyAccounts(ctx context.Context, organisationID string) ([]Colleague, error) {
	var rows []accountRow
	err := a.db.Read(ctx).Where("organisation_id = ? AND state IN ? AND login IS NOT NULL", organisationID, []State{Unverified, Verified}).
		Order("CASE member WHEN 'owner' THEN 0 WHEN 'handler' THEN 1 ELSE 2 END, created_at, id").Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("looking for accounts: %w", err)
	}
	list := make([]Colleague, len(rows))
	for i, r := range rows {
		list[i] = Colleague{AccountID: r.ID, Name: r.DisplayName, PhoneMasked: notice.MaskPhone(text(r.Phone)), Member: r.Member, State: r.State}
	}
	return list, nil
}

// LoginByKey opens a session of an account of the organisation whose key signed the portal's challenge; the caller has checked and used
// that up.
//
// Errors: *FactorNeeded where the account has a second factor; CodeLoginFailed for an account of another organisation's; CodeAccountFrozen.
func (a *Accounts) LoginByKey(ctx context.Context, organisationID, accountID string, req LoginRequest) (s *Session, token Token, err error) {
	var needed *FactorNeeded
	err = a.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := findAccount(tx.DB(), accountID)
		if err != nil || text(row.OrganisationID) != organisationID || organisationID == "" {
			return firstError(err, errLoginFailed)
		}
		s, token, needed, err = a.openFor(tx, accountID, "key", req)
		return err
	})
	if err == nil && needed != nil {
		err = needed
	}
	if err != nil {
		return nil, "", err
	}
	return s, token, nil
}
