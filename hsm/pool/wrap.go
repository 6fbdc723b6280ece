package pool

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"signet/hsm"
	"signet/hsm/cryptoki"
)

const (
	wrapFormat = 1
	wrapIV     = 12 // SP 800-38D §8.2.2: random, of 96 bits
	wrapTag    = 16
)

// wrapper is an AES-256 key of the token with AES-GCM.
//
// Shape of the sealed form: format 01, IV, ciphertext and tag.
type wrapper struct {
	p     *Pool
	label string
	id    []byte
}

// Wrapper implements hsm.Keystore.
//
// Errors: also hsm.ErrUnsupported for a token with neither AES-GCM nor ECDH on P-256.
func (p *Pool) Wrapper(ctx context.Context, label string) (hsm.Wrapper, error) {
	if !hsm.IsLabel(label) {
		return nil, hsm.ErrLabel
	}
	if !slices.Contains(p.mechs, cryptoki.CKM_AES_GCM) || !slices.Contains(p.mechs, cryptoki.CKM_AES_KEY_GEN) {
		return p.agreeing(ctx, label)
	}
	id, err := newID()
	if err != nil {
		return nil, err
	}
	p.naming.Lock()
	defer p.naming.Unlock()
	err = p.with(ctx, keygenFor, func(ctx context.Context, e *era, s *cryptoki.Session) error {
		have, err := p.wrappingIDs(ctx, e, s, label)
		if err != nil || len(have) > 0 {
			id = first(have, id)
			return err
		}
		if _, err := s.GenerateKey(ctx, cryptoki.Mech(cryptoki.CKM_AES_KEY_GEN), wrapTemplate(label, id)); err != nil {
			return err
		}
		if have, err = p.wrappingIDs(ctx, e, s, label); err != nil {
			return err
		}
		if winner := first(have, id); !bytes.Equal(winner, id) { // another program was faster; ours sealed nothing yet
			o, err := p.wrapping(ctx, e, s, label, id)
			if err != nil {
				return err
			}
			id = winner
			return s.Destroy(ctx, o)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &wrapper{p, label, id}, nil
}

func first(ids [][]byte, otherwise []byte) []byte {
	if len(ids) == 0 {
		return otherwise
	}
	return slices.MinFunc(ids, bytes.Compare)
}

func wrapTemplate(label string, id []byte) []cryptoki.Attr {
	return []cryptoki.Attr{
		cryptoki.Number(cryptoki.CKA_CLASS, cryptoki.CKO_SECRET_KEY), cryptoki.Number(cryptoki.CKA_KEY_TYPE, cryptoki.CKK_AES),
		cryptoki.Number(cryptoki.CKA_VALUE_LEN, 32), cryptoki.Bool(cryptoki.CKA_TOKEN, true), cryptoki.Bool(cryptoki.CKA_PRIVATE, true),
		cryptoki.Bool(cryptoki.CKA_SENSITIVE, true), cryptoki.Bool(cryptoki.CKA_EXTRACTABLE, false),
		cryptoki.Bool(cryptoki.CKA_ENCRYPT, true), cryptoki.Bool(cryptoki.CKA_DECRYPT, true),
		cryptoki.Text(cryptoki.CKA_LABEL, label), cryptoki.Bytes(cryptoki.CKA_ID, id),
	}
}

func (p *Pool) wrappingIDs(ctx context.Context, e *era, s *cryptoki.Session, label string) ([][]byte, error) {
	objects, err := s.Find(ctx, []cryptoki.Attr{cryptoki.Number(cryptoki.CKA_CLASS, cryptoki.CKO_SECRET_KEY),
		cryptoki.Number(cryptoki.CKA_KEY_TYPE, cryptoki.CKK_AES), cryptoki.Bool(cryptoki.CKA_TOKEN, true), cryptoki.Text(cryptoki.CKA_LABEL, label)}, 0)
	if err != nil {
		return nil, err
	}
	var ids [][]byte
	for _, o := range objects {
		attrs, err := s.Attributes(ctx, o, cryptoki.CKA_ID)
		if err != nil {
			return nil, err
		}
		if id := cryptoki.Value(attrs, cryptoki.CKA_ID); len(id) > 0 {
			ids = append(ids, id)
		}
	}
	return ids, p.visible(ctx, e, s)
}

func (p *Pool) wrapping(ctx context.Context, e *era, s *cryptoki.Session, label string, id []byte) (cryptoki.Object, error) {
	objects, err := s.Find(ctx, half(cryptoki.CKO_SECRET_KEY, label, id), 2)
	switch {
	case err != nil:
		return 0, err
	case len(objects) == 0:
		if err := p.visible(ctx, e, s); err != nil {
			return 0, err
		}
		return 0, errMissing
	case len(objects) > 1:
		return 0, hsm.ErrAmbiguous
	}
	return objects[0], nil
}

// handle is the wrapping key's handle in this era.
func (w *wrapper) handle(ctx context.Context, e *era, s *cryptoki.Session) (cryptoki.Object, error) {
	name := "wrap\x00" + w.label
	e.mu.Lock()
	o, ok := e.handles[name]
	e.mu.Unlock()
	if ok {
		return o, nil
	}
	o, err := w.p.wrapping(ctx, e, s, w.label, w.id)
	if err != nil {
		return 0, err
	}
	e.mu.Lock()
	e.handles[name] = o
	e.mu.Unlock()
	return o, nil
}

func (w *wrapper) Wrap(plain, aad []byte) ([]byte, error) {
	sealed := make([]byte, 1+wrapIV, 1+wrapIV+len(plain)+wrapTag)
	sealed[0] = wrapFormat
	if _, err := rand.Read(sealed[1:]); err != nil {
		return nil, err
	}
	var out []byte
	err := w.p.with(context.Background(), w.p.c.HealFor, func(ctx context.Context, e *era, s *cryptoki.Session) error {
		o, err := w.handle(ctx, e, s)
		if err != nil {
			return err
		}
		out, err = s.Encrypt(ctx, cryptoki.AESGCM(sealed[1:1+wrapIV], bound(w.label, aad)), o, plain)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("wrapping with %s: %w", w.label, err)
	}
	if len(out) != len(plain)+wrapTag {
		return nil, fmt.Errorf("wrapping with %s: %w: sealed %d bytes into %d", w.label, hsm.ErrDamaged, len(plain), len(out))
	}
	return append(sealed, out...), nil
}

// bound is the additional data: never empty, as some modules refuse that.
func bound(label string, aad []byte) []byte {
	return append([]byte("signet wrap "+label+"\x00"), aad...)
}

func (w *wrapper) Unwrap(sealed, aad []byte) ([]byte, error) {
	if len(sealed) < 1+wrapIV+wrapTag || sealed[0] != wrapFormat {
		return nil, hsm.ErrSealed
	}
	var out []byte
	err := w.p.with(context.Background(), w.p.c.HealFor, func(ctx context.Context, e *era, s *cryptoki.Session) error {
		o, err := w.handle(ctx, e, s)
		if err != nil {
			return err
		}
		out, err = s.Decrypt(ctx, cryptoki.AESGCM(sealed[1:1+wrapIV], bound(w.label, aad)), o, sealed[1+wrapIV:])
		return w.unsealed(ctx, err, s, o)
	})
	if err != nil {
		return nil, err
	}
	if out == nil {
		out = []byte{}
	}
	return out, nil
}

// unsealed tells a wrong tag from a broken module: modules answer CKR_GENERAL_ERROR and the like to both. One that seals and opens
// something else with the same key at that moment is not broken.
func (w *wrapper) unsealed(ctx context.Context, err error, s *cryptoki.Session, o cryptoki.Object) error {
	switch c := cryptoki.ClassOf(err); {
	case err == nil:
		return nil
	case c == cryptoki.ClassOther && cryptoki.CodeOf(err) != cryptoki.CKR_OK:
		return hsm.ErrSealed
	case c != cryptoki.ClassLibrary:
		return err
	}
	iv := make([]byte, wrapIV)
	if _, err := rand.Read(iv); err != nil {
		return err
	}
	probe, tried := s.Encrypt(ctx, cryptoki.AESGCM(iv, bound(w.label, nil)), o, []byte("probe"))
	if tried == nil {
		_, tried = s.Decrypt(ctx, cryptoki.AESGCM(iv, bound(w.label, nil)), o, probe)
	}
	if tried == nil {
		return hsm.ErrSealed
	}
	return errors.Join(err, tried)
}
