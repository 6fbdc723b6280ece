package softkey

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"
)

// KDF is the cost of one PIN guess against a copied folder.
//
// Nil/zero: the zero value means 2 passes over 64 MiB by one thread.
type KDF struct {
	Time      uint32 `json:"time"`
	MemoryKiB uint32 `json:"memoryKiB"`
	Threads   uint8  `json:"threads"`
	Hashed    bool   `json:"hashed,omitempty"` // the secret goes in as its SHA-256; false only for keys of earlier versions
}

var defaultKDF = KDF{Time: 2, MemoryKiB: 64 << 10, Threads: 1}

// Bounds on what a key folder may make this process spend.
const (
	maxKDFTime   = 64
	maxKDFMemory = 1 << 20 // KiB
)

func (k KDF) check() error {
	if k.Time < 1 || k.Time > maxKDFTime || k.MemoryKiB < 8 || k.MemoryKiB > maxKDFMemory || k.Threads < 1 {
		return fmt.Errorf("%w: key derivation cost out of range", errUnreadable)
	}
	return nil
}

// envelope is the token's master key sealed under one secret (the PIN, the SO secret).
type envelope struct {
	Salt   []byte `json:"salt"`
	Sealed []byte `json:"sealed"`
}

// set tells whether there is a secret at all.
func (e envelope) set() bool { return len(e.Sealed) > 0 }

// errWrongSecret says that a seal did not open.
var errWrongSecret = errors.New("softkey: seal does not open")

// sealMaster seals the master key under a secret.
func sealMaster(k KDF, secret, master []byte, what string) (envelope, error) {
	e := envelope{Salt: make([]byte, 16)}
	rand.Read(e.Salt)
	key := k.derive(secret, e.Salt)
	defer clear(key)
	var err error
	e.Sealed, err = seal(key, master, []byte(what))
	return e, err
}

// open gives the master key back; errWrongSecret if the secret is wrong.
func (e envelope) open(k KDF, secret []byte, what string) ([]byte, error) {
	key := k.derive(secret, e.Salt)
	defer clear(key)
	return unseal(key, e.Sealed, []byte(what))
}

func (k KDF) derive(secret, salt []byte) []byte {
	if k.Hashed { // argon2 leaves what it was given in memory that it has let go of
		secret = hashed(secret)
		defer clear(secret)
	}
	return argon2.IDKey(secret, salt, k.Time, k.MemoryKiB, k.Threads, chacha20poly1305.KeySize)
}

// hashed is the SHA-256 of a secret; the block that held the secret is overwritten.
func hashed(secret []byte) []byte {
	h := sha256.New()
	h.Write(secret)
	sum := h.Sum(nil)
	h.Reset()
	h.Write(make([]byte, sha256.BlockSize-1))
	return sum
}

// seal is nonce ‖ XChaCha20-Poly1305 with aad bound in.
func seal(key, plain, aad []byte) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
	rand.Read(nonce)
	return aead.Seal(nonce, nonce, plain, aad), nil
}

func unseal(key, sealed, aad []byte) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, err
	}
	if len(sealed) < aead.NonceSize() {
		return nil, errWrongSecret
	}
	plain, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], aad)
	if err != nil {
		return nil, errWrongSecret
	}
	return plain, nil
}
