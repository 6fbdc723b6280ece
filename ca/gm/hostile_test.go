package gm

import (
	"bytes"
	"crypto"
	"crypto/cipher"
	"errors"
	"io"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/emmansun/gmsm/sm3"
)

// bigSub1 is v − 1.
func bigSub1(v *big.Int) *big.Int { return new(big.Int).Sub(v, big1) }

func TestNewPublicKey(t *testing.T) {
	k := newKey(t)
	good := k.public.Bytes()
	compressed := append([]byte{2 | good[64]&1}, good[1:33]...)
	for _, b := range [][]byte{good, compressed} {
		if got, err := NewPublicKey(b); err != nil || !got.Equal(k.Public()) {
			t.Errorf("NewPublicKey(%x) = %v, %v", b, got, err)
		}
	}
	negative, err := NewPublicKey(append([]byte{3 ^ good[64]&1}, good[1:33]...))
	if err != nil || negative.X != k.public.X || negative.Equal(k.Public()) {
		t.Errorf("the other root: %v, %v", negative, err)
	}
	change := func(at int, to byte) []byte {
		b := bytes.Clone(good)
		b[at] = to
		return b
	}
	offX := bytes32(smallX(t, false))
	p32, zero := bytes32(bigP), make([]byte, 32)
	atLeastP := func(v [32]byte) []byte { // the same point, x written as x + p: only possible for small x
		return slices.Concat([]byte{4}, v[:], k.public.Y[:])
	}
	for what, b := range map[string][]byte{
		"nothing":            nil,
		"infinity":           {0},
		"infinity, long":     append([]byte{0}, make([]byte, 64)...),
		"zero":               slices.Concat([]byte{4}, zero, zero),
		"off the curve":      change(64, good[64]^1),
		"hybrid":             change(0, 6|good[64]&1),
		"tag 05":             change(0, 5),
		"one byte less":      good[:64],
		"one byte more":      append(bytes.Clone(good), 0),
		"without the tag":    good[1:],
		"compressed, 04":     append([]byte{4}, good[1:33]...),
		"compressed, no y":   append([]byte{2}, offX[:]...),
		"compressed, x = p":  append([]byte{2}, p32[:]...),
		"x = p":              atLeastP(p32),
		"x = all ones":       atLeastP([32]byte(bytes.Repeat([]byte{0xff}, 32))),
		"y = p":              slices.Concat(good[:33], p32[:]),
		"uncompressed as 02": change(0, 2),
	} {
		if got, err := NewPublicKey(b); !errors.Is(err, ErrPoint) {
			t.Errorf("%s: %v, %v", what, got, err)
		}
	}
}

// A point with a small x can also be written with x + p; both must not name the same key.
func TestNonCanonicalCoordinate(t *testing.T) {
	x := smallX(t, true)
	small := bytes32(x)
	key, err := NewPublicKey(append([]byte{2}, small[:]...))
	if err != nil {
		t.Fatalf("x = %d: %v", x, err)
	}
	key.X = bytes32(new(big.Int).Add(bigP, x))
	if _, err := NewPublicKey(key.Bytes()); !errors.Is(err, ErrPoint) {
		t.Fatalf("x = p + %d is accepted", x)
	}
	if _, err := NewPublicKey(append([]byte{2}, key.X[:]...)); !errors.Is(err, ErrPoint) {
		t.Fatalf("x = p + %d is accepted in the compressed form", x)
	}
}

// smallX is the smallest x > 0 with, or without, a point of the curve.
func smallX(t *testing.T, onCurve bool) *big.Int {
	t.Helper()
	for v := int64(1); ; v++ {
		x := big.NewInt(v)
		right := new(big.Int).Exp(x, big.NewInt(3), bigP)
		right.Sub(right, new(big.Int).Mul(x, big.NewInt(3))).Add(right, bigB).Mod(right, bigP)
		if root := new(big.Int).ModSqrt(right, bigP); (root != nil) == onCurve {
			return x
		}
	}
}

func TestNewPrivateKey(t *testing.T) {
	for what, c := range map[string]struct {
		d  *big.Int
		ok bool
	}{
		"0": {new(big.Int), false}, "1": {big.NewInt(1), true}, "n−2": {new(big.Int).Sub(bigN, big.NewInt(2)), true},
		"n−1": {bigSub1(bigN), false}, "n": {bigN, false}, "n+1": {new(big.Int).Add(bigN, big1), false},
		"2²⁵⁶−1": {bigSub1(bigR), false},
	} {
		d := bytes32(c.d)
		k, err := NewPrivateKey(d[:])
		if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrScalar) {
			t.Errorf("d = %s: %v", what, err)
			continue
		}
		if err != nil {
			continue
		}
		e := k.public.Digest(nil, []byte(what))
		sig, err := k.Sign(nil, e, nil)
		if err != nil || !k.public.Verify(e, sig) {
			t.Errorf("d = %s signs %x, %v", what, sig, err)
		}
		if !bytes.Equal(k.Bytes(), d[:]) {
			t.Errorf("d = %s became %x", what, k.Bytes())
		}
	}
	for _, n := range []int{0, 31, 33} {
		if _, err := NewPrivateKey(bytes.Repeat([]byte{1}, n)); !errors.Is(err, ErrScalar) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func integer(v *big.Int) []byte {
	if v.Sign() < 0 { // two's complement
		v = new(big.Int).Add(v, new(big.Int).Lsh(big1, uint(8*(v.BitLen()/8+1))))
		return appendDER(nil, derInteger, v.Bytes())
	}
	return appendInteger(nil, append([]byte{0}, v.Bytes()...))
}

func TestVerifyRefuses(t *testing.T) {
	k := newKey(t)
	e := k.public.Digest(nil, []byte("message"))
	sig, err := k.Sign(nil, e, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := SignatureToRaw(sig)
	if err != nil {
		t.Fatal(err)
	}
	r, s := new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])
	pair := func(r, s []byte) []byte { return appendDER(nil, derSequence, slices.Concat(r, s)) }
	numbers := func(r, s *big.Int) []byte { return pair(integer(r), integer(s)) }
	if !k.public.Verify(e, numbers(r, s)) {
		t.Fatal("the signature itself does not verify")
	}
	padded := func(v *big.Int) []byte { return appendDER(nil, derInteger, append([]byte{0, 0}, v.Bytes()...)) }
	body := sig[2:]
	zero := new(big.Int)
	for what, bad := range map[string][]byte{
		"empty":              nil,
		"trailing byte":      append(bytes.Clone(sig), 0),
		"third integer":      appendDER(nil, derSequence, slices.Concat(body, integer(big1))),
		"only r":             pair(integer(r), nil),
		"no integers":        {0x30, 0},
		"set":                append([]byte{0x31}, sig[1:]...),
		"indefinite":         slices.Concat([]byte{0x30, 0x80}, body, []byte{0, 0}),
		"long length form":   slices.Concat([]byte{0x30, 0x81, sig[1]}, body),
		"longer length form": slices.Concat([]byte{0x30, 0x82, 0, sig[1]}, body),
		"length too large":   slices.Concat([]byte{0x30, sig[1] + 1}, body),
		"huge length":        slices.Concat([]byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff}, body),
		"length of 5 bytes":  slices.Concat([]byte{0x30, 0x85, 1, 0, 0, 0, sig[1]}, body),
		"length of 8 bytes":  slices.Concat([]byte{0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, body),
		"length FF":          slices.Concat([]byte{0x30, 0xff}, body),
		"padded r":           pair(padded(r), integer(s)),
		"padded s":           pair(integer(r), padded(s)),
		"empty r":            pair([]byte{2, 0}, integer(s)),
		"r as octets":        pair(appendDER(nil, derOctetString, raw[:32]), integer(s)),
		"raw":                raw,
		"r = 0":              numbers(zero, s),
		"s = 0":              numbers(r, zero),
		"both 0":             numbers(zero, zero),
		"r = n":              numbers(bigN, s),
		"s = n":              numbers(r, bigN),
		"r + n":              numbers(new(big.Int).Add(r, bigN), s),
		"s + n":              numbers(r, new(big.Int).Add(s, bigN)),
		"r + 2²⁵⁶":           numbers(new(big.Int).Add(r, bigR), s),
		"−r":                 numbers(new(big.Int).Neg(r), s),
		"−s":                 numbers(r, new(big.Int).Neg(s)),
		"r − n":              numbers(new(big.Int).Sub(r, bigN), s),
		"−1":                 numbers(big.NewInt(-1), s),
		"r + s = n":          numbers(r, new(big.Int).Sub(bigN, r)),
		"n − s":              numbers(r, new(big.Int).Sub(bigN, s)),
		"swapped":            numbers(s, r),
	} {
		if k.public.Verify(e, bad) {
			t.Errorf("%s verifies: %x", what, bad)
		}
	}
	for n := range sig {
		if k.public.Verify(e, sig[:n]) {
			t.Errorf("the first %d bytes verify", n)
		}
	}
	for at := range sig {
		for bit := range 8 {
			bad := bytes.Clone(sig)
			bad[at] ^= 1 << bit
			if k.public.Verify(e, bad) {
				t.Errorf("with bit %d of byte %d changed it verifies", bit, at)
			}
		}
	}
	for _, bad := range [][]byte{nil, e[:31], append(bytes.Clone(e), 0)} {
		if k.public.Verify(bad, sig) {
			t.Errorf("a digest of %d bytes verifies", len(bad))
		}
	}
	if (&PublicKey{}).Verify(e, sig) || (&PublicKey{X: k.public.X}).Verify(e, sig) {
		t.Error("a key off the curve verifies")
	}
	if newKey(t).public.Verify(e, sig) {
		t.Error("another key verifies")
	}
}

// The identity is part of what is signed: another one, the empty one or none does not verify, nor does another key's ZA.
func TestVerifyRefusesWrongIdentity(t *testing.T) {
	k, msg := exampleKey(t), []byte("message digest")
	uids := map[string][]byte{"default": nil, "empty": {}, "another": []byte("ALICE123@YAHOO.COM"), "one byte more": []byte(DefaultUID + "8"), "one byte less": []byte(DefaultUID[:15])}
	for signed, uid := range uids {
		sig, err := k.Sign(nil, k.public.Digest(uid, msg), nil)
		if err != nil {
			t.Fatal(err)
		}
		for checked, other := range uids {
			if got := k.public.Verify(k.public.Digest(other, msg), sig); got != (signed == checked) {
				t.Errorf("signed with the %s identity, checked with the %s one: verifies %v", signed, checked, got)
			}
		}
	}
	if k.public.Verify(newKey(t).public.Digest(nil, msg), exampleSignature(t)) {
		t.Error("another key's ZA verifies")
	}
	sum := SumSM3(msg)
	if k.public.Verify(sum[:], exampleSignature(t)) {
		t.Error("without ZA it verifies")
	}
}

// r + s = n leaves t·P out, so that x(s·G) alone would decide: the forgery that the check is there for.
func TestVerifyRefusesForgeryWithoutKey(t *testing.T) {
	k := newKey(t)
	s := big.NewInt(7)
	x := bigMul(s, &bigG)[0]
	r := new(big.Int).Sub(bigN, s)
	e := new(big.Int).Sub(r, x)
	b := bytes32(e.Mod(e, bigN))
	if k.public.Verify(b[:], appendDER(nil, derSequence, slices.Concat(integer(r), integer(s)))) {
		t.Error("a signature made without the key verifies")
	}
}

// s·G + t·P = infinity has no x: (s, t) with s = −t·d.
func TestVerifyRefusesInfinity(t *testing.T) {
	k := newKey(t)
	d, tt := new(big.Int).SetBytes(k.Bytes()), big.NewInt(12345)
	s := new(big.Int).Mul(tt, d)
	s.Neg(s).Mod(s, bigN)
	r := new(big.Int).Sub(tt, s)
	r.Mod(r, bigN)
	b := bytes32(r) // so that r − e = 0 = the x of (0, 0)
	if k.public.Verify(b[:], appendDER(nil, derSequence, slices.Concat(integer(r), integer(s)))) {
		t.Error("infinity verifies")
	}
}

// An x between n and p is reduced by the signer, so the verifier must take x mod n. No one can find a nonce with
// such a point, but with the point chosen first a key and digest can be made to it: P = (R − s·G)/(r+s).
func TestXBeyondOrder(t *testing.T) {
	g, found := bigPoint(&bigG), 0
	for v := int64(0); found < 4; v++ {
		x := bytes32(new(big.Int).Add(bigN, big.NewInt(v)))
		point, err := NewPublicKey(append([]byte{2}, x[:]...))
		if err != nil {
			continue
		}
		found++
		r, s := big.NewInt(1000+v), big.NewInt(77)
		target := bigPoint(&[2]*big.Int{new(big.Int).SetBytes(point.X[:]), new(big.Int).SetBytes(point.Y[:])})
		minus := bigMul(new(big.Int).Sub(bigN, s), g)
		key := bigMul(new(big.Int).ModInverse(new(big.Int).Add(r, s), bigN), bigAdd(target, minus))
		k := &PublicKey{bytes32(key[0]), bytes32(key[1])}
		sig := encodeSignature(bytes32(r), bytes32(s))
		for offset, want := range map[int64]bool{0: true, 1: false, -1: false} {
			e := bytes32(big.NewInt(1000 + offset)) // r = e + x mod n
			if got := k.Verify(e[:], sig); got != want {
				t.Errorf("x = n + %d, digest off by %d: verifies %v", v, offset, got)
			}
		}
	}
}

func TestDecryptRefuses(t *testing.T) {
	k := newKey(t)
	msg := []byte("sixteen byte key")
	ct, err := k.public.Encrypt(nil, msg)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ParseCiphertext(ct)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what string, b []byte) {
		t.Helper()
		if got, err := k.Decrypt(nil, b, nil); !errors.Is(err, ErrDecrypt) || got != nil {
			t.Errorf("%s decrypts to %x, %v", what, got, err)
		}
	}
	forms := map[string][]byte{"ASN.1": ct, "C1C3C2": c.C1C3C2(), "C1C2C3": c.C1C2C3(), "without 04": c.C1C3C2()[1:]}
	for form, b := range forms {
		for n := range b {
			refused(form+", cut", b[:n])
			ParseCiphertext(b[:n])
			ParseCiphertextC1C2C3(b[:n])
		}
		refused(form+", with a byte more", append(bytes.Clone(b), 0))
		for at := range b {
			if form != "ASN.1" && at == 0 && b[0] == 4 {
				continue
			}
			bad := bytes.Clone(b)
			bad[at] ^= 1 << (at % 8)
			refused(form+", changed", bad)
		}
	}
	// Decrypting off-curve C1 would give the key away, a residue at a time.
	forged := c
	forged.C1.Y[31] ^= 1
	refused("off-curve C1", forged.ASN1())
	if _, err := ParseCiphertext(forged.ASN1()); !errors.Is(err, ErrPoint) {
		t.Errorf("parsing an off-curve C1: %v", err)
	}
	if _, err := k.SharedX(&forged.C1); !errors.Is(err, ErrPoint) {
		t.Errorf("SharedX off the curve: %v", err)
	}
	if _, err := OpenWithX(make([]byte, 32), forged); !errors.Is(err, ErrDecrypt) {
		t.Errorf("OpenWithX off the curve: %v", err)
	}
	x2, err := k.SharedX(&c.C1)
	if err != nil {
		t.Fatal(err)
	}
	p32 := bytes32(bigP)
	for what, x := range map[string][]byte{"nil": nil, "short": x2[:31], "long": append(x2, 0), "p": p32[:], "zero": make([]byte, 32)} {
		if _, err := OpenWithX(x, c); !errors.Is(err, ErrDecrypt) {
			t.Errorf("OpenWithX with x2 %s: %v", what, err)
		}
	}
	// A ciphertext to the point (0, 0), which everyone could open if it passed for a shared point.
	var zero [32]byte
	unset := Ciphertext{C2: sm3.Kdf(make([]byte, 64), len(msg))}
	unset.C3 = SumSM3(slices.Concat(zero[:], make([]byte, len(msg)), zero[:]))
	refused("C1 = (0, 0)", unset.ASN1())
	refused("C1 = (0, 0)", unset.C1C3C2())
}

func TestParseCiphertextIsStrict(t *testing.T) {
	k := newKey(t)
	ct, err := k.public.Encrypt(nil, []byte("message"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := ParseCiphertext(ct)
	if err != nil {
		t.Fatal(err)
	}
	x, y := new(big.Int).SetBytes(c.C1.X[:]), new(big.Int).SetBytes(c.C1.Y[:])
	tagDER, body := appendDER(nil, derOctetString, c.C3[:]), appendDER(nil, derOctetString, c.C2)
	build := func(parts ...[]byte) []byte { return appendDER(nil, derSequence, slices.Concat(parts...)) }
	if again, err := ParseCiphertext(build(integer(x), integer(y), tagDER, body)); err != nil || again.C1 != c.C1 {
		t.Fatalf("the rebuilt ciphertext: %v", err)
	}
	for what, b := range map[string][]byte{
		"padded X":       build(appendDER(nil, derInteger, append([]byte{0, 0}, x.Bytes()...)), integer(y), tagDER, body),
		"negative X":     build(integer(new(big.Int).Neg(x)), integer(y), tagDER, body),
		"X + p":          build(integer(new(big.Int).Add(x, bigP)), integer(y), tagDER, body),
		"X + 2²⁵⁶":       build(integer(new(big.Int).Add(x, bigR)), integer(y), tagDER, body),
		"short C3":       build(integer(x), integer(y), appendDER(nil, derOctetString, c.C3[:31]), body),
		"long C3":        build(integer(x), integer(y), appendDER(nil, derOctetString, append(c.C3[:], 0)), body),
		"empty C2":       build(integer(x), integer(y), tagDER, []byte{4, 0}),
		"no C2":          build(integer(x), integer(y), tagDER),
		"fifth element":  build(integer(x), integer(y), tagDER, body, body),
		"constructed C2": build(integer(x), integer(y), tagDER, append([]byte{0x24}, body[1:]...)),
		"trailing":       append(bytes.Clone(ct), 0),
		"indefinite":     slices.Concat([]byte{0x30, 0x80}, ct[3:], []byte{0, 0}),
	} {
		if got, err := ParseCiphertext(b); err == nil {
			t.Errorf("%s: %x is read as %v", what, b, got)
		}
	}
	raw := c.C1C3C2()
	if _, err := ParseCiphertext(raw[:97]); err == nil {
		t.Error("a raw ciphertext without C2 is read")
	}
	again, err := ParseCiphertext(raw)
	if err != nil || !bytes.Equal(again.ASN1(), ct) {
		t.Errorf("raw and back: %v", err)
	}
	raw[len(raw)-1] ^= 1
	if !bytes.Equal(again.C2, c.C2) {
		t.Error("the parsed ciphertext shares memory with its input")
	}
	old, err := ParseCiphertextC1C2C3(c.C1C2C3()[1:])
	if err != nil || !bytes.Equal(old.ASN1(), ct) {
		t.Errorf("C1C2C3 and back: %v", err)
	}
}

func TestEncryptRefuses(t *testing.T) {
	k := newKey(t)
	if _, err := k.public.Encrypt(nil, nil); !errors.Is(err, ErrMessage) {
		t.Errorf("empty message: %v", err)
	}
	if _, err := (&PublicKey{}).Encrypt(nil, []byte("x")); !errors.Is(err, ErrPoint) {
		t.Errorf("unset key: %v", err)
	}
	for range 2000 { // one in 256 key streams for one byte is zero and would show the message
		ct, err := k.public.Encrypt(nil, []byte{0x55})
		if err != nil {
			t.Fatal(err)
		}
		if c, err := ParseCiphertext(ct); err != nil || c.C2[0] == 0x55 {
			t.Fatalf("the ciphertext shows the message: %x, %v", ct, err)
		}
		if got, err := k.Decrypt(nil, ct, nil); err != nil || !bytes.Equal(got, []byte{0x55}) {
			t.Fatalf("after a key stream of zero the ciphertext does not decrypt: %x, %v", ct, err)
		}
	}
}

// brokenReader gives the same byte for ever, or fails.
type brokenReader struct {
	value byte
	err   error
}

func (r brokenReader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	for i := range p {
		p[i] = r.value
	}
	return len(p), nil
}

func TestBrokenRandomness(t *testing.T) {
	broken := errors.New("broken")
	k := newKey(t)
	e := k.public.Digest(nil, []byte("message"))
	if _, err := GenerateKey(brokenReader{0xff, nil}); !errors.Is(err, ErrRandom) {
		t.Errorf("GenerateKey from all ones: %v", err)
	}
	if _, err := k.public.Encrypt(brokenReader{}, e); !errors.Is(err, ErrRandom) {
		t.Errorf("Encrypt from all zeros: %v", err)
	}
	for what, act := range map[string]func(brokenReader) error{
		"GenerateKey": func(r brokenReader) error { _, err := GenerateKey(r); return err },
		"Sign":        func(r brokenReader) error { _, err := k.Sign(r, e, nil); return err },
		"Encrypt":     func(r brokenReader) error { _, err := k.public.Encrypt(r, e); return err },
	} {
		if err := act(brokenReader{1, broken}); !errors.Is(err, broken) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// The nonce must differ with the digest and the key even if the random source always says the same, and with
// the random source even for the same digest.
func TestNonceIsHedged(t *testing.T) {
	k, stuck := newKey(t), brokenReader{value: 7}
	nonces := map[[32]byte]bool{}
	fresh := func(k *PrivateKey, random io.Reader, e [32]byte) {
		t.Helper()
		sig, err := k.Sign(random, e[:], nil)
		if err != nil || !k.public.Verify(e[:], sig) {
			t.Fatalf("signing: %v", err)
		}
		n := bytes32(nonceOf(t, k, sig))
		if nonces[n] {
			t.Fatalf("the nonce %x comes twice", n)
		}
		nonces[n] = true
	}
	for i := range byte(50) {
		e := SumSM3([]byte{i})
		fresh(k, stuck, e)
		fresh(newKey(t), stuck, e)
		fresh(k, brokenReader{value: 8 + i}, e)
		fresh(k, nil, e)
		fresh(k, nil, e)
	}
}

func TestSignRefuses(t *testing.T) {
	k := newKey(t)
	e := k.public.Digest(nil, nil)
	for _, bad := range [][]byte{nil, e[:31], append(bytes.Clone(e), 0)} {
		if _, err := k.Sign(nil, bad, nil); !errors.Is(err, ErrDigest) {
			t.Errorf("a digest of %d bytes: %v", len(bad), err)
		}
	}
	if _, err := k.Sign(nil, e, crypto.SHA256); !errors.Is(err, ErrDigest) {
		t.Errorf("SHA-256: %v", err)
	}
	if sig, err := k.Sign(nil, e, crypto.Hash(0)); err != nil || !k.public.Verify(e, sig) {
		t.Errorf("with hash 0: %v", err)
	}
}

func TestSignatureForms(t *testing.T) {
	one := make([]byte, 64)
	one[31], one[63] = 1, 1
	n := bytes32(bigN)
	der, err := SignatureFromRaw(one)
	if err != nil || !bytes.Equal(der, []byte{0x30, 6, 2, 1, 1, 2, 1, 1}) {
		t.Errorf("r = s = 1: %x, %v", der, err)
	}
	if raw, err := SignatureToRaw(der); err != nil || !bytes.Equal(raw, one) {
		t.Errorf("and back: %x, %v", raw, err)
	}
	for what, raw := range map[string][]byte{
		"short": one[:63], "long": append(bytes.Clone(one), 0), "r = 0": make([]byte, 64),
		"r = n": slices.Concat(n[:], one[32:]), "s = n": slices.Concat(one[:32], n[:]),
	} {
		if _, err := SignatureFromRaw(raw); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, bad := range [][]byte{nil, {0x30, 0}, append(bytes.Clone(der), 0), {0x30, 6, 2, 1, 0, 2, 1, 1}} {
		if _, err := SignatureToRaw(bad); !errors.Is(err, ErrSignature) {
			t.Errorf("%x: %v", bad, err)
		}
	}
}

func TestSM4Misuse(t *testing.T) {
	for _, n := range []int{0, 15, 17, 32} {
		if _, err := NewSM4(make([]byte, n)); err == nil {
			t.Errorf("a key of %d bytes is accepted", n)
		}
	}
	b, err := NewSM4(make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	for what, act := range map[string]func(){
		"short src":        func() { b.Encrypt(make([]byte, 16), make([]byte, 15)) },
		"short dst":        func() { b.Decrypt(make([]byte, 15), make([]byte, 16)) },
		"ECB, part block":  func() { EncryptECB(b, make([]byte, 32), make([]byte, 17)) },
		"ECB, short dst":   func() { DecryptECB(b, make([]byte, 16), make([]byte, 32)) },
		"identity too big": func() { newKey(t).public.Digest(make([]byte, 8192), nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s does not panic", what)
				}
			}()
			act()
		}()
	}
}

// Numbers small enough that a wrong reading of them would still be in range.
func TestDERIntegers(t *testing.T) {
	for in, want := range map[string]string{
		"02 01 01": "01", "02 01 7f": "7f", "02 02 00 80": "80", "02 02 01 00": "0100", "02 01 00": "00",
		"02 00": "", "02 01 80": "", "02 01 ff": "", "02 02 00 01": "", "02 02 00 7f": "", "02 02 00 00": "",
		"02 02 ff 80": "", "02 03 00 00 80": "", "02 81 01 01": "", "02 82 00 01 01": "", "02 80 01 00 00": "",
		"22 01 01": "", "02 02 01": "", "02": "", "": "", "02 01 01 00": "", "04 01 01": "",
	} {
		r := derReader{rest: unhex(t, in)}
		got := r.integer()
		if r.done() != (want != "") {
			t.Errorf("%s: accepted %v", in, r.done())
		} else if want != "" && new(big.Int).SetBytes(got[:]).Cmp(bigHex(strings.ReplaceAll(want, " ", ""))) != 0 {
			t.Errorf("%s is read as %x", in, got)
		}
	}
}

func TestDERLengths(t *testing.T) {
	for _, n := range []int{0, 1, 127, 128, 200, 255, 256, 65535, 65536, 1 << 24} {
		body := make([]byte, n)
		der := appendDER(nil, derOctetString, body)
		header := der[1 : len(der)-n]
		r := derReader{rest: der}
		if got := r.value(derOctetString); len(got) != n || !r.done() {
			t.Errorf("%d octets are not read back", n)
		}
		longer := []byte{derOctetString, 0x81} // the same length with a zero in front
		if n >= 0x80 {
			longer[1] = header[0] + 1
			longer = append(longer, 0)
			header = header[1:]
		}
		r = derReader{rest: slices.Concat(longer, header, body)}
		if r.value(derOctetString); !r.bad {
			t.Errorf("%d octets with a longer length than needed are read", n)
		}
	}
}

// RFC 8998 appendix A.1.
func TestSM4GCM(t *testing.T) {
	b, err := NewSM4(unhex(t, "0123456789abcdeffedcba9876543210"))
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(b)
	if err != nil {
		t.Fatal(err)
	}
	nonce, aad := unhex(t, "00001234567800000000abcd"), unhex(t, "feedfacedeadbeeffeedfacedeadbeefabaddad2")
	msg := unhex(t, "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccddddddddddddddddeeeeeeeeeeeeeeeeffffffffffffffff"+
		"eeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa")
	sealed := gcm.Seal(nil, nonce, msg, aad)
	wantBytes(t, "sealed", sealed, "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"+
		"d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d 83de3541e4c2b58177e065a9bf7b62ec")
	if got, err := gcm.Open(nil, nonce, sealed, aad); err != nil || !bytes.Equal(got, msg) {
		t.Errorf("opened: %x, %v", got, err)
	}
}

// A block that is shared, in all modes, with the sizes that crypto/cipher's other constructors set.
func TestSM4ModesShared(t *testing.T) {
	key, msg := randomBytes(16), randomBytes(16*37)
	shared, err := NewSM4(key)
	if err != nil {
		t.Fatal(err)
	}
	run := func(b cipher.Block) [][]byte {
		iv := key
		cbc, ctr, ecb := make([]byte, len(msg)), make([]byte, len(msg)), make([]byte, len(msg))
		cipher.NewCBCEncrypter(b, iv).CryptBlocks(cbc, msg)
		back := make([]byte, len(msg))
		cipher.NewCBCDecrypter(b, iv).CryptBlocks(back, cbc)
		cipher.NewCTR(b, iv).XORKeyStream(ctr, msg)
		EncryptECB(b, ecb, msg)
		long, err := cipher.NewGCMWithNonceSize(b, 16)
		if err != nil {
			t.Error(err)
		}
		short, err := cipher.NewGCMWithTagSize(b, 13)
		if err != nil {
			t.Error(err)
		}
		return [][]byte{cbc, back, ctr, ecb, long.Seal(nil, key, msg, iv), short.Seal(nil, key[:12], msg, iv)}
	}
	want := run(plainBlock{shared}) // crypto/cipher's own modes over single blocks
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				if got := run(shared); !slices.EqualFunc(got, want, bytes.Equal) {
					t.Error("a mode gives other bytes than over single blocks")
				}
			}
		})
	}
	all.Wait()
}

// plainBlock hides a block's own modes.
type plainBlock struct{ b cipher.Block }

func (p plainBlock) BlockSize() int          { return p.b.BlockSize() }
func (p plainBlock) Encrypt(dst, src []byte) { p.b.Encrypt(dst, src) }
func (p plainBlock) Decrypt(dst, src []byte) { p.b.Decrypt(dst, src) }
