package gm

import (
	"math/big"
	"testing"
)

func bigHex(s string) *big.Int {
	v, ok := new(big.Int).SetString(s, 16)
	if !ok {
		panic(s)
	}
	return v
}

// The curve as GB/T 32918.5 prints it, for math/big: independent of the limbs in the code.
var (
	bigP = bigHex("FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF")
	bigN = bigHex("FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123")
	bigB = bigHex("28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93")
	bigG = [2]*big.Int{
		bigHex("32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7"),
		bigHex("BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0"),
	}
	big1 = big.NewInt(1)
	bigR = new(big.Int).Lsh(big1, 256)
)

func bytes32(v *big.Int) (b [32]byte) {
	v.FillBytes(b[:])
	return b
}

// samples gives edge values below m, values with limbs of zeros and ones, and random ones.
func samples(m *big.Int) (out []*big.Int) {
	add := func(v *big.Int) {
		out = append(out, v.Mod(v, m))
	}
	for _, d := range []int64{-3, -2, -1, 0, 1, 2, 3} {
		delta := big.NewInt(d)
		add(new(big.Int).Add(m, delta))
		add(new(big.Int).Add(bigR, delta))
		add(new(big.Int).Add(new(big.Int).Rsh(m, 1), delta))
		for _, shift := range []uint{32, 63, 64, 96, 127, 128, 160, 192, 224, 255} {
			add(new(big.Int).Add(new(big.Int).Lsh(big1, shift), delta))
		}
	}
	for pattern := range 256 { // each 32-bit word all zeros or all ones
		v := new(big.Int)
		for word := range 8 {
			v.Lsh(v, 32)
			if pattern>>word&1 == 1 {
				v.Or(v, big.NewInt(0xffffffff))
			}
		}
		add(v)
	}
	for range 100 {
		add(new(big.Int).SetBytes(randomBytes(32)))
	}
	return out
}

func toFE(t testing.TB, v *big.Int) (z fe) {
	t.Helper()
	b := bytes32(v)
	if !z.setBytes(&b) {
		t.Fatalf("%x was refused as not below p", v)
	}
	return z
}

func TestFieldAgainstBig(t *testing.T) {
	check := func(what string, z *fe, want *big.Int, args ...*big.Int) {
		t.Helper()
		want.Mod(want, bigP)
		if got := z.bytes(); got != bytes32(want) {
			t.Fatalf("%s of %x = %x, want %x", what, args, got, want)
		}
		if raw := new(big.Int).SetBytes(func() []byte { b := unlimbs((*[4]uint64)(z)); return b[:] }()); raw.Cmp(bigP) >= 0 {
			t.Fatalf("%s of %x is not fully reduced: %x", what, args, raw)
		}
	}
	values := samples(bigP)
	half := new(big.Int).ModInverse(bigR, bigP)
	for i, a := range values {
		x := toFE(t, a)
		if x.isZero() != 0 != (a.Sign() == 0) {
			t.Fatalf("isZero of %x", a)
		}
		var z fe
		z.square(&x)
		check("square", &z, new(big.Int).Mul(a, a), a)
		z.neg(&x)
		check("neg", &z, new(big.Int).Neg(a), a)
		raw := fe(limbs(func() *[32]byte { b := bytes32(a); return &b }()))
		z.mul(&raw, &raw)
		check("mul without conversion", &z, new(big.Int).Mul(new(big.Int).Mul(a, a), new(big.Int).Mul(half, half)), a)
		if a.Sign() != 0 {
			z.invert(&x)
			check("invert", &z, new(big.Int).ModInverse(a, bigP), a)
		}
		root := new(big.Int).ModSqrt(a, bigP)
		if ok := z.sqrt(&x); ok != (root != nil) {
			t.Fatalf("sqrt of %x: %v", a, ok)
		} else if ok {
			z.square(&z)
			check("square of sqrt", &z, new(big.Int).Set(a), a)
		}
		for j := i % 7; j < len(values); j += 7 {
			b := values[j]
			y := toFE(t, b)
			if x.equal(&y) != 0 != (a.Cmp(b) == 0) {
				t.Fatalf("equal of %x, %x", a, b)
			}
			z.mul(&x, &y)
			check("mul", &z, new(big.Int).Mul(a, b), a, b)
			z.add(&x, &y)
			check("add", &z, new(big.Int).Add(a, b), a, b)
			z.sub(&x, &y)
			check("sub", &z, new(big.Int).Sub(a, b), a, b)
			z = x // the result may be an argument
			z.mul(&z, &y)
			check("mul in place", &z, new(big.Int).Mul(a, b), a, b)
			z = y
			z.mul(&x, &z)
			check("mul in place", &z, new(big.Int).Mul(a, b), a, b)
		}
	}
}

func TestFieldBounds(t *testing.T) {
	for d := int64(-2); d <= 2; d++ {
		var z fe
		b := bytes32(new(big.Int).Add(bigP, big.NewInt(d)))
		if ok := z.setBytes(&b); ok != (d < 0) {
			t.Errorf("p%+d accepted: %v", d, ok)
		}
		var s scalar
		b = bytes32(new(big.Int).Add(bigN, big.NewInt(d)))
		if ok := s.setBytes(&b); ok != (d < 0) {
			t.Errorf("n%+d accepted: %v", d, ok)
		}
	}
	var z fe
	b := bytes32(new(big.Int).Sub(bigR, big1))
	if z.setBytes(&b) {
		t.Error("2²⁵⁶−1 accepted")
	}
}

func TestConstants(t *testing.T) {
	for what, v := range map[string]struct {
		limbs [4]uint64
		want  *big.Int
	}{
		"p":        {[4]uint64{p0, p1, p2, p3}, bigP},
		"n":        {[4]uint64{n0, n1, n2, n3}, bigN},
		"R mod p":  {feOne, new(big.Int).Mod(bigR, bigP)},
		"R² mod p": {feRR, new(big.Int).Mod(new(big.Int).Mul(bigR, bigR), bigP)},
		"R mod n":  {scOne, new(big.Int).Mod(bigR, bigN)},
		"R² mod n": {scRR, new(big.Int).Mod(new(big.Int).Mul(bigR, bigR), bigN)},
		"p − n":    {[4]uint64{gap0, gap1}, new(big.Int).Sub(bigP, bigN)},
	} {
		if got := unlimbs(&v.limbs); got != bytes32(v.want) {
			t.Errorf("%s = %x, want %x", what, got, v.want)
		}
	}
	prime := uint64(nPrime)
	if product := prime * n0; product != ^uint64(0) { // −1 mod 2⁶⁴
		t.Errorf("nPrime·n = %x", product)
	}
	if b := feN.bytes(); b != bytes32(bigN) {
		t.Errorf("feN = %x", b)
	}
}

func toScalar(t testing.TB, v *big.Int) (z scalar) {
	t.Helper()
	b := bytes32(v)
	if !z.setBytes(&b) {
		t.Fatalf("%x was refused as not below n", v)
	}
	return z
}

func TestScalarAgainstBig(t *testing.T) {
	check := func(what string, z *scalar, want *big.Int, args ...*big.Int) {
		t.Helper()
		if got := z.bytes(); got != bytes32(want.Mod(want, bigN)) {
			t.Fatalf("%s of %x = %x, want %x", what, args, got, want)
		}
	}
	values := samples(bigN)
	unR := new(big.Int).ModInverse(bigR, bigN)
	for i, a := range values {
		x := toScalar(t, a)
		var z scalar
		if a.Sign() != 0 {
			z.mul(&x, &scRR)
			z.invert(&z)
			z.mul(&z, &scalar{1})
			check("invert", &z, new(big.Int).ModInverse(a, bigN), a)
		}
		for j := i % 7; j < len(values); j += 7 {
			b := values[j]
			y := toScalar(t, b)
			z.mul(&x, &y)
			want := new(big.Int).Mul(a, b)
			check("mul", &z, want.Mul(want, unR), a, b)
			z.add(&x, &y)
			check("add", &z, new(big.Int).Add(a, b), a, b)
			z.sub(&x, &y)
			check("sub", &z, new(big.Int).Sub(a, b), a, b)
		}
	}
	for _, a := range append(samples(bigR), new(big.Int).Sub(bigR, big1), bigN, bigP) {
		var z scalar
		b := bytes32(a)
		z.setReduced(&b)
		check("reduction", &z, new(big.Int).Set(a), a)
	}
}

// Both digit forms must add up to the scalar.
func TestRecoding(t *testing.T) {
	for _, a := range samples(bigN) {
		z := toScalar(t, a)
		for _, width := range []uint{5, 6} {
			sum := new(big.Int)
			for i := uint(0); i*width <= 256; i++ {
				size, negative := z.booth(i, width)
				if size > 1<<(width-1) || negative != 0 && negative != ^uint64(0) {
					t.Fatalf("digit %d of %x: %d, %x", i, a, size, negative)
				}
				d := new(big.Int).SetUint64(size)
				if negative != 0 {
					d.Neg(d)
				}
				sum.Add(sum, d.Lsh(d, i*width))
			}
			if sum.Cmp(a) != 0 {
				t.Fatalf("windows of %d bits: %x became %x", width, a, sum)
			}
		}
		sum, last := new(big.Int), -5
		for i, digit := range z.wnaf5() {
			if digit == 0 {
				continue
			}
			if digit&1 == 0 || digit > 15 || digit < -15 || i-last < 5 {
				t.Fatalf("wnaf digit %d of %x at %d after %d", digit, a, i, last)
			}
			last = i
			d := big.NewInt(int64(digit))
			sum.Add(sum, d.Lsh(d, uint(i)))
		}
		if sum.Cmp(a) != 0 {
			t.Fatalf("wnaf: %x became %x", a, sum)
		}
	}
}

// bigPoint is a point for the schoolbook arithmetic below; nil is infinity.
type bigPoint *[2]*big.Int

func bigAdd(p, q bigPoint) bigPoint {
	if p == nil {
		return q
	}
	if q == nil {
		return p
	}
	slope := new(big.Int)
	if p[0].Cmp(q[0]) != 0 {
		slope.ModInverse(slope.Mod(slope.Sub(q[0], p[0]), bigP), bigP)
		slope.Mul(slope, new(big.Int).Sub(q[1], p[1]))
	} else if p[1].Cmp(q[1]) != 0 {
		return nil
	} else {
		slope.ModInverse(slope.Lsh(p[1], 1), bigP)
		top := new(big.Int).Mul(p[0], p[0])
		top.Mul(top, big.NewInt(3)).Sub(top, big.NewInt(3))
		slope.Mul(slope, top)
	}
	x := new(big.Int).Mul(slope, slope)
	x.Sub(x, p[0]).Sub(x, q[0]).Mod(x, bigP)
	y := new(big.Int).Sub(p[0], x)
	y.Mul(y, slope).Sub(y, p[1]).Mod(y, bigP)
	return &[2]*big.Int{x, y}
}

func bigMul(k *big.Int, p bigPoint) (q bigPoint) {
	for i := k.BitLen() - 1; i >= 0; i-- {
		q = bigAdd(q, q)
		if k.Bit(i) == 1 {
			q = bigAdd(q, p)
		}
	}
	return q
}

// scaled gives p in projective and in Jacobian coordinates with a random denominator.
func scaled(t *testing.T, p bigPoint) (a affine, q point, j jacobian) {
	z := toFE(t, new(big.Int).Mod(new(big.Int).SetBytes(randomBytes(32)), bigP))
	if p == nil {
		return affine{}, point{y: z}, jacobian{x: z, y: z}
	}
	a = affine{toFE(t, p[0]), toFE(t, p[1])}
	q.z, j.z = z, z
	q.x.mul(&a.x, &z)
	q.y.mul(&a.y, &z)
	z.square(&z)
	j.x.mul(&a.x, &z)
	z.mul(&z, &j.z)
	j.y.mul(&a.y, &z)
	return a, q, j
}

func wantPoint(t *testing.T, what string, p point, want bigPoint) {
	t.Helper()
	if want == nil {
		if p.z.isZero() == 0 || p.y.isZero() != 0 {
			t.Fatalf("%s is not infinity: %x", what, p)
		}
		return
	}
	a := p.affine()
	if a.x.bytes() != bytes32(want[0]) || a.y.bytes() != bytes32(want[1]) {
		t.Fatalf("%s = (%x, %x), want %x", what, a.x.bytes(), a.y.bytes(), want[:])
	}
}

func TestPointsAgainstBig(t *testing.T) {
	g := bigPoint(&bigG)
	points := []bigPoint{nil, g, bigMul(big.NewInt(2), g), bigMul(new(big.Int).Sub(bigN, big1), g)}
	for range 6 {
		p := bigMul(new(big.Int).SetBytes(randomBytes(32)), g)
		points = append(points, p, &[2]*big.Int{p[0], new(big.Int).Sub(bigP, p[1])}, bigAdd(p, p))
	}
	for _, bp := range points {
		_, p, jp := scaled(t, bp)
		var r point
		wantPoint(t, "to Jacobian and back", func() point { j := p.jacobian(); return j.point() }(), bp)
		twice := p.jacobian()
		twice.double()
		wantPoint(t, "double through Jacobian", twice.point(), bigAdd(bp, bp))
		twice = jp
		twice.double()
		wantPoint(t, "jacobian double", twice.point(), bigAdd(bp, bp))
		for _, bq := range points {
			aq, q, jq := scaled(t, bq)
			want, wantMinus := bigAdd(bp, bq), bigPoint(nil)
			if bq != nil {
				wantMinus = bigAdd(bp, &[2]*big.Int{bq[0], new(big.Int).Sub(bigP, bq[1])})
			} else {
				wantMinus = bp
			}
			r.add(&p, &q)
			wantPoint(t, "add", r, want)
			r = p
			r.add(&r, &q)
			wantPoint(t, "add in place", r, want)
			j := jp
			j.add(&jq, false)
			wantPoint(t, "jacobian add", j.point(), want)
			j = jp
			j.add(&jq, true)
			wantPoint(t, "jacobian subtract", j.point(), wantMinus)
			if bq == nil {
				continue
			}
			r.addAffine(&p, &aq)
			wantPoint(t, "addAffine", r, want)
			j = jp
			j.addAffine(&aq, false)
			wantPoint(t, "jacobian addAffine", j.point(), want)
			j = jp
			j.addAffine(&aq, true)
			wantPoint(t, "jacobian subtract affine", j.point(), wantMinus)
		}
	}
}

func TestMultiplesAgainstBig(t *testing.T) {
	g := bigPoint(&bigG)
	bq := bigMul(big.NewInt(0x5157), g)
	q := affine{toFE(t, bq[0]), toFE(t, bq[1])}
	values := samples(bigN)
	for i := 0; i < len(values); i += 4 { // the schoolbook side is slow
		k := toScalar(t, values[i])
		wantG, wantQ := bigMul(values[i], g), bigMul(values[i], bq)
		var p point
		p.mulBase(&k)
		wantPoint(t, "k·G", p, wantG)
		p.mul(&k, &q)
		wantPoint(t, "k·Q", p, wantQ)
		other := values[(i*31+7)%len(values)]
		o := toScalar(t, other)
		var j jacobian
		j.mulBoth(&k, &o, &q)
		wantPoint(t, "k·G + o·Q", j.point(), bigAdd(wantG, bigMul(other, bq)))
	}
}

// What the group must satisfy whatever the multiplication: (n−1)·G = −G, one G more is infinity, 0·G is infinity.
func TestGroupOrder(t *testing.T) {
	last := toScalar(t, new(big.Int).Sub(bigN, big1))
	g := point{generator.x, generator.y, feOne}
	for what, mul := range map[string]func(p *point, k *scalar){
		"base":  func(p *point, k *scalar) { p.mulBase(k) },
		"point": func(p *point, k *scalar) { p.mul(k, &generator) },
	} {
		var p point
		mul(&p, &last)
		wantPoint(t, what+" (n−1)·G", p, &[2]*big.Int{bigG[0], new(big.Int).Sub(bigP, bigG[1])})
		p.add(&p, &g)
		wantPoint(t, what+" n·G", p, nil)
		mul(&p, &scalar{})
		wantPoint(t, what+" 0·G", p, nil)
		mul(&p, &scalar{1})
		wantPoint(t, what+" 1·G", p, &bigG)
	}
	if !generator.onCurve() {
		t.Error("G is not on the curve")
	}
	if b := feB.bytes(); b != bytes32(bigB) {
		t.Errorf("b = %x", b)
	}
}

// Every entry of the base table, against schoolbook arithmetic.
func TestBaseTable(t *testing.T) {
	start := bigPoint(&bigG)
	for i, row := range generatorTable() {
		p := start
		for j, entry := range row {
			if entry.x.bytes() != bytes32(p[0]) || entry.y.bytes() != bytes32(p[1]) {
				t.Fatalf("entry %d of window %d is wrong", j, i)
			}
			p = bigAdd(p, start)
		}
		for range baseWidth {
			start = bigAdd(start, start)
		}
	}
}
