package kmc

import (
	"errors"
	"fmt"
	"io"
)

// Splitting a secret so that m of n parts give it back and m-1 say nothing about it: byte by byte, the secret is the value at 0 of a
// random polynomial of degree m-1 over GF(2⁸), and part x is its value at x.
//
// Source: A. Shamir, How to Share a Secret, CACM 22 (1979); the field is that of FIPS 197 §4, x⁸+x⁴+x³+x+1.

var errParts = errors.New("kmc: parts do not fit together")

// split gives the values at x = 1 … n.
//
// Shape: 2 ≤ m ≤ n ≤ 255; each part is as long as the secret.
func split(rand io.Reader, secret []byte, m, n int) ([][]byte, error) {
	if m < 2 || n < m || n > 255 || len(secret) == 0 {
		return nil, fmt.Errorf("kmc: cannot split %d bytes into %d parts of which %d are needed", len(secret), n, m)
	}
	coefficients := make([]byte, len(secret)*(m-1))
	defer clear(coefficients)
	if _, err := io.ReadFull(rand, coefficients); err != nil {
		return nil, fmt.Errorf("drawing a polynomial: %w", err)
	}
	parts := make([][]byte, n)
	for i := range parts {
		parts[i] = make([]byte, len(secret))
		for j, s := range secret {
			parts[i][j] = valueAt(byte(i+1), s, coefficients[j*(m-1):(j+1)*(m-1)])
		}
	}
	return parts, nil
}

// valueAt is constant + c₀x + c₁x² + …, by Horner's rule.
func valueAt(x, constant byte, c []byte) byte {
	var y byte
	for i := len(c) - 1; i >= 0; i-- {
		y = gfMul(y, x) ^ c[i]
	}
	return gfMul(y, x) ^ constant
}

// combine gives the secret back from exactly as many parts as are needed. With too few or changed parts it gives other bytes, and
// cannot know it: the caller checks.
//
// Errors: errParts for a part numbered 0, a number twice, lengths that differ.
func combine(parts map[byte][]byte) ([]byte, error) {
	var secret []byte
	for x, y := range parts {
		if x == 0 || len(y) == 0 || secret != nil && len(y) != len(secret) {
			return nil, errParts
		}
		if secret == nil {
			secret = make([]byte, len(y))
		}
		weight := byte(1) // the Lagrange polynomial of x at 0
		for other := range parts {
			if other != x {
				weight = gfMul(weight, gfMul(other, gfInverse(other^x)))
			}
		}
		for i := range y {
			secret[i] ^= gfMul(weight, y[i])
		}
	}
	if secret == nil {
		return nil, errParts
	}
	return secret, nil
}

// gfMul multiplies in time that does not depend on the values, without tables.
func gfMul(a, b byte) byte {
	var product byte
	for range 8 {
		product ^= -(b & 1) & a
		a = a<<1 ^ -(a>>7)&0x1b
		b >>= 1
	}
	return product
}

// gfInverse is a²⁵⁴; 0 has none and gives 0.
func gfInverse(a byte) byte {
	result := byte(1)
	for bit := 7; bit >= 0; bit-- {
		result = gfMul(result, result)
		if 254>>bit&1 == 1 { // the exponent is public
			result = gfMul(result, a)
		}
	}
	return result
}
