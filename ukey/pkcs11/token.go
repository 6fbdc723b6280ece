package pkcs11

import (
	"cmp"
	"context"
	"fmt"

	"signet/hsm/cryptoki"
	"signet/ukey"
)

// Token is one plugged token. It implements ukey.Token.
type Token struct {
	driver *Driver
	serial string
}

var _ ukey.Token = (*Token)(nil)

// slot finds where the token is now.
//
// Errors: cryptoki.ErrNoToken.
func (t *Token) slot(ctx context.Context) (cryptoki.Slot, error) {
	return t.driver.module.FindToken(ctx, cryptoki.TokenRef{Serial: t.serial})
}

// Info describes the token.
func (t *Token) Info(ctx context.Context) (ukey.Info, error) {
	slot, err := t.slot(ctx)
	if err != nil {
		return ukey.Info{}, fmt.Errorf("reading token: %w", t.explain(ctx, err))
	}
	i := slot.Token
	return ukey.Info{Serial: i.Serial, Label: i.Label, Model: i.Model, Manufacturer: i.Manufacturer,
		PINTriesLeft: t.tries(i.Flags), PINLocked: i.Flags&cryptoki.CKF_USER_PIN_LOCKED != 0,
		SOTriesLeft: soTries(i.Flags), SOLocked: i.Flags&cryptoki.CKF_SO_PIN_LOCKED != 0, PINRules: t.rules(i),
		Initialised: i.Flags&cryptoki.CKF_USER_PIN_INITIALIZED != 0, Simulated: t.driver.profile.Simulated, Free: -1}, nil
}

// rules are those of the profile, else what the token says.
func (t *Token) rules(i *cryptoki.TokenInfo) ukey.PINRules {
	p := t.driver.profile.PIN
	r := ukey.PINRules{Min: int(cmp.Or(p.Min, i.MinPIN)), Max: int(cmp.Or(p.Max, i.MaxPIN)), Digits: p.DigitsOnly()}
	return ukey.PINRules{Min: max(r.Min, ukey.MinPIN), Max: min(r.Max, ukey.MaxPIN), Digits: r.Digits}
}

// soTries reads what the flags tell of the SO PIN's counter.
func soTries(flags uint) int {
	switch {
	case flags&cryptoki.CKF_SO_PIN_LOCKED != 0:
		return 0
	case flags&cryptoki.CKF_SO_PIN_FINAL_TRY != 0:
		return 1
	}
	return -1
}

// tries reads what the flags tell: the standard has no counter.
func (t *Token) tries(flags uint) int {
	switch {
	case flags&cryptoki.CKF_USER_PIN_LOCKED != 0:
		return 0
	case flags&cryptoki.CKF_USER_PIN_FINAL_TRY != 0:
		return 1
	case flags&cryptoki.CKF_USER_PIN_COUNT_LOW == 0 && t.driver.profile.PIN.Tries > 0:
		return t.driver.profile.PIN.Tries
	}
	return -1
}

// open opens a session with the token, wherever it is.
func (t *Token) open(ctx context.Context, write bool) (*cryptoki.Session, error) {
	slot, err := t.slot(ctx)
	if err != nil {
		return nil, err
	}
	return t.driver.module.OpenSession(ctx, slot.ID, write)
}

// Keys lists the whole pairs, in the order of their ids.
func (t *Token) Keys(ctx context.Context) ([]ukey.Key, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s, err := t.open(ctx, false)
	if err != nil {
		return nil, fmt.Errorf("listing keys: %w", t.explain(ctx, err))
	}
	defer s.Close(context.WithoutCancel(ctx))
	keys, err := reader{s, t.driver.profile}.keys(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing keys: %w", t.explain(ctx, err))
	}
	return keys, nil
}

// Login opens the token for one piece of work.
func (t *Token) Login(ctx context.Context, pin ukey.PIN) (ukey.Session, error) {
	s, err := t.login(ctx, cryptoki.NormalUser, pin)
	if err != nil {
		return nil, fmt.Errorf("logging in: %w", err)
	}
	return s, nil
}

func (t *Token) login(ctx context.Context, who cryptoki.User, pin ukey.PIN) (*Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if _, err := t.slot(ctx); err != nil { // a pulled token is not in use by anybody
		return nil, t.explain(ctx, err)
	}
	release, err := t.driver.hold(t.serial)
	if err != nil {
		return nil, err
	}
	c, err := t.open(ctx, true)
	if err != nil {
		release()
		return nil, t.explain(ctx, err)
	}
	err = c.Login(ctx, who, pin)
	if cryptoki.CodeOf(err) == cryptoki.CKR_USER_ALREADY_LOGGED_IN {
		// Left over from work that was cut off: this PIN has not been looked at yet, so it is no second try.
		if err = c.Logout(ctx); err == nil {
			err = c.Login(ctx, who, pin)
		}
	}
	if err != nil {
		err = t.explainPIN(ctx, who, err)
		c.Close(context.WithoutCancel(ctx))
		release()
		return nil, err
	}
	return &Session{reader: reader{c, t.driver.profile}, token: t, release: release}, nil
}

// explainPIN is explain for calls that may fail for the PIN: tries left are asked of the token afterwards.
func (t *Token) explainPIN(ctx context.Context, who cryptoki.User, err error) error {
	code := cryptoki.CodeOf(err)
	if who == cryptoki.SO && code == cryptoki.CKR_PIN_LOCKED {
		return fmt.Errorf("%w (%w)", ukey.ErrSOLocked, err)
	}
	if code != cryptoki.CKR_PIN_INCORRECT {
		return t.explain(ctx, err)
	}
	slot, gone := t.slot(context.WithoutCancel(ctx))
	switch {
	case gone != nil:
		return &ukey.PINError{TriesLeft: -1, SO: who == cryptoki.SO}
	case who == cryptoki.SO && soTries(slot.Token.Flags) == 0:
		return ukey.ErrSOLocked
	case who == cryptoki.SO:
		return &ukey.PINError{TriesLeft: soTries(slot.Token.Flags), SO: true}
	case slot.Token.Flags&cryptoki.CKF_USER_PIN_LOCKED != 0:
		return ukey.ErrLocked
	}
	left := t.tries(slot.Token.Flags)
	if slot.Token.Flags&cryptoki.CKF_USER_PIN_COUNT_LOW == 0 {
		left = -1 // a token that does not say that tries are missing, after a wrong one, counts in silence
	}
	return &ukey.PINError{TriesLeft: left}
}

// ChangePIN sets a new PIN.
func (t *Token) ChangePIN(ctx context.Context, old, new ukey.PIN) error {
	if err := ukey.CheckPIN(new); err != nil {
		return fmt.Errorf("changing PIN: %w", err)
	}
	s, err := t.login(ctx, cryptoki.NormalUser, old)
	if err != nil {
		return fmt.Errorf("changing PIN: %w", err)
	}
	defer s.Close()
	if err := s.c.SetPIN(ctx, old, new); err != nil {
		return fmt.Errorf("changing PIN: %w", t.explainPIN(ctx, cryptoki.NormalUser, err))
	}
	return nil
}

// Unblock sets a new PIN with the SO PIN.
func (t *Token) Unblock(ctx context.Context, so, pin ukey.PIN) error {
	if err := ukey.CheckPIN(pin); err != nil {
		return fmt.Errorf("unblocking: %w", err)
	}
	var err error
	switch t.driver.profile.Unblock {
	case cryptoki.UnblockInit:
		err = t.initPIN(ctx, so, pin)
	case cryptoki.UnblockSet:
		err = t.setPIN(ctx, so, pin)
	default:
		err = ukey.ErrUnsupported
	}
	if err != nil {
		return fmt.Errorf("unblocking: %w", err)
	}
	return nil
}

// ChangeSOPIN sets a new SO PIN.
func (t *Token) ChangeSOPIN(ctx context.Context, old, new ukey.PIN) error {
	if err := ukey.CheckPIN(new); err != nil {
		return fmt.Errorf("changing SO PIN: %w", err)
	}
	s, err := t.login(ctx, cryptoki.SO, old)
	if err != nil {
		return fmt.Errorf("changing SO PIN: %w", err)
	}
	defer s.Close()
	if err := s.c.SetPIN(ctx, old, new); err != nil {
		return fmt.Errorf("changing SO PIN: %w", t.explainPIN(ctx, cryptoki.SO, err))
	}
	return nil
}

// initPIN is C_InitPIN in a session of the SO.
func (t *Token) initPIN(ctx context.Context, so, pin ukey.PIN) error {
	s, err := t.login(ctx, cryptoki.SO, so)
	if err != nil {
		return err
	}
	defer s.Close()
	return t.explain(ctx, s.c.InitPIN(ctx, pin))
}

// setPIN is C_SetPIN in a session of nobody, the SO PIN in the old one's place.
func (t *Token) setPIN(ctx context.Context, so, pin ukey.PIN) error {
	release, err := t.driver.hold(t.serial)
	if err != nil {
		return err
	}
	defer release()
	c, err := t.open(ctx, true)
	if err != nil {
		return t.explain(ctx, err)
	}
	defer c.Close(context.WithoutCancel(ctx))
	if err := c.SetPIN(ctx, so, pin); err != nil {
		return t.explainPIN(ctx, cryptoki.SO, err)
	}
	return nil
}
