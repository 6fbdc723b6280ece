package account

import (
	"context"
	"errors"
	"fmt"

	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

// The purposes of the two codes that change a phone: one shows that the old one is still the person's, the other that the new one is.
const (
	forOldPhone purpose = "phone_old"
	forNewPhone purpose = "phone_new"
)

func init() {
	actions[forOldPhone] = "更换手机号（验证原手机号）"
	actions[forNewPhone] = "更换手机号（验证新手机号）"
}

// newPhoneOf is where the codes for an account's new phone are counted: apart from those to the old one, which are sent at the same moment.
func newPhoneOf(accountID string) string { return accountID + "/new" }

// SendPhoneCodes sends one code to the account's phone and one to the number that shall take its place. Who has lost the old phone
// asks for a change of the handler instead (变更经办人).
//
// Errors: those of Can; CodePhoneInvalid; CodeConflict for the same number; CodePhoneUsed, and no message is sent; CodeRateLimited after
// too many different phones; CodeSMSTooSoon, CodeSMSLimit (retryAfter).
func (a *Accounts) SendPhoneCodes(ctx context.Context, by Actor, phone, from string) (sent CodeSent, err error) {
	if err := Can(by, ProfileAct); err != nil {
		return CodeSent{}, err
	}
	number, ok := notice.Phone(phone)
	if !ok {
		return CodeSent{}, errPhoneInvalid
	}
	var refused error
	err = a.db.Tx(ctx, func(tx *store.Tx) error {
		refused = nil
		row, err := lockPhone(tx, by)
		if err != nil {
			return err
		}
		if number == *row.Phone {
			refused = problem.New(problem.Conflict, problem.CodeConflict, "That is the present number.").WithField("phone")
			return nil
		}
		if refused, err = countPhones(tx, row.ID, number, from); err != nil || refused != nil {
			return err
		}
		if refused, err = a.phoneUsed(tx, row, number); err != nil || refused != nil {
			return err // the phone stays counted
		}
		// Both or none: what refuses the second takes the first back with it.
		if sent, refused, err = a.sendCode(tx, codeRequest{purpose: forOldPhone, accountID: row.ID, phone: *row.Phone, from: from}); err != nil || refused != nil {
			return err
		}
		if _, refused, err = a.sendCode(tx, codeRequest{purpose: forNewPhone, accountID: newPhoneOf(row.ID), phone: number, from: from}); err == nil && refused != nil {
			err = errTakeBack
		}
		return err
	})
	if errors.Is(err, errTakeBack) {
		err = nil
	}
	if err = firstError(err, refused); err != nil {
		return CodeSent{}, err
	}
	return sent, nil
}

// errTakeBack rolls a transaction back whose refusal is the answer.
var errTakeBack = errors.New("taken back")

// ChangePhone puts another number in the place of the account's: it is the login from then on, all other sessions end, the old number
// is told.
//
// Errors: those of Can; CodePhoneInvalid; CodeCode… (field oldCode or code); CodePhoneUsed.
func (a *Accounts) ChangePhone(ctx context.Context, by Actor, phone, code, oldCode string) error {
	if err := Can(by, ProfileAct); err != nil {
		return err
	}
	number, ok := notice.Phone(phone)
	if !ok {
		return errPhoneInvalid
	}
	var refused error
	err := a.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := lockPhone(tx, by)
		if err != nil {
			return err
		}
		old := *row.Phone
		// Both are looked at before one is used up.
		codes := []struct {
			request     codeRequest
			code, field string
		}{
			{codeRequest{purpose: forOldPhone, accountID: row.ID, phone: old}, oldCode, "oldCode"},
			{codeRequest{purpose: forNewPhone, accountID: newPhoneOf(row.ID), phone: number}, code, "code"},
		}
		for _, use := range []bool{false, true} {
			for _, c := range codes {
				if refused, err = a.checkCode(tx, c.request, c.code, use); err != nil || refused != nil {
					refused = aboutField(refused, c.field)
					return err
				}
			}
		}
		err = tx.DB().Model(&accountRow{}).Where("id = ?", row.ID).Updates(map[string]any{"login": number, "phone": number, "changed_at": store.Millis(tx.Now())}).Error
		if store.IsDuplicate(err) {
			return a.phoneTaken(row)
		}
		if err != nil {
			return fmt.Errorf("changing phone: %w", err)
		}
		if err := endSessions(tx, row.ID, by.SessionID, "phone_changed"); err != nil {
			return err
		}
		return a.tellRebound(tx, row, by.OrganisationID, old, number)
	})
	return firstError(err, refused)
}

// aboutField says which of two codes a refusal is about.
func aboutField(refused error, field string) error {
	if p, ok := errors.AsType[*problem.Error](refused); ok {
		return p.WithField(field)
	}
	return refused
}

func (a *Accounts) tellRebound(tx *store.Tx, row *accountRow, organisationID, old, number string) error {
	organisation, err := FindOrganisation(tx, organisationID)
	if err != nil {
		return err
	}
	err = a.c.Notice.Send(tx, notice.Message{To: old, Template: notice.PhoneRebound, Purpose: "phone", Params: map[string]string{
		"organisation": organisation.Name, "phone": notice.MaskPhone(number), "contact": a.c.ContactPhone(row.ProjectSlug),
	}})
	if err != nil {
		return err
	}
	if err := a.personalEvent(tx, row.ID, notice.PhoneRebound, nil); err != nil {
		return err
	}
	return tx.Audit(row.ID, "account.change_phone", row.ID, map[string]any{"from": notice.MaskPhone(old), "to": notice.MaskPhone(number)})
}

// lockPhone locks the account of a holder who has a phone.
func lockPhone(tx *store.Tx, by Actor) (*accountRow, error) {
	row, err := lockAccount(tx, by.AccountID)
	if err != nil {
		return nil, err
	}
	if row.Kind != kindHolder || row.Phone == nil {
		return nil, problem.New(problem.Denied, problem.CodeForbidden, "This account has no phone to change.")
	}
	return row, nil
}
