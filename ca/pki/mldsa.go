package pki

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"

	"github.com/emmansun/gmsm/mldsa"
)

// mldsaSet is one parameter set of ML-DSA. Key and signature have the same identifier, without parameters.
//
// Source: FIPS 204; RFC 9881 §2.
type mldsaSet struct {
	keyAlg  KeyAlg
	sigAlg  SigAlg
	family  family
	public  func(raw []byte) (mldsaVerifier, error)
	private func(seed []byte) (mldsaSigner, error)
}

type mldsaVerifier interface {
	VerifyWithOptions(sig, message []byte, opts crypto.SignerOpts) bool
}

type mldsaSigner interface {
	SignMessage(rand io.Reader, message []byte, opts crypto.SignerOpts) ([]byte, error)
	Public() crypto.PublicKey
	Seed() []byte
	Bytes() []byte
}

var mldsaSets = []*mldsaSet{
	{MLDSA44, MLDSA44Sig, familyMLDSA44,
		func(raw []byte) (mldsaVerifier, error) { return mldsa.NewPublicKey44(raw) },
		func(seed []byte) (mldsaSigner, error) { return mldsa.NewKey44(seed) }},
	{MLDSA65, MLDSA65Sig, familyMLDSA65,
		func(raw []byte) (mldsaVerifier, error) { return mldsa.NewPublicKey65(raw) },
		func(seed []byte) (mldsaSigner, error) { return mldsa.NewKey65(seed) }},
	{MLDSA87, MLDSA87Sig, familyMLDSA87,
		func(raw []byte) (mldsaVerifier, error) { return mldsa.NewPublicKey87(raw) },
		func(seed []byte) (mldsaSigner, error) { return mldsa.NewKey87(seed) }},
}

// mldsaSetOf finds the set by its key algorithm. Nil/zero: nil for another kind of key.
func mldsaSetOf(alg KeyAlg) *mldsaSet {
	for _, s := range mldsaSets {
		if s.keyAlg == alg {
			return s
		}
	}
	return nil
}

// mldsaSetByID finds the set by the contents of a key's AlgorithmIdentifier up to its parameters.
func mldsaSetByID(oid []byte) *mldsaSet {
	for _, s := range mldsaSets {
		if r := (reader{b: []byte(s.sigAlg.der)}); bytes.Equal(r.take(tagSequence), oid) {
			return s
		}
	}
	return nil
}

// MLDSAPublicKey is an ML-DSA public key.
//
// Concurrency: never changed after its making, so it may be shared.
type MLDSAPublicKey struct {
	set *mldsaSet
	raw []byte
	key mldsaVerifier
}

// NewMLDSAPublicKey reads the key of a parameter set.
//
// Shape: 1312, 1952 or 2592 bytes for ML-DSA-44, -65 and -87.
// Errors: ErrUnsupported for another algorithm, ErrMalformed for another length.
// Source: FIPS 204 §7.2 (pkDecode; every string of that length is a key).
func NewMLDSAPublicKey(alg KeyAlg, raw []byte) (*MLDSAPublicKey, error) {
	set := mldsaSetOf(alg)
	if set == nil {
		return nil, unsupported("key algorithm %q", string(alg))
	}
	key, err := set.public(raw)
	if err != nil {
		return nil, malformed("%s key of %d bytes", alg, len(raw))
	}
	return &MLDSAPublicKey{set, bytes.Clone(raw), key}, nil
}

// Alg is the parameter set.
func (k *MLDSAPublicKey) Alg() KeyAlg { return k.set.keyAlg }

// Bytes is the key as NewMLDSAPublicKey reads it.
func (k *MLDSAPublicKey) Bytes() []byte { return bytes.Clone(k.raw) }

// Equal reports whether other is the same key.
func (k *MLDSAPublicKey) Equal(other crypto.PublicKey) bool {
	o, ok := other.(*MLDSAPublicKey)
	return ok && o != nil && k.set == o.set && bytes.Equal(k.raw, o.raw)
}

// verify checks a signature over the message itself, with the empty context.
func (k *MLDSAPublicKey) verify(message, sig []byte) bool {
	return k.key.VerifyWithOptions(sig, message, nil)
}

// MLDSAPrivateKey is an ML-DSA private key, of which its seed is kept. It prints as "[ML-DSA private key]".
//
// Concurrency: may be shared.
type MLDSAPrivateKey struct {
	key    mldsaSigner
	public *MLDSAPublicKey
}

var _ crypto.Signer = (*MLDSAPrivateKey)(nil)

// mldsaSeedSize is the size of ξ. Source: FIPS 204 §5.1.
const mldsaSeedSize = 32

func generateMLDSA(set *mldsaSet, random io.Reader) (*MLDSAPrivateKey, error) {
	seed := make([]byte, mldsaSeedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return nil, fmt.Errorf("reading random bytes: %w", err)
	}
	defer clear(seed)
	return NewMLDSAPrivateKey(set.keyAlg, seed)
}

// NewMLDSAPrivateKey makes the key of a seed.
//
// Shape: 32 bytes.
// Errors: ErrUnsupported for another algorithm, ErrMalformed for another length.
// Source: FIPS 204 §6.1 (ML-DSA.KeyGen_internal).
func NewMLDSAPrivateKey(alg KeyAlg, seed []byte) (*MLDSAPrivateKey, error) {
	set := mldsaSetOf(alg)
	if set == nil {
		return nil, unsupported("key algorithm %q", string(alg))
	}
	key, err := set.private(seed)
	if err != nil {
		return nil, malformed("%s seed", alg)
	}
	public, err := NewMLDSAPublicKey(alg, key.Public().(interface{ Bytes() []byte }).Bytes())
	if err != nil {
		return nil, err
	}
	return &MLDSAPrivateKey{key, public}, nil
}

// Seed is the seed. A secret: the caller keeps it out of logs, pages and errors.
//
// Shape: 32 bytes.
func (k *MLDSAPrivateKey) Seed() []byte { return k.key.Seed() }

// Public returns the *MLDSAPublicKey.
func (k *MLDSAPrivateKey) Public() crypto.PublicKey { return k.public }

// Equal reports whether other is the same key.
func (k *MLDSAPrivateKey) Equal(other crypto.PrivateKey) bool {
	o, ok := other.(*MLDSAPrivateKey)
	return ok && o != nil && k.public.set == o.public.set && subtle.ConstantTimeCompare(k.Seed(), o.Seed()) == 1
}

// Sign signs the whole message, hedged, with the empty context: pure ML-DSA, as RFC 9881 has it in certificates. As with Ed25519 in Go,
// what crypto.Signer calls a digest is the message.
//
// Nil/zero: a nil random source means crypto/rand; opts may be nil.
// Errors: ErrUnsupported for a pre-hashed message; those of the source; one for an empty message, which the library does not sign.
func (k *MLDSAPrivateKey) Sign(random io.Reader, message []byte, opts crypto.SignerOpts) ([]byte, error) {
	if opts != nil && opts.HashFunc() != 0 {
		return nil, unsupported("ML-DSA over a digest")
	}
	if random == nil {
		random = rand.Reader
	}
	return k.key.SignMessage(random, message, nil)
}

const mldsaRedacted = "[ML-DSA private key]"

// The methods below have value receivers, so that a dereferenced key does not print either.

func (MLDSAPrivateKey) String() string               { return mldsaRedacted }
func (MLDSAPrivateKey) GoString() string             { return mldsaRedacted }
func (MLDSAPrivateKey) Format(f fmt.State, _ rune)   { io.WriteString(f, mldsaRedacted) }
func (MLDSAPrivateKey) LogValue() slog.Value         { return slog.StringValue(mldsaRedacted) }
func (MLDSAPrivateKey) MarshalText() ([]byte, error) { return []byte(mldsaRedacted), nil }

// wholeMessage is the hash.Hash of an algorithm that signs the message itself: its sum is what was written.
type wholeMessage struct{ b []byte }

func (w *wholeMessage) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}

func (w *wholeMessage) Sum(in []byte) []byte { return append(in, w.b...) }
func (w *wholeMessage) Reset()               { w.b = nil }
func (w *wholeMessage) Size() int            { return len(w.b) }
func (w *wholeMessage) BlockSize() int       { return 1 }

// marshalMLDSAPrivate writes the seed form of PKCS#8.
//
// Source: RFC 9881 §6: seed [0] IMPLICIT OCTET STRING (SIZE (32)).
func marshalMLDSAPrivate(k *MLDSAPrivateKey) []byte {
	seed := k.Seed()
	defer clear(seed)
	return tlv(tagSequence, derUint(nil), k.public.set.sigAlg.DER(), tlv(tagOctetString, tlv(context(0, false), seed)))
}

// parseMLDSAPrivate reads the seed form, and the form with both once the expanded key is found to be the seed's.
//
// Errors: ErrUnsupported for an expanded key alone, from which no seed can be had back.
// Source: RFC 9881 §6, §8.2 (both forms MUST be compared).
func parseMLDSAPrivate(set *mldsaSet, der []byte) (crypto.Signer, error) {
	what := string(set.keyAlg) + " private key"
	r := reader{b: der}
	if seed, ok := r.optional(context(0, false)); ok {
		if !r.done() {
			return nil, malformed("%s", what)
		}
		return NewMLDSAPrivateKey(set.keyAlg, seed)
	}
	if len(der) > 0 && der[0] == tagOctetString {
		return nil, unsupported("%s without its seed", what)
	}
	body, err := sequence(der, what)
	if err != nil {
		return nil, err
	}
	r = reader{b: body}
	seed, expanded := r.take(tagOctetString), r.take(tagOctetString)
	if !r.done() {
		return nil, malformed("%s", what)
	}
	key, err := NewMLDSAPrivateKey(set.keyAlg, seed)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(key.key.Bytes(), expanded) != 1 {
		return nil, malformed("%s whose seed and expanded key differ", what)
	}
	return key, nil
}
