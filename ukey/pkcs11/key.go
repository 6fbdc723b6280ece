package pkcs11

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"

	"signet/ca/gm"
	"signet/ca/pki"
	"signet/hsm/cryptoki"
	"signet/ukey"
)

// errScheme says that this kind of signature or encryption is not to be had.
var errScheme = errors.New("pkcs11: scheme not supported")

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
		return nil, fmt.Errorf("signing: %w: PSS", errScheme)
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
		plain, err = k.session.decrypt(ctx, k.private, k.public, msg, opts)
		return err
	})
	return plain, err
}

func (s *Session) decrypt(ctx context.Context, private cryptoki.Object, public crypto.PublicKey, msg []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	switch public.(type) {
	case *gm.PublicKey:
		return s.decryptSM2(ctx, private, msg)
	case *rsa.PublicKey:
		return s.decryptRSA(ctx, private, msg, opts)
	}
	return nil, errScheme
}

// decryptSM2 tries both orders that a raw ciphertext may have; the tag decides.
func (s *Session) decryptSM2(ctx context.Context, private cryptoki.Object, msg []byte) ([]byte, error) {
	for _, parse := range []func([]byte) (gm.Ciphertext, error){gm.ParseCiphertext, gm.ParseCiphertextC1C2C3} {
		c, err := parse(msg)
		if err != nil {
			continue
		}
		plain, err := s.profile.DecryptSM2(ctx, s.c, private, c)
		if !errors.Is(err, gm.ErrDecrypt) {
			return plain, err
		}
	}
	return nil, gm.ErrDecrypt
}

func (s *Session) decryptRSA(ctx context.Context, private cryptoki.Object, msg []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	switch o := opts.(type) {
	case nil:
		return s.c.Decrypt(ctx, cryptoki.Mech(cryptoki.CKM_RSA_PKCS), private, msg)
	case *rsa.PKCS1v15DecryptOptions:
		plain, err := s.c.Decrypt(ctx, cryptoki.Mech(cryptoki.CKM_RSA_PKCS), private, msg)
		if o.SessionKeyLen > 0 {
			return sessionKey(plain, err, o.SessionKeyLen)
		}
		return plain, err
	case *rsa.OAEPOptions:
		m := cryptoki.OAEPSHA1()
		if o.Hash == crypto.SHA256 && (o.MGFHash == 0 || o.MGFHash == crypto.SHA256) {
			m.OAEP = &cryptoki.OAEPParams{Hash: cryptoki.CKM_SHA256, MGF: cryptoki.CKG_MGF1_SHA256}
		} else if o.Hash != crypto.SHA1 || o.MGFHash != 0 && o.MGFHash != crypto.SHA1 {
			return nil, fmt.Errorf("%w: OAEP", errScheme)
		}
		if len(o.Label) > 0 {
			return nil, fmt.Errorf("%w: OAEP label", errScheme)
		}
		return s.c.Decrypt(ctx, m, private, msg)
	}
	return nil, errScheme
}

// sessionKey gives a random key for a ciphertext that does not decrypt to n bytes, so that nobody learns which it was.
//
// Source: RFC 3218 §2.3.2.
func sessionKey(plain []byte, err error, n int) ([]byte, error) {
	if err != nil && cryptoki.ClassOf(err) != cryptoki.ClassOther {
		return nil, err
	}
	key := make([]byte, n)
	rand.Read(key)
	if err == nil && len(plain) == n {
		subtle.ConstantTimeCopy(1, key, plain)
	}
	clear(plain)
	return key, nil
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
	plain, err := s.decrypt(ctx, g.private[0], g.key, sealed, nil)
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
