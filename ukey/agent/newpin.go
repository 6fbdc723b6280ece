package agent

import (
	"bytes"
	"context"
	"errors"

	"signet/ukey"
	"signet/ukey/ticket"
)

// confirm asks for consent alone.
func (w *work) confirm(ctx context.Context, ask Prompt) error {
	release, err := hold(ctx, w.asking)
	if err != nil {
		return err
	}
	defer release()
	if !w.limit.allow() {
		return refuse("too many dialogues in a minute")
	}
	ctx, cancel := context.WithTimeout(ctx, w.c.AnswerFor)
	defer cancel()
	return w.c.Dialogue.Confirm(ctx, ask)
}

// chooseNewPIN has the person type a new PIN twice. Nothing of it leaves this machine. The caller wipes it.
func (w *work) chooseNewPIN(ctx context.Context, p plugged, operation texts) (ukey.PIN, error) {
	release, err := hold(ctx, w.asking)
	if err != nil {
		return nil, err
	}
	defer release()
	if !w.limit.allow() {
		return nil, refuse("too many dialogues in a minute")
	}
	ctx, cancel := context.WithTimeout(ctx, w.c.AnswerFor)
	defer cancel()
	operation.say("新 PIN 由您在这里输入,不会发送到网站。", "You choose the new PIN here; it is not sent to the portal.")
	ask := w.pinPrompt(p, operation)
	for range maxAsks {
		pin, warning, err := w.newPINOnce(ctx, ask, p.info.PINRules)
		if err != nil || warning == "" {
			return pin, err
		}
		ask.Warning = warning
	}
	return nil, ErrCancelled
}

// newPINOnce asks for the PIN and for its repetition; a warning says why it is no good.
func (w *work) newPINOnce(ctx context.Context, ask Prompt, rules ukey.PINRules) (ukey.PIN, string, error) {
	ask.Label = "新 PIN New PIN"
	typed, err := w.c.Dialogue.Ask(ctx, ask)
	if err != nil {
		return nil, "", err
	}
	pin := ukey.PIN(typed)
	if err := errors.Join(ukey.CheckPIN(pin), follows(pin, rules)); err != nil {
		pin.Wipe()
		return nil, weakPIN(rules), nil
	}
	ask.Label, ask.Warning = "再输入一次 Again", ""
	again, err := w.c.Dialogue.Ask(ctx, ask)
	defer ukey.PIN(again).Wipe()
	if err != nil {
		pin.Wipe()
		return nil, "", err
	}
	if !bytes.Equal(pin, again) {
		pin.Wipe()
		return nil, "两次输入的 PIN 不一样,请重新输入。The two PINs differ.", nil
	}
	return pin, "", nil
}

// follows holds a PIN to what the token takes.
//
// Errors: ukey.ErrWeakPIN.
func follows(pin ukey.PIN, rules ukey.PINRules) error {
	digits := len(bytes.TrimLeft(pin, "0123456789")) == 0
	if rules.Min > 0 && len(pin) < rules.Min || rules.Max > 0 && len(pin) > rules.Max || rules.Digits && !digits {
		return ukey.ErrWeakPIN
	}
	return nil
}

// askOfficerPIN asks who has it for the officer's PIN of an old key. It is tried once.
func (w *work) askOfficerPIN(ctx context.Context, ask Prompt) (ukey.PIN, error) {
	release, err := hold(ctx, w.asking)
	if err != nil {
		return nil, err
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, w.c.AnswerFor)
	defer cancel()
	ask.Label = "现在的管理员 PIN Present administrator PIN"
	ask.Warning = "管理员 PIN 只试一次,输错不再重试。It is tried once."
	typed, err := w.c.Dialogue.Ask(ctx, ask)
	return ukey.PIN(typed), err
}

// changePIN sets a new PIN for the old one, both typed here.
func (w *work) changePIN(ctx context.Context) (ticket.ChangePINResult, error) {
	var none ticket.ChangePINResult
	if err := w.params(&ticket.ChangePINParams{}); err != nil {
		return none, err
	}
	if w.claims.Serial == "" {
		return none, refuse("no token named")
	}
	p, err := w.find(ctx, func(plugged) bool { return true })
	if err != nil {
		return none, err
	}
	release, err := w.holdToken(ctx, p.info.Serial)
	if err != nil {
		return none, err
	}
	defer release()
	var t texts
	t.say("操作:修改这把 UKey 的 PIN", "Operation: change the PIN of this key")
	fresh, err := w.chooseNewPIN(ctx, p, t)
	if err != nil {
		return none, err
	}
	defer fresh.Wipe()
	if err := w.exchangePIN(ctx, p, t, fresh); err != nil {
		return none, err
	}
	return ticket.ChangePINResult{Serial: p.info.Serial}, nil
}

// exchangePIN asks for the present PIN as login does and changes it.
func (w *work) exchangePIN(ctx context.Context, p plugged, t texts, fresh ukey.PIN) error {
	t.say("请输入现在的 PIN。", "Type the present PIN.")
	return w.askPIN(ctx, p, t, func(pin ukey.PIN) error { return p.token.ChangePIN(ctx, pin, fresh) })
}
