package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"math/big"
	"sync"

	"signet/ca/gm"
)

// MinRSA is the smallest RSA key, in bits, that may be certified.
const MinRSA = 2048

// WeakKeyError says why a key is not fit to be certified.
//
// Shape: Reason is one of size, exponent, small_factor, roca, close_primes, off_curve, kind.
type WeakKeyError struct{ Reason string }

func (e *WeakKeyError) Error() string { return "pki: key is not fit to be certified: " + e.Reason }

// CheckKey reports whether a public key is fit to be certified: kind and size, a sane exponent, a point on its
// curve, and for RSA no trace of the three known ways of making bad primes.
//
// Errors: *WeakKeyError.
// Source: BR §6.1.6; ROCA: CVE-2017-15361; close primes: CVE-2022-26320 (100 rounds of Fermat's method, BR §6.1.1.3).
func CheckKey(pub crypto.PublicKey) error {
	switch k := pub.(type) {
	case *gm.PublicKey:
		if _, err := gm.NewPublicKey(k.Bytes()); err != nil {
			return &WeakKeyError{"off_curve"}
		}
		return nil
	case *ecdsa.PublicKey:
		if _, err := marshalECDSA(k); err != nil {
			return &WeakKeyError{"off_curve"}
		}
		return nil
	case *rsa.PublicKey:
		return checkRSA(k)
	case *MLDSAPublicKey:
		return nil // every string of the right length is a key (FIPS 204 §7.2), and only those become one
	}
	return &WeakKeyError{"kind"}
}

func checkRSA(k *rsa.PublicKey) error {
	bits := k.N.BitLen()
	switch {
	case bits < MinRSA || bits > 4096 || bits%8 != 0:
		return &WeakKeyError{"size"}
	case k.E < 65537 || k.E%2 == 0:
		return &WeakKeyError{"exponent"}
	case hasSmallFactor(k.N):
		return &WeakKeyError{"small_factor"}
	case looksLikeROCA(k.N):
		return &WeakKeyError{"roca"}
	case closePrimes(k.N, 100):
		return &WeakKeyError{"close_primes"}
	}
	return nil
}

// smallPrimes are the primes below 752 (BR §6.1.6 wants no factor smaller than that).
var smallPrimes = sync.OnceValue(func() []uint64 {
	var out []uint64
	for n := uint64(2); n < 752; n++ {
		if big.NewInt(int64(n)).ProbablyPrime(0) {
			out = append(out, n)
		}
	}
	return out
})

func hasSmallFactor(n *big.Int) bool {
	m := new(big.Int)
	for _, p := range smallPrimes() {
		if m.Mod(n, new(big.Int).SetUint64(p)).Sign() == 0 {
			return true
		}
	}
	return false
}

// rocaPrimes maps each odd prime up to 167 to the residues that 65537 generates modulo it. Infineon's primes, and so
// their products, were powers of 65537 modulo the product of these primes.
var rocaPrimes = sync.OnceValue(func() map[uint64]map[uint64]bool {
	groups := map[uint64]map[uint64]bool{}
	for _, p := range smallPrimes() {
		if p == 2 || p > 167 {
			continue
		}
		group := map[uint64]bool{}
		for x := uint64(1); !group[x]; x = x * 65537 % p {
			group[x] = true
		}
		groups[p] = group
	}
	return groups
})

func looksLikeROCA(n *big.Int) bool {
	m := new(big.Int)
	for p, group := range rocaPrimes() {
		if !group[m.Mod(n, new(big.Int).SetUint64(p)).Uint64()] {
			return false
		}
	}
	return true
}

// closePrimes tries that many steps of Fermat's factorisation.
func closePrimes(n *big.Int, rounds int) bool {
	a := new(big.Int).Sqrt(n)
	if new(big.Int).Mul(a, a).Cmp(n) == 0 {
		return true
	}
	a.Add(a, big.NewInt(1))
	rest := new(big.Int).Mul(a, a)
	rest.Sub(rest, n) // a² − n
	root, square := new(big.Int), new(big.Int)
	for range rounds {
		root.Sqrt(rest)
		if square.Mul(root, root).Cmp(rest) == 0 {
			return true
		}
		rest.Add(rest, a).Add(rest, a).Add(rest, big.NewInt(1)) // (a+1)² − n
		a.Add(a, big.NewInt(1))
	}
	return false
}
