package gm

import (
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"math/bits"
)

const (
	sm4Size   = 16
	sm4Rounds = 32
)

// sm4Sbox is the S-box.
//
// Source: GB/T 32907 §6.2.1, table 1.
var sm4Sbox = [256]byte{
	0xd6, 0x90, 0xe9, 0xfe, 0xcc, 0xe1, 0x3d, 0xb7, 0x16, 0xb6, 0x14, 0xc2, 0x28, 0xfb, 0x2c, 0x05,
	0x2b, 0x67, 0x9a, 0x76, 0x2a, 0xbe, 0x04, 0xc3, 0xaa, 0x44, 0x13, 0x26, 0x49, 0x86, 0x06, 0x99,
	0x9c, 0x42, 0x50, 0xf4, 0x91, 0xef, 0x98, 0x7a, 0x33, 0x54, 0x0b, 0x43, 0xed, 0xcf, 0xac, 0x62,
	0xe4, 0xb3, 0x1c, 0xa9, 0xc9, 0x08, 0xe8, 0x95, 0x80, 0xdf, 0x94, 0xfa, 0x75, 0x8f, 0x3f, 0xa6,
	0x47, 0x07, 0xa7, 0xfc, 0xf3, 0x73, 0x17, 0xba, 0x83, 0x59, 0x3c, 0x19, 0xe6, 0x85, 0x4f, 0xa8,
	0x68, 0x6b, 0x81, 0xb2, 0x71, 0x64, 0xda, 0x8b, 0xf8, 0xeb, 0x0f, 0x4b, 0x70, 0x56, 0x9d, 0x35,
	0x1e, 0x24, 0x0e, 0x5e, 0x63, 0x58, 0xd1, 0xa2, 0x25, 0x22, 0x7c, 0x3b, 0x01, 0x21, 0x78, 0x87,
	0xd4, 0x00, 0x46, 0x57, 0x9f, 0xd3, 0x27, 0x52, 0x4c, 0x36, 0x02, 0xe7, 0xa0, 0xc4, 0xc8, 0x9e,
	0xea, 0xbf, 0x8a, 0xd2, 0x40, 0xc7, 0x38, 0xb5, 0xa3, 0xf7, 0xf2, 0xce, 0xf9, 0x61, 0x15, 0xa1,
	0xe0, 0xae, 0x5d, 0xa4, 0x9b, 0x34, 0x1a, 0x55, 0xad, 0x93, 0x32, 0x30, 0xf5, 0x8c, 0xb1, 0xe3,
	0x1d, 0xf6, 0xe2, 0x2e, 0x82, 0x66, 0xca, 0x60, 0xc0, 0x29, 0x23, 0xab, 0x0d, 0x53, 0x4e, 0x6f,
	0xd5, 0xdb, 0x37, 0x45, 0xde, 0xfd, 0x8e, 0x2f, 0x03, 0xff, 0x6a, 0x72, 0x6d, 0x6c, 0x5b, 0x51,
	0x8d, 0x1b, 0xaf, 0x92, 0xbb, 0xdd, 0xbc, 0x7f, 0x11, 0xd9, 0x5c, 0x41, 0x1f, 0x10, 0x5a, 0xd8,
	0x0a, 0xc1, 0x31, 0x88, 0xa5, 0xcd, 0x7b, 0xbd, 0x2d, 0x74, 0xd0, 0x12, 0xb8, 0xe5, 0xb4, 0xb0,
	0x89, 0x69, 0x97, 0x4a, 0x0c, 0x96, 0x77, 0x7e, 0x65, 0xb9, 0xf1, 0x09, 0xc5, 0x6e, 0xc6, 0x84,
	0x18, 0xf0, 0x7d, 0xec, 0x3a, 0xdc, 0x4d, 0x20, 0x79, 0xee, 0x5f, 0x3e, 0xd7, 0xcb, 0x39, 0x48,
}

// sm4FK is the system parameter FK (GB/T 32907 §7.3.a).
var sm4FK = [4]uint32{0xa3b1bac6, 0x56aa3350, 0x677d9197, 0xb27022dc}

// sm4T joins the S-box and the linear map L of a round: sm4T[i][v] = L(Sbox(v) at byte i, 0 = most significant).
var sm4T = func() (t [4][256]uint32) {
	for v, s := range sm4Sbox {
		x := uint32(s)
		x ^= bits.RotateLeft32(x, 2) ^ bits.RotateLeft32(x, 10) ^ bits.RotateLeft32(x, 18) ^ bits.RotateLeft32(x, 24)
		for i := range t {
			t[i][v] = bits.RotateLeft32(x, 24-8*i)
		}
	}
	return t
}()

// sm4 is an expanded key. It is not changed after NewSM4, so it may be used concurrently.
type sm4 struct{ enc, dec [sm4Rounds]uint32 }

// NewSM4 expands an SM4 key. The result works with every mode of crypto/cipher.
//
// Shape: 16 bytes.
// Errors: a key of another length.
// Concurrency: the block may be shared.
// Source: GB/T 32907. Not constant-time, see the package comment.
func NewSM4(key []byte) (cipher.Block, error) {
	if len(key) != sm4Size {
		return nil, fmt.Errorf("sm4: key of %d bytes, want 16", len(key))
	}
	c := new(sm4)
	var k [4]uint32
	for i := range k {
		k[i] = binary.BigEndian.Uint32(key[4*i:]) ^ sm4FK[i]
	}
	for i := range c.enc {
		rk := k[0] ^ sm4KeyMix(k[1]^k[2]^k[3]^sm4CK(i))
		c.enc[i], c.dec[sm4Rounds-1-i] = rk, rk
		k = [4]uint32{k[1], k[2], k[3], rk}
	}
	return c, nil
}

// sm4CK is the fixed parameter CK_i: its byte j is (4i+j)·7 mod 256 (GB/T 32907 §7.3.b).
func sm4CK(i int) (ck uint32) {
	for j := range 4 {
		ck = ck<<8 | uint32(byte((4*i+j)*7))
	}
	return ck
}

// sm4KeyMix is T′ of the key schedule (GB/T 32907 §7.3).
func sm4KeyMix(x uint32) uint32 {
	x = uint32(sm4Sbox[x>>24])<<24 | uint32(sm4Sbox[x>>16&255])<<16 | uint32(sm4Sbox[x>>8&255])<<8 | uint32(sm4Sbox[x&255])
	return x ^ bits.RotateLeft32(x, 13) ^ bits.RotateLeft32(x, 23)
}

func (c *sm4) BlockSize() int          { return sm4Size }
func (c *sm4) Encrypt(dst, src []byte) { sm4Crypt(&c.enc, dst, src) }
func (c *sm4) Decrypt(dst, src []byte) { sm4Crypt(&c.dec, dst, src) }
func (c sm4) String() string           { return "[SM4 key]" }
func (c sm4) GoString() string         { return "[SM4 key]" }
func (c sm4) Format(f fmt.State, _ rune) {
	fmt.Fprint(f, "[SM4 key]")
}

// sm4Crypt runs the 32 rounds on one block with round keys rk.
func sm4Crypt(rk *[sm4Rounds]uint32, dst, src []byte) {
	if len(src) < sm4Size {
		panic("gm: sm4 input not a full block")
	}
	if len(dst) < sm4Size {
		panic("gm: sm4 output not a full block")
	}
	a, b := binary.BigEndian.Uint32(src), binary.BigEndian.Uint32(src[4:])
	c, d := binary.BigEndian.Uint32(src[8:]), binary.BigEndian.Uint32(src[12:])
	for i := 0; i < sm4Rounds; i += 4 {
		a ^= sm4Mix(b ^ c ^ d ^ rk[i])
		b ^= sm4Mix(c ^ d ^ a ^ rk[i+1])
		c ^= sm4Mix(d ^ a ^ b ^ rk[i+2])
		d ^= sm4Mix(a ^ b ^ c ^ rk[i+3])
	}
	binary.BigEndian.PutUint32(dst, d)
	binary.BigEndian.PutUint32(dst[4:], c)
	binary.BigEndian.PutUint32(dst[8:], b)
	binary.BigEndian.PutUint32(dst[12:], a)
}

func sm4Mix(x uint32) uint32 {
	return sm4T[0][x>>24] ^ sm4T[1][x>>16&255] ^ sm4T[2][x>>8&255] ^ sm4T[3][x&255]
}

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
