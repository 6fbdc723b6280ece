package account

import (
	"context"
	"fmt"
	"strings"
	"time"

	"signet/api/problem"
	"signet/api/store"
)

const (
	captchaDigits = 4               // S002-25
	captchaFor    = 5 * time.Minute // openapi.yaml, CreateCaptcha
)

// Captcha is an image with four digits, to be typed at login. It answers once.
type Captcha struct {
	ID        string
	PNG       []byte
	ExpiresAt time.Time
}

// captchaRow is a row of acct_captchas.
type captchaRow struct {
	ID        string
	MAC       string `gorm:"column:mac"`
	ExpiresAt int64
}

// TableName names the table for gorm.
func (captchaRow) TableName() string { return "acct_captchas" }

// NewCaptcha makes a captcha for someone at a network address.
//
// Errors: CodeRateLimited when the address asks for too many.
func (a *Accounts) NewCaptcha(ctx context.Context, from string) (Captcha, error) {
	c, answer, err := a.keepCaptcha(ctx, from)
	if err != nil {
		return Captcha{}, err
	}
	if c.PNG, err = drawDigits(answer, a.c.Rand); err != nil {
		return Captcha{}, fmt.Errorf("drawing captcha: %w", err)
	}
	return c, nil
}

// keepCaptcha draws the digits and keeps their hash; who shows them is for the caller.
func (a *Accounts) keepCaptcha(ctx context.Context, from string) (Captcha, string, error) {
	answer, err := a.digits(captchaDigits)
	if err != nil {
		return Captcha{}, "", err
	}
	id := store.NewID("cap")
	expires := a.db.Now().Add(captchaFor)
	var refused error
	err = a.db.Tx(ctx, func(tx *store.Tx) error {
		refused = nil
		t, err := holdThrottle(tx, "captcha:address:"+address(from))
		if err != nil {
			return err
		}
		if wait := t.hit(tx.Now(), rule{a.c.Limits.CaptchasPerAddress, captchaFor}); wait > 0 {
			refused = retryLater(problem.CodeRateLimited, "Too many captchas for this network address.", wait)
			return t.save(tx)
		}
		row := captchaRow{ID: id, MAC: a.mac("captcha", id, answer), ExpiresAt: store.Millis(expires)}
		if err := tx.DB().Create(&row).Error; err != nil {
			return fmt.Errorf("keeping captcha: %w", err)
		}
		return t.save(tx)
	})
	if err != nil || refused != nil {
		return Captcha{}, "", firstError(err, refused)
	}
	if a.c.CaptchaReveal != nil {
		a.c.CaptchaReveal(id, answer)
	}
	return Captcha{ID: id, ExpiresAt: expires}, answer, nil
}

// consumeCaptcha uses a captcha up, whatever the answer is worth. The caller must
// commit even when it is refused.
//
// Errors: refused is CodeCaptchaRequired, CodeCaptchaExpired (unknown, used, too
// old) or CodeCaptchaWrong; err is for the transaction.
func (a *Accounts) consumeCaptcha(tx *store.Tx, id, answer string) (refused, err error) {
	answer = NormaliseLogin(answer) // folds full-width digits and spaces
	var row captchaRow
	found := false
	if id != "" && len(id) <= 40 {
		switch err := tx.DB().Where("id = ?", id).Take(&row).Error; {
		case err == nil:
			// The delete, not the read, decides who of several parallel users had it.
			r := tx.DB().Where("id = ?", id).Delete(&captchaRow{})
			if r.Error != nil {
				return nil, fmt.Errorf("using captcha: %w", r.Error)
			}
			found = r.RowsAffected == 1
		case !store.IsNotFound(err):
			return nil, fmt.Errorf("using captcha: %w", err)
		}
	}
	switch {
	case id == "" || answer == "":
		return captchaProblem(problem.CodeCaptchaRequired, "The captcha is missing."), nil
	case !found || row.ExpiresAt <= store.Millis(tx.Now()):
		return captchaProblem(problem.CodeCaptchaExpired, "The captcha is used up or too old."), nil
	case !sameMAC(row.MAC, a.mac("captcha", id, strings.TrimSpace(answer))):
		return captchaProblem(problem.CodeCaptchaWrong, "The captcha was answered wrongly."), nil
	}
	return nil, nil
}

func captchaProblem(code problem.Code, detail string) error {
	return problem.New(problem.Invalid, code, detail).WithField("captcha")
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
