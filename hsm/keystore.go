// Package hsm names the keys of the authority and reaches them behind crypto.Signer, wherever they live: in encrypted files
// (keyfile) or in a hardware module (pool).
//
// It knows no certificate policy, never gives out a private key, and refuses to guess: a key is found by everything
// that is known about it, never as "the first one".
package hsm

import (
	"context"
	"crypto"
	"errors"

	"signet/ca/pki"
)

// Ref names a key. A key matches when every part that is given is equal.
//
// Shape: Label 1 to 64 of A–Z a–z 0–9 . _ - starting with a letter or digit; ID is pki.KeyID; SPKI DER.
// Nil/zero: an empty part is not compared; a Ref without any part matches nothing.
type Ref struct {
	Label string
	ID    []byte
	SPKI  []byte
}

// Keystore holds private keys and wrapping keys. hsmtest.TestKeystore is its contract as a test.
//
// Concurrency: all methods and what they return may be used from many goroutines.
type Keystore interface {
	// Generate makes a key inside the keystore; it is durable on return. Errors: ErrExists, ErrLabel.
	Generate(ctx context.Context, label string, alg pki.KeyAlg) (Ref, error)
	// GenerateDecrypter is Generate for a key that decrypts and never signs: SM2 or RSA. Errors: also ErrUnsupported.
	GenerateDecrypter(ctx context.Context, label string, alg pki.KeyAlg) (Ref, error)
	// Import takes over a software key as a signing key; it is durable on return. Errors: ErrExists (label or key), ErrLabel, ErrUnsupported.
	Import(ctx context.Context, label string, key crypto.Signer) (Ref, error)
	// List names all key pairs, ordered by label. Wrapping keys are not listed.
	List(ctx context.Context) ([]Ref, error)
	// Signer returns a key that signs digests as pki.Sign hands them out. Errors: ErrNotFound, ErrAmbiguous, ErrUsage.
	Signer(ctx context.Context, ref Ref) (crypto.Signer, error)
	// Decrypter returns a key of GenerateDecrypter. It takes SM2 ciphertexts in every encoding, and RSA by PKCS #1 v1.5 and OAEP as
	// the options of crypto/rsa say; what OAEP has beyond SHA-1 depends on the keystore. Its Decrypt answers ErrDecrypt for every
	// ciphertext that is not for the key. Errors: ErrNotFound, ErrAmbiguous, ErrUsage.
	Decrypter(ctx context.Context, ref Ref) (crypto.Decrypter, error)
	// Wrapper returns the wrapping key of that label and makes it on first use; of two that ask at once both get the same.
	// Errors: ErrLabel.
	Wrapper(ctx context.Context, label string) (Wrapper, error)
	// Destroy removes a key pair for good. Errors: ErrNotFound, ErrAmbiguous.
	Destroy(ctx context.Context, ref Ref) error
}

// Wrapper seals small secrets (escrowed keys, security-officer PINs) with a symmetric key that stays in the keystore.
//
// Shape: the sealed form is the keystore's own; aad binds it to its place (a key id) and must be given again.
// Errors: Unwrap answers ErrSealed for anything it did not seal with this aad, and says no more.
type Wrapper interface {
	Wrap(plain, aad []byte) ([]byte, error)
	Unwrap(sealed, aad []byte) ([]byte, error)
}

// IsLabel says whether a text is a key's label as Ref describes it.
func IsLabel(s string) bool {
	for i, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || c != '.' && c != '_' && c != '-') {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

var (
	ErrNotFound    = errors.New("hsm: no such key")
	ErrAmbiguous   = errors.New("hsm: more than one key matches")
	ErrExists      = errors.New("hsm: key exists already")
	ErrLabel       = errors.New("hsm: label is not 1 to 64 of A-Z a-z 0-9 . _ -")
	ErrLocked      = errors.New("hsm: wrong passphrase or PIN")
	ErrUnsupported = errors.New("hsm: keystore cannot hold this kind of key")
	ErrUsage       = errors.New("hsm: key is not for this use")
	ErrDecrypt     = errors.New("hsm: ciphertext is not for this key, or damaged")
	ErrSealed      = errors.New("hsm: not sealed by this key for this purpose")
	ErrDamaged     = errors.New("hsm: keystore is damaged")
)
