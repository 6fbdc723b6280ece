package cryptoki

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"signet/ca/gm"
	"signet/ca/pki"
)

var (
	// ErrKey: the token does not have or cannot make this kind of key, or shows a public key that is none.
	ErrKey = errors.New("cryptoki: key of this kind is not supported")
	// ErrWrongSignature: the token's signature does not verify. It is never given out.
	ErrWrongSignature = errors.New("cryptoki: the token gave a wrong signature")
)

// KeySpec is what a key pair is to be.
type KeySpec struct {
	Alg     pki.KeyAlg // required
	Label   string
	ID      []byte
	Token   bool // kept by the token; else gone with the session
	Sign    bool // signs
	Decrypt bool // decrypts (RSA) or derives (SM2, ECDH)
}

// ecParams are the curves' object identifiers in DER.
var ecParams = map[pki.KeyAlg][]byte{
	pki.P256: {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}, // RFC 5480 §2.1.1.1
	pki.P384: {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22},                   // RFC 5480 §2.1.1.1
	pki.SM2:  {0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d}, // GM/T 0006, 1.2.156.10197.1.301
}

var rsaBits = map[pki.KeyAlg]uint{pki.RSA2048: 2048, pki.RSA3072: 3072, pki.RSA4096: 4096}

// templates are the attributes of both halves without the algorithm's own.
func (p *Profile) templates(k KeySpec) (pub, priv []Attr) {
	pub = []Attr{Number(CKA_CLASS, CKO_PUBLIC_KEY), Bool(CKA_TOKEN, k.Token), Bool(CKA_PRIVATE, false), Bool(CKA_VERIFY, k.Sign)}
	priv = []Attr{Number(CKA_CLASS, CKO_PRIVATE_KEY), Bool(CKA_TOKEN, k.Token), Bool(CKA_PRIVATE, true), Bool(CKA_SENSITIVE, true),
		Bool(CKA_EXTRACTABLE, false), Bool(CKA_SIGN, k.Sign)}
	switch _, isRSA := rsaBits[k.Alg]; {
	case isRSA:
		pub = append(pub, Bool(CKA_ENCRYPT, k.Decrypt))
		priv = append(priv, Bool(CKA_DECRYPT, k.Decrypt))
	default:
		priv = append(priv, Bool(CKA_DERIVE, k.Decrypt))
		if k.Alg == pki.SM2 && p.SM2.Encrypt != 0 {
			priv = append(priv, Bool(CKA_DECRYPT, k.Decrypt))
		}
	}
	if k.Decrypt && !k.Sign && p.ExchangeAttr != 0 {
		priv = append(priv, Bool(p.ExchangeAttr, true))
	}
	if k.Label != "" {
		pub, priv = append(pub, Text(CKA_LABEL, k.Label)), append(priv, Text(CKA_LABEL, k.Label))
	}
	if len(k.ID) > 0 {
		pub, priv = append(pub, Bytes(CKA_ID, k.ID)), append(priv, Bytes(CKA_ID, k.ID))
	}
	return p.allowed(pub), p.allowed(priv)
}

// allowed leaves out what the module refuses.
func (p *Profile) allowed(attrs []Attr) []Attr {
	return slices.DeleteFunc(attrs, func(a Attr) bool { return slices.Contains(p.Exclude, a.Type) })
}

func (p *Profile) keyType(alg pki.KeyAlg) uint {
	switch alg {
	case pki.SM2:
		if p.SM2.Key == 0 {
			return CKK_EC
		}
		return p.SM2.Key
	case pki.P256, pki.P384:
		return CKK_EC
	}
	return CKK_RSA
}

// GenerateKeyPair makes a key pair in the token: private, sensitive, not extractable.
//
// Errors: ErrKey; *Error.
func (p *Profile) GenerateKeyPair(ctx context.Context, s *Session, k KeySpec) (pub, priv Object, err error) {
	pubT, privT := p.templates(k)
	mech := uint(CKM_EC_KEY_PAIR_GEN)
	bits, isRSA := rsaBits[k.Alg]
	switch {
	case isRSA:
		mech = CKM_RSA_PKCS_KEY_PAIR_GEN
		pubT = append(pubT, Number(CKA_MODULUS_BITS, bits), Bytes(CKA_PUBLIC_EXPONENT, []byte{1, 0, 1}))
	case k.Alg == pki.SM2 && p.SM2.Generate != 0:
		mech = p.SM2.Generate
		if k.Decrypt && !k.Sign && p.SM2.GenerateEnc != 0 {
			mech = p.SM2.GenerateEnc
		}
		if p.SM2.Params {
			pubT = append(pubT, Bytes(CKA_EC_PARAMS, ecParams[pki.SM2]))
		}
	case k.Alg == pki.SM2 && (!p.SM2.Curve || k.Sign), ecParams[k.Alg] == nil:
		return 0, 0, fmt.Errorf("%w: %s", ErrKey, k.Alg)
	default:
		pubT = append(pubT, Bytes(CKA_EC_PARAMS, ecParams[k.Alg]))
	}
	typ := Number(CKA_KEY_TYPE, p.keyType(k.Alg))
	return s.GenerateKeyPair(ctx, Mech(mech), append(pubT, typ), append(privT, typ))
}

// PublicKey reads a public key object: *rsa.PublicKey, *ecdsa.PublicKey or *gm.PublicKey.
//
// Errors: ErrKey; *Error.
func (p *Profile) PublicKey(ctx context.Context, s *Session, pub Object) (crypto.PublicKey, error) {
	attrs, err := s.Attributes(ctx, pub, CKA_KEY_TYPE, CKA_EC_PARAMS, CKA_EC_POINT, CKA_MODULUS, CKA_PUBLIC_EXPONENT)
	if err != nil {
		return nil, err
	}
	typ, _ := NumberIn(attrs, CKA_KEY_TYPE)
	params, point := Value(attrs, CKA_EC_PARAMS), Value(attrs, CKA_EC_POINT)
	switch {
	case typ == CKK_RSA:
		n, e := new(big.Int).SetBytes(Value(attrs, CKA_MODULUS)), new(big.Int).SetBytes(Value(attrs, CKA_PUBLIC_EXPONENT))
		if n.Sign() == 0 || !e.IsInt64() || e.Int64() < 3 || e.Int64() > 1<<31-1 {
			return nil, fmt.Errorf("%w: RSA numbers", ErrKey)
		}
		return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
	case p.SM2.Key != 0 && typ == p.SM2.Key && (len(params) == 0 || bytes.Equal(params, ecParams[pki.SM2])),
		typ == CKK_EC && bytes.Equal(params, ecParams[pki.SM2]):
		key, err := gm.NewPublicKey(barePoint(point, 32))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrKey, err)
		}
		return key, nil
	case typ == CKK_EC:
		return ecdsaKey(params, point)
	}
	return nil, fmt.Errorf("%w: key type 0x%x", ErrKey, typ)
}

func ecdsaKey(params, point []byte) (crypto.PublicKey, error) {
	for alg, curve := range map[pki.KeyAlg]elliptic.Curve{pki.P256: elliptic.P256(), pki.P384: elliptic.P384()} {
		if bytes.Equal(params, ecParams[alg]) {
			key, err := ecdsa.ParseUncompressedPublicKey(curve, barePoint(point, curve.Params().BitSize/8))
			if err != nil {
				return nil, fmt.Errorf("%w: %w", ErrKey, err)
			}
			return key, nil
		}
	}
	return nil, fmt.Errorf("%w: curve", ErrKey)
}

// barePoint takes a point out of its OCTET STRING; modules give both forms, and x‖y without the leading 04 too. Lengths tell them apart.
func barePoint(b []byte, size int) []byte {
	switch {
	case len(b) == 2*size:
		return append([]byte{4}, b...)
	case len(b) > 2*size+1:
		if s, inner := cryptobyte.String(b), cryptobyte.String(nil); s.ReadASN1(&inner, asn1.OCTET_STRING) && s.Empty() {
			return inner
		}
	}
	return b
}

// Sign signs a digest as pki.Sign hands it out and checks the result: the result is DER for SM2 and ECDSA. A signature that does not verify
// is not given out.
//
// Shape: hash is 0 for SM2. Errors: ErrKey, ErrWrongSignature; *Error.
func (p *Profile) Sign(ctx context.Context, s *Session, priv Object, pub crypto.PublicKey, digest []byte, hash crypto.Hash) ([]byte, error) {
	switch k := pub.(type) {
	case *gm.PublicKey:
		return p.signSM2(ctx, s, priv, k, digest, hash)
	case *ecdsa.PublicKey:
		if hash == 0 || !hash.Available() || len(digest) != hash.Size() {
			return nil, fmt.Errorf("%w: digest of %d bytes", ErrKey, len(digest))
		}
		size := (k.Curve.Params().BitSize + 7) / 8
		raw, err := s.Sign(ctx, Mech(CKM_ECDSA), priv, digest[:min(len(digest), size)])
		if err != nil {
			return nil, err
		}
		sig, err := derSignature(raw, size)
		if err != nil || !ecdsa.VerifyASN1(k, digest, sig) {
			return nil, ErrWrongSignature
		}
		return sig, nil
	case *rsa.PublicKey:
		info, err := digestInfo(hash, digest)
		if err != nil {
			return nil, err
		}
		sig, err := s.Sign(ctx, Mech(CKM_RSA_PKCS), priv, info)
		if err != nil {
			return nil, err
		}
		if rsa.VerifyPKCS1v15(k, hash, digest, sig) != nil {
			return nil, ErrWrongSignature
		}
		return sig, nil
	}
	return nil, fmt.Errorf("%w: %T", ErrKey, pub)
}

func (p *Profile) signSM2(ctx context.Context, s *Session, priv Object, pub *gm.PublicKey, digest []byte, hash crypto.Hash) ([]byte, error) {
	if p.SM2.Sign == 0 || hash != 0 || len(digest) != 32 {
		return nil, fmt.Errorf("%w: SM2 signing", ErrKey)
	}
	sig, err := s.Sign(ctx, Mech(p.SM2.Sign), priv, digest)
	if err != nil {
		return nil, err
	}
	if len(sig) == 64 { // r‖s, also from modules that are said to give DER: no DER of an SM2 signature is that short but by chance
		if der, err := gm.SignatureFromRaw(sig); err == nil && pub.Verify(digest, der) {
			return der, nil
		}
	}
	if !pub.Verify(digest, sig) {
		return nil, ErrWrongSignature
	}
	return sig, nil
}

// derSignature turns r‖s into DER; some modules give DER at once.
func derSignature(sig []byte, size int) ([]byte, error) {
	if len(sig) != 2*size {
		return sig, nil
	}
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1BigInt(new(big.Int).SetBytes(sig[:size]))
		b.AddASN1BigInt(new(big.Int).SetBytes(sig[size:]))
	})
	return b.Bytes()
}

// digestInfos are the DER before a digest in PKCS #1 v1.5. Source: RFC 8017 §9.2 note 1.
var digestInfos = map[crypto.Hash][]byte{
	crypto.SHA256: {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20},
	crypto.SHA384: {0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30},
	crypto.SHA512: {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40},
}

func digestInfo(hash crypto.Hash, digest []byte) ([]byte, error) {
	prefix, ok := digestInfos[hash]
	if !ok || len(digest) != hash.Size() {
		return nil, fmt.Errorf("%w: RSA with %v over %d bytes", ErrKey, hash, len(digest))
	}
	return append(bytes.Clone(prefix), digest...), nil
}

// SharedX is the x coordinate of the private key times a point, by CKM_ECDH1_DERIVE. The caller wipes it.
//
// Shape: point uncompressed, 04‖x‖y, of the key's curve; size is the curve's in bytes.
func (p *Profile) SharedX(ctx context.Context, s *Session, priv Object, point []byte, size int) ([]byte, error) {
	if p.DeriveDER {
		b := cryptobyte.NewBuilder(nil)
		b.AddASN1OctetString(point)
		point = b.BytesOrPanic()
	}
	o, err := s.Derive(ctx, ECDH(point), priv, p.allowed([]Attr{
		Number(CKA_CLASS, CKO_SECRET_KEY), Number(CKA_KEY_TYPE, CKK_GENERIC_SECRET), Number(CKA_VALUE_LEN, uint(size)),
		Bool(CKA_TOKEN, false), Bool(CKA_PRIVATE, true), Bool(CKA_SENSITIVE, false), Bool(CKA_EXTRACTABLE, true),
	}))
	if err != nil {
		return nil, err
	}
	attrs, err := s.Attributes(ctx, o, CKA_VALUE)
	if err := errors.Join(err, s.Destroy(ctx, o)); err != nil {
		return nil, err
	}
	x := Value(attrs, CKA_VALUE)
	if len(x) != size {
		return nil, fmt.Errorf("%w: derived secret of %d bytes", ErrKey, len(x))
	}
	return x, nil
}

// DecryptSM2 decrypts with an SM2 key: by the vendor's mechanism where the profile has one, else by ECDH, for which x alone is enough.
//
// Errors: gm.ErrDecrypt; *Error. The caller wipes the result.
func (p *Profile) DecryptSM2(ctx context.Context, s *Session, priv Object, c gm.Ciphertext) ([]byte, error) {
	if p.SM2.Encrypt != 0 {
		in := c.C1C3C2()
		switch p.SM2.Cipher {
		case CipherC1C2C3:
			in = c.C1C2C3()
		case CipherDER:
			in = c.ASN1()
		}
		out, err := s.Decrypt(ctx, Mech(p.SM2.Encrypt), priv, in)
		if code := CodeOf(err); code == CKR_ENCRYPTED_DATA_INVALID || code == CKR_ENCRYPTED_DATA_LEN_RANGE {
			return nil, gm.ErrDecrypt
		}
		return out, err
	}
	x, err := p.SharedX(ctx, s, priv, c.C1.Bytes(), 32)
	if err != nil {
		return nil, err
	}
	defer clear(x)
	return gm.OpenWithX(x, c)
}
