package gm

import (
	"encoding/binary"
	"math/bits"
)

// The prime p = 2²⁵⁶ − 2²²⁴ − 2⁹⁶ + 2⁶⁴ − 1, limbs least significant first (GB/T 32918.5).
const (
	p0 = 0xffffffffffffffff
	p1 = 0xffffffff00000000
	p2 = 0xffffffffffffffff
	p3 = 0xfffffffeffffffff
)

// fe is an element of GF(p) in Montgomery form (value·2²⁵⁶ mod p), always fully reduced, so that equal
// elements have equal limbs. Its operations take the same time for all values.
type fe [4]uint64

var (
	feOne = fe{1, 0xffffffff, 0, 0x100000000}                                           // 2²⁵⁶ mod p
	feRR  = fe{0x200000003, 0x2ffffffff, 0x100000001, 0x400000002}                      // 2⁵¹² mod p
	feB   = feConst("28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93") // GB/T 32918.5
)

// setBytes reads 32 big-endian bytes; it reports false for a value not below p.
func (z *fe) setBytes(b *[32]byte) bool {
	x := limbs(b)
	_, c := bits.Sub64(x[0], p0, 0)
	_, c = bits.Sub64(x[1], p1, c)
	_, c = bits.Sub64(x[2], p2, c)
	_, c = bits.Sub64(x[3], p3, c)
	*z = x
	z.mul(z, &feRR)
	return c == 1
}

func (z *fe) bytes() [32]byte {
	var x fe
	x.mul(z, &fe{1})
	return unlimbs((*[4]uint64)(&x))
}

// limbs reads 32 big-endian bytes as four words, least significant first.
func limbs(b *[32]byte) [4]uint64 {
	return [4]uint64{
		binary.BigEndian.Uint64(b[24:]), binary.BigEndian.Uint64(b[16:]),
		binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[:]),
	}
}

func unlimbs(x *[4]uint64) (b [32]byte) {
	for i, v := range x {
		binary.BigEndian.PutUint64(b[24-8*i:], v)
	}
	return b
}

// isZero returns all ones for zero, else 0.
func (z *fe) isZero() uint64 { return maskZero(z[0] | z[1] | z[2] | z[3]) }

// equal returns all ones if the elements are equal, else 0.
func (z *fe) equal(x *fe) uint64 {
	return maskZero((z[0] ^ x[0]) | (z[1] ^ x[1]) | (z[2] ^ x[2]) | (z[3] ^ x[3]))
}

// maskZero returns all ones for zero, else 0, without a branch.
func maskZero(v uint64) uint64 { return ((v | -v) >> 63) - 1 }

// pick sets z to x where mask is all ones and leaves it where mask is 0.
func (z *fe) pick(x *fe, mask uint64) {
	z[0] ^= (z[0] ^ x[0]) & mask
	z[1] ^= (z[1] ^ x[1]) & mask
	z[2] ^= (z[2] ^ x[2]) & mask
	z[3] ^= (z[3] ^ x[3]) & mask
}

// or adds the bits of x to z where mask is all ones.
func (z *fe) or(x *fe, mask uint64) {
	z[0] |= x[0] & mask
	z[1] |= x[1] & mask
	z[2] |= x[2] & mask
	z[3] |= x[3] & mask
}

func (z *fe) add(x, y *fe) {
	a0, c := bits.Add64(x[0], y[0], 0)
	a1, c := bits.Add64(x[1], y[1], c)
	a2, c := bits.Add64(x[2], y[2], c)
	a3, c := bits.Add64(x[3], y[3], c)
	z.reduceOnce(a0, a1, a2, a3, c)
}

// reduceOnce sets z to the five-limb value a below 2p, less p if it is not below p.
func (z *fe) reduceOnce(a0, a1, a2, a3, a4 uint64) {
	s0, c := bits.Sub64(a0, p0, 0)
	s1, c := bits.Sub64(a1, p1, c)
	s2, c := bits.Sub64(a2, p2, c)
	s3, c := bits.Sub64(a3, p3, c)
	_, c = bits.Sub64(a4, 0, c)
	m := -c // all ones: a was below p already
	z[0] = s0 ^ (s0^a0)&m
	z[1] = s1 ^ (s1^a1)&m
	z[2] = s2 ^ (s2^a2)&m
	z[3] = s3 ^ (s3^a3)&m
}

func (z *fe) sub(x, y *fe) {
	a0, c := bits.Sub64(x[0], y[0], 0)
	a1, c := bits.Sub64(x[1], y[1], c)
	a2, c := bits.Sub64(x[2], y[2], c)
	a3, c := bits.Sub64(x[3], y[3], c)
	m := -c
	z[0], c = bits.Add64(a0, p0&m, 0)
	z[1], c = bits.Add64(a1, p1&m, c)
	z[2], c = bits.Add64(a2, p2&m, c)
	z[3], _ = bits.Add64(a3, p3&m, c)
}

func (z *fe) neg(x *fe) { z.sub(&fe{}, x) }

// mul is the Montgomery product x·y/2²⁵⁶.
func (z *fe) mul(x, y *fe) {
	y0, y1, y2, y3 := y[0], y[1], y[2], y[3]
	var c uint64

	v := x[0]
	h0, t0 := bits.Mul64(v, y0)
	h1, l1 := bits.Mul64(v, y1)
	h2, l2 := bits.Mul64(v, y2)
	h3, l3 := bits.Mul64(v, y3)
	t1, c := bits.Add64(l1, h0, 0)
	t2, c := bits.Add64(l2, h1, c)
	t3, c := bits.Add64(l3, h2, c)
	t4 := h3 + c

	v = x[1]
	h0, l0 := bits.Mul64(v, y0)
	h1, l1 = bits.Mul64(v, y1)
	h2, l2 = bits.Mul64(v, y2)
	h3, l3 = bits.Mul64(v, y3)
	l1, c = bits.Add64(l1, h0, 0)
	l2, c = bits.Add64(l2, h1, c)
	l3, c = bits.Add64(l3, h2, c)
	h3 += c
	t1, c = bits.Add64(t1, l0, 0)
	t2, c = bits.Add64(t2, l1, c)
	t3, c = bits.Add64(t3, l2, c)
	t4, c = bits.Add64(t4, l3, c)
	t5 := h3 + c

	v = x[2]
	h0, l0 = bits.Mul64(v, y0)
	h1, l1 = bits.Mul64(v, y1)
	h2, l2 = bits.Mul64(v, y2)
	h3, l3 = bits.Mul64(v, y3)
	l1, c = bits.Add64(l1, h0, 0)
	l2, c = bits.Add64(l2, h1, c)
	l3, c = bits.Add64(l3, h2, c)
	h3 += c
	t2, c = bits.Add64(t2, l0, 0)
	t3, c = bits.Add64(t3, l1, c)
	t4, c = bits.Add64(t4, l2, c)
	t5, c = bits.Add64(t5, l3, c)
	t6 := h3 + c

	v = x[3]
	h0, l0 = bits.Mul64(v, y0)
	h1, l1 = bits.Mul64(v, y1)
	h2, l2 = bits.Mul64(v, y2)
	h3, l3 = bits.Mul64(v, y3)
	l1, c = bits.Add64(l1, h0, 0)
	l2, c = bits.Add64(l2, h1, c)
	l3, c = bits.Add64(l3, h2, c)
	h3 += c
	t3, c = bits.Add64(t3, l0, 0)
	t4, c = bits.Add64(t4, l1, c)
	t5, c = bits.Add64(t5, l2, c)
	t6, c = bits.Add64(t6, l3, c)
	t7 := h3 + c

	z.montgomery(t0, t1, t2, t3, t4, t5, t6, t7)
}

// square is mul(x, x) with the mixed products made once and doubled.
func (z *fe) square(x *fe) {
	x0, x1, x2, x3 := x[0], x[1], x[2], x[3]
	var c uint64

	t2, t1 := bits.Mul64(x0, x1)
	h2, l2 := bits.Mul64(x0, x2)
	h3, l3 := bits.Mul64(x0, x3)
	t2, c = bits.Add64(t2, l2, 0)
	t3, c := bits.Add64(h2, l3, c)
	t4 := h3 + c

	h2, l2 = bits.Mul64(x1, x2)
	h3, l3 = bits.Mul64(x1, x3)
	l3, c = bits.Add64(l3, h2, 0)
	h3 += c
	t3, c = bits.Add64(t3, l2, 0)
	t4, c = bits.Add64(t4, l3, c)
	t5 := h3 + c

	t6, l3 := bits.Mul64(x2, x3)
	t5, c = bits.Add64(t5, l3, 0)
	t6 += c

	t1, c = bits.Add64(t1, t1, 0)
	t2, c = bits.Add64(t2, t2, c)
	t3, c = bits.Add64(t3, t3, c)
	t4, c = bits.Add64(t4, t4, c)
	t5, c = bits.Add64(t5, t5, c)
	t6, c = bits.Add64(t6, t6, c)
	t7 := c

	h0, t0 := bits.Mul64(x0, x0)
	h1, l1 := bits.Mul64(x1, x1)
	h2, l2 = bits.Mul64(x2, x2)
	h3, l3 = bits.Mul64(x3, x3)
	t1, c = bits.Add64(t1, h0, 0)
	t2, c = bits.Add64(t2, l1, c)
	t3, c = bits.Add64(t3, h1, c)
	t4, c = bits.Add64(t4, l2, c)
	t5, c = bits.Add64(t5, h2, c)
	t6, c = bits.Add64(t6, l3, c)
	t7 += h3 + c

	z.montgomery(t0, t1, t2, t3, t4, t5, t6, t7)
}

// squareN squares x n times.
func (z *fe) squareN(x *fe, n int) {
	z.square(x)
	for range n - 1 {
		z.square(z)
	}
}

// invert sets z to x^(p−2), which is 1/x, and 0 for 0.
func (z *fe) invert(x *fe) {
	var x30, x31, x32, r fe
	onesPowers(&x30, &x31, &x32, x)
	highPower(&r, &x31, &x32)
	r.squareN(&r, 64)
	r.mul(&r, &x32)
	r.squareN(&r, 30)
	r.mul(&r, &x30)
	r.squareN(&r, 2)
	z.mul(&r, x)
}

// sqrt sets z to x^((p+1)/4) and reports whether that is a root of x (p ≡ 3 mod 4).
func (z *fe) sqrt(x *fe) bool {
	var x30, x31, x32, r, check fe
	onesPowers(&x30, &x31, &x32, x)
	highPower(&r, &x31, &x32)
	r.squareN(&r, 32)
	r.mul(&r, x)
	r.squareN(&r, 62)
	check.square(&r)
	ok := check.equal(x) != 0
	*z = r
	return ok
}

// onesPowers computes x^(2ⁿ−1) for n = 30, 31 and 32.
func onesPowers(x30, x31, x32, x *fe) {
	var x3, x12, t fe
	t.square(x)
	t.mul(&t, x) // 2
	t.square(&t)
	x3.mul(&t, x) // 3
	t.squareN(&x3, 3)
	t.mul(&t, &x3) // 6
	x12.squareN(&t, 6)
	x12.mul(&x12, &t) // 12
	t.squareN(&x12, 3)
	t.mul(&t, &x3) // 15
	x30.squareN(&t, 15)
	x30.mul(x30, &t)
	x31.square(x30)
	x31.mul(x31, x)
	x32.square(x31)
	x32.mul(x32, x)
}

// highPower computes the power by the 160 top bits that p−2 and (p+1)/4 share: 31 ones, a zero, 128 ones.
func highPower(r, x31, x32 *fe) {
	r.squareN(x31, 33)
	r.mul(r, x32)
	for range 3 {
		r.squareN(r, 32)
		r.mul(r, x32)
	}
}
