package pkcs11

import (
	"context"
	"errors"
	"fmt"

	"signet/hsm/cryptoki"
	"signet/ukey"
)

// Blank is a token without content, as it comes from its maker.
//
// Shape: a token has a serial number before it is initialised, or it has not: then Slot says where it was when listed, and
// Initialise refuses if anything has moved since.
type Blank struct {
	Serial, Model, Manufacturer string
	Slot                        string // what the slot calls itself
	id                          uint
}

// ErrNotBlank says that a token is not the blank one that was listed.
var ErrNotBlank = errors.New("pkcs11: not a blank token")

// Blanks lists the tokens that are not initialised.
func (d *Driver) Blanks(ctx context.Context) ([]Blank, error) {
	slots, err := d.module.Slots(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing blank tokens: %w", err)
	}
	var blanks []Blank
	for _, s := range slots {
		if s.Token != nil && s.Token.Flags&cryptoki.CKF_TOKEN_INITIALIZED == 0 {
			blanks = append(blanks, Blank{s.Token.Serial, s.Token.Model, s.Token.Manufacturer, s.Description, s.ID})
		}
	}
	return blanks, nil
}

// Initialise formats a blank token and sets both PINs. It never touches a token that holds something.
//
// Shape: label at most 32 bytes. Errors: ErrNotBlank; ukey.ErrWeakPIN before anything is done. An interrupted one leaves an
// initialised token without a PIN: Token.Unblock sets it.
func (d *Driver) Initialise(ctx context.Context, b Blank, label string, so, pin ukey.PIN) (*Token, error) {
	if err := errors.Join(ukey.CheckPIN(pin), ukey.CheckPIN(so)); err != nil {
		return nil, fmt.Errorf("initialising token: %w", err)
	}
	blanks, err := d.Blanks(ctx)
	if err != nil {
		return nil, err
	}
	var there *Blank
	for i, o := range blanks {
		if o.Serial == b.Serial && (b.Serial != "" || o.id == b.id && o.Slot == b.Slot) {
			if there != nil {
				return nil, fmt.Errorf("initialising token: %w: two have this serial number", ErrNotBlank)
			}
			there = &blanks[i]
		}
	}
	if there == nil {
		return nil, fmt.Errorf("initialising token: %w", ErrNotBlank)
	}
	t, err := d.format(ctx, *there, label, so)
	if err != nil {
		return nil, fmt.Errorf("initialising token: %w", err)
	}
	if err := t.initPIN(ctx, so, pin); err != nil {
		return nil, fmt.Errorf("initialising token: %w", err)
	}
	return t, nil
}

// format is C_InitToken; the new token is the one that was not there before, as slots move by it.
func (d *Driver) format(ctx context.Context, b Blank, label string, so ukey.PIN) (*Token, error) {
	before, err := d.serials(ctx)
	if err != nil {
		return nil, err
	}
	if err := d.module.InitToken(ctx, b.id, so, label); err != nil {
		return nil, err
	}
	after, err := d.serials(ctx)
	if err != nil {
		return nil, err
	}
	var fresh []string
	for s := range after {
		if !before[s] {
			fresh = append(fresh, s)
		}
	}
	if len(fresh) != 1 {
		return nil, fmt.Errorf("%w: %d new tokens", ErrNotBlank, len(fresh))
	}
	return &Token{driver: d, serial: fresh[0]}, nil
}

// serials are those of the initialised tokens.
func (d *Driver) serials(ctx context.Context) (map[string]bool, error) {
	slots, err := d.module.Slots(ctx)
	if err != nil {
		return nil, err
	}
	all := map[string]bool{}
	for _, s := range slots {
		if usable(s) {
			all[s.Token.Serial] = true
		}
	}
	return all, nil
}
