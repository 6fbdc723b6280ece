package gm

import (
	"crypto"
	cryptorand "crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// PrivateKey is an SM2 private key. It prints as "[SM2 private key]" whatever prints it.
//
// Concurrency: never changed after its making, so it may be shared.
type PrivateKey struct {
	d       scalar
	inverse scalar // 1/(1+d), Montgomery
	nonces  nonceKey
	public  PublicKey
}

var (
	_ crypto.Signer    = (*PrivateKey)(nil)
	_ crypto.Decrypter = (*PrivateKey)(nil)
)

// maxTries bounds the draws from a random source. A sound one misses with probability 2⁻³² per draw.
const maxTries = 100

// GenerateKey makes a key.
//
// Nil/zero: a nil rand is crypto/rand.
// Errors: those of rand; ErrRandom if it only gives numbers out of range.
func GenerateKey(rand io.Reader) (*PrivateKey, error) {
	for range maxTries {
		d, err := draw(rand)
		if err != nil {
			return nil, err
		}
		if k, err := NewPrivateKey(d[:]); err == nil {
			return k, nil
		}
	}
	return nil, ErrRandom
}

// draw reads 32 random bytes.
func draw(rand io.Reader) (b [32]byte, err error) {
	if rand == nil {
		rand = cryptorand.Reader
	}
	if _, err = io.ReadFull(rand, b[:]); err != nil {
		return b, fmt.Errorf("reading random bytes: %w", err)
	}
	return b, nil
}

// NewPrivateKey makes the key of a known scalar and computes its public key.
//
// Shape: 32 bytes, big-endian, 1 ≤ d ≤ n−2.
// Errors: ErrScalar for anything else.
// Source: GB/T 32918.1 §6.1 (n−1 is excluded, as 1+d must have an inverse).
func NewPrivateKey(d []byte) (*PrivateKey, error) {
	if len(d) != 32 {
		return nil, ErrScalar
	}
	k := new(PrivateKey)
	below := k.d.setBytes((*[32]byte)(d))
	var next scalar
	next.add(&k.d, &scalar{1})
	if !below || k.d.isZero()|next.isZero() != 0 {
		return nil, ErrScalar
	}
	next.mul(&next, &scRR) // to Montgomery form
	k.inverse.invert(&next)
	k.nonces = newNonceKey(&k.d)
	var p point
	p.mulBase(&k.d)
	q := p.affine()
	k.public = q.publicKey()
	return k, nil
}

// Bytes returns d.
//
// Shape: 32 bytes, big-endian. A secret: the caller keeps it out of logs, pages and errors.
func (k *PrivateKey) Bytes() []byte {
	d := k.d.bytes()
	return d[:]
}

// Public returns the *PublicKey, for crypto.Signer.
func (k *PrivateKey) Public() crypto.PublicKey { return k.PublicKey() }

// PublicKey returns a copy of the public key.
func (k *PrivateKey) PublicKey() *PublicKey {
	public := k.public
	return &public
}

// Equal reports whether other is a *PrivateKey with the same scalar.
func (k *PrivateKey) Equal(other crypto.PrivateKey) bool {
	o, ok := other.(*PrivateKey)
	if !ok || o == nil {
		return false
	}
	a, b := k.d.bytes(), o.d.bytes()
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// SharedX returns the x coordinate of d·peer, what a token's ECDH gives; OpenWithX decrypts with it.
//
// Shape: 32 bytes, big-endian. A secret.
// Errors: ErrPoint if peer is no point of the curve.
func (k *PrivateKey) SharedX(peer *PublicKey) ([]byte, error) {
	shared, err := k.shared(peer)
	if err != nil {
		return nil, err
	}
	x := shared.x.bytes()
	return x[:], nil
}

// shared is d·peer, never infinity: the order is prime and 0 < d < n.
func (k *PrivateKey) shared(peer *PublicKey) (affine, error) {
	q, err := peer.point()
	if err != nil {
		return affine{}, err
	}
	var p point
	p.mul(&k.d, &q)
	return p.affine(), nil
}

const redacted = "[SM2 private key]"

// The methods below have value receivers, so that a dereferenced key does not print either.

func (PrivateKey) String() string               { return redacted }
func (PrivateKey) GoString() string             { return redacted }
func (PrivateKey) Format(f fmt.State, _ rune)   { io.WriteString(f, redacted) }
func (PrivateKey) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (PrivateKey) MarshalText() ([]byte, error) { return []byte(redacted), nil }
