package gm

import "math/bits"

// The group order n, limbs least significant first (GB/T 32918.5).
const (
	n0 = 0x53bbf40939d54123
	n1 = 0x7203df6b21c6052b
	n2 = 0xffffffffffffffff
	n3 = 0xfffffffeffffffff

	nPrime = 0x327f9e8872350975 // −1/n mod 2⁶⁴
)

// scalar is an integer mod n, fully reduced. It is a plain value unless a comment says "Montgomery"
// (value·2²⁵⁶ mod n). Its operations take the same time for all values.
type scalar [4]uint64

var (
	scOne = scalar{0xac440bf6c62abedd, 0x8dfc2094de39fad4, 0, 0x100000000}                         // 2²⁵⁶ mod n
	scRR  = scalar{0x901192af7c114f20, 0x3464504ade6fa2fa, 0x620fc84c3affe0d4, 0x1eb5e412a22b3d3b} // 2⁵¹² mod n
)

// setBytes reads 32 big-endian bytes; it reports false for a value not below n.
func (z *scalar) setBytes(b *[32]byte) bool {
	*z = limbs(b)
	_, c := bits.Sub64(z[0], n0, 0)
	_, c = bits.Sub64(z[1], n1, c)
	_, c = bits.Sub64(z[2], n2, c)
	_, c = bits.Sub64(z[3], n3, c)
	return c == 1
}

// setReduced reads 32 big-endian bytes mod n. One subtraction is enough: 2²⁵⁶ < 2n.
func (z *scalar) setReduced(b *[32]byte) {
	x := limbs(b)
	z.reduceOnce(x[0], x[1], x[2], x[3], 0)
}

func (z *scalar) bytes() [32]byte { return unlimbs((*[4]uint64)(z)) }

// isZero returns all ones for zero, else 0.
func (z *scalar) isZero() uint64 { return maskZero(z[0] | z[1] | z[2] | z[3]) }

func (z *scalar) add(x, y *scalar) {
	a0, c := bits.Add64(x[0], y[0], 0)
	a1, c := bits.Add64(x[1], y[1], c)
	a2, c := bits.Add64(x[2], y[2], c)
	a3, c := bits.Add64(x[3], y[3], c)
	z.reduceOnce(a0, a1, a2, a3, c)
}

// reduceOnce sets z to the five-limb value a below 2n, less n if it is not below n.
func (z *scalar) reduceOnce(a0, a1, a2, a3, a4 uint64) {
	s0, c := bits.Sub64(a0, n0, 0)
	s1, c := bits.Sub64(a1, n1, c)
	s2, c := bits.Sub64(a2, n2, c)
	s3, c := bits.Sub64(a3, n3, c)
	_, c = bits.Sub64(a4, 0, c)
	m := -c // all ones: a was below n already
	z[0] = s0 ^ (s0^a0)&m
	z[1] = s1 ^ (s1^a1)&m
	z[2] = s2 ^ (s2^a2)&m
	z[3] = s3 ^ (s3^a3)&m
}

func (z *scalar) sub(x, y *scalar) {
	a0, c := bits.Sub64(x[0], y[0], 0)
	a1, c := bits.Sub64(x[1], y[1], c)
	a2, c := bits.Sub64(x[2], y[2], c)
	a3, c := bits.Sub64(x[3], y[3], c)
	m := -c
	z[0], c = bits.Add64(a0, n0&m, 0)
	z[1], c = bits.Add64(a1, n1&m, c)
	z[2], c = bits.Add64(a2, n2&m, c)
	z[3], _ = bits.Add64(a3, n3&m, c)
}

// mul is the Montgomery product x·y/2²⁵⁶ mod n.
func (z *scalar) mul(x, y *scalar) {
	var t0, t1, t2, t3, t4, over, c uint64
	for _, v := range x {
		t0, t1, t2, t3, t4, over = addProduct(t0, t1, t2, t3, t4, v, y)
		_, t0, t1, t2, t3, c = addProduct(t0, t1, t2, t3, t4, t0*nPrime, &order) // makes the low limb zero
		t4 = over + c
	}
	z.reduceOnce(t0, t1, t2, t3, t4)
}

// order is n, for multiplying with it.
var order = scalar{n0, n1, n2, n3}

// addProduct adds v·y to the five limbs of t; the last result is the carry out of them.
func addProduct(t0, t1, t2, t3, t4, v uint64, y *scalar) (_, _, _, _, _, carry uint64) {
	h0, l0 := bits.Mul64(v, y[0])
	h1, l1 := bits.Mul64(v, y[1])
	h2, l2 := bits.Mul64(v, y[2])
	h3, l3 := bits.Mul64(v, y[3])
	l1, c := bits.Add64(l1, h0, 0)
	l2, c = bits.Add64(l2, h1, c)
	l3, c = bits.Add64(l3, h2, c)
	h3 += c
	t0, c = bits.Add64(t0, l0, 0)
	t1, c = bits.Add64(t1, l1, c)
	t2, c = bits.Add64(t2, l2, c)
	t3, c = bits.Add64(t3, l3, c)
	t4, c = bits.Add64(t4, h3, c)
	return t0, t1, t2, t3, t4, c
}

// invert sets z to x^(n−2) = 1/x, both in Montgomery form. The exponent is public, so that branching on its
// digits tells nothing.
func (z *scalar) invert(x *scalar) {
	var table [16]scalar // x⁰ … x¹⁵
	table[0] = scOne
	for i := 1; i < 16; i++ {
		table[i].mul(&table[i-1], x)
	}
	exponent := [4]uint64{n0 - 2, n1, n2, n3}
	r := scOne
	for i := 63; i >= 0; i-- {
		for range 4 {
			r.mul(&r, &r)
		}
		if digit := exponent[i/16] >> (i % 16 * 4) & 15; digit != 0 {
			r.mul(&r, &table[digit])
		}
	}
	*z = r
}

// booth returns the signed digit of window i, w bits wide: its size 0 … 2^(w−1), and all ones if it is negative.
// The positions are public; the digit is made without a branch.
func (z *scalar) booth(i, w uint) (size, negative uint64) {
	in := z.bits(i*w, w+1)
	negative = -(in >> w)
	size = in ^ (in^(1<<(w+1)-1-in))&negative
	return size>>1 + size&1, negative
}

// bits returns the given number of bits of 2z from position at on (doubled, so that window 0 has a bit below it).
func (z *scalar) bits(at, count uint) uint64 {
	if at == 0 {
		return z[0] << 1 & (1<<count - 1)
	}
	at--
	v := z[at/64] >> (at % 64)
	if at%64+count > 64 && at/64 < 3 {
		v |= z[at/64+1] << (64 - at%64)
	}
	return v & (1<<count - 1)
}

// wnaf5 writes z as Σ digit[i]·2ⁱ with odd digits of at most ±15, at least four zeros after each. Variable-time:
// for public scalars only.
func (z *scalar) wnaf5() (digits [257]int8) {
	var k [5]uint64 // a spare limb: a negative digit can carry past bit 255
	copy(k[:], z[:])
	for i := 0; i < 257; {
		if k[i/64]>>(i%64)&1 == 0 {
			i++
			continue
		}
		d := wideBits(&k, i) & 31
		if d < 16 {
			digits[i] = int8(d)
		} else {
			digits[i] = int8(d) - 32
			carryAt(&k, i+5)
		}
		i += 5
	}
	return digits
}

// wideBits returns the bits of k from position at on.
func wideBits(k *[5]uint64, at int) uint64 {
	v := k[at/64] >> (at % 64)
	if at%64 != 0 && at/64 < 4 {
		v |= k[at/64+1] << (64 - at%64)
	}
	return v
}

// carryAt adds 2^at to k.
func carryAt(k *[5]uint64, at int) {
	c := uint64(1) << (at % 64)
	for i := at / 64; i < len(k) && c != 0; i++ {
		k[i], c = bits.Add64(k[i], c, 0)
	}
}
