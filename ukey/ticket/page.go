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
	peer, err := ecdh.P256().NewPublicKey(pageKey)
	if err != nil {
		return DecryptResult{}, fmt.Errorf("%w: bad point", ErrPage)
	}
	own, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return DecryptResult{}, err
	}
	gcm, err := pageCipher(own, peer)
	if err != nil {
		return DecryptResult{}, err
	}
	r := DecryptResult{Ephemeral: own.PublicKey().Bytes(), Nonce: make([]byte, gcm.NonceSize())}
	rand.Read(r.Nonce)
	r.Ciphertext = gcm.Seal(nil, r.Nonce, plaintext, nil)
	return r, nil
}

// OpenFromPage is what the page does with the result.
//
// Errors: ErrPage.
func OpenFromPage(page *ecdh.PrivateKey, r DecryptResult) ([]byte, error) {
	peer, err := ecdh.P256().NewPublicKey(r.Ephemeral)
	if err != nil {
		return nil, fmt.Errorf("%w: bad point", ErrPage)
	}
	gcm, err := pageCipher(page, peer)
	if err != nil {
		return nil, err
	}
	if len(r.Nonce) != gcm.NonceSize() {
		return nil, ErrPage
	}
	plain, err := gcm.Open(nil, r.Nonce, r.Ciphertext, nil)
	if err != nil {
		return nil, ErrPage
	}
	return plain, nil
}

func pageCipher(own *ecdh.PrivateKey, peer *ecdh.PublicKey) (cipher.AEAD, error) {
	shared, err := own.ECDH(peer)
	if err != nil {
		return nil, ErrPage
	}
	key, err := hkdf.Key(sha256.New, shared, nil, pageInfo, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
