package account

import (
	"context"
	"errors"
	"fmt"

	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

// PasswordChange asks for another password; From is the client's network address.
type PasswordChange struct {
	Old, New, Confirm Password
	From              string
}

// ChangePassword replaces the actor's password, ends all other sessions and tells
// the account's contacts. Wrong old passwords count like wrong logins.
//
// Errors: CodePasswordMismatch, CodePasswordWeak, CodePasswordSame, CodeLoginFailed (field old, Params triesLeft),
// CodeLoginLocked (retryAfter).
func (a *Accounts) ChangePassword(ctx context.Context, actor Actor, req PasswordChange) error {
	if err := Can(actor, ProfileAct); err != nil {
		return err
	}
	if err := checkNewPassword(req.New, req.Confirm, actor.Login); err != nil {
		return err
	}
	if req.New == req.Old {
		return errPasswordSame
	}
	t, err := a.admitOld(ctx, actor, req.From)
	if err != nil {
		return err
	}
	ok, err := a.hashes.verify(ctx, t.hash, req.Old)
	if err != nil {
		if errors.Is(err, errHashBusy) { // never looked at, so never wrong
			err = firstError(a.db.Tx(ctx, t.takeBack), err)
		}
		return err
	}
	if !ok {
		return oldWrong(a.failed(ctx, t), t)
	}
	hashed, err := a.hashes.make(ctx, req.New)
	if err != nil {
		return err
	}
	return a.db.Tx(ctx, func(tx *store.Tx) error { return a.setPassword(tx, actor, t, hashed) })
}

// oldWrong says of a refused login which field it is about: who asks is logged in and stays so.
func oldWrong(err error, t *attempt) error {
	if problem.CodeOf(err) != problem.CodeLoginFailed {
		return err
	}
	return problem.New(problem.Invalid, problem.CodeLoginFailed, "The old password is wrong.").WithField("old").WithParam("triesLeft", t.triesLeft)
}

// admitOld counts a try at the old password.
func (a *Accounts) admitOld(ctx context.Context, actor Actor, from string) (t *attempt, err error) {
	var refused error
	err = a.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := findAccount(tx.DB(), actor.AccountID)
		if err != nil {
			return err
		}
		t = &attempt{accountID: row.ID, hash: row.PasswordHash, keys: [2]string{"login:account:" + row.ID, "login:address:" + address(from)}}
		refused, err = t.count(tx)
		return err
	})
	return t, firstError(err, refused)
}

func (a *Accounts) setPassword(tx *store.Tx, actor Actor, t *attempt, hashed string) error {
	row, err := lockAccount(tx, actor.AccountID)
	if err != nil {
		return err
	}
	if row.PasswordHash != t.hash || row.State != actor.State {
		return problem.New(problem.Conflict, problem.CodeConflict, "The account changed meanwhile.")
	}
	if err := t.succeeded(tx); err != nil {
		return err
	}
	err = tx.DB().Model(&accountRow{}).Where("id = ?", row.ID).
		Updates(map[string]any{"password_hash": hashed, "changed_at": store.Millis(tx.Now())}).Error
	if err != nil {
		return fmt.Errorf("changing password: %w", err)
	}
	if err := endSessions(tx, row.ID, actor.SessionID, "password_changed"); err != nil {
		return err
	}
	if err := a.tellPasswordChanged(tx, row); err != nil {
		return err
	}
	return tx.Audit(row.ID, "account.change_password", row.ID, nil)
}

// tellPasswordChanged sends the notice to all contacts.
func (a *Accounts) tellPasswordChanged(tx *store.Tx, row *accountRow) error {
	numbers, err := Contacts(tx, row.ID)
	if err != nil {
		return err
	}
	for _, number := range numbers {
		err := a.c.Notice.Send(tx, notice.Message{To: number, Template: notice.PasswordChanged, Purpose: "password",
			Params: map[string]string{"contact": a.c.ContactPhone(row.ProjectSlug)}})
		if err != nil {
			return err
		}
	}
	return a.personalEvent(tx, row.ID, notice.PasswordChanged, nil)
}
