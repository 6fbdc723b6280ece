package cryptoki

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"errors"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"

	"signet/ca/gm"
	"signet/ca/pki"
	"signet/hsm/kwp"
)

// ImportKey brings a software key into the token, not to be extracted again: wrapped where the profile says the token can, else in the
// clear where it says so.
//
// Errors: ErrKey; *Error. After an error no object of the key is left, unless the token was gone.
func (p *Profile) ImportKey(ctx context.Context, s *Session, k KeySpec, key crypto.Signer) (pub, priv Object, err error) {
	pubT, privT := p.templates(k)
	typ := Number(CKA_KEY_TYPE, p.keyType(k.Alg))
	own, err := publicAttrs(key.Public())
	if err != nil {
		return 0, 0, err
	}
	pub, err = s.Create(ctx, append(append(pubT, typ), own...))
	if err != nil {
		return 0, 0, fmt.Errorf("creating the public key: %w", err)
	}
	switch p.Import {
	case ImportUnwrap:
		priv, err = p.unwrap(ctx, s, append(privT, typ), key)
	case ImportCreate:
		priv, err = p.create(ctx, s, append(privT, typ), key)
	default:
		err = fmt.Errorf("%w: the profile has no way to import", ErrKey)
	}
	if err != nil {
		return 0, 0, errors.Join(err, s.Destroy(context.WithoutCancel(ctx), pub))
	}
	return pub, priv, nil
}

func publicAttrs(pub crypto.PublicKey) ([]Attr, error) {
	point := func(alg pki.KeyAlg, p []byte) []Attr {
		b := cryptobyte.NewBuilder(nil)
		b.AddASN1OctetString(p)
		return []Attr{Bytes(CKA_EC_PARAMS, ecParams[alg]), Bytes(CKA_EC_POINT, b.BytesOrPanic())}
	}
	switch k := pub.(type) {
	case *gm.PublicKey:
		return point(pki.SM2, k.Bytes()), nil
	case *ecdsa.PublicKey:
		alg, err := pki.AlgOf(k)
		if err != nil {
			return nil, err
		}
		b, err := k.Bytes()
		return point(alg, b), err
	case *rsa.PublicKey:
		return []Attr{Bytes(CKA_MODULUS, k.N.Bytes()), Bytes(CKA_PUBLIC_EXPONENT, big.NewInt(int64(k.E)).Bytes())}, nil
	}
	return nil, fmt.Errorf("%w: %T", ErrKey, pub)
}

// unwrap makes an RSA pair in the token for this one import, sends an AES key under it and the private key under that.
func (p *Profile) unwrap(ctx context.Context, s *Session, template []Attr, key crypto.Signer) (Object, error) {
	pubT := []Attr{Bool(CKA_TOKEN, false), Number(CKA_MODULUS_BITS, 2048), Bytes(CKA_PUBLIC_EXPONENT, []byte{1, 0, 1}), Bool(CKA_WRAP, true)}
	privT := []Attr{Bool(CKA_TOKEN, false), Bool(CKA_SENSITIVE, true), Bool(CKA_EXTRACTABLE, false), Bool(CKA_UNWRAP, true)}
	pubO, privO, err := s.GenerateKeyPair(ctx, Mech(CKM_RSA_PKCS_KEY_PAIR_GEN), p.allowed(pubT), p.allowed(privT))
	if err != nil {
		return 0, fmt.Errorf("making a transport key: %w", err)
	}
	done := context.WithoutCancel(ctx)
	defer func() { _, _ = s.Destroy(done, pubO), s.Destroy(done, privO) }() // session objects: gone with the session at the latest
	pub, err := p.PublicKey(ctx, s, pubO)
	if err != nil {
		return 0, err
	}
	transport, ok := pub.(*rsa.PublicKey)
	if !ok {
		return 0, ErrKey
	}
	kek := make([]byte, 32)
	defer clear(kek)
	if _, err := rand.Read(kek); err != nil {
		return 0, err
	}
	sealed, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, transport, kek, nil) // the one OAEP every token has; SHA-1 is not weak in it
	if err != nil {
		return 0, err
	}
	kekO, err := s.Unwrap(ctx, OAEPSHA1(), privO, sealed, p.allowed([]Attr{Number(CKA_CLASS, CKO_SECRET_KEY), Number(CKA_KEY_TYPE, CKK_AES),
		Bool(CKA_TOKEN, false), Bool(CKA_SENSITIVE, true), Bool(CKA_EXTRACTABLE, false), Bool(CKA_UNWRAP, true)}))
	if err != nil {
		return 0, fmt.Errorf("sending the transport key: %w", err)
	}
	defer func() { _ = s.Destroy(done, kekO) }()
	der, err := pki.MarshalPrivateKey(key)
	if err != nil {
		return 0, err
	}
	defer clear(der)
	wrapped, err := kwp.Wrap(kek, der)
	if err != nil {
		return 0, err
	}
	o, err := s.Unwrap(ctx, Mech(CKM_AES_KEY_WRAP_PAD), kekO, wrapped, template)
	if err != nil {
		return 0, fmt.Errorf("unwrapping the key: %w", err)
	}
	return o, nil
}

func (p *Profile) create(ctx context.Context, s *Session, template []Attr, key crypto.Signer) (Object, error) {
	secret := func(typ uint, v []byte) {
		template = append(template, Bytes(typ, v))
	}
	point := func(alg pki.KeyAlg, public []byte) {
		secret(CKA_EC_PARAMS, ecParams[alg])
		if p.PrivatePoint {
			b := cryptobyte.NewBuilder(nil)
			b.AddASN1OctetString(public)
			secret(CKA_EC_POINT, b.BytesOrPanic())
		}
	}
	switch k := key.(type) {
	case *gm.PrivateKey:
		point(pki.SM2, k.PublicKey().Bytes())
		secret(CKA_VALUE, k.Bytes())
	case *ecdsa.PrivateKey:
		alg, err := pki.AlgOf(k.Public())
		if err != nil {
			return 0, err
		}
		public, err := k.PublicKey.Bytes()
		if err != nil {
			return 0, err
		}
		d, err := k.Bytes()
		if err != nil {
			return 0, err
		}
		point(alg, public)
		secret(CKA_VALUE, d)
	case *rsa.PrivateKey:
		if len(k.Primes) != 2 {
			return 0, ErrKey
		}
		k.Precompute()
		for typ, v := range map[uint]*big.Int{CKA_MODULUS: k.N, CKA_PUBLIC_EXPONENT: big.NewInt(int64(k.E)), CKA_PRIVATE_EXPONENT: k.D,
			CKA_PRIME_1: k.Primes[0], CKA_PRIME_2: k.Primes[1], CKA_EXPONENT_1: k.Precomputed.Dp, CKA_EXPONENT_2: k.Precomputed.Dq,
			CKA_COEFFICIENT: k.Precomputed.Qinv} {
			secret(typ, v.Bytes())
		}
	default:
		return 0, fmt.Errorf("%w: %T", ErrKey, key)
	}
	o, err := s.Create(ctx, template)
	for _, a := range template {
		switch a.Type {
		case CKA_VALUE, CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_PRIME_2, CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT:
			clear(a.Value)
		}
	}
	return o, err
}
