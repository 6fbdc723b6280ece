package gm

import (
	"encoding/hex"
	"math/bits"
)

// montgomery sets z to t/2²⁵⁶ mod p for the eight-limb t < p².
//
// p ≡ −1 mod 2⁶⁴, so the Montgomery factor of a limb is the limb itself, and m·p + t has m only in sums and
// shifts: m·p = m·2²⁵⁶ + m·2⁶⁴ − m·2²²⁴ − m·2⁹⁶ − m. One step drops a limb by adding (m·p + m)/2⁶⁴, which is
// (m, 0, 0, m) − (m<<32, m>>32, m<<32, m>>32). The upper half of t waits until the end: before it is added
// the value is at most p, after it below 2p.
func (z *fe) montgomery(t0, t1, t2, t3, t4, t5, t6, t7 uint64) {
	var c, lo, hi, d0, d1, d2, d3 uint64

	lo, hi = t0<<32, t0>>32
	d0, c = bits.Sub64(t0, lo, 0)
	d1, c = bits.Sub64(0, hi, c)
	d2, c = bits.Sub64(0, lo, c)
	d3, _ = bits.Sub64(t0, hi, c)
	t1, c = bits.Add64(t1, d0, 0)
	t2, c = bits.Add64(t2, d1, c)
	t3, c = bits.Add64(t3, d2, c)
	t0 = d3 + c

	lo, hi = t1<<32, t1>>32
	d0, c = bits.Sub64(t1, lo, 0)
	d1, c = bits.Sub64(0, hi, c)
	d2, c = bits.Sub64(0, lo, c)
	d3, _ = bits.Sub64(t1, hi, c)
	t2, c = bits.Add64(t2, d0, 0)
	t3, c = bits.Add64(t3, d1, c)
	t0, c = bits.Add64(t0, d2, c)
	t1 = d3 + c

	lo, hi = t2<<32, t2>>32
	d0, c = bits.Sub64(t2, lo, 0)
	d1, c = bits.Sub64(0, hi, c)
	d2, c = bits.Sub64(0, lo, c)
	d3, _ = bits.Sub64(t2, hi, c)
	t3, c = bits.Add64(t3, d0, 0)
	t0, c = bits.Add64(t0, d1, c)
	t1, c = bits.Add64(t1, d2, c)
	t2 = d3 + c

	lo, hi = t3<<32, t3>>32
	d0, c = bits.Sub64(t3, lo, 0)
	d1, c = bits.Sub64(0, hi, c)
	d2, c = bits.Sub64(0, lo, c)
	d3, _ = bits.Sub64(t3, hi, c)
	t0, c = bits.Add64(t0, d0, 0)
	t1, c = bits.Add64(t1, d1, c)
	t2, c = bits.Add64(t2, d2, c)
	t3 = d3 + c

	t0, c = bits.Add64(t0, t4, 0)
	t1, c = bits.Add64(t1, t5, c)
	t2, c = bits.Add64(t2, t6, c)
	t3, c = bits.Add64(t3, t7, c)

	// reduceOnce, written out here for speed.
	d0, lo = bits.Sub64(t0, p0, 0)
	d1, lo = bits.Sub64(t1, p1, lo)
	d2, lo = bits.Sub64(t2, p2, lo)
	d3, lo = bits.Sub64(t3, p3, lo)
	_, lo = bits.Sub64(c, 0, lo)
	m := -lo
	z[0] = d0 ^ (d0^t0)&m
	z[1] = d1 ^ (d1^t1)&m
	z[2] = d2 ^ (d2^t2)&m
	z[3] = d3 ^ (d3^t3)&m
}

// feConst reads a constant of the standard.
func feConst(s string) (z fe) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 32 || !z.setBytes((*[32]byte)(b)) {
		panic("gm: bad constant " + s) // cannot happen: the arguments are in this package
	}
	return z
}
