package gm

// affine is a point (x, y), never infinity.
type affine struct{ x, y fe }

// point is a point in projective coordinates, (X/Z, Y/Z); infinity has Z = 0. Its operations are complete
// (right for every pair of points, equal, opposite or infinite) and take the same time for all of them.
//
// Source: Renes, Costello, Batina, "Complete addition formulas for prime order elliptic curves" (2015),
// algorithms 4 and 5 for a = −3.
type point struct{ x, y, z fe }

var (
	generator = affine{
		feConst("32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"), // GB/T 32918.5
		feConst("bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0"),
	}
	infinity = point{y: feOne}
)

// onCurve reports whether y² = x³ − 3x + b.
func (p *affine) onCurve() bool {
	var left, right fe
	left.square(&p.y)
	right.rightSide(&p.x)
	return left.equal(&right) != 0
}

// rightSide sets z to x³ − 3x + b.
func (z *fe) rightSide(x *fe) {
	var t, r fe
	r.square(x)
	r.mul(&r, x)
	t.add(x, x)
	t.add(&t, x)
	r.sub(&r, &t)
	z.add(&r, &feB)
}

// affine returns the affine form; for infinity (0, 0), which is not on the curve.
func (p *point) affine() (q affine) {
	var inverse fe
	inverse.invert(&p.z)
	q.x.mul(&p.x, &inverse)
	q.y.mul(&p.y, &inverse)
	return q
}

// pick sets p to q where mask is all ones.
func (p *point) pick(q *point, mask uint64) {
	p.x.pick(&q.x, mask)
	p.y.pick(&q.y, mask)
	p.z.pick(&q.z, mask)
}

// add sets p to q + r (algorithm 4).
func (p *point) add(q, r *point) {
	var t0, t1, t2, t3, t4, x, y, z fe
	t0.mul(&q.x, &r.x)
	t1.mul(&q.y, &r.y)
	t2.mul(&q.z, &r.z)
	t3.add(&q.x, &q.y)
	t4.add(&r.x, &r.y)
	t3.mul(&t3, &t4)
	t4.add(&t0, &t1)
	t3.sub(&t3, &t4)
	t4.add(&q.y, &q.z)
	x.add(&r.y, &r.z)
	t4.mul(&t4, &x)
	x.add(&t1, &t2)
	t4.sub(&t4, &x)
	x.add(&q.x, &q.z)
	y.add(&r.x, &r.z)
	x.mul(&x, &y)
	y.add(&t0, &t2)
	y.sub(&x, &y)
	z.mul(&feB, &t2)
	x.sub(&y, &z)
	z.add(&x, &x)
	x.add(&x, &z)
	z.sub(&t1, &x)
	x.add(&t1, &x)
	y.mul(&feB, &y)
	t1.add(&t2, &t2)
	t2.add(&t1, &t2)
	p.finish(&t0, &t1, &t2, &t3, &t4, &x, &y, &z)
}

// addAffine sets p to q + r (algorithm 5).
func (p *point) addAffine(q *point, r *affine) {
	var t0, t1, t2, t3, t4, x, y, z fe
	t0.mul(&q.x, &r.x)
	t1.mul(&q.y, &r.y)
	t3.add(&r.x, &r.y)
	t4.add(&q.x, &q.y)
	t3.mul(&t3, &t4)
	t4.add(&t0, &t1)
	t3.sub(&t3, &t4)
	t4.mul(&r.y, &q.z)
	t4.add(&t4, &q.y)
	y.mul(&r.x, &q.z)
	y.add(&y, &q.x)
	z.mul(&feB, &q.z)
	x.sub(&y, &z)
	z.add(&x, &x)
	x.add(&x, &z)
	z.sub(&t1, &x)
	x.add(&t1, &x)
	y.mul(&feB, &y)
	t1.add(&q.z, &q.z)
	t2.add(&t1, &q.z)
	p.finish(&t0, &t1, &t2, &t3, &t4, &x, &y, &z)
}

// finish is the end that algorithms 4 (from step 28) and 5 (from step 21) have in common.
func (p *point) finish(t0, t1, t2, t3, t4, x, y, z *fe) {
	y.sub(y, t2)
	y.sub(y, t0)
	t1.add(y, y)
	y.add(t1, y)
	t1.add(t0, t0)
	t0.add(t1, t0)
	t0.sub(t0, t2)
	t1.mul(t4, y)
	t2.mul(t0, y)
	y.mul(x, z)
	p.y.add(y, t2)
	x.mul(t3, x)
	p.x.sub(x, t1)
	z.mul(t4, z)
	t1.mul(t3, t0)
	p.z.add(z, t1)
}

// mul sets p to k·q in time independent of k: signed windows of 5 bits over the table q … 16q, each look-up
// reading the whole table. The doublings between two windows are done in Jacobian coordinates, where they cost
// half and have no special case either.
func (p *point) mul(k *scalar, q *affine) {
	var table [16]point
	table[0] = point{q.x, q.y, feOne}
	for i := 1; i < 16; i++ {
		table[i].addAffine(&table[i-1], q)
	}
	acc := infinity
	for i := 51; i >= 0; i-- { // 52 windows: 256 bits and the carry of the signed form
		if i != 51 {
			j := acc.jacobian()
			for range 5 {
				j.double()
			}
			acc = j.point()
		}
		size, negative := k.booth(uint(i), 5)
		term := selectPoint(&table, size)
		term.negateIf(negative)
		acc.add(&acc, &term)
	}
	*p = acc
}

// selectPoint returns entry size−1, or infinity for size 0, reading the whole table.
func selectPoint(table *[16]point, size uint64) (p point) {
	for j := range table {
		q, mask := &table[j], maskZero(uint64(j+1)^size)
		p.x.or(&q.x, mask)
		p.y.or(&q.y, mask)
		p.z.or(&q.z, mask)
	}
	p.y.or(&feOne, maskZero(size))
	return p
}

func (p *point) negateIf(mask uint64) {
	var y fe
	y.neg(&p.y)
	p.y.pick(&y, mask)
}
