package gm

import (
	"crypto"
	cryptorand "crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"

	"github.com/emmansun/gmsm/ecdh"
	"github.com/emmansun/gmsm/sm2"
)

// PrivateKey is an SM2 private key. It prints as "[SM2 private key]" whatever prints it.
//
// Concurrency: never changed after its making, so it may be shared.
type PrivateKey struct {
	key    *sm2.PrivateKey  // signs and decrypts
	dh     *ecdh.PrivateKey // the same scalar for SharedX, and for Bytes without math/big
	public PublicKey
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
	key, err := sm2.NewPrivateKey(d)
	if err != nil {
		return nil, ErrScalar // the cause could quote the scalar
	}
	dh, err := ecdh.P256().NewPrivateKey(d)
	if err != nil {
		return nil, ErrScalar
	}
	return &PrivateKey{key, dh, PublicKey{bytes32(key.X), bytes32(key.Y)}}, nil
}

// Bytes returns d.
//
// Shape: 32 bytes, big-endian. A secret: the caller keeps it out of logs, pages and errors.
func (k *PrivateKey) Bytes() []byte { return k.dh.Bytes() }

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
	return subtle.ConstantTimeCompare(k.Bytes(), o.Bytes()) == 1
}

// SharedX returns the x coordinate of d·peer, what a token's ECDH gives; OpenWithX decrypts with it.
//
// Shape: 32 bytes, big-endian. A secret.
// Errors: ErrPoint if peer is no point of the curve.
func (k *PrivateKey) SharedX(peer *PublicKey) ([]byte, error) {
	q, err := peer.ecdh()
	if err != nil {
		return nil, err
	}
	x, err := k.dh.ECDH(q)
	if err != nil {
		return nil, ErrPoint // cannot happen: the order is prime and 0 < d < n, so d·peer is not infinity
	}
	return x, nil
}

const redacted = "[SM2 private key]"

// The methods below have value receivers, so that a dereferenced key does not print either.

func (PrivateKey) String() string               { return redacted }
func (PrivateKey) GoString() string             { return redacted }
func (PrivateKey) Format(f fmt.State, _ rune)   { io.WriteString(f, redacted) }
func (PrivateKey) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (PrivateKey) MarshalText() ([]byte, error) { return []byte(redacted), nil }
