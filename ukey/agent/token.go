package agent

import (
	"bytes"
	"context"
	"errors"

	"signet/ca/pki"
	"signet/ukey"
	"signet/ukey/ticket"
)

// plugged is a token with what it said of itself.
type plugged struct {
	token ukey.Token
	info  ukey.Info
	keys  []ukey.Key
}

// plugged asks every driver. A token that goes away meanwhile is left out.
func (a *Agent) plugged(ctx context.Context) ([]plugged, error) {
	var all []plugged
	for _, d := range a.c.Drivers {
		tokens, err := d.Tokens(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			a.c.Log.Warn("driver cannot list tokens", "driver", d.Name(), "error", err)
			continue
		}
		for _, t := range tokens {
			p, err := look(ctx, t)
			if err != nil {
				a.c.Log.Warn("token cannot be read", "driver", d.Name(), "error", err)
				continue
			}
			all = append(all, p)
		}
	}
	return all, nil
}

func look(ctx context.Context, t ukey.Token) (plugged, error) {
	info, err := t.Info(ctx)
	if err != nil {
		return plugged{}, err
	}
	keys, err := t.Keys(ctx)
	return plugged{t, info, keys}, err
}

// find picks the token a job is for: the one with the ticket's serial, or without one the first that fits.
//
// Errors: key_absent when nothing is plugged in, key_wrong_serial when only other tokens are.
func (w *work) find(ctx context.Context, fits func(plugged) bool) (plugged, error) {
	all, err := w.plugged(ctx)
	if err != nil {
		return plugged{}, err
	}
	if len(all) == 0 {
		return plugged{}, problem(ticket.KeyAbsent, "no key is plugged in")
	}
	for _, p := range all {
		if (w.claims.Serial == "" || p.info.Serial == w.claims.Serial) && fits(p) {
			return p, nil
		}
	}
	return plugged{}, problem(ticket.KeyWrongSerial, "the key plugged in is not the one asked for, or lacks the key pair")
}

// byHash finds a pair by the SHA-256 of its SubjectPublicKeyInfo.
func byHash(keys []ukey.Key, usage ukey.Usage, hash []byte) (ukey.Key, bool) {
	for _, k := range keys {
		if sum, err := hashOf(k); err == nil && k.Usage == usage && bytes.Equal(sum, hash) {
			return k, true
		}
	}
	return ukey.Key{}, false
}

func byID(keys []ukey.Key, id ukey.KeyID) (ukey.Key, bool) {
	for _, k := range keys {
		if k.ID == id {
			return k, true
		}
	}
	return ukey.Key{}, false
}

func hashOf(k ukey.Key) ([]byte, error) {
	spki, err := k.SPKI()
	if err != nil {
		return nil, err
	}
	sum := pki.SPKIHash(spki)
	return sum[:], nil
}

// maxAsks bounds one dialogue loop, should something answer in place of a person.
const maxAsks = 10

// open asks for the PIN and logs in; the caller closes both. A wrong PIN is asked for again inside the same
// dialogue, because the person types anew; nothing is ever tried without them, and the last try only after
// they were told so and agreed.
func (w *work) open(ctx context.Context, p plugged, operation texts) (ukey.Session, func(), error) {
	release, err := w.holdToken(ctx, p.info.Serial)
	if err != nil {
		return nil, nil, err
	}
	session, err := w.login(ctx, p, operation)
	if err != nil {
		release()
		return nil, nil, err
	}
	return session, func() { session.Close(); release() }, nil
}

func (w *work) login(ctx context.Context, p plugged, operation texts) (session ukey.Session, err error) {
	err = w.askPIN(ctx, p, operation, func(pin ukey.PIN) (err error) {
		session, err = p.token.Login(ctx, pin)
		return err
	})
	return session, err
}

// askPIN asks for the PIN until use takes it.
func (w *work) askPIN(ctx context.Context, p plugged, operation texts, use func(ukey.PIN) error) error {
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
	ask := w.pinPrompt(p, operation)
	for range maxAsks {
		info, err := p.token.Info(ctx)
		if err != nil {
			return err
		}
		if info.PINLocked {
			return ukey.ErrLocked
		}
		if info.PINTriesLeft == 1 {
			if err := w.confirmLastTry(ctx, ask); err != nil {
				return err
			}
		}
		wrong, err := w.tryPIN(ctx, ask, use)
		if wrong == nil {
			return err
		}
		ask.Warning = wrongPIN(wrong.TriesLeft)
	}
	return ErrCancelled
}

// tryPIN asks once and tries once.
func (w *work) tryPIN(ctx context.Context, ask Prompt, use func(ukey.PIN) error) (*ukey.PINError, error) {
	typed, err := w.c.Dialogue.Ask(ctx, ask)
	if err != nil {
		return nil, err
	}
	pin := ukey.PIN(typed)
	defer pin.Wipe()
	if len(pin) == 0 {
		return nil, ErrCancelled // nothing typed costs no try
	}
	err = use(pin)
	var wrong *ukey.PINError
	if errors.As(err, &wrong) {
		return wrong, nil
	}
	return nil, err
}

// confirmLastTry warns before the try that can lock the key. A no is answered as a wrong PIN with one try
// left, so that the portal can say what state the key is in.
func (w *work) confirmLastTry(ctx context.Context, ask Prompt) error {
	ask.Warning, ask.Label = lastTry, ""
	ask.Accept, ask.Refuse = "仍要输入 Try", "停止 Stop"
	err := w.c.Dialogue.Confirm(ctx, ask)
	if errors.Is(err, ErrCancelled) {
		return &ukey.PINError{TriesLeft: 1}
	}
	return err
}
