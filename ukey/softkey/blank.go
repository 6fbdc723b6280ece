package softkey

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"signet/ukey"
)

// serialFile gives a blank its serial number, as makers do. Without it the number is drawn when the key is formatted.
const serialFile = "serial"

// NewBlank makes a folder that is a blank key with a serial number.
//
// Errors: ukey.ErrExists if there is something in the folder.
func NewBlank(dir, serial string) error {
	if !goodSerial(serial) {
		return fmt.Errorf("making blank key: serial %q", serial)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making blank key: %w", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		return cmp.Or(err, ukey.ErrExists)
	}
	if err := errors.Join(writeSynced(filepath.Join(dir, serialFile), []byte(serial)), syncDir(dir)); err != nil {
		return fmt.Errorf("making blank key: %w", err)
	}
	return nil
}

// SerialOfBlank reads the serial number that a blank has from its maker; "" if it has none.
func SerialOfBlank(dir string) string {
	b, err := os.ReadFile(filepath.Join(dir, serialFile))
	if err != nil || !goodSerial(string(b)) {
		return ""
	}
	return string(b)
}

// isBlank tells whether a folder holds nothing but what a blank has, or what a cut-off formatting left.
func isBlank(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && !slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		return !slices.Contains([]string{serialFile, lockFile, triesFile, triesFile + staged, tokenFile + staged}, e.Name())
	})
}

// Blanks lists the sub-folders that are blank keys.
func (d *Driver) Blanks(ctx context.Context) ([]ukey.Blank, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(d.path)
	if errors.Is(err, os.ErrNotExist) || isKey(d.path) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing blank software keys: %w", err)
	}
	var blanks []ukey.Blank
	for _, e := range entries {
		dir := filepath.Join(d.path, e.Name())
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && isBlank(dir) {
			blanks = append(blanks, ukey.Blank{Serial: SerialOfBlank(dir), Model: Model, Manufacturer: manufacturer, Place: e.Name()})
		}
	}
	return blanks, nil
}

// isKey tells whether a folder is a formatted key, readable or not.
func isKey(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, tokenFile))
	return err == nil
}

// Initialise makes a blank a key and sets both PINs.
func (d *Driver) Initialise(ctx context.Context, b ukey.Blank, label string, so, pin ukey.PIN) (ukey.Token, error) {
	t, err := d.initialise(ctx, b, label, so, pin)
	if err != nil {
		return nil, fmt.Errorf("initialising software key: %w", err)
	}
	return t, nil
}

func (d *Driver) initialise(ctx context.Context, b ukey.Blank, label string, so, pin ukey.PIN) (*Token, error) {
	if err := errors.Join(ukey.CheckPIN(pin), ukey.CheckPIN(so), ukey.CheckLabel(label, ukey.MaxLabel)); err != nil || label == "" {
		return nil, cmp.Or(err, ukey.ErrLabel)
	}
	blanks, err := d.Blanks(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(blanks, b) {
		return nil, ukey.ErrNotBlank
	}
	t, err := format(disk{filepath.Join(d.path, b.Place), d.fault}, label, so, d.KDF)
	if errors.Is(err, ukey.ErrExists) { // somebody else was faster
		return nil, fmt.Errorf("%w (%w)", ukey.ErrNotBlank, err)
	}
	if err != nil {
		return nil, err
	}
	return t, t.Unblock(ctx, so, pin)
}

// Format makes a folder a blank key whose PIN the SO has still to set. A key that is there already must be
// opened by the same SO secret; it keeps its serial and loses everything else.
//
// Errors: ukey.ErrWeakPIN, *ukey.PINError, ukey.ErrLocked, ukey.ErrBusy.
func Format(ctx context.Context, dir, label string, so ukey.PIN) error {
	if err := ukey.CheckPINShape(so); err != nil {
		return err
	}
	if t, err := Plugged(dir); err == nil {
		return t.format(ctx, label, so)
	}
	_, err := format(disk{dir: dir}, label, so, KDF{})
	return err
}

// format makes a blank folder a key without a PIN.
//
// Errors: ukey.ErrExists if it is a key by now.
func format(d disk, label string, so ukey.PIN, cost KDF) (*Token, error) {
	serial := SerialOfBlank(d.dir)
	if serial == "" {
		serial = "SK-" + strings.ToUpper(string(NewID()[:10]))
	}
	unset := bytes.Repeat([]byte{'-'}, ukey.MinPIN) // replaced by no PIN at all
	return create(d, Config{Serial: serial, Label: label, PIN: unset, SOPIN: so, KDF: cost}, true)
}

func (t *Token) format(ctx context.Context, label string, so ukey.PIN) error {
	release, err := t.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	rec, err := t.record()
	if err != nil {
		return err
	}
	old, err := t.unlockSO(rec, so)
	if err != nil {
		return err
	}
	clear(old)
	if err := t.removeAll(); err != nil {
		return err
	}
	c := Config{Serial: rec.Serial, Label: label, PIN: so, SOPIN: so, MaxObjects: rec.MaxObjects, Tries: rec.Tries, KDF: rec.KDF}
	if err := c.complete(); err != nil {
		return err
	}
	blank, err := c.record()
	if err != nil {
		return err
	}
	blank.PIN = envelope{}
	return t.write(tokenFile, blank)
}

// removeAll deletes pairs and objects. The caller holds the lock.
func (t *Token) removeAll() error {
	for _, prefix := range []string{keyPrefix, objectPrefix} {
		paths, err := filepath.Glob(filepath.Join(t.dir, prefix+"*"+keySuffix))
		if err != nil {
			return err
		}
		for _, p := range paths {
			if err := t.remove(filepath.Base(p)); err != nil {
				return err
			}
		}
	}
	return nil
}
