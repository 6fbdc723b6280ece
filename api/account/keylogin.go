package account

import (
	"context"
	"slices"
	"time"

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
	rows, err := membersOf(a.db.Read(ctx), organisationID, false)
	if err != nil {
		return nil, err
	}
	var list []Colleague
	for _, r := range rows {
		if r.Login != nil && (r.State == Unverified || r.State == Verified) {
			list = append(list, r.colleague())
		}
	}
	return list, nil
}

// LoginByKey opens a session of an account of the organisation whose key signed the portal's challenge; the caller has checked and used
// that up.
// The session acts for that organisation. The key proves the organisation and not the person, so that an account that serves others too is
// opened by it only together with the person's own second factor.
//
// Errors: *FactorNeeded where the account has a second factor; CodeLoginFailed for an account of another organisation's; CodeKeyLoginShared;
// CodeAccountFrozen.
func (a *Accounts) LoginByKey(ctx context.Context, organisationID, accountID string, req LoginRequest) (s *Session, token Token, err error) {
	var needed *FactorNeeded
	err = a.db.Tx(ctx, func(tx *store.Tx) error {
		live, err := serving(tx.DB(), accountID)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(live, func(m membershipRow) bool { return m.OrganisationID == organisationID }) {
			return errLoginFailed
		}
		factors, err := activeFactors(tx.DB(), accountID)
		if err != nil {
			return err
		}
		if len(live) > 1 && len(factors) == 0 {
			return problem.New(problem.Denied, problem.CodeKeyLoginShared, "The account acts for several organisations and has no second factor; log in with the phone.")
		}
		req.organisationID = organisationID
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
