package account

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

// Limits on wrong passwords: the account is locked after 6, the network address
// after 30, both for 15 minutes.
var (
	triesPerAccount = rule{6, 15 * time.Minute}
	triesPerAddress = rule{30, 15 * time.Minute}
)

// LoginRequest is what a login page sends, and where from.
type LoginRequest struct {
	Login     string // phone, staff login, or the ID number of a legacy holder
	Password  Password
	CaptchaID string
	Captcha   string
	Address   string // network address of the client, from a source it cannot forge
	UserAgent string
	Device    Token  // what the browser keeps to be known by; empty: not told
	Project   string // slug of the page used

	deviceHash     string // of Device, where the login waited for a second factor
	organisationID string // that the session shall act for; empty: the last chosen
}

// attempt is a login between its admission and its outcome.
type attempt struct {
	accountID  string // empty: nobody has this login
	legacy     string // the legacy login used; empty when account.login was
	serves     string // the organisation whose number was the login; empty for the account's own
	hash       string
	keys       [2]string // the throttles that counted it
	triesLeft  int
	lockedHere bool // if it turns out wrong, it was the last
}

// Login opens a session. The captcha is used up by any attempt. An attempt counts
// as wrong before the password is looked at and is taken back if it was right.
//
// Errors: *FactorNeeded after the right password of an account with a second factor; CodeCaptcha…; CodeLoginFailed (Params triesLeft) for an unknown login and a
// wrong password alike; CodeLoginLocked (retryAfter); after the right password
// only: CodeLoginDead for an ID number that supplementing replaced, CodeAccountFrozen.
func (a *Accounts) Login(ctx context.Context, req LoginRequest) (*Session, Token, error) {
	t, err := a.admit(ctx, req)
	if err != nil {
		return nil, "", err
	}
	ok, err := a.hashes.verify(ctx, t.hash, req.Password)
	if err != nil {
		if errors.Is(err, errHashBusy) { // never looked at, so never wrong
			err = firstError(a.db.Tx(ctx, t.takeBack), err)
		}
		return nil, "", err
	}
	if !ok {
		return nil, "", a.failed(ctx, t)
	}
	return a.enter(ctx, req, t)
}

// admit checks captcha and locks, and counts the attempt.
func (a *Accounts) admit(ctx context.Context, req LoginRequest) (*attempt, error) {
	var t *attempt
	var refused error
	err := a.db.Tx(ctx, func(tx *store.Tx) (err error) {
		t = nil
		if refused, err = a.consumeCaptcha(tx, req.CaptchaID, req.Captcha); err != nil || refused != nil {
			return err
		}
		if t, err = a.findLogin(tx, req.Login); err != nil {
			return err
		}
		// "absent" sorts before "address", as "account" does: one order for everybody.
		t.keys = [2]string{"login:account:" + t.accountID, "login:address:" + address(req.Address)}
		if t.accountID == "" {
			t.keys[0] = "login:absent:" + digest(NormaliseLogin(req.Login))
		}
		refused, err = t.count(tx)
		return err
	})
	return t, firstError(err, refused)
}

// findLogin looks a login up in all three places, always, so that the work tells nothing.
// Source: S000-16 (the USCC is a login beside the account's name): it is the owner's.
func (a *Accounts) findLogin(tx *store.Tx, typed string) (*attempt, error) {
	names := []string{strings.ToLower(strings.TrimSpace(typed))}
	if number, ok := notice.Phone(typed); ok {
		names = append(names, number)
	}
	var accounts []accountRow
	if err := tx.DB().Where("login IN ?", names).Limit(1).Find(&accounts).Error; err != nil {
		return nil, fmt.Errorf("looking up login: %w", err)
	}
	var legacy []legacyLogin
	if err := tx.DB().Where("login = ?", NormaliseLogin(typed)).Limit(1).Find(&legacy).Error; err != nil {
		return nil, fmt.Errorf("looking up login: %w", err)
	}
	var owners []struct{ ID, PasswordHash, Serves string }
	err := tx.DB().Raw(`SELECT a.id, a.password_hash, o.id AS serves FROM acct_organisations o JOIN acct_memberships m ON m.organisation_id = o.id AND m.ended_at = 0
		JOIN acct_accounts a ON a.id = m.account_id WHERE o.unique_key IN ? AND m.member = ? AND a.login IS NOT NULL LIMIT 1`, append(a.typedKeys(typed), ""), Owner).Scan(&owners).Error
	if err != nil {
		return nil, fmt.Errorf("looking up login: %w", err)
	}
	switch {
	case len(accounts) > 0:
		return &attempt{accountID: accounts[0].ID, hash: accounts[0].PasswordHash}, nil
	case len(legacy) > 0:
		return &attempt{accountID: legacy[0].AccountID, legacy: legacy[0].Login, hash: legacy[0].PasswordHash}, nil
	case len(owners) > 0:
		return &attempt{accountID: owners[0].ID, serves: owners[0].Serves, hash: owners[0].PasswordHash}, nil
	}
	return &attempt{}, nil
}

// count notes one try with both throttles, unless one is locked.
func (t *attempt) count(tx *store.Tx) (refused, err error) {
	now := tx.Now()
	var held [2]*throttle
	for i, key := range t.keys {
		if held[i], err = holdThrottle(tx, key); err != nil {
			return nil, err
		}
		if wait := store.Time(held[i].UntilAt).Sub(now); held[i].UntilAt != 0 && wait > 0 {
			return loginLocked(wait), nil
		}
	}
	for i, r := range []rule{triesPerAccount, triesPerAddress} {
		held[i].note(now, r.span, "")
		left := r.most - len(since(held[i].stamps(), now, r.span))
		held[i].UntilAt = 0
		if left <= 0 {
			held[i].UntilAt = store.Millis(now.Add(r.span))
			t.lockedHere = true
		}
		if i == 0 {
			t.triesLeft = max(left, 0)
		}
		if err := held[i].save(tx); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func loginLocked(wait time.Duration) error {
	return retryLater(problem.CodeLoginLocked, "Too many wrong passwords; the login is locked for a while.", wait)
}

var errLoginFailed = problem.New(problem.Unauthenticated, problem.CodeLoginFailed, "Login or password is wrong.")

// failed answers a wrong password, and writes a lock down.
func (a *Accounts) failed(ctx context.Context, t *attempt) error {
	if !t.lockedHere {
		return errLoginFailed.WithParam("triesLeft", t.triesLeft)
	}
	err := a.db.Tx(ctx, func(tx *store.Tx) error {
		return tx.Audit("system", "session.lock", t.keys[0], map[string]any{"address": t.keys[1]})
	})
	a.c.Log.Warn("login locked", "account", t.keys[0], "address", t.keys[1])
	return firstError(err, loginLocked(triesPerAccount.span))
}

// takeBack uncounts a try that was not wrong.
func (t *attempt) takeBack(tx *store.Tx) error {
	if err := t.adjust(tx, 0, (*throttle).takeBack); err != nil {
		return err
	}
	return t.adjust(tx, 1, (*throttle).takeBack)
}

// succeeded uncounts the try, and forgets the account's wrong ones before it.
func (t *attempt) succeeded(tx *store.Tx) error {
	if err := t.adjust(tx, 0, (*throttle).clear); err != nil {
		return err
	}
	return t.adjust(tx, 1, (*throttle).takeBack)
}

func (t *attempt) adjust(tx *store.Tx, i int, change func(*throttle)) error {
	held, err := holdThrottle(tx, t.keys[i])
	if err != nil {
		return err
	}
	change(held)
	return held.save(tx)
}

// enter opens the session of an attempt whose password was right.
func (a *Accounts) enter(ctx context.Context, req LoginRequest, t *attempt) (s *Session, token Token, err error) {
	var refused error
	err = a.db.Tx(ctx, func(tx *store.Tx) error {
		s, token, refused = nil, "", nil
		row, err := lockAccount(tx, t.accountID)
		if err != nil {
			return err
		}
		if refused, err = t.stillGood(tx, row); err != nil {
			return err
		}
		if refused != nil {
			// Not a success: else the well-known password of a dead login would
			// clear the count of wrong guesses at the living one.
			return t.takeBack(tx)
		}
		if err := t.succeeded(tx); err != nil {
			return err
		}
		login := text(row.Login)
		if t.legacy != "" {
			login = line(strings.TrimSpace(req.Login), 64)
		}
		req.organisationID = t.serves
		var needed *FactorNeeded
		s, token, needed, err = a.firstStep(tx, row, login, req)
		if needed != nil {
			refused = needed
		}
		if err == nil && s != nil {
			err = tx.Audit(row.ID, "session.open", s.ID, map[string]any{"address": s.Address, "legacy": t.legacy != ""})
		}
		return err
	})
	if err = firstError(err, refused); err != nil {
		return nil, "", err
	}
	return s, token, nil
}

// stillGood looks at what may have changed while the password was compared, and
// at what only the right password may learn.
func (t *attempt) stillGood(tx *store.Tx, row *accountRow) (refused, err error) {
	if row.State == Frozen {
		return errFrozen, nil
	}
	if row.State == Closed && t.legacy == "" {
		return errLoginFailed, nil
	}
	if t.legacy == "" {
		if row.PasswordHash != t.hash {
			return errLoginFailed, nil
		}
		return nil, nil
	}
	var l legacyLogin
	if err := tx.DB().Where("login = ?", t.legacy).Take(&l).Error; err != nil {
		return nil, fmt.Errorf("reading legacy login: %w", err)
	}
	if l.DeadAt != 0 || row.State != Legacy {
		return problem.New(problem.Denied, problem.CodeLoginDead, "This login was replaced; log in with the phone number that was set."), nil
	}
	return nil, nil
}
