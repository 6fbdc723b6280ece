package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"signet/ca/gm"
)

func TestKeysComeBack(t *testing.T) {
	for _, alg := range []KeyAlg{SM2, P256, P384, RSA2048, RSA3072, RSA4096} {
		if alg == RSA4096 && testing.Short() {
			continue
		}
		key := must[crypto.Signer](t)(GenerateKey(alg, rand.Reader))
		if got, err := AlgOf(key.Public()); got != alg {
			t.Errorf("%s is %s: %v", alg, got, err)
		}
		der := spki(t, key.Public())
		pub := must[crypto.PublicKey](t)(ParsePublicKey(der))
		if !bytes.Equal(spki(t, pub), der) {
			t.Errorf("%s: public key changed", alg)
		}
		if err := CheckKey(pub); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
		back := must[crypto.Signer](t)(ParsePrivateKey(must[[]byte](t)(MarshalPrivateKey(key))))
		if !bytes.Equal(spki(t, back.Public()), der) {
			t.Errorf("%s: private key changed", alg)
		}
		if alg != SM2 {
			if std := must[[]byte](t)(x509.MarshalPKIXPublicKey(key.Public())); !bytes.Equal(std, der) {
				t.Errorf("%s: crypto/x509 writes another public key", alg)
			}
		}
	}
	if _, err := GenerateKey("DSA", nil); !errors.Is(err, ErrUnsupported) {
		t.Error(err)
	}
	if KeyID("no key") != nil { // that the identifier is right is asked of OpenSSL, in TestGoldenSM2
		t.Error("an identifier of nothing")
	}
}

func TestOldSM2KeyAlgorithm(t *testing.T) {
	pub := testKey(t, SM2, "fit").Public().(*gm.PublicKey)
	for what, params := range map[string][]byte{"none": nil, "NULL": derNull, "the curve": oidCurveSM2} {
		der := tlv(tagSequence, tlv(tagSequence, oidCurveSM2, params), derBits(pub.Bytes()))
		if got, err := ParsePublicKey(der); err != nil || !pub.Equal(got) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, params := range map[string][]byte{"INTEGER": derUint([]byte{1}), "P-256": oidCurveP2, "twice": append(bytes.Clone(derNull), derNull...)} {
		der := tlv(tagSequence, tlv(tagSequence, oidCurveSM2, params), derBits(pub.Bytes()))
		if _, err := ParsePublicKey(der); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func rsaSPKI(n, e *big.Int) []byte {
	return tlv(tagSequence, algRSAKey, derBits(tlv(tagSequence, derUint(n.Bytes()), derUint(e.Bytes()))))
}

func TestHostileRSA(t *testing.T) {
	n := testKey(t, RSA2048, "hostile").Public().(*rsa.PublicKey).N
	e := big.NewInt(65537)
	if _, err := ParsePublicKey(rsaSPKI(n, e)); err != nil {
		t.Fatal(err)
	}
	body := tlv(tagSequence, derUint(n.Bytes()), derUint(e.Bytes()))
	for what, der := range map[string][]byte{
		"exponent 3":          rsaSPKI(n, big.NewInt(3)),
		"exponent 1":          rsaSPKI(n, big.NewInt(1)),
		"exponent even":       rsaSPKI(n, big.NewInt(65538)),
		"exponent huge":       rsaSPKI(n, new(big.Int).Lsh(e, 40)),
		"modulus even":        rsaSPKI(new(big.Int).Sub(n, big.NewInt(1)), e),
		"modulus of 512 bits": rsaSPKI(new(big.Int).SetBit(big.NewInt(1), 511, 1), e),
		"modulus of 16 kbit":  rsaSPKI(new(big.Int).SetBit(big.NewInt(1), 16383, 1), e),
		"modulus negative":    tlv(tagSequence, algRSAKey, derBits(tlv(tagSequence, tlv(tagInteger, n.Bytes()), derUint(e.Bytes())))),
		"no parameters":       tlv(tagSequence, tlv(tagSequence, oidRSAKey), derBits(body)),
		"bytes after the key": tlv(tagSequence, algRSAKey, derBits(append(bytes.Clone(body), 0))),
	} {
		if _, err := ParsePublicKey(der); !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// rocaPrime makes a prime of 1024 bits, the two top ones set, the way the broken Infineon library did: k·M + (65537^a mod M).
func rocaPrime(t *testing.T) *big.Int {
	t.Helper()
	m := big.NewInt(1)
	for _, p := range smallPrimes() {
		if p <= 167 {
			m.Mul(m, new(big.Int).SetUint64(p))
		}
	}
	step := new(big.Int).Div(new(big.Int).Lsh(big.NewInt(1), 1022), m) // a quarter of the range of k
	for {
		a := must[*big.Int](t)(rand.Int(rand.Reader, m))
		k := must[*big.Int](t)(rand.Int(rand.Reader, step))
		k.Add(k, new(big.Int).Mul(step, big.NewInt(3)))
		p := k.Mul(k, m).Add(k, new(big.Int).Exp(big.NewInt(65537), a, m))
		if p.BitLen() == 1024 && p.Bit(0) == 1 && p.ProbablyPrime(10) {
			return p
		}
	}
}

// nextPrime is the first prime above n.
func nextPrime(n *big.Int) *big.Int {
	p := new(big.Int).Add(n, big.NewInt(1))
	for !p.ProbablyPrime(10) {
		p.Add(p, big.NewInt(1))
	}
	return p
}

// product multiplies until the size is exact, since two primes of 1024 bits may give 2047.
func product(make func() (p, q *big.Int)) *big.Int {
	for {
		p, q := make()
		if n := new(big.Int).Mul(p, q); n.BitLen() == 2048 {
			return n
		}
	}
}

func topPrime(t *testing.T) *big.Int {
	t.Helper()
	p := must[*big.Int](t)(rand.Prime(rand.Reader, 1024)) // rand.Prime sets the two top bits
	return p
}

func TestCheckKeyFindsBadPrimes(t *testing.T) {
	for reason, n := range map[string]*big.Int{
		"roca":         product(func() (p, q *big.Int) { return rocaPrime(t), rocaPrime(t) }),
		"close_primes": product(func() (p, q *big.Int) { p = topPrime(t); return p, nextPrime(p) }),
		"small_factor": product(func() (p, q *big.Int) { return big.NewInt(751), must[*big.Int](t)(rand.Prime(rand.Reader, 2038)) }),
		"size":         new(big.Int).Mul(must[*big.Int](t)(rand.Prime(rand.Reader, 512)), must[*big.Int](t)(rand.Prime(rand.Reader, 512))),
	} {
		err := CheckKey(&rsa.PublicKey{N: n, E: 65537})
		var weak *WeakKeyError
		if !errors.As(err, &weak) || weak.Reason != reason {
			t.Errorf("wanted %s, got %v", reason, err)
		}
	}
	p := topPrime(t)
	if !closePrimes(new(big.Int).Mul(p, p), 1) {
		t.Error("a square is not seen")
	}
}

func TestCheckKeyOtherKinds(t *testing.T) {
	good := testKey(t, SM2, "fit").Public().(*gm.PublicKey)
	off := *good
	off.Y[31] ^= 1
	p521 := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P521(), rand.Reader))
	for what, pub := range map[string]crypto.PublicKey{"off the curve": &off, "P-521": &p521.PublicKey, "nothing": nil, "text": "key"} {
		var weak *WeakKeyError
		if err := CheckKey(pub); !errors.As(err, &weak) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestPrivateKeyParsing(t *testing.T) {
	key := testKey(t, SM2, "fit").(*gm.PrivateKey)
	d := key.Bytes()
	other := testKey(t, SM2, "other").(*gm.PrivateKey)
	wrap := func(alg []byte, inner ...[]byte) []byte {
		return tlv(tagSequence, derUint(nil), alg, tlv(tagOctetString, tlv(tagSequence, inner...)))
	}
	one, octets := derUint([]byte{1}), tlv(tagOctetString, d)
	pubOf := func(k *gm.PrivateKey) []byte { return tlv(context(1, true), derBits(k.PublicKey().Bytes())) }
	params := tlv(context(0, true), oidCurveSM2)

	for what, der := range map[string][]byte{
		"no public key":           wrap(algSM2Key, one, octets),
		"with parameters":         wrap(algSM2Key, one, octets, params, pubOf(key)),
		"curve as algorithm":      wrap(tlv(tagSequence, oidCurveSM2, derNull), one, octets),
		"attributes of PKCS#8":    tlv(tagSequence, derUint(nil), algSM2Key, tlv(tagOctetString, tlv(tagSequence, one, octets)), tlv(context(0, true))),
		"public key of PKCS#8 v2": tlv(tagSequence, derUint([]byte{1}), algSM2Key, tlv(tagOctetString, tlv(tagSequence, one, octets)), tlv(context(1, false), []byte{0, 1})),
	} {
		if got, err := ParsePrivateKey(der); err != nil || !key.Equal(got) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, der := range map[string][]byte{
		"another's public key": wrap(algSM2Key, one, octets, pubOf(other)),
		"another curve inside": wrap(algSM2Key, one, octets, tlv(context(0, true), oidCurveP2)),
		"zero":                 wrap(algSM2Key, one, tlv(tagOctetString, make([]byte, 32))),
		"above the order":      wrap(algSM2Key, one, tlv(tagOctetString, bytes.Repeat([]byte{0xff}, 32))),
		"too long":             wrap(algSM2Key, one, tlv(tagOctetString, make([]byte, 33))),
		"empty":                wrap(algSM2Key, one, tlv(tagOctetString)),
		"version 2":            wrap(algSM2Key, derUint([]byte{2}), octets),
		"byte after":           append(wrap(algSM2Key, one, octets), 0),
		"nothing":              nil,
	} {
		_, err := ParsePrivateKey(der)
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", what, err)
		}
		if err != nil && strings.Contains(fmt.Sprintf("%+v", err), fmt.Sprintf("%x", d[:8])) {
			t.Errorf("%s: the error quotes the key", what)
		}
	}
}

func TestNewSerial(t *testing.T) {
	seen := map[byte]int{}
	for range 20000 {
		s := must[[]byte](t)(NewSerial(rand.Reader))
		if len(s) != 16 || s[0] == 0 || s[0] > 0x7f || len(derUint(s)) != 18 {
			t.Fatalf("%x", s)
		}
		seen[s[0]]++
	}
	if len(seen) != 127 {
		t.Errorf("only %d first bytes of 127", len(seen))
	}
	if _, err := NewSerial(bytes.NewReader(make([]byte, 15))); err == nil {
		t.Error("a short source is no error")
	}
	if _, err := NewSerial(bytes.NewReader(make([]byte, 40))); err == nil {
		t.Error("a source of zeros gives a serial")
	}
}
