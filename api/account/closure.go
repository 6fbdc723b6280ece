package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

// coolingFor is how long a closing can be taken back.
// Source: product.md §2.3 (注销申请, 7 d cooling-off).
const coolingFor = 7 * day

// RequestClosure asks for the closing of the actor's account (注销账号), with the password, as far as the organisation goes that it acts for:
// the account itself goes with the last one. An owner's closing is the organisation's: nothing may be open, and it takes all members with it.
//
// Errors: those of Can; CodeLoginFailed (field old, Params triesLeft), CodeLoginLocked; CodeClosureBlocked (Params orders, applications, certificates).
func (a *Accounts) RequestClosure(ctx context.Context, by Actor, p Password, from string) (at time.Time, err error) {
	if err := Can(by, ProfileAct); err != nil {
		return at, err
	}
	if by.Role != RoleHolder {
		return at, problem.New(problem.Denied, problem.CodeForbidden, "Staff accounts are ended by the security officer.")
	}
	t, err := a.admitOld(ctx, by, from)
	if err != nil {
		return at, err
	}
	ok, err := a.hashes.verify(ctx, t.hash, p)
	if err != nil {
		if errors.Is(err, errHashBusy) { // never looked at, so never wrong
			err = firstError(a.db.Tx(ctx, t.takeBack), err)
		}
		return at, err
	}
	if !ok {
		return at, passwordWrong(a.failed(ctx, t), t)
	}
	err = a.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := lockWithin(tx, by)
		if err != nil {
			return err
		}
		if err := t.succeeded(tx); err != nil {
			return err
		}
		if row.CloseAt != 0 {
			at = store.Time(row.CloseAt)
			return nil
		}
		if row.Member == Owner {
			if err := a.settled(tx, by.OrganisationID); err != nil {
				return err
			}
		}
		at = tx.Now().Add(coolingFor)
		if err := setCloseAt(tx, by.OrganisationID, row.ID, store.Millis(at)); err != nil {
			return err
		}
		if err := a.tell(tx, text(row.Phone), notice.ClosureAsked, "closure", by.OrganisationID); err != nil {
			return err
		}
		if err := a.event(tx, by.OrganisationID, closing(row), notice.ClosureAsked, nil); err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "account.ask_closure", row.ID, map[string]any{"organisation": by.OrganisationID, "at": at.UTC().Format(time.RFC3339), "member": row.Member})
	})
	return at, err
}

// passwordWrong says of a refused password which field it is about: who asks is logged in and stays so.
func passwordWrong(err error, t *attempt) error {
	if problem.CodeOf(err) != problem.CodeLoginFailed {
		return err
	}
	return problem.New(problem.Invalid, problem.CodeLoginFailed, "The password is wrong.").WithField("password").WithParam("triesLeft", t.triesLeft)
}

// settled refuses while an organisation has something open.
func (a *Accounts) settled(tx *store.Tx, organisationID string) error {
	if a.c.Obligations == nil {
		return nil
	}
	o, err := a.c.Obligations(tx, organisationID)
	if err != nil {
		return err
	}
	if o == (Obligations{}) {
		return nil
	}
	return problem.New(problem.Conflict, problem.CodeClosureBlocked, "Something is open.").
		WithParam("orders", o.Orders).WithParam("applications", o.Applications).WithParam("certificates", o.Certificates)
}

func setCloseAt(tx *store.Tx, organisationID, accountID string, at int64) error {
	err := tx.DB().Model(&membershipRow{}).Where("account_id = ? AND organisation_id = ?", accountID, organisationID).Update("close_at", at).Error
	if err != nil {
		return fmt.Errorf("noting a closing: %w", err)
	}
	return nil
}

// WithdrawClosure takes a closing back.
//
// Errors: those of Can; CodeConflict when none was asked for.
func (a *Accounts) WithdrawClosure(ctx context.Context, by Actor) error {
	if err := Can(by, ProfileAct); err != nil {
		return err
	}
	return a.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := lockWithin(tx, by)
		if err != nil {
			return err
		}
		if row.CloseAt == 0 || row.State == Closed {
			return problem.New(problem.Conflict, problem.CodeConflict, "No closing was asked for.")
		}
		if err := setCloseAt(tx, by.OrganisationID, row.ID, 0); err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "account.withdraw_closure", row.ID, nil)
	})
}

// CloseDue ends the memberships, and with the last the accounts, whose cooling-off is over. One whose organisation has taken something up meanwhile stays, and hears why.
// Run it every few minutes.
func (a *Accounts) CloseDue(ctx context.Context) error {
	var due []membershipRow
	err := a.db.Read(ctx).Where("close_at > 0 AND close_at <= ? AND ended_at = 0", store.Millis(a.db.Now())).Order("close_at, account_id, organisation_id").Limit(100).Find(&due).Error
	if err != nil {
		return fmt.Errorf("looking for accounts to close: %w", err)
	}
	for _, m := range due {
		if err := a.db.Tx(ctx, func(tx *store.Tx) error { return a.closeDue(tx, m.OrganisationID, m.AccountID) }); err != nil {
			return fmt.Errorf("closing %s: %w", m.AccountID, err)
		}
	}
	return nil
}

func (a *Accounts) closeDue(tx *store.Tx, organisationID, id string) error {
	row, err := lockWithin(tx, Actor{AccountID: id, OrganisationID: organisationID})
	if problem.CodeOf(err) == problem.CodeNotFound { // it ended meanwhile
		return nil
	}
	if err != nil {
		return err
	}
	if row.CloseAt == 0 || row.CloseAt > store.Millis(tx.Now()) || row.State == Closed || row.State == Frozen { // a frozen account waits
		return nil
	}
	if row.Member != Owner {
		if err := a.event(tx, organisationID, row.ID, notice.ClosureDone, nil); err != nil {
			return err
		}
		return a.closeOne(tx, row, organisationID)
	}
	err = a.settled(tx, organisationID)
	if problem.CodeOf(err) == problem.CodeClosureBlocked {
		if err := setCloseAt(tx, organisationID, row.ID, 0); err != nil {
			return err
		}
		if err := a.tell(tx, text(row.Phone), notice.ClosureDropped, "closure", organisationID); err != nil {
			return err
		}
		if err := a.event(tx, organisationID, "", notice.ClosureDropped, nil); err != nil {
			return err
		}
		return tx.Audit("system", "account.drop_closure", row.ID, map[string]any{"organisation": organisationID})
	}
	if err != nil {
		return err
	}
	return a.closeOrganisation(tx, organisationID)
}

// closing is the member whose account closes; the owner's closes the organisation itself.
func closing(row *accountRow) (member string) {
	if row.Member == Owner {
		return ""
	}
	return row.ID
}

func (a *Accounts) closeOne(tx *store.Tx, row *accountRow, organisationID string) error {
	if err := a.tell(tx, text(row.Phone), notice.ClosureDone, "closure", organisationID); err != nil {
		return err
	}
	return leave(tx, row, organisationID, "closed")
}

// closeOrganisation ends an organisation and its memberships, and the accounts that serve no other. Its records stay, as the law wants (电子签名法 Art. 24); its number is
// free to be registered anew.
func (a *Accounts) closeOrganisation(tx *store.Tx, organisationID string) error {
	rows, err := membersOf(tx.DB(), organisationID, false)
	if err != nil {
		return err
	}
	slices.SortFunc(rows, func(a, b accountRow) int { return strings.Compare(a.ID, b.ID) }) // one order of locks
	for i := range rows {
		if _, err := lockAccount(tx, rows[i].ID); err != nil {
			return err
		}
		if err := a.closeOne(tx, &rows[i], organisationID); err != nil {
			return err
		}
	}
	now := store.Millis(tx.Now())
	err = tx.DB().Model(&organisationRow{}).Where("id = ?", organisationID).Updates(map[string]any{"status": OrganisationClosed, "unique_key": nil, "closed_at": now}).Error
	if err != nil {
		return fmt.Errorf("closing organisation: %w", err)
	}
	err = tx.DB().Model(&joinRow{}).Where("organisation_id = ? AND state = ?", organisationID, joinOpen).Updates(map[string]any{"state": joinRefused, "ended_at": now, "password_hash": ""}).Error
	if err != nil {
		return fmt.Errorf("ending joins: %w", err)
	}
	if err := a.event(tx, organisationID, "", notice.ClosureDone, nil); err != nil {
		return err
	}
	return tx.Audit("system", "organisation.close", organisationID, map[string]any{"accounts": len(rows)})
}

// closeAccount ends an account for good: nobody can log in, its phone and its mail address are free for another, its keys are ended.
func closeAccount(tx *store.Tx, row *accountRow, why string) error {
	now := store.Millis(tx.Now())
	err := tx.DB().Model(&accountRow{}).Where("id = ?", row.ID).Updates(map[string]any{
		"state": Closed, "login": nil, "phone": nil, "password_hash": "", "email": "", "email_at": 0, "close_at": 0, "closed_at": now, "changed_at": now,
	}).Error
	if err != nil {
		return fmt.Errorf("closing account: %w", err)
	}
	if err := tx.DB().Model(&legacyLogin{}).Where("account_id = ? AND dead_at = 0", row.ID).Update("dead_at", now).Error; err != nil {
		return fmt.Errorf("ending legacy logins: %w", err)
	}
	if err := tx.DB().Model(&apiKeyRow{}).Where("account_id = ? AND ended_at = 0", row.ID).Update("ended_at", now).Error; err != nil {
		return fmt.Errorf("ending API keys: %w", err)
	}
	if err := endSessions(tx, row.ID, "", why); err != nil {
		return err
	}
	return tx.Audit("system", "account.close", row.ID, map[string]any{"why": why})
}
