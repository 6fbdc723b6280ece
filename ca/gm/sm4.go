package gm

import (
	"crypto/cipher"
	"errors"
	"fmt"

	"github.com/emmansun/gmsm/sm4"
)

// block is an expanded SM4 key that does not print. It hands each mode of crypto/cipher through to the library's
// block, whose own fast modes a bare wrapper would hide.
type block struct{ cipher.Block }

// NewSM4 expands an SM4 key. The result works with every mode of crypto/cipher.
//
// Shape: 16 bytes.
// Errors: a key of another length.
// Concurrency: the block may be shared.
// Source: GB/T 32907. About time see the package comment.
func NewSM4(key []byte) (cipher.Block, error) {
	if len(key) != sm4.BlockSize {
		return nil, fmt.Errorf("sm4: key of %d bytes, want 16", len(key))
	}
	b, err := sm4.NewCipher(key)
	if err != nil {
		return nil, errors.New("sm4: expanding the key") // cannot happen; the cause could quote the key
	}
	return block{b}, nil
}

// The methods that crypto/cipher looks for before it does a mode itself.

func (b block) NewCBCEncrypter(iv []byte) cipher.BlockMode {
	return cipher.NewCBCEncrypter(b.Block, iv)
}
func (b block) NewCBCDecrypter(iv []byte) cipher.BlockMode {
	return cipher.NewCBCDecrypter(b.Block, iv)
}
func (b block) NewCTR(iv []byte) cipher.Stream { return cipher.NewCTR(b.Block, iv) }

// NewGCM serves the three constructors of crypto/cipher, of which each sets one size and leaves the other usual.
func (b block) NewGCM(nonceSize, tagSize int) (cipher.AEAD, error) {
	if nonceSize == 12 {
		return cipher.NewGCMWithTagSize(b.Block, tagSize)
	}
	return cipher.NewGCMWithNonceSize(b.Block, nonceSize)
}

func (block) String() string             { return "[SM4 key]" }
func (block) GoString() string           { return "[SM4 key]" }
func (block) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[SM4 key]") }

// EncryptECB encrypts whole blocks, each for itself, without padding. It exists for the formats that name ECB
// (SM2EnvelopedKey and its kin wrap one 32-byte scalar); it hides no patterns and is wrong for anything else.
//
// It panics, as crypto/cipher does, if src is not whole blocks or dst is shorter than src. dst may be src.
func EncryptECB(b cipher.Block, dst, src []byte) { ecb(b.BlockSize(), b.Encrypt, dst, src) }

// DecryptECB is the inverse of EncryptECB.
func DecryptECB(b cipher.Block, dst, src []byte) { ecb(b.BlockSize(), b.Decrypt, dst, src) }

func ecb(size int, crypt func(dst, src []byte), dst, src []byte) {
	if len(src)%size != 0 {
		panic("gm: ecb input not full blocks")
	}
	if len(dst) < len(src) {
		panic("gm: ecb output smaller than input")
	}
	for ; len(src) > 0; dst, src = dst[size:], src[size:] {
		crypt(dst[:size], src[:size])
	}
}
