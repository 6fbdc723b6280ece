package pkcs11

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"

	"signet/ca/gm"
	"signet/ca/pki"
	"signet/hsm/cryptoki"
	"signet/ukey"
)

// Signer gives a signing pair.
func (s *Session) Signer(id ukey.KeyID) (crypto.Signer, error) {
	h, err := s.handle(id, ukey.Sign, "opening signing key")
	if err != nil {
		return nil, err
	}
	return signer{h}, nil
}

// Decrypter gives an encryption pair.
func (s *Session) Decrypter(id ukey.KeyID) (crypto.Decrypter, error) {
	h, err := s.handle(id, ukey.Encrypt, "opening encryption key")
	if err != nil {
		return nil, err
	}
	return decrypter{h}, nil
}

// handle names a pair in a session.
type handle struct {
	session *Session
	private cryptoki.Object
	public  crypto.PublicKey
}

func (s *Session) handle(id ukey.KeyID, usage ukey.Usage, act string) (h handle, err error) {
	err = s.do(context.Background(), act, func(ctx context.Context) error {
		g, err := s.pair(ctx, id)
		if err != nil {
			return err
		}
		if g.signs != (usage == ukey.Sign) {
			return ukey.ErrUsage
		}
		h = handle{s, g.private[0], g.key}
		return nil
	})
	return h, err
}

func (h handle) Public() crypto.PublicKey { return h.public }

type signer struct{ handle }

// Sign signs a digest as pki.Sign hands it out; what the token gives is checked before it is given on.
func (k signer) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) (sig []byte, err error) {
	if _, pss := opts.(*rsa.PSSOptions); pss {
		return nil, fmt.Errorf("signing: %w: PSS", ukey.ErrUnsupported)
	}
	err = k.session.do(context.Background(), "signing", func(ctx context.Context) error {
		sig, err = k.session.profile.Sign(ctx, k.session.c, k.private, k.public, digest, opts.HashFunc())
		return err
	})
	return sig, err
}

type decrypter struct{ handle }

// Decrypt takes SM2 ciphertexts in every encoding, and RSA by PKCS #1 v1.5 or OAEP as the options say.
func (k decrypter) Decrypt(random io.Reader, msg []byte, opts crypto.DecrypterOpts) (plain []byte, err error) {
	err = k.session.do(context.Background(), "decrypting", func(ctx context.Context) error {
		plain, err = k.session.profile.Decrypt(ctx, k.session.c, k.private, k.public, msg, opts)
		return err
	})
	return plain, err
}

// try uses a pair once: it signs, or it decrypts what its public half encrypted.
//
// Errors: errPair if the halves do not belong together.
func (s *Session) try(ctx context.Context, g *group) error {
	if g.signs {
		return s.trySigning(ctx, g)
	}
	secret, sealed := make([]byte, 16), []byte(nil)
	rand.Read(secret)
	var err error
	switch k := g.key.(type) {
	case *gm.PublicKey:
		sealed, err = k.Encrypt(rand.Reader, secret)
	case *rsa.PublicKey:
		sealed, err = rsa.EncryptPKCS1v15(rand.Reader, k, secret)
	default:
		return nil // a key for key agreement only: nothing of ours
	}
	if err != nil {
		return err
	}
	plain, err := s.profile.Decrypt(ctx, s.c, g.private[0], g.key, sealed, nil)
	if errors.Is(err, gm.ErrDecrypt) || cryptoki.CodeOf(err) == cryptoki.CKR_ENCRYPTED_DATA_INVALID || err == nil && !bytes.Equal(plain, secret) {
		return errPair
	}
	return err
}

func (s *Session) trySigning(ctx context.Context, g *group) error {
	message := make([]byte, 32)
	rand.Read(message)
	if _, isEC := g.key.(*ecdsa.PublicKey); !isEC {
		if _, err := pki.AlgOf(g.key); err != nil {
			return err
		}
	}
	alg, err := pki.SigAlgFor(g.key)
	if err != nil {
		return err
	}
	digest, opts, err := pki.Digest(g.key, alg, message)
	if err != nil {
		return err
	}
	_, err = s.profile.Sign(ctx, s.c, g.private[0], g.key, digest, opts.HashFunc())
	if errors.Is(err, cryptoki.ErrWrongSignature) {
		return errPair
	}
	return err
}
