package account

import (
	"context"

	"signet/api/notice"
	"signet/api/store"
)

// SendLoginCode sends a code to the phone of a holder's account. The answer is the same for a phone that nobody has. Staff, who log in
// with more than one secret, have no such road.
//
// Errors: CodeCaptcha…, CodePhoneInvalid, CodeSMSTooSoon, CodeSMSLimit (retryAfter).
func (a *Accounts) SendLoginCode(ctx context.Context, req CodeRequest) (CodeSent, error) {
	return a.askCode(ctx, req, forLogin, func(tx *store.Tx, number string) (id string, known bool, instead string, err error) {
		id, known, err = resetAccount(tx, number)
		return id, known, "", err
	})
}

// CodeLogin is a login by a code; the rest is as in LoginRequest.
type CodeLogin struct {
	Phone, Code                 string
	Address, UserAgent, Project string
	Device                      Token // as in LoginRequest
}

// LoginByCode opens a session by the code that went to the phone (短信登录).
//
// Errors: *FactorNeeded where the account has a second factor; CodePhoneInvalid; CodeRateLimited, CodeCode… (also for a phone that nobody has).
func (a *Accounts) LoginByCode(ctx context.Context, req CodeLogin) (s *Session, token Token, err error) {
	number, ok := notice.Phone(req.Phone)
	if !ok {
		return nil, "", errPhoneInvalid
	}
	var refused error
	err = a.db.Tx(ctx, func(tx *store.Tx) error {
		s, token, refused = nil, "", nil
		id, known, err := resetAccount(tx, number)
		if err != nil {
			return err
		}
		if refused, err = a.useAsked(tx, forLogin, id, known, number, req.Code, req.Address, true); err != nil || refused != nil {
			return err
		}
		var needed *FactorNeeded
		s, token, needed, err = a.openFor(tx, id, "sms", LoginRequest{Address: req.Address, UserAgent: req.UserAgent, Device: req.Device, Project: req.Project})
		if needed != nil {
			refused = needed
		}
		return err
	})
	if err = firstError(err, refused); err != nil {
		return nil, "", err
	}
	return s, token, nil
}

// openFor opens a session of an account that was proved otherwise than by its password, or waits for its second factor.
//
// Errors: CodeAccountFrozen; CodeLoginFailed for one that cannot log in.
func (a *Accounts) openFor(tx *store.Tx, accountID, how string, req LoginRequest) (*Session, Token, *FactorNeeded, error) {
	row, err := lockAccount(tx, accountID)
	if err != nil {
		return nil, "", nil, err
	}
	switch row.State {
	case Unverified, Verified:
	case Frozen:
		return nil, "", nil, errFrozen
	default:
		return nil, "", nil, errLoginFailed
	}
	s, token, needed, err := a.firstStep(tx, row, text(row.Login), req)
	if err != nil || needed != nil {
		return nil, "", needed, err
	}
	return s, token, nil, tx.Audit(row.ID, "session.open", s.ID, map[string]any{"address": s.Address, "how": how})
}
