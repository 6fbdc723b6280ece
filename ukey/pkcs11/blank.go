package pkcs11

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"signet/hsm/cryptoki"
	"signet/ukey"
)

// blankSlot is a blank and the slot it was found in, good until slots are listed again.
type blankSlot struct {
	ukey.Blank
	slot uint
}

// Blanks lists the tokens that are not initialised.
func (d *Driver) Blanks(ctx context.Context) ([]ukey.Blank, error) {
	slots, err := d.blanks(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing blank tokens: %w", err)
	}
	var blanks []ukey.Blank
	for _, b := range slots {
		blanks = append(blanks, b.Blank)
	}
	return blanks, nil
}

func (d *Driver) blanks(ctx context.Context) ([]blankSlot, error) {
	slots, err := d.module.Slots(ctx)
	if err != nil {
		return nil, err
	}
	var blanks []blankSlot
	for _, s := range slots {
		if s.Token != nil && s.Token.Flags&cryptoki.CKF_TOKEN_INITIALIZED == 0 {
			blanks = append(blanks, blankSlot{ukey.Blank{Serial: s.Token.Serial, Model: s.Token.Model, Manufacturer: s.Token.Manufacturer,
				Place: fmt.Sprintf("%s (%d)", s.Description, s.ID)}, s.ID})
		}
	}
	return blanks, nil
}

// Initialise formats a blank token and sets both PINs.
func (d *Driver) Initialise(ctx context.Context, b ukey.Blank, label string, so, pin ukey.PIN) (ukey.Token, error) {
	t, err := d.initialise(ctx, b, label, so, pin)
	if err != nil {
		return nil, fmt.Errorf("initialising token: %w", err)
	}
	return t, nil
}

func (d *Driver) initialise(ctx context.Context, b ukey.Blank, label string, so, pin ukey.PIN) (*Token, error) {
	if err := errors.Join(ukey.CheckPIN(pin), ukey.CheckPIN(so), ukey.CheckLabel(label, ukey.MaxLabel)); err != nil || label == "" {
		return nil, cmp.Or(err, ukey.ErrLabel)
	}
	there, err := d.find(ctx, b)
	if err != nil {
		return nil, err
	}
	t, err := d.format(ctx, there, label, so)
	if err != nil {
		return nil, err
	}
	return t, t.initPIN(ctx, so, pin)
}

// find looks where a blank is now: by its serial number, or by its place if it has none and nothing has moved.
//
// Errors: ukey.ErrNotBlank.
func (d *Driver) find(ctx context.Context, b ukey.Blank) (blankSlot, error) {
	blanks, err := d.blanks(ctx)
	if err != nil {
		return blankSlot{}, err
	}
	var found []blankSlot
	for _, o := range blanks {
		if o.Serial == b.Serial && (b.Serial != "" || o.Place == b.Place) {
			found = append(found, o)
		}
	}
	switch len(found) {
	case 0:
		return blankSlot{}, ukey.ErrNotBlank
	case 1:
		return found[0], nil
	}
	return blankSlot{}, fmt.Errorf("%w: two have this serial number", ukey.ErrNotBlank)
}

// format is C_InitToken; the new token is the one that was not there before, as slots move by it.
func (d *Driver) format(ctx context.Context, b blankSlot, label string, so ukey.PIN) (*Token, error) {
	before, err := d.serials(ctx)
	if err != nil {
		return nil, err
	}
	if err := d.module.InitToken(ctx, b.slot, so, label); err != nil {
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
		return nil, fmt.Errorf("%w: %d new tokens", ukey.ErrNotBlank, len(fresh))
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
