package pool

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"

	"signet/ca/gm"
	"signet/ca/pki"
	"signet/hsm"
	"signet/hsm/cryptoki"
)

// GenerateDecrypter implements hsm.Keystore.
func (p *Pool) GenerateDecrypter(ctx context.Context, label string, alg pki.KeyAlg) (hsm.Ref, error) {
	if hsm.IsLabel(label) && !p.profile.CanDecrypt(p.mechs, alg) {
		return hsm.Ref{}, fmt.Errorf("%w: decryption with %s", hsm.ErrUnsupported, alg)
	}
	return p.place(ctx, label, nil, func(ctx context.Context, s *cryptoki.Session, id []byte) error {
		_, _, err := p.profile.GenerateKeyPair(ctx, s, cryptoki.KeySpec{Alg: alg, Label: label, ID: id, Token: true, Decrypt: true})
		return err
	})
}

// Decrypter implements hsm.Keystore.
func (p *Pool) Decrypter(ctx context.Context, ref hsm.Ref) (crypto.Decrypter, error) {
	f, err := p.look(ctx, ref, false)
	if err != nil {
		return nil, err
	}
	return &decrypter{p, &key{p, f.ref, f.pub}}, nil
}

// decrypter has the key without its Sign.
type decrypter struct {
	p   *Pool
	key *key
}

func (d *decrypter) Public() crypto.PublicKey { return d.key.pub }

// Decrypt decrypts in the token. A ciphertext that is not for the key costs the token a second decryption: modules answer it as if they were
// broken, and only an attempt with another tells.
//
// Errors: hsm.ErrDecrypt, hsm.ErrUnsupported (a scheme), ErrBusy, ErrUnavailable, hsm.ErrLocked, hsm.ErrNotFound. The caller wipes the result.
func (d *decrypter) Decrypt(_ io.Reader, msg []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	var plain []byte
	err := d.p.with(context.Background(), d.p.c.HealFor, func(ctx context.Context, e *era, s *cryptoki.Session) error {
		o, err := d.key.handle(ctx, e, s)
		if err != nil {
			return err
		}
		plain, err = d.p.profile.Decrypt(ctx, s, o, d.key.pub, msg, opts)
		return d.p.profile.TellDecryption(ctx, s, o, d.key.pub, err)
	})
	switch {
	case errors.Is(err, gm.ErrDecrypt), errors.Is(err, cryptoki.ErrDecrypt):
		return nil, hsm.ErrDecrypt
	case errors.Is(err, cryptoki.ErrScheme):
		err = fmt.Errorf("%w: %w", hsm.ErrUnsupported, err)
	}
	if err != nil {
		return nil, fmt.Errorf("decrypting with %s: %w", d.key.ref.Label, err)
	}
	return plain, nil
}
