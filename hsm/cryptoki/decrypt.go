package cryptoki

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"

	"signet/ca/gm"
	"signet/ca/pki"
)

var (
	// ErrScheme: this kind of encryption is not to be had.
	ErrScheme = errors.New("cryptoki: scheme not supported")
	// ErrDecrypt: an RSA ciphertext is not for this key, or damaged.
	ErrDecrypt = errors.New("cryptoki: decryption failed")
)

// CanDecrypt says whether keys of that kind can be made and decrypt, going by the token's mechanism list.
func (p *Profile) CanDecrypt(mechs []uint, alg pki.KeyAlg) bool {
	has := func(m uint) bool { return m != 0 && slices.Contains(mechs, m) }
	switch _, isRSA := rsaBits[alg]; {
	case isRSA:
		return slices.Contains(mechs, CKM_RSA_PKCS_KEY_PAIR_GEN) && has(CKM_RSA_PKCS) && has(CKM_RSA_PKCS_OAEP)
	case alg != pki.SM2:
		return false
	case p.SM2.Encrypt != 0:
		return has(p.SM2.Generate) && has(p.SM2.Encrypt)
	}
	return (has(p.SM2.Generate) || p.SM2.Curve && has(CKM_EC_KEY_PAIR_GEN)) && has(CKM_ECDH1_DERIVE)
}

// Decrypt decrypts what was encrypted to the key: SM2 in every encoding, RSA by PKCS #1 v1.5 or by OAEP with SHA-1 or SHA-256.
//
// Shape: opts as crypto/rsa has them; not used for SM2. Errors: ErrScheme; gm.ErrDecrypt; *Error. The caller wipes the result.
func (p *Profile) Decrypt(ctx context.Context, s *Session, priv Object, pub crypto.PublicKey, msg []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	switch pub.(type) {
	case *gm.PublicKey:
		return p.decryptSM2(ctx, s, priv, msg)
	case *rsa.PublicKey:
		return decryptRSA(ctx, s, priv, msg, opts)
	}
	return nil, ErrScheme
}

// decryptSM2 tries both orders that a raw ciphertext may have; the tag decides.
func (p *Profile) decryptSM2(ctx context.Context, s *Session, priv Object, msg []byte) ([]byte, error) {
	for _, parse := range []func([]byte) (gm.Ciphertext, error){gm.ParseCiphertext, gm.ParseCiphertextC1C2C3} {
		c, err := parse(msg)
		if err != nil {
			continue
		}
		plain, err := p.DecryptSM2(ctx, s, priv, c)
		if !errors.Is(err, gm.ErrDecrypt) {
			return plain, err
		}
	}
	return nil, gm.ErrDecrypt
}

func decryptRSA(ctx context.Context, s *Session, priv Object, msg []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	switch o := opts.(type) {
	case nil:
		return s.Decrypt(ctx, Mech(CKM_RSA_PKCS), priv, msg)
	case *rsa.PKCS1v15DecryptOptions:
		plain, err := s.Decrypt(ctx, Mech(CKM_RSA_PKCS), priv, msg)
		if o.SessionKeyLen > 0 {
			return sessionKey(plain, err, o.SessionKeyLen)
		}
		return plain, err
	case *rsa.OAEPOptions:
		m := OAEPSHA1()
		if o.Hash == crypto.SHA256 && (o.MGFHash == 0 || o.MGFHash == crypto.SHA256) {
			m.OAEP = &OAEPParams{Hash: CKM_SHA256, MGF: CKG_MGF1_SHA256}
		} else if o.Hash != crypto.SHA1 || o.MGFHash != 0 && o.MGFHash != crypto.SHA1 {
			return nil, fmt.Errorf("%w: OAEP", ErrScheme)
		}
		if len(o.Label) > 0 {
			return nil, fmt.Errorf("%w: OAEP label", ErrScheme)
		}
		plain, err := s.Decrypt(ctx, m, priv, msg)
		switch CodeOf(err) {
		case CKR_ARGUMENTS_BAD, CKR_MECHANISM_INVALID, CKR_MECHANISM_PARAM_INVALID: // SoftHSM 2 has SHA-1 alone
			return nil, fmt.Errorf("%w: OAEP with %v (%w)", ErrScheme, o.Hash, err)
		}
		return plain, err
	}
	return nil, ErrScheme
}

// sessionKey gives a random key for a ciphertext that does not decrypt to n bytes, so that nobody learns which it was.
//
// Source: RFC 3218 §2.3.2.
func sessionKey(plain []byte, err error, n int) ([]byte, error) {
	if err != nil && !aboutCiphertext(err) {
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

// aboutCiphertext tells whether C_Decrypt may have failed for what it was given. Modules answer bad padding with errors that elsewhere
// mean that the module is broken (SoftHSM 2.6.1 gives CKR_GENERAL_ERROR).
func aboutCiphertext(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (ClassOf(err) == ClassOther || e.Call == opDecrypt.String() && (e.Code == CKR_GENERAL_ERROR || e.Code == CKR_FUNCTION_FAILED))
}

// TellDecryption turns the error of Decrypt into ErrDecrypt if it was the ciphertext's fault: then the key still decrypts another.
func (p *Profile) TellDecryption(ctx context.Context, s *Session, priv Object, pub crypto.PublicKey, err error) error {
	if err == nil || errors.Is(err, ErrScheme) || !aboutCiphertext(err) {
		return err
	}
	key, ok := pub.(*rsa.PublicKey)
	if !ok {
		return err
	}
	sealed, sealErr := rsa.EncryptPKCS1v15(rand.Reader, key, []byte("alive"))
	if sealErr != nil {
		return err
	}
	plain, again := s.Decrypt(ctx, Mech(CKM_RSA_PKCS), priv, sealed)
	if again != nil || string(plain) != "alive" {
		return err
	}
	return fmt.Errorf("%w (%v)", ErrDecrypt, err) // not wrapped: there is nothing to heal
}
