package pool

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"slices"

	"signet/ca/pki"
	"signet/hsm"
	"signet/hsm/cryptoki"
)

// agreement wraps for tokens without AES-GCM: to a P-256 key of the token, by ECDH with a key that is made for each sealing, HKDF-SHA256 and
// AES-256-GCM. Sealing needs only the public key; opening needs the token.
//
// Shape of the sealed form: format 02, the sealing's public point (65 bytes), ciphertext and tag.
// Source: the construction of RFC 9180 (DHKEM), with a format of our own.
type agreement struct {
	p   *Pool
	pub *ecdh.PublicKey
	key *key // of the token's pair; it only lends its handle
}

const (
	agreeFormat = 2
	agreePoint  = 65
	// agreeSuffix makes a label that is none of a signing key.
	agreeSuffix = "~wrap"
)

func (p *Pool) agreeing(ctx context.Context, label string) (hsm.Wrapper, error) {
	if !slices.Contains(p.mechs, cryptoki.CKM_ECDH1_DERIVE) || !slices.Contains(p.mechs, cryptoki.CKM_EC_KEY_PAIR_GEN) {
		return nil, fmt.Errorf("%w: the token has neither AES-GCM nor ECDH", hsm.ErrUnsupported)
	}
	id, err := newID()
	if err != nil {
		return nil, err
	}
	label += agreeSuffix
	p.naming.Lock()
	defer p.naming.Unlock()
	var f found
	err = p.with(ctx, keygenFor, func(ctx context.Context, e *era, s *cryptoki.Session) error {
		var ok bool
		if f, ok, err = p.oldest(ctx, e, s, label); err != nil || ok {
			return err
		}
		if err := p.erase(ctx, s, label, id); err != nil { // half of what an attempt before this one made
			return err
		}
		spec := cryptoki.KeySpec{Alg: pki.P256, Label: label, ID: id, Token: true, Decrypt: true}
		if _, _, err := p.profile.GenerateKeyPair(ctx, s, spec); err != nil {
			return err
		}
		if f, ok, err = p.oldest(ctx, e, s, label); err == nil && !ok {
			err = fmt.Errorf("%w: the new wrapping key is not there", hsm.ErrDamaged)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	pub, ok := f.pub.(*ecdsa.PublicKey)
	if !ok {
		return nil, hsm.ErrDamaged
	}
	point, err := pub.ECDH()
	if err != nil {
		return nil, err
	}
	return &agreement{p, point, &key{p, f.ref, f.pub}}, nil
}

// oldest is the wrapping pair of a label; of several, which programs that asked at once may have made, everybody takes the same.
func (p *Pool) oldest(ctx context.Context, e *era, s *cryptoki.Session, label string) (found, bool, error) {
	all, err := p.pairs(ctx, e, s, label)
	if err != nil || len(all) == 0 {
		return found{}, false, err
	}
	return slices.MinFunc(all, func(a, b found) int { return slices.Compare(a.tokID, b.tokID) }), true, nil
}

func (a *agreement) Wrap(plain, aad []byte) ([]byte, error) {
	once, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	x, err := once.ECDH(a.pub)
	if err != nil {
		return nil, err
	}
	defer clear(x)
	point := once.PublicKey().Bytes()
	box, err := a.box(x, point)
	if err != nil {
		return nil, err
	}
	sealed := append([]byte{agreeFormat}, point...)
	return box.Seal(sealed, make([]byte, box.NonceSize()), plain, bound(a.key.ref.Label, aad)), nil // the key seals once: a fixed nonce is safe
}

func (a *agreement) box(x, point []byte) (cipher.AEAD, error) {
	k, err := hkdf.Key(sha256.New, x, slices.Concat(point, a.pub.Bytes()), "signet wrap", 32)
	if err != nil {
		return nil, err
	}
	defer clear(k)
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func (a *agreement) Unwrap(sealed, aad []byte) ([]byte, error) {
	if len(sealed) < 1+agreePoint+wrapTag || sealed[0] != agreeFormat {
		return nil, hsm.ErrSealed
	}
	point := sealed[1 : 1+agreePoint]
	if _, err := ecdh.P256().NewPublicKey(point); err != nil { // before a token multiplies with it
		return nil, hsm.ErrSealed
	}
	var x []byte
	err := a.p.with(context.Background(), a.p.c.HealFor, func(ctx context.Context, e *era, s *cryptoki.Session) error {
		o, err := a.key.handle(ctx, e, s)
		if err != nil {
			return err
		}
		x, err = a.p.profile.SharedX(ctx, s, o, point, 32)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("unwrapping with %s: %w", a.key.ref.Label, err)
	}
	defer clear(x)
	box, err := a.box(x, point)
	if err != nil {
		return nil, err
	}
	plain, err := box.Open([]byte{}, make([]byte, box.NonceSize()), sealed[1+agreePoint:], bound(a.key.ref.Label, aad))
	if err != nil {
		return nil, hsm.ErrSealed
	}
	return plain, nil
}
