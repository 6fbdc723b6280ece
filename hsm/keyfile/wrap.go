package keyfile

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20poly1305"

	"signet/hsm"
)

// Wrapper implements hsm.Keystore.
func (s *Store) Wrapper(ctx context.Context, label string) (hsm.Wrapper, error) {
	if !isLabel(label) {
		return nil, hsm.ErrLabel
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	key, err := s.wrapKey(label)
	if errors.Is(err, hsm.ErrNotFound) {
		if err := s.makeWrapKey(label); err != nil && !errors.Is(err, hsm.ErrExists) {
			return nil, err
		}
		key, err = s.wrapKey(label) // read back: another process may have been first
	}
	if err != nil {
		return nil, err
	}
	return &wrapper{key: key, rand: s.rand}, nil
}

func (s *Store) wrapKey(label string) ([]byte, error) {
	r, err := s.read(label, wrapSuffix)
	if err != nil {
		return nil, err
	}
	key, err := unseal(s.master, r.Sealed, r.aad(wrapSuffix))
	if err != nil || len(key) != chacha20poly1305.KeySize {
		return nil, fmt.Errorf("%w: %s", hsm.ErrDamaged, label+wrapSuffix)
	}
	return key, nil
}

func (s *Store) makeWrapKey(label string) error {
	key := make([]byte, chacha20poly1305.KeySize)
	defer clear(key)
	if _, err := io.ReadFull(s.rand, key); err != nil {
		return fmt.Errorf("keyfile: drawing a wrapping key: %w", err)
	}
	return s.write(record{Format: format, Label: label}, wrapSuffix, key)
}

type wrapper struct {
	key  []byte
	rand io.Reader
}

// Wrap implements hsm.Wrapper.
func (w *wrapper) Wrap(plain, aad []byte) ([]byte, error) { return seal(w.rand, w.key, plain, aad) }

// Unwrap implements hsm.Wrapper.
func (w *wrapper) Unwrap(sealed, aad []byte) ([]byte, error) {
	plain, err := unseal(w.key, sealed, aad)
	if err != nil {
		return nil, hsm.ErrSealed
	}
	return plain, nil
}

// seal is XChaCha20-Poly1305 with a random nonce in front.
func seal(rand io.Reader, key, plain, aad []byte) ([]byte, error) {
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
	if _, err := io.ReadFull(rand, nonce); err != nil {
		return nil, fmt.Errorf("keyfile: drawing a nonce: %w", err)
	}
	return aead.Seal(nonce, nonce, plain, aad), nil
}

func unseal(key, sealed, aad []byte) ([]byte, error) {
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	if len(sealed) < aead.NonceSize() {
		return nil, hsm.ErrSealed
	}
	return aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], aad)
}

func newAEAD(key []byte) (cipher.AEAD, error) { return chacha20poly1305.NewX(key) }
