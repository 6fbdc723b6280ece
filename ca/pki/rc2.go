package pki

import (
	"encoding/binary"
	"encoding/hex"
	"math/bits"
)

// rc2 decrypts what old Windows and Java wrote around the certificates of PKCS#12 files. It protects nothing and is used for nothing else.
//
// Source: RFC 2268.
type rc2 [64]uint16

// rc2Table is PITABLE, from the digits of pi (RFC 2268 §2).
var rc2Table = func() (table [256]byte) {
	hex.Decode(table[:], []byte(rc2Hex)) // a constant of the right length
	return table
}()

const rc2Hex = "" +
	"d978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2" +
	"179a59f587b34f1361456d8d09817d32bd8f40eb86b77b0bf09521225c6b4e82" +
	"54d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb626" +
	"6fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed7" +
	"08e8eade8052eef784aa72ac354d6a2a961ad2715a1549744b9fd05e0418a4ec" +
	"c2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b25559731" +
	"2d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a9" +
	"0d38341bab33ffb0bb480c5fb9b1cd2ec5f3db47e5a59c770aa62068fe7fc1ad"

// newRC2 expands a key whose effective length is its own (RFC 2268 §2).
func newRC2(key []byte) *rc2 {
	var l [128]byte
	t := copy(l[:], key)
	for i := t; i < 128; i++ {
		l[i] = rc2Table[l[i-1]+l[i-t]]
	}
	l[128-t] = rc2Table[l[128-t]]
	for i := 127 - t; i >= 0; i-- {
		l[i] = rc2Table[l[i+1]^l[i+t]]
	}
	k := new(rc2)
	for i := range k {
		k[i] = binary.LittleEndian.Uint16(l[2*i:])
	}
	return k
}

// BlockSize is that of RC2.
func (k *rc2) BlockSize() int { return 8 }

// Encrypt is not to be called: nothing is written under RC2.
func (k *rc2) Encrypt(_, _ []byte) { panic("pki: RC2 is only read") }

var rc2Shifts = [4]int{1, 2, 3, 5}

// Decrypt opens one block: 5 mixing rounds, a mashing one, 6, one, 5, all backwards (RFC 2268 §4).
func (k *rc2) Decrypt(dst, src []byte) {
	var r [4]uint16
	for i := range r {
		r[i] = binary.LittleEndian.Uint16(src[2*i:])
	}
	j := len(k)
	for round := range 16 {
		if round == 5 || round == 11 {
			for i := 3; i >= 0; i-- {
				r[i] -= k[r[(i+3)%4]&63]
			}
		}
		for i := 3; i >= 0; i-- {
			j--
			r[i] = bits.RotateLeft16(r[i], -rc2Shifts[i])
			r[i] -= k[j] + r[(i+3)%4]&r[(i+2)%4] + ^r[(i+3)%4]&r[(i+1)%4]
		}
	}
	for i, v := range r {
		binary.LittleEndian.PutUint16(dst[2*i:], v)
	}
}
