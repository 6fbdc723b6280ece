package pkcs11

import (
	"context"
	"crypto"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"

	"signet/ca/cms"
	"signet/ca/gm"
	"signet/ca/pki"
	"signet/hsm/cryptoki"
	"signet/ukey"
)

// ImportEnveloped puts the encryption pair inside the envelope on the token: unwrapped in there where the token can, else through
// this program where the profile says so.
func (s *Session) ImportEnveloped(ctx context.Context, enc, signing ukey.KeyID, envelopedDER []byte) error {
	return s.do(ctx, "importing encryption key", func(ctx context.Context) error {
		opener, err := s.pair(ctx, signing)
		if err != nil {
			return err
		}
		if !opener.signs {
			return ukey.ErrUsage
		}
		envelope, err := cms.ParseEnvelopedKey(envelopedDER)
		if err != nil {
			return err
		}
		return s.importKey(ctx, enc, opener, envelope)
	})
}

func (s *Session) importKey(ctx context.Context, enc ukey.KeyID, opener *group, e *cms.EnvelopedKey) error {
	g, err := s.under(ctx, enc)
	if err != nil {
		return err
	}
	whole, err := s.whole(ctx, g)
	if err != nil {
		return err
	}
	if whole {
		if g.signs || !e.PublicKey.Equal(g.key) {
			return ukey.ErrExists
		}
		return s.mark(ctx, g, ukey.Encrypt)
	}
	if err := s.discard(ctx, g); err != nil {
		return err
	}
	if err := s.bring(ctx, g.raw, opener, e); err != nil {
		return err
	}
	g, err = s.proven(ctx, enc)
	if err != nil {
		return err
	}
	return s.mark(ctx, g, ukey.Encrypt)
}

// bring puts both halves on the token.
func (s *Session) bring(ctx context.Context, raw []byte, opener *group, e *cms.EnvelopedKey) error {
	switch {
	case s.profile.Enveloped != 0:
		return s.unwrap(ctx, raw, opener, e)
	case s.profile.opens():
		inside, err := s.openHere(ctx, opener, e)
		if err != nil {
			return err
		}
		_, _, err = s.profile.ImportKey(ctx, s.c, cryptoki.KeySpec{Alg: pki.SM2, ID: raw, Token: true, Decrypt: true}, inside)
		return err
	}
	return ukey.ErrUnsupported
}

// openHere opens the envelope in this program.
func (s *Session) openHere(ctx context.Context, opener *group, e *cms.EnvelopedKey) (*gm.PrivateKey, error) {
	o := &sm2Opener{ctx: ctx, session: s, private: opener.private[0], public: opener.key}
	inside, err := e.Unwrap(o)
	switch {
	case o.failed != nil:
		return nil, o.failed
	case errors.Is(err, cms.ErrDecrypt):
		return nil, fmt.Errorf("%w (%w)", ukey.ErrNotOurs, err)
	}
	return inside, err
}

// unwrap lets the token open the envelope. The private half comes first: a public half alone would be half a pair that can be seen.
func (s *Session) unwrap(ctx context.Context, id []byte, opener *group, e *cms.EnvelopedKey) error {
	common := []cryptoki.Attr{cryptoki.Number(cryptoki.CKA_KEY_TYPE, s.profile.SM2.Key), cryptoki.Bool(cryptoki.CKA_TOKEN, true),
		cryptoki.Bytes(cryptoki.CKA_ID, id)}
	_, err := s.c.Unwrap(ctx, cryptoki.Mech(s.profile.Enveloped), opener.private[0], e.DER(), append([]cryptoki.Attr{
		cryptoki.Number(cryptoki.CKA_CLASS, cryptoki.CKO_PRIVATE_KEY), cryptoki.Bool(cryptoki.CKA_PRIVATE, true),
		cryptoki.Bool(cryptoki.CKA_SENSITIVE, true), cryptoki.Bool(cryptoki.CKA_EXTRACTABLE, false),
		cryptoki.Bool(cryptoki.CKA_SIGN, false), cryptoki.Bool(cryptoki.CKA_DECRYPT, true)}, common...))
	if cryptoki.CodeOf(err) == codeWrappedKeyInvalid {
		return fmt.Errorf("%w (%w, %w)", ukey.ErrNotOurs, cms.ErrDecrypt, err)
	}
	if err != nil {
		return err
	}
	point, err := asn1.Marshal(e.PublicKey.Bytes())
	if err != nil {
		return err
	}
	_, err = s.c.Create(ctx, append([]cryptoki.Attr{cryptoki.Number(cryptoki.CKA_CLASS, cryptoki.CKO_PUBLIC_KEY),
		cryptoki.Bool(cryptoki.CKA_PRIVATE, false), cryptoki.Bool(cryptoki.CKA_VERIFY, false), cryptoki.Bool(cryptoki.CKA_ENCRYPT, true),
		cryptoki.Bytes(cryptoki.CKA_EC_POINT, point)}, common...))
	return err
}

// sm2Opener decrypts the envelope's symmetric key with the signing pair on the token.
type sm2Opener struct {
	ctx     context.Context
	session *Session
	private cryptoki.Object
	public  crypto.PublicKey
	failed  error // why the token did not decrypt, if it was not for what it was given: Unwrap says the same of all
}

func (o *sm2Opener) Public() crypto.PublicKey { return o.public }

func (o *sm2Opener) Decrypt(_ io.Reader, msg []byte, _ crypto.DecrypterOpts) ([]byte, error) {
	if _, ok := o.public.(*gm.PublicKey); !ok {
		o.failed = ukey.ErrUsage
		return nil, o.failed
	}
	plain, err := o.session.profile.Decrypt(o.ctx, o.session.c, o.private, o.public, msg, nil)
	if err != nil && !errors.Is(err, gm.ErrDecrypt) {
		o.failed = err
	}
	return plain, err
}
