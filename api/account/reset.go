package account

import (
	"context"
	"fmt"
	"time"

	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

// forReset is the purpose of a code by which a holder who forgot the password sets another (忘记密码).
const forReset purpose = "reset"

func init() { actions[forReset] = "重置登录密码" }

// Limits of codes that anyone may ask for, whether the phone has an account or not: what a number may get
// (as countSMS has it) and what one network address may ask and try.
var (
	askedPerPhone   = []smsRule{{rule{1, codeEvery}, problem.CodeSMSTooSoon}, {rule{5, time.Hour}, problem.CodeSMSLimit}, {rule{10, day}, problem.CodeSMSLimit}}
	askedPerAddress = []smsRule{{rule{20, time.Hour}, problem.CodeSMSLimit}}
	triesPerAsker   = rule{30, 15 * time.Minute} // of a code, per address
)

// ResetCodeRequest asks for a code; From is the client's network address.
type ResetCodeRequest struct {
	Phone, CaptchaID, Captcha, From string
}

// SendResetCode sends a code to the phone of a holder's account. The answer is the same for a phone that nobody has,
// for a frozen account and where another limit keeps the message back: it says nothing about who is a customer. A
// member of staff, whose login is no phone, has no such road.
//
// Errors: CodeCaptcha…, CodePhoneInvalid, CodeSMSTooSoon, CodeSMSLimit (retryAfter).
func (a *Accounts) SendResetCode(ctx context.Context, req ResetCodeRequest) (CodeSent, error) {
	var sent CodeSent
	var refused error
	err := a.db.Tx(ctx, func(tx *store.Tx) (err error) {
		if refused, err = a.consumeCaptcha(tx, req.CaptchaID, req.Captcha); err != nil || refused != nil {
			return err
		}
		number, ok := notice.Phone(req.Phone)
		if !ok {
			refused = errPhoneInvalid
			return nil
		}
		if refused, err = countAsked(tx, forReset, number, req.From); err != nil || refused != nil {
			return err
		}
		now := tx.Now()
		sent = CodeSent{SentAt: now, ExpiresAt: now.Add(codeFor), ResendAt: now.Add(codeEvery), Simulated: a.c.Notice.Simulated()}
		return a.sendReset(tx, number, req.From)
	})
	return sent, firstError(err, refused)
}

// countAsked counts a request with the number and the address: both or none.
func countAsked(tx *store.Tx, p purpose, number, from string) (refused, err error) {
	now := tx.Now()
	counters := []struct { // in the order of their ids
		id    string
		rules []smsRule
		held  *throttle
	}{{id: string(p) + ":address:" + address(from), rules: askedPerAddress}, {id: string(p) + ":phone:" + number, rules: askedPerPhone}}
	for i := range counters {
		c := &counters[i]
		if c.held, err = holdThrottle(tx, c.id); err != nil {
			return nil, err
		}
		for _, r := range c.rules {
			if wait := c.held.wait(now, r.rule); wait > 0 {
				return retryLater(r.code, "No further message may be sent yet.", wait).WithField("phone"), nil
			}
		}
	}
	for _, c := range counters {
		c.held.note(now, day, "")
		if err := c.held.save(tx); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// sendReset makes the code; without an account, one that nobody is sent.
func (a *Accounts) sendReset(tx *store.Tx, number, from string) error {
	id, known, err := resetAccount(tx, number)
	if err != nil {
		return err
	}
	_, held, err := a.sendCode(tx, codeRequest{purpose: forReset, accountID: id, phone: number, from: from, mute: !known})
	if held != nil {
		a.c.Log.Warn("reset code held back", "phone", notice.MaskPhone(number), "why", problem.CodeOf(held))
	}
	return err
}

// resetAccount finds the account that a phone may reset. A phone without one has a stand-in id, so that its codes are
// counted and refused like others.
func resetAccount(tx *store.Tx, number string) (id string, known bool, err error) {
	var rows []accountRow
	err = tx.DB().Where("phone = ? AND kind = ? AND state IN ?", number, kindHolder, []State{Unverified, Verified}).Limit(1).Find(&rows).Error
	if err != nil {
		return "", false, fmt.Errorf("looking up phone: %w", err)
	}
	if len(rows) == 0 {
		return "none_" + digest(number), false, nil
	}
	return rows[0].ID, true, nil
}

// ResetRequest sets a password by a code; From is the client's network address.
type ResetRequest struct {
	Phone, Code       string
	Password, Confirm Password
	From              string
}

// ResetPassword sets another password: all sessions end, a lock by wrong passwords is lifted, the contacts are told.
//
// Errors: CodePhoneInvalid, CodePasswordMismatch, CodePasswordWeak, CodeRateLimited (too many tries from the address),
// CodeCode… (also for a phone that nobody has); only with the right code CodePasswordSame for the present password
// and CodeConflict when the account changed meanwhile.
func (a *Accounts) ResetPassword(ctx context.Context, req ResetRequest) error {
	number, ok := notice.Phone(req.Phone)
	if !ok {
		return errPhoneInvalid
	}
	if err := checkNewPassword(req.Password, req.Confirm, number); err != nil {
		return err
	}
	row, err := a.admitReset(ctx, number, req)
	if err != nil {
		return err
	}
	same, err := a.hashes.verify(ctx, row.PasswordHash, req.Password)
	if err != nil {
		return err
	}
	if same {
		return errPasswordSame
	}
	hashed, err := a.hashes.make(ctx, req.Password)
	if err != nil {
		return err
	}
	return a.finishReset(ctx, row, req.Code, hashed)
}

// admitReset looks at the code before anything is hashed, and counts the try.
func (a *Accounts) admitReset(ctx context.Context, number string, req ResetRequest) (row *accountRow, err error) {
	var refused error
	err = a.db.Tx(ctx, func(tx *store.Tx) error {
		row = nil
		if refused, err = countTry(tx, forReset, req.From); err != nil || refused != nil {
			return err
		}
		id, known, err := resetAccount(tx, number)
		if err != nil {
			return err
		}
		refused, err = a.checkCode(tx, codeRequest{purpose: forReset, accountID: id, phone: number}, req.Code, false)
		if err != nil || refused != nil {
			return err
		}
		if !known { // the code that nobody was sent, guessed
			refused = codeProblem(problem.CodeCodeExpired, "There is no valid code for this phone; ask for a new one.")
			return nil
		}
		row, err = findAccount(tx.DB(), id)
		return err
	})
	return row, firstError(err, refused)
}

// countTry counts a try at a code that was asked for without an account.
func countTry(tx *store.Tx, p purpose, from string) (refused, err error) {
	tries, err := holdThrottle(tx, string(p)+":tries:"+address(from))
	if err != nil {
		return nil, err
	}
	if wait := tries.hit(tx.Now(), triesPerAsker); wait > 0 {
		return retryLater(problem.CodeRateLimited, "Too many tries from this network address.", wait), nil
	}
	return nil, tries.save(tx)
}

// finishReset is the one transaction that everything about the new password is in; old is the account as the code found it.
func (a *Accounts) finishReset(ctx context.Context, old *accountRow, code, hashed string) error {
	var refused error
	err := a.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := lockAccount(tx, old.ID)
		if err != nil {
			return err
		}
		if row.PasswordHash != old.PasswordHash || row.State != old.State || text(row.Phone) != text(old.Phone) {
			refused = problem.New(problem.Conflict, problem.CodeConflict, "The account changed meanwhile.")
			return nil
		}
		wanted := codeRequest{purpose: forReset, accountID: row.ID, phone: text(row.Phone)}
		if refused, err = a.checkCode(tx, wanted, code, true); err != nil || refused != nil {
			return err
		}
		err = tx.DB().Model(&accountRow{}).Where("id = ?", row.ID).
			Updates(map[string]any{"password_hash": hashed, "changed_at": store.Millis(tx.Now())}).Error
		if err != nil {
			return fmt.Errorf("resetting password: %w", err)
		}
		return a.afterReset(tx, row)
	})
	return firstError(err, refused)
}

func (a *Accounts) afterReset(tx *store.Tx, row *accountRow) error {
	if err := endSessions(tx, row.ID, "", "password_reset"); err != nil {
		return err
	}
	wrong, err := holdThrottle(tx, "login:account:"+row.ID)
	if err != nil {
		return err
	}
	wrong.clear()
	if err := wrong.save(tx); err != nil {
		return err
	}
	if err := a.tellPasswordChanged(tx, row); err != nil {
		return err
	}
	return tx.Audit(row.ID, "account.reset_password", row.ID, nil)
}
