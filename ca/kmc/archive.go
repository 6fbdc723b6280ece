package kmc

import (
	"context"
	"fmt"
)

// Archive moves keys that are used up from in use to archived: every certificate over them has ended and their holder uses a newer
// one. They stay in escrow and can be recovered; they are never certified again, and never deleted. A job calls it.
//
// Shape: how many were moved.
func (k *Centre) Archive(ctx context.Context, lives Lives) (int, error) {
	const batch = 100
	moved := 0
	for {
		keys, err := lives.Archive(ctx, k.now(), batch, Note{By: keyCentre, Act: "archive_key"})
		moved += len(keys)
		if err != nil {
			return moved, fmt.Errorf("archiving keys: %w", err)
		}
		if len(keys) < batch {
			return moved, nil
		}
	}
}

// Reseal seals every key anew with the centre's Wrapper, opening it with the one before: after a new master key was established. It
// can be stopped and started again: what the new wrapper opens is left alone.
//
// Shape: how many were sealed anew.
// Errors: ErrDamaged for a key that neither opens; those before it are done.
func (k *Centre) Reseal(ctx context.Context, lives Lives, before Wrapper) (int, error) {
	done := 0
	for after := ""; ; {
		page, err := lives.Page(ctx, after, 100)
		if err != nil {
			return done, fmt.Errorf("reading keys to seal anew: %w", err)
		}
		if len(page) == 0 {
			return done, nil
		}
		for _, e := range page {
			after = e.KeyID
			if _, err := k.open(e); err == nil {
				continue
			}
			if err := k.reseal(ctx, lives, e, before); err != nil {
				return done, fmt.Errorf("sealing key %s anew: %w", e.KeyID, err)
			}
			done++
		}
	}
}

func (k *Centre) reseal(ctx context.Context, lives Lives, e Escrowed, before Wrapper) error {
	old := &Centre{k.c}
	old.c.Wrapper = before
	private, err := old.open(e)
	if err != nil {
		return err
	}
	d := private.Bytes()
	defer clear(d)
	next := e
	if next.Sealed, err = k.c.Wrapper.Wrap(d, []byte(e.KeyID)); err != nil {
		return err
	}
	if _, err := k.open(next); err != nil { // what cannot be opened again must not replace what can
		return err
	}
	return lives.Reseal(ctx, e.KeyID, e.Sealed, next.Sealed, Note{By: keyCentre, Act: "reseal_key", Object: e.KeyID})
}
