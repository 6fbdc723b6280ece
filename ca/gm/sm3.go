package gm

import (
	"encoding/binary"
	"hash"
	"math/bits"
)

const (
	sm3Size  = 32
	sm3Block = 64
)

// sm3IV is the initial value.
//
// Source: GB/T 32905 §4.1.
var sm3IV = [8]uint32{
	0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600,
	0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e,
}

// sm3T holds the round constants already rotated: sm3T[j] = T_j <<< j.
//
// Source: GB/T 32905 §4.2 and §5.3.3.
var sm3T = func() (t [64]uint32) {
	for j := range t {
		c := uint32(0x79cc4519)
		if j >= 16 {
			c = 0x7a879d8a
		}
		t[j] = bits.RotateLeft32(c, j%32)
	}
	return t
}()

// sm3 is a running SM3 computation; a copy of the value continues independently.
type sm3 struct {
	h   [8]uint32
	x   [sm3Block]byte // the incomplete last block, nx bytes of it
	nx  int
	len uint64
}

var _ hash.Cloner = (*sm3)(nil)

// NewSM3 returns a new SM3 computation. It can be cloned (hash.Cloner).
//
// Shape: 32-byte sums, 64-byte blocks.
// Source: GB/T 32905.
func NewSM3() hash.Hash {
	d := new(sm3)
	d.Reset()
	return d
}

// SumSM3 returns the SM3 hash of data.
func SumSM3(data []byte) [32]byte {
	var d sm3
	d.Reset()
	d.write(data)
	return d.sum()
}

func (d *sm3) Size() int      { return sm3Size }
func (d *sm3) BlockSize() int { return sm3Block }
func (d *sm3) Reset()         { d.h, d.nx, d.len = sm3IV, 0, 0 }

func (d *sm3) Clone() (hash.Cloner, error) {
	c := *d
	return &c, nil
}

func (d *sm3) Write(p []byte) (int, error) {
	d.write(p)
	return len(p), nil
}

func (d *sm3) write(p []byte) {
	d.len += uint64(len(p))
	if d.nx > 0 {
		n := copy(d.x[d.nx:], p)
		d.nx += n
		p = p[n:]
		if d.nx < sm3Block {
			return
		}
		sm3Compress(&d.h, d.x[:])
		d.nx = 0
	}
	if n := len(p) &^ (sm3Block - 1); n > 0 {
		sm3Compress(&d.h, p[:n])
		p = p[n:]
	}
	d.nx = copy(d.x[:], p)
}

func (d *sm3) Sum(in []byte) []byte {
	s := d.sum()
	return append(in, s[:]...)
}

// sum finishes a copy, so that the caller can go on writing.
func (d *sm3) sum() (out [sm3Size]byte) {
	h, tail := d.h, [2 * sm3Block]byte{}
	n := copy(tail[:], d.x[:d.nx])
	tail[n] = 0x80
	end := sm3Block
	if n+1+8 > sm3Block {
		end = 2 * sm3Block
	}
	binary.BigEndian.PutUint64(tail[end-8:], d.len<<3)
	sm3Compress(&h, tail[:end])
	for i, v := range h {
		binary.BigEndian.PutUint32(out[4*i:], v)
	}
	return out
}

// sm3Compress folds whole blocks into h. Four rounds are written out, so that after them each variable is
// again in its own place and nothing is moved; the b and f rotations of a round are the C and G of the next.
//
// Source: GB/T 32905 §5.3.
func sm3Compress(h *[8]uint32, p []byte) {
	var w [68]uint32
	for ; len(p) >= sm3Block; p = p[sm3Block:] {
		sm3Expand(&w, (*[sm3Block]byte)(p))
		a, b, c, d, e, f, g, k := h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]
		for j := 0; j < 16; j += 4 {
			d, k = sm3Early(a, b, c, d, e, f, g, k, w[j], w[j+4], sm3T[j])
			b, f = bits.RotateLeft32(b, 9), bits.RotateLeft32(f, 19)
			c, g = sm3Early(d, a, b, c, k, e, f, g, w[j+1], w[j+5], sm3T[j+1])
			a, e = bits.RotateLeft32(a, 9), bits.RotateLeft32(e, 19)
			b, f = sm3Early(c, d, a, b, g, k, e, f, w[j+2], w[j+6], sm3T[j+2])
			d, k = bits.RotateLeft32(d, 9), bits.RotateLeft32(k, 19)
			a, e = sm3Early(b, c, d, a, f, g, k, e, w[j+3], w[j+7], sm3T[j+3])
			c, g = bits.RotateLeft32(c, 9), bits.RotateLeft32(g, 19)
		}
		for j := 16; j < 64; j += 4 {
			d, k = sm3Late(a, b, c, d, e, f, g, k, w[j], w[j+4], sm3T[j])
			b, f = bits.RotateLeft32(b, 9), bits.RotateLeft32(f, 19)
			c, g = sm3Late(d, a, b, c, k, e, f, g, w[j+1], w[j+5], sm3T[j+1])
			a, e = bits.RotateLeft32(a, 9), bits.RotateLeft32(e, 19)
			b, f = sm3Late(c, d, a, b, g, k, e, f, w[j+2], w[j+6], sm3T[j+2])
			d, k = bits.RotateLeft32(d, 9), bits.RotateLeft32(k, 19)
			a, e = sm3Late(b, c, d, a, f, g, k, e, w[j+3], w[j+7], sm3T[j+3])
			c, g = bits.RotateLeft32(c, 9), bits.RotateLeft32(g, 19)
		}
		h[0], h[1], h[2], h[3] = h[0]^a, h[1]^b, h[2]^c, h[3]^d
		h[4], h[5], h[6], h[7] = h[4]^e, h[5]^f, h[6]^g, h[7]^k
	}
}

// sm3Expand makes the 68 message words of a block (GB/T 32905 §5.3.2).
func sm3Expand(w *[68]uint32, p *[sm3Block]byte) {
	for j := 0; j < 16; j++ {
		w[j] = binary.BigEndian.Uint32(p[4*j:])
	}
	for j := 16; j < 68; j++ {
		x := w[j-16] ^ w[j-9] ^ bits.RotateLeft32(w[j-3], 15)
		x ^= bits.RotateLeft32(x, 15) ^ bits.RotateLeft32(x, 23)
		w[j] = x ^ bits.RotateLeft32(w[j-13], 7) ^ w[j-6]
	}
}

// sm3Early is rounds 0–15: it returns the next A and E.
func sm3Early(a, b, c, d, e, f, g, h, w, w4, t uint32) (uint32, uint32) {
	a12 := bits.RotateLeft32(a, 12)
	ss1 := bits.RotateLeft32(a12+(e+t), 7)
	tt2 := (e ^ f ^ g) + (h + w) + ss1
	return (a ^ b ^ c) + (d + (w ^ w4)) + (ss1 ^ a12), tt2 ^ bits.RotateLeft32(tt2, 9) ^ bits.RotateLeft32(tt2, 17)
}

// sm3Late is rounds 16–63, whose FF is the majority and GG the choice.
func sm3Late(a, b, c, d, e, f, g, h, w, w4, t uint32) (uint32, uint32) {
	a12 := bits.RotateLeft32(a, 12)
	ss1 := bits.RotateLeft32(a12+(e+t), 7)
	tt2 := ((f^g)&e ^ g) + (h + w) + ss1
	return ((a^b)&(b^c) ^ b) + (d + (w ^ w4)) + (ss1 ^ a12), tt2 ^ bits.RotateLeft32(tt2, 9) ^ bits.RotateLeft32(tt2, 17)
}
