package account

import (
	"fmt"
	"strconv"
	"time"

	"gorm.io/gorm/clause"

	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

// Rules of one-time codes.
// Source: S002-10 (6 digits), S002-15 (10 minutes), product.md decision 8 (60 s, 5 tries).
const (
	codeDigits = 6
	codeFor    = 10 * time.Minute
	codeEvery  = time.Minute
	codeTries  = 5
	day        = 24 * time.Hour
)

// purpose is what a code is for; a code of one is nothing for another.
type purpose string

const forSupplement purpose = "supplement"

// actions names each purpose in the message.
var actions = map[purpose]string{forSupplement: "补录并重置登录信息"}

// codeRow is a row of acct_codes.
type codeRow struct {
	ID        string
	AccountID string
	Purpose   purpose
	Phone     string
	MAC       string `gorm:"column:mac"`
	Tries     int    // wrong ones
	SentAt    int64
	ExpiresAt int64
	UsedAt    int64
}

// TableName names the table for gorm.
func (codeRow) TableName() string { return "acct_codes" }

// CodeSent says that a code is on its way.
type CodeSent struct {
	SentAt    time.Time
	ExpiresAt time.Time
	ResendAt  time.Time
	Simulated bool // no SMS left the house; the message is in the outbox
}

// codeRequest asks for a code.
type codeRequest struct {
	purpose   purpose
	accountID string
	phone     string // normalised
	from      string // network address
	mute      bool   // nobody has this phone: all is done and counted but the message
	replaced  bool   // with mute: another message goes there instead, so the day's total counts
}

func (a *Accounts) codeMAC(row codeRow, code string) string {
	return a.mac("code", row.ID, string(row.Purpose), row.AccountID, row.Phone, code)
}

// sendCode makes a code and its message, unless a limit is reached. Older codes of
// the same account and purpose are void from then on.
//
// Errors: refused is CodeSMSTooSoon or CodeSMSLimit with retryAfter.
func (a *Accounts) sendCode(tx *store.Tx, r codeRequest) (sent CodeSent, refused, err error) {
	if refused, err = a.countSMS(tx, r); refused != nil || err != nil {
		return sent, refused, err
	}
	now := tx.Now()
	err = tx.DB().Model(&codeRow{}).
		Where("account_id = ? AND purpose = ? AND used_at = 0 AND expires_at > ?", r.accountID, r.purpose, store.Millis(now)).
		Update("expires_at", store.Millis(now)).Error
	if err != nil {
		return sent, nil, fmt.Errorf("voiding codes: %w", err)
	}
	code, err := a.digits(codeDigits)
	if err != nil {
		return sent, nil, err
	}
	sent = CodeSent{SentAt: now, ExpiresAt: now.Add(codeFor), ResendAt: now.Add(codeEvery), Simulated: a.c.Notice.Simulated()}
	row := codeRow{
		ID: store.NewID("otp"), AccountID: r.accountID, Purpose: r.purpose, Phone: r.phone,
		SentAt: store.Millis(now), ExpiresAt: store.Millis(sent.ExpiresAt),
	}
	row.MAC = a.codeMAC(row, code)
	if err := tx.DB().Create(&row).Error; err != nil {
		return sent, nil, fmt.Errorf("keeping code: %w", err)
	}
	if r.mute {
		return sent, nil, tx.Audit("system", "code.withhold", row.ID, map[string]any{"purpose": r.purpose, "phone": notice.MaskPhone(r.phone)})
	}
	err = a.c.Notice.Send(tx, notice.Message{
		To: r.phone, Template: notice.SMSCode, Purpose: string(r.purpose), SecretUntil: sent.ExpiresAt,
		Params: map[string]string{"code": code, "minutes": strconv.Itoa(int(codeFor.Minutes())), "action": actions[r.purpose]},
	})
	if err != nil {
		return sent, nil, err
	}
	return sent, nil, tx.Audit(r.accountID, "code.send", row.ID, map[string]any{"purpose": r.purpose, "phone": notice.MaskPhone(r.phone)})
}

// smsRule is one limit on messages; sending before too soon is another answer
// than sending too much.
type smsRule struct {
	rule
	code problem.Code
}

// countSMS counts a message with the account, the address, the service and the
// number: all or none.
// Source: product.md §5 (1 a minute, 5 an hour, 10 a day per number, as gateways do);
// reliability.md §2, OTP/SMS (limits per number, address, day and in total).
func (a *Accounts) countSMS(tx *store.Tx, r codeRequest) (refused, err error) {
	soon := smsRule{rule{1, codeEvery}, problem.CodeSMSTooSoon}
	limit := func(most int, span time.Duration) smsRule { return smsRule{rule{most, span}, problem.CodeSMSLimit} }
	counters := []struct { // in the order of their ids, so that nobody waits in a circle
		id    string
		rules []smsRule
		held  *throttle
	}{
		{id: "sms:account:" + r.accountID, rules: []smsRule{soon, limit(10, time.Hour), limit(20, day)}},
		{id: "sms:address:" + address(r.from), rules: []smsRule{limit(a.c.Limits.SMSPerAddress, time.Hour)}},
		{id: "sms:phone:" + r.phone, rules: []smsRule{soon, limit(5, time.Hour), limit(10, day)}},
	}
	now := tx.Now()
	for i := range counters {
		c := &counters[i]
		if c.held, err = holdThrottle(tx, c.id); err != nil {
			return nil, err
		}
		for _, rule := range c.rules {
			if wait := c.held.wait(now, rule.rule); wait > 0 {
				return retryLater(rule.code, "No further message may be sent yet.", wait).WithField("phone"), nil
			}
		}
	}
	total, err := holdThrottle(tx, "sms:total")
	if err != nil {
		return nil, err
	}
	if wait := total.hit(now, rule{a.c.Limits.SMSPerDay, day}); wait > 0 {
		a.c.Log.Error("daily limit of messages reached", "limit", a.c.Limits.SMSPerDay)
		return retryLater(problem.CodeSMSLimit, "The service sends no further messages for now.", wait), nil
	}
	if r.mute && !r.replaced { // what is not sent uses nothing up for others
		total.Hits--
	}
	if err := total.save(tx); err != nil {
		return nil, err
	}
	for _, c := range counters {
		c.held.note(now, day, "")
		if err := c.held.save(tx); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// checkCode compares a code. A wrong one counts as a try, so the caller must
// commit even when it is refused; with use, a right one is used up.
//
// Errors: refused is CodeCodeWrong (Params triesLeft), CodeCodeExpired (none sent to
// this phone, used, too old, replaced) or CodeCodeTriesExceeded.
func (a *Accounts) checkCode(tx *store.Tx, r codeRequest, code string, use bool) (refused, err error) {
	var rows []codeRow
	err = tx.DB().Clauses(clause.Locking{Strength: "UPDATE"}).
		Where("account_id = ? AND purpose = ? AND phone = ?", r.accountID, r.purpose, r.phone).
		Order("sent_at DESC, id DESC").Limit(1).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("reading code: %w", err)
	}
	now := store.Millis(tx.Now())
	switch {
	case len(rows) == 0 || rows[0].UsedAt != 0 || rows[0].ExpiresAt <= now:
		return codeProblem(problem.CodeCodeExpired, "There is no valid code for this phone; ask for a new one."), nil
	case rows[0].Tries >= codeTries:
		return errCodeTries, nil
	}
	row := rows[0]
	change := map[string]any{"used_at": now}
	if !sameMAC(row.MAC, a.codeMAC(row, NormaliseLogin(code))) {
		row.Tries++
		change = map[string]any{"tries": row.Tries}
		refused = codeProblem(problem.CodeCodeWrong, "The code is wrong.").WithParam("triesLeft", codeTries-row.Tries)
		if row.Tries >= codeTries {
			refused = errCodeTries
		}
	} else if !use {
		return nil, nil
	}
	if err := tx.DB().Model(&codeRow{}).Where("id = ?", row.ID).Updates(change).Error; err != nil {
		return nil, fmt.Errorf("noting code: %w", err)
	}
	return refused, nil
}

func codeProblem(code problem.Code, detail string) *problem.Error {
	return problem.New(problem.Invalid, code, detail).WithField("code")
}

var errCodeTries = codeProblem(problem.CodeCodeTriesExceeded, "Too many wrong tries; ask for a new code.")
