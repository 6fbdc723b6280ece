package gm

// jacobian is a point (X/Z², Y/Z³); infinity has Z = 0. Faster than point. Its additions branch on special cases:
// they are for public values only, that is for verification. Doubling and the conversions take the same time for
// all points.
//
// Source: Cohen, Miyaji, Ono (1998); doubling for a = −3 as dbl-2001-b of the Explicit-Formulas Database.
type jacobian struct{ x, y, z fe }

// jacobian converts; infinity becomes (0, 0, 0).
func (p *point) jacobian() (j jacobian) {
	j.x.mul(&p.x, &p.z)
	j.y.square(&p.z)
	j.y.mul(&j.y, &p.y)
	j.z = p.z
	return j
}

// point converts back; the all-zero infinity, which the complete formulas do not know, becomes (0, 1, 0).
func (p *jacobian) point() (q point) {
	q.x.mul(&p.x, &p.z)
	q.y = p.y
	q.z.square(&p.z)
	q.z.mul(&q.z, &p.z)
	q.pick(&infinity, q.z.isZero())
	return q
}

func (p *jacobian) double() {
	var delta, gamma, beta, alpha, t fe
	delta.square(&p.z)
	gamma.square(&p.y)
	beta.mul(&p.x, &gamma)
	alpha.sub(&p.x, &delta)
	t.add(&p.x, &delta)
	t.mul(&alpha, &t)
	alpha.add(&t, &t)
	alpha.add(&alpha, &t)

	p.z.add(&p.y, &p.z)
	p.z.square(&p.z)
	p.z.sub(&p.z, &gamma)
	p.z.sub(&p.z, &delta)

	beta.add(&beta, &beta)
	beta.add(&beta, &beta) // 4β
	t.add(&beta, &beta)
	p.x.square(&alpha)
	p.x.sub(&p.x, &t)

	beta.sub(&beta, &p.x)
	gamma.add(&gamma, &gamma)
	gamma.square(&gamma)
	gamma.add(&gamma, &gamma) // 8γ²
	p.y.mul(&alpha, &beta)
	p.y.sub(&p.y, &gamma)
}

// addAffine adds q, or −q.
func (p *jacobian) addAffine(q *affine, negative bool) {
	y := q.y
	if negative {
		y.neg(&y)
	}
	if p.z.isZero() != 0 {
		*p = jacobian{q.x, y, feOne}
		return
	}
	var zz, u, s fe
	zz.square(&p.z)
	u.mul(&q.x, &zz)
	s.mul(&p.z, &zz)
	s.mul(&s, &y)
	p.combine(&p.x, &p.y, &u, &s, &p.z)
}

// add adds q, or −q.
func (p *jacobian) add(q *jacobian, negative bool) {
	y := q.y
	if negative {
		y.neg(&y)
	}
	if q.z.isZero() != 0 {
		return
	}
	if p.z.isZero() != 0 {
		*p = jacobian{q.x, y, q.z}
		return
	}
	var zz, u1, s1, u2, s2, z fe
	zz.square(&q.z)
	u1.mul(&p.x, &zz)
	s1.mul(&q.z, &zz)
	s1.mul(&s1, &p.y)
	zz.square(&p.z)
	u2.mul(&q.x, &zz)
	s2.mul(&p.z, &zz)
	s2.mul(&s2, &y)
	z.mul(&p.z, &q.z)
	p.combine(&u1, &s1, &u2, &s2, &z)
}

// combine sets p, one of the summands, to the sum of (u1, s1) and (u2, s2), both over the denominator z.
func (p *jacobian) combine(u1, s1, u2, s2, z *fe) {
	var h, r, hh, hhh, v fe
	h.sub(u2, u1)
	r.sub(s2, s1)
	if h.isZero() != 0 {
		if r.isZero() != 0 {
			p.double()
		} else {
			*p = jacobian{}
		}
		return
	}
	hh.square(&h)
	hhh.mul(&h, &hh)
	v.mul(u1, &hh)
	s := *s1 // u1, s1 and z may be p's own coordinates
	p.z.mul(z, &h)
	p.x.square(&r)
	p.x.sub(&p.x, &hhh)
	p.x.sub(&p.x, &v)
	p.x.sub(&p.x, &v)
	v.sub(&v, &p.x)
	p.y.mul(&r, &v)
	hhh.mul(&hhh, &s)
	p.y.sub(&p.y, &hhh)
}

// mulBoth sets p to s·G + t·q. Variable-time.
func (p *jacobian) mulBoth(s, t *scalar, q *affine) {
	var odd [8]jacobian // q, 3q … 15q
	odd[0] = jacobian{q.x, q.y, feOne}
	twice := odd[0]
	twice.double()
	for i := 1; i < len(odd); i++ {
		odd[i] = odd[i-1]
		odd[i].add(&twice, false)
	}
	*p = jacobian{}
	digits := t.wnaf5()
	for i := len(digits) - 1; i >= 0; i-- {
		if p.z.isZero() == 0 {
			p.double()
		}
		if d := digits[i]; d > 0 {
			p.add(&odd[d/2], false)
		} else if d < 0 {
			p.add(&odd[-d/2], true)
		}
	}
	table := generatorTable()
	for i := range table {
		if size, negative := s.booth(uint(i), baseWidth); size != 0 {
			p.addAffine(&table[i][size-1], negative != 0)
		}
	}
}

// hasX reports whether p is not infinity and its affine x is the given one, without the inversion.
func (p *jacobian) hasX(x *fe) bool {
	var t fe
	t.square(&p.z)
	t.mul(&t, x)
	return p.z.isZero() == 0 && t.equal(&p.x) != 0
}
