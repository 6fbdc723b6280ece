package account

import (
	"context"

	"signet/api/problem"
	"signet/api/store"
)

// What the handler confirms by a code to the account's own phone: that a token's PIN is reset, that a USB key arrived.
const (
	forUnlock  purpose = "unlock"
	forReceipt purpose = "receipt"
)

func init() { actions[forUnlock], actions[forReceipt] = "UKey 解锁", "签收 UKey" }

// SendUnlockCode sends a code to the account's own phone.
//
// Errors: those of Can; CodePhoneInvalid for an account without one; CodeSMSTooSoon, CodeSMSLimit (retryAfter).
func (a *Accounts) SendUnlockCode(ctx context.Context, actor Actor, from string) (CodeSent, error) {
	return a.sendOwn(ctx, actor, forUnlock, from)
}

// UseUnlockCode uses the code up that was sent to the account's own phone.
//
// Errors: those of Can; CodeCodeWrong, CodeCodeExpired, CodeCodeTriesExceeded.
func (a *Accounts) UseUnlockCode(ctx context.Context, actor Actor, code string) error {
	return a.useOwn(ctx, actor, forUnlock, code)
}

// SendReceiptCode and UseReceiptCode are the same for a USB key that arrived.
func (a *Accounts) SendReceiptCode(ctx context.Context, actor Actor, from string) (CodeSent, error) {
	return a.sendOwn(ctx, actor, forReceipt, from)
}

// UseReceiptCode is UseUnlockCode for a USB key that arrived.
func (a *Accounts) UseReceiptCode(ctx context.Context, actor Actor, code string) error {
	return a.useOwn(ctx, actor, forReceipt, code)
}

func (a *Accounts) sendOwn(ctx context.Context, actor Actor, p purpose, from string) (CodeSent, error) {
	if err := Can(actor, HolderAct); err != nil {
		return CodeSent{}, err
	}
	var sent CodeSent
	var refused error
	err := a.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := lockAccount(tx, actor.AccountID)
		if err != nil {
			return err
		}
		if row.Phone == nil {
			return errPhoneInvalid
		}
		sent, refused, err = a.sendCode(tx, codeRequest{purpose: p, accountID: row.ID, phone: *row.Phone, from: from})
		return err
	})
	if err = firstError(err, refused); err != nil {
		return CodeSent{}, err
	}
	return sent, nil
}

func (a *Accounts) useOwn(ctx context.Context, actor Actor, p purpose, code string) error {
	if err := Can(actor, HolderAct); err != nil {
		return err
	}
	var refused error
	err := a.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := findAccount(tx.DB(), actor.AccountID)
		if err != nil {
			return err
		}
		if row.Phone == nil {
			refused = codeProblem(problem.CodeCodeExpired, "There is no valid code for this phone; ask for a new one.")
			return nil
		}
		refused, err = a.checkCode(tx, codeRequest{purpose: p, accountID: row.ID, phone: *row.Phone}, code, true)
		return err
	})
	return firstError(err, refused)
}
