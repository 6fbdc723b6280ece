package gm

import "sync"

const (
	baseWidth   = 6
	baseWindows = 43 // 256 bits and the carry of the signed form
	baseSize    = 1 << (baseWidth - 1)
)

// baseTable holds (j+1)·2^(6i)·G at [i][j]: with it a multiple of G needs 43 additions and no doubling.
type baseTable [baseWindows][baseSize]affine

// generatorTable builds the table (88 KB, about a millisecond) at first use.
var generatorTable = sync.OnceValue(func() *baseTable {
	points := make([]point, 0, baseWindows*baseSize)
	start := point{generator.x, generator.y, feOne}
	for range baseWindows {
		p := start
		for range baseSize {
			points = append(points, p)
			p.add(&p, &start)
		}
		last := &points[len(points)-1]
		start.add(last, last)
	}
	t := new(baseTable)
	for i, p := range normalise(points) {
		t[i/baseSize][i%baseSize] = p
	}
	return t
})

// normalise gives the affine forms of points other than infinity with a single inversion.
//
// Source: Montgomery's trick.
func normalise(points []point) []affine {
	prefix := make([]fe, len(points)) // product of all z before i
	all := feOne
	for i := range points {
		prefix[i] = all
		all.mul(&all, &points[i].z)
	}
	all.invert(&all)
	out := make([]affine, len(points))
	for i := len(points) - 1; i >= 0; i-- {
		var inverse fe
		inverse.mul(&all, &prefix[i])
		all.mul(&all, &points[i].z)
		out[i].x.mul(&points[i].x, &inverse)
		out[i].y.mul(&points[i].y, &inverse)
	}
	return out
}

// mulBase sets p to k·G in time independent of k.
func (p *point) mulBase(k *scalar) {
	table := generatorTable()
	acc := infinity
	for i := range table {
		size, negative := k.booth(uint(i), baseWidth)
		term := selectAffine(&table[i], size)
		var y fe
		y.neg(&term.y)
		term.y.pick(&y, negative)
		// For a zero digit the term is (0, 0), off the curve: the sum is made all the same and not taken.
		var sum point
		sum.addAffine(&acc, &term)
		acc.pick(&sum, ^maskZero(size))
	}
	*p = acc
}

// selectAffine returns entry size−1, or zeros for size 0, reading the whole row.
func selectAffine(row *[baseSize]affine, size uint64) affine {
	var x0, x1, x2, x3, y0, y1, y2, y3 uint64
	for j := range row {
		p, mask := &row[j], maskZero(uint64(j+1)^size)
		x0 |= p.x[0] & mask
		x1 |= p.x[1] & mask
		x2 |= p.x[2] & mask
		x3 |= p.x[3] & mask
		y0 |= p.y[0] & mask
		y1 |= p.y[1] & mask
		y2 |= p.y[2] & mask
		y3 |= p.y[3] & mask
	}
	return affine{fe{x0, x1, x2, x3}, fe{y0, y1, y2, y3}}
}
