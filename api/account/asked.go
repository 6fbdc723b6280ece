package account

import (
	"context"

	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

// The purposes of codes that people without a session ask for.
const (
	forRegister purpose = "register" // 用户注册
	forLogin    purpose = "login"    // 短信登录
	forNumber   purpose = "number"   // 找回登记证件号
)

func init() {
	actions[forRegister] = "注册账号"
	actions[forLogin] = "登录自助服务系统"
	actions[forNumber] = "找回登记证件号"
}

// CodeRequest asks for a code without a session; From is the client's network address.
type CodeRequest struct {
	Phone, CaptchaID, Captcha, From string
}

// askCode sends a code to whoever has the phone, after a captcha. The answer is the same whatever whom says: known is false
// where no code may go there, and instead names the message that goes there in its place, if any.
//
// Errors: CodeCaptcha…, CodePhoneInvalid, CodeSMSTooSoon, CodeSMSLimit (retryAfter).
func (a *Accounts) askCode(ctx context.Context, req CodeRequest, p purpose, whom func(tx *store.Tx, number string) (id string, known bool, instead string, err error)) (CodeSent, error) {
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
		if refused, err = countAsked(tx, p, number, req.From); err != nil || refused != nil {
			return err
		}
		id, known, instead, err := whom(tx, number)
		if err != nil {
			return err
		}
		now := tx.Now()
		sent = CodeSent{SentAt: now, ExpiresAt: now.Add(codeFor), ResendAt: now.Add(codeEvery), Simulated: a.c.Notice.Simulated()}
		_, held, err := a.sendCode(tx, codeRequest{purpose: p, accountID: id, phone: number, from: req.From, mute: !known, replaced: instead != ""})
		if held != nil { // another limit: the asker learns nothing of it
			a.c.Log.Warn("code held back", "purpose", p, "phone", notice.MaskPhone(number), "why", problem.CodeOf(held))
			return err
		}
		if err != nil || instead == "" {
			return err
		}
		return a.c.Notice.Send(tx, notice.Message{To: number, Template: instead, Purpose: string(p), Params: map[string]string{"contact": a.c.ContactPhone("")}})
	})
	return sent, firstError(err, refused)
}

// useAsked looks at a code that was asked for without a session, and counts the try; with use, a right one is used up.
//
// Errors: refused is CodeRateLimited or CodeCode….
func (a *Accounts) useAsked(tx *store.Tx, p purpose, id string, known bool, number, code, from string, use bool) (refused, err error) {
	if refused, err = countTry(tx, p, from); err != nil || refused != nil {
		return refused, err
	}
	refused, err = a.checkCode(tx, codeRequest{purpose: p, accountID: id, phone: number}, code, use)
	if err == nil && refused == nil && !known { // the code that nobody was sent, guessed
		refused = codeProblem(problem.CodeCodeExpired, "There is no valid code for this phone; ask for a new one.")
	}
	return refused, err
}

// phoneKnown says whether an account that is open has the phone.
func phoneKnown(tx *store.Tx, number string) (bool, error) {
	var n int64
	err := tx.DB().Model(&accountRow{}).Where("phone = ?", number).Count(&n).Error
	return n > 0, err
}
