// Package kwp is AES key wrap with padding, the form in which keys cross into and out of hardware modules (CKM_AES_KEY_WRAP_KWP).
//
// Source: RFC 5649, over the W of RFC 3394 §2.2; NIST SP 800-38F §6.3 (KWP).
package kwp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrWrapped: what is to be unwrapped was not wrapped under this key, or was changed.
var ErrWrapped = errors.New("kwp: not wrapped under this key")

// most bounds what is wrapped; keys are far smaller.
const most = 1 << 20

// marker begins the alternative initial value. Source: RFC 5649 §3.
var marker = [4]byte{0xa6, 0x59, 0x59, 0xa6}

// Wrap encrypts a key. The same key wrapped twice gives the same bytes.
//
// Shape: kek is 16, 24 or 32 bytes; plain 1 byte to 1 MiB; the result is a multiple of 8, 8 to 15 bytes longer.
func Wrap(kek, plain []byte) ([]byte, error) {
	block, err := aes.NewCipher(kek)
	if err != nil {
		return nil, err
	}
	if len(plain) == 0 || len(plain) > most {
		return nil, fmt.Errorf("kwp: cannot wrap %d bytes", len(plain))
	}
	n := (len(plain) + 7) / 8
	out := make([]byte, 8+8*n)
	copy(out, marker[:])
	binary.BigEndian.PutUint32(out[4:], uint32(len(plain)))
	copy(out[8:], plain)
	if n == 1 {
		block.Encrypt(out, out)
		return out, nil
	}
	var b [16]byte
	copy(b[:8], out)
	for j := range 6 {
		for i := 1; i <= n; i++ {
			copy(b[8:], out[8*i:])
			block.Encrypt(b[:], b[:])
			count(&b, uint64(n*j+i))
			copy(out[8*i:], b[8:])
		}
	}
	copy(out, b[:8])
	return out, nil
}

// count mixes a step's number into the first half.
func count(b *[16]byte, step uint64) {
	binary.BigEndian.PutUint64(b[:8], binary.BigEndian.Uint64(b[:8])^step)
}

// Unwrap is the reverse. The caller wipes the result.
//
// Errors: ErrWrapped, whatever the reason; that of a kek which is no AES key.
func Unwrap(kek, wrapped []byte) ([]byte, error) {
	block, err := aes.NewCipher(kek)
	if err != nil {
		return nil, err
	}
	if len(wrapped) < 16 || len(wrapped)%8 != 0 || len(wrapped) > most+16 {
		return nil, ErrWrapped
	}
	out := append([]byte{}, wrapped...)
	if len(out) == 16 {
		block.Decrypt(out, out)
	} else {
		unmix(block, out)
	}
	plain, padding := checked(out)
	if plain == nil || padding != 0 {
		clear(out)
		return nil, ErrWrapped
	}
	return plain, nil
}

func unmix(block cipher.Block, out []byte) {
	n := len(out)/8 - 1
	var b [16]byte
	copy(b[:8], out)
	for j := 5; j >= 0; j-- {
		for i := n; i >= 1; i-- {
			count(&b, uint64(n*j+i))
			copy(b[8:], out[8*i:])
			block.Decrypt(b[:], b[:])
			copy(out[8*i:], b[8:])
		}
	}
	copy(out, b[:8])
}

// checked takes initial value and padding off; padding is 0 if all of it is. Source: RFC 5649 §3.
func checked(out []byte) (plain []byte, padding byte) {
	body, length := out[8:], int(binary.BigEndian.Uint32(out[4:]))
	if subtle.ConstantTimeCompare(out[:4], marker[:]) != 1 || length > len(body) || length <= len(body)-8 {
		return nil, 1
	}
	for _, p := range body[length:] {
		padding |= p
	}
	return body[:length:length], padding
}
