package gm

import (
	"bytes"
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

// wantPoint compares a key with a schoolbook point.
func wantPoint(t *testing.T, what string, got PublicKey, want bigPoint) {
	t.Helper()
	if want == nil || got.X != bytes32(want[0]) || got.Y != bytes32(want[1]) {
		t.Fatalf("%s = (%x, %x), want %x", what, got.X, got.Y, want)
	}
}

// keyOf is the private key of a scalar, or nil where the standard excludes it.
func keyOf(t *testing.T, d *big.Int) *PrivateKey {
	t.Helper()
	b := bytes32(d)
	k, err := NewPrivateKey(b[:])
	if excluded := d.Sign() == 0 || d.Cmp(bigSub1(bigN)) == 0; (err != nil) != excluded {
		t.Fatalf("the key of %x: %v", d, err)
	}
	return k
}

// The library's base and point multiplication against schoolbook arithmetic, at scalars where carries break.
func TestMultiplesAgainstBig(t *testing.T) {
	g := bigPoint(&bigG)
	bq := bigMul(big.NewInt(0x5157), g)
	q := &PublicKey{bytes32(bq[0]), bytes32(bq[1])}
	values := samples(bigN)
	for i := 0; i < len(values); i += 4 { // the schoolbook side is slow
		k := keyOf(t, values[i])
		if k == nil {
			continue
		}
		wantPoint(t, "k·G", k.public, bigMul(values[i], g))
		x, err := k.SharedX(q)
		if err != nil {
			t.Fatal(err)
		}
		if want := bytes32(bigMul(values[i], bq)[0]); [32]byte(x) != want {
			t.Fatalf("x of %x·Q = %x, want %x", values[i], x, want)
		}
	}
}

// bigSign makes the signature of a chosen nonce; it reports false for a nonce that the standard rejects.
//
// Source: GB/T 32918.2 §6.1.
func bigSign(d, k, e *big.Int) (r, s *big.Int, ok bool) {
	p := bigMul(k, &bigG)
	if p == nil {
		return nil, nil, false
	}
	r = new(big.Int).Add(e, p[0])
	r.Mod(r, bigN)
	t := new(big.Int).Add(r, k)
	if r.Sign() == 0 || t.Mod(t, bigN).Sign() == 0 {
		return nil, nil, false
	}
	s = new(big.Int).Mul(r, d)
	s.Sub(k, s)
	inverse := new(big.Int).ModInverse(new(big.Int).Add(d, big1), bigN)
	s.Mul(s, inverse).Mod(s, bigN)
	return r, s, s.Sign() != 0
}

// Signatures of schoolbook arithmetic, with keys, nonces and digests at the edges: the library must accept each,
// and none of them for the next digest.
func TestVerifyAgainstBig(t *testing.T) {
	values, digests := samples(bigN), samples(bigR)
	for i := 0; i < len(values); i += 5 {
		d, e := values[(i*17+3)%len(values)], digests[(i*29+11)%len(digests)]
		k := keyOf(t, d)
		if k == nil {
			continue
		}
		r, s, ok := bigSign(d, values[i], e)
		if !ok {
			continue
		}
		digest, sig := bytes32(e), encodeSignature(bytes32(r), bytes32(s))
		if !k.public.Verify(digest[:], sig) {
			t.Fatalf("key %x, nonce %x, digest %x: %x does not verify", d, values[i], digest, sig)
		}
		digest[31] ^= 1
		if k.public.Verify(digest[:], sig) {
			t.Fatalf("key %x: %x verifies for another digest", d, sig)
		}
	}
}

// nonceOf recomputes the nonce of a signature: k = s + (r+s)·d.
func nonceOf(t *testing.T, k *PrivateKey, sigDER []byte) *big.Int {
	t.Helper()
	raw, err := SignatureToRaw(sigDER)
	if err != nil {
		t.Fatal(err)
	}
	r, s := new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])
	n := r.Add(r, s)
	n.Mul(n, new(big.Int).SetBytes(k.Bytes())).Add(n, s)
	return n.Mod(n, bigN)
}

// What our signer makes is the signature that schoolbook arithmetic makes of the same nonce.
func TestSignAgainstBig(t *testing.T) {
	for i := range 40 {
		k, e := newKey(t), SumSM3([]byte{byte(i)})
		sig, err := k.Sign(nil, e[:], nil)
		if err != nil {
			t.Fatal(err)
		}
		r, s, ok := bigSign(new(big.Int).SetBytes(k.Bytes()), nonceOf(t, k, sig), new(big.Int).SetBytes(e[:]))
		if !ok || !bytes.Equal(sig, encodeSignature(bytes32(r), bytes32(s))) {
			t.Fatalf("key %x: %x is not the signature (%x, %x)", k.Bytes(), sig, r, s)
		}
	}
}

func TestConstants(t *testing.T) {
	if order != bytes32(bigN) {
		t.Errorf("n = %x", order)
	}
	var want []byte
	for _, v := range []*big.Int{new(big.Int).Sub(bigP, big.NewInt(3)), bigB, bigG[0], bigG[1]} {
		b := bytes32(v)
		want = append(want, b[:]...)
	}
	if !bytes.Equal(curveBytes, want) {
		t.Errorf("a‖b‖xG‖yG = %x", curveBytes)
	}
}

// A valid signature that v0.44.0 of the library refused on processors with BMI2 and ADX: a lost carry.
//
// Source: github.com/emmansun/gmsm, issue 560 and TestVerifyZeroHash.
func TestVerifyIssue560(t *testing.T) {
	k, err := NewPublicKey(unhex(t, "04 ef4de57af00ae424c00c4caadff7193f804a19dd73a7e2954db9d0d15ab4cbba"+
		"67728c3f4572878b7a674735da9fde1682fe2d9e0799c4a5cde57e3d473039a2"))
	if err != nil {
		t.Fatal(err)
	}
	sig := unhex(t, "3046 022100BE0EA64E1EC06F0D247093F3CCBBADCFB6260224272F86DDB78326E7CD6C7560"+
		"022100E9F6AB2FCC48A2CEF94838E66B5C7E21FD8E4DE25990DD98CA5243F4966F2853")
	if !k.Verify(make([]byte, 32), sig) {
		t.Error("the signature of issue 560 does not verify")
	}
}
