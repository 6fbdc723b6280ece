package ticket

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

// ErrPage says that a sealed result cannot be made or opened; it does not say why.
var ErrPage = errors.New("ticket: page sealing")

// pageInfo is the HKDF info; the salt is empty, as WebCrypto's new Uint8Array(0).
const pageInfo = "signet-page"

// SealToPage encrypts a plaintext to a key that a page holds, so that the portal relays without reading.
//
// Shape: ECDH on P-256 with a key used once; HKDF-SHA256 (no salt, info "signet-page") to an AES-256-GCM key;
// 12-byte nonce, no additional data. WebCrypto opens it with deriveBits, HKDF and AES-GCM.
// Errors: ErrPage if pageKey is no uncompressed point of P-256.
func SealToPage(pageKey, plaintext []byte) (DecryptResult, error) {
	return sealTo(pageKey, pageInfo, nil, plaintext)
}

// sealTo is SealToPage for other purposes: info keeps them apart, aad binds to a place.
func sealTo(point []byte, info string, aad, plaintext []byte) (DecryptResult, error) {
	peer, err := ecdh.P256().NewPublicKey(point)
	if err != nil {
		return DecryptResult{}, fmt.Errorf("%w: bad point", ErrPage)
	}
	own, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return DecryptResult{}, err
	}
	gcm, err := agreedCipher(own, peer, info)
	if err != nil {
		return DecryptResult{}, err
	}
	r := DecryptResult{Ephemeral: own.PublicKey().Bytes(), Nonce: make([]byte, gcm.NonceSize())}
	rand.Read(r.Nonce)
	r.Ciphertext = gcm.Seal(nil, r.Nonce, plaintext, aad)
	return r, nil
}

// OpenFromPage is what the page does with the result.
//
// Errors: ErrPage.
func OpenFromPage(page *ecdh.PrivateKey, r DecryptResult) ([]byte, error) {
	return openWith(page, pageInfo, nil, r)
}

func openWith(own *ecdh.PrivateKey, info string, aad []byte, r DecryptResult) ([]byte, error) {
	peer, err := ecdh.P256().NewPublicKey(r.Ephemeral)
	if err != nil {
		return nil, fmt.Errorf("%w: bad point", ErrPage)
	}
	gcm, err := agreedCipher(own, peer, info)
	if err != nil {
		return nil, err
	}
	if len(r.Nonce) != gcm.NonceSize() {
		return nil, ErrPage
	}
	plain, err := gcm.Open(nil, r.Nonce, r.Ciphertext, aad)
	if err != nil {
		return nil, ErrPage
	}
	return plain, nil
}

func agreedCipher(own *ecdh.PrivateKey, peer *ecdh.PublicKey, info string) (cipher.AEAD, error) {
	shared, err := own.ECDH(peer)
	if err != nil {
		return nil, ErrPage
	}
	key, err := hkdf.Key(sha256.New, shared, nil, info, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
