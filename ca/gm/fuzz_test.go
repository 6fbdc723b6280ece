package gm

import (
	"bytes"
	"encoding/asn1"
	"math/big"
	"testing"
)

func FuzzParseCiphertext(f *testing.F) {
	k := exampleKey(f)
	c := exampleCiphertext(f)
	for _, b := range [][]byte{c.ASN1(), c.C1C3C2(), c.C1C3C2()[1:], c.C1C2C3(), c.C1C2C3()[1:]} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		k.Decrypt(nil, b, nil)
		ParseCiphertextC1C2C3(b)
		c, err := ParseCiphertext(b)
		if err != nil {
			return
		}
		if raw := c.C1C3C2(); !bytes.Equal(b, c.ASN1()) && !bytes.Equal(b, raw) && !bytes.Equal(b, raw[1:]) {
			t.Fatalf("%x is none of the forms of what it was read as", b)
		}
		if _, err := NewPublicKey(c.C1.Bytes()); err != nil {
			t.Fatalf("C1 %x is not on the curve", c.C1.Bytes())
		}
	})
}

// The standard library's decoder is laxer: whatever we accept it must accept with the same numbers.
func FuzzVerify(f *testing.F) {
	k := exampleKey(f)
	e := k.public.Digest(nil, []byte("message digest"))
	f.Add(e, exampleSignature(f))
	f.Add(e, []byte{0x30, 6, 2, 1, 1, 2, 1, 1})
	f.Add(e, []byte{0x30, 0x80, 2, 1, 1, 2, 1, 1, 0, 0})
	f.Fuzz(func(t *testing.T, e, sig []byte) {
		verified := k.public.Verify(e, sig)
		raw, err := SignatureToRaw(sig)
		if err != nil {
			if verified {
				t.Fatalf("malformed %x verifies", sig)
			}
			return
		}
		var numbers struct{ R, S *big.Int }
		rest, err := asn1.Unmarshal(sig, &numbers)
		if err != nil || len(rest) != 0 {
			t.Fatalf("%x is refused by encoding/asn1: %v", sig, err)
		}
		if bytes32(numbers.R) != [32]byte(raw[:32]) || bytes32(numbers.S) != [32]byte(raw[32:]) {
			t.Fatalf("%x is read as %x", sig, raw)
		}
		if back, err := SignatureFromRaw(raw); err != nil || !bytes.Equal(back, sig) {
			t.Fatalf("%x comes back as %x, %v", sig, back, err)
		}
	})
}

func FuzzNewPublicKey(f *testing.F) {
	point := exampleKey(f).public.Bytes()
	f.Add(point)
	f.Add(append([]byte{3}, point[1:33]...))
	f.Add([]byte{0})
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := NewPublicKey(b)
		if err != nil {
			return
		}
		x, y := new(big.Int).SetBytes(k.X[:]), new(big.Int).SetBytes(k.Y[:])
		right := new(big.Int).Exp(x, big.NewInt(3), bigP)
		right.Sub(right, new(big.Int).Mul(x, big.NewInt(3))).Add(right, bigB).Mod(right, bigP)
		if new(big.Int).Exp(y, big.NewInt(2), bigP).Cmp(right) != 0 || x.Cmp(bigP) >= 0 || y.Cmp(bigP) >= 0 {
			t.Fatalf("%x is not a point", b)
		}
		if !bytes.Equal(b, k.Bytes()) && (len(b) != 33 || !bytes.Equal(b[1:], k.X[:]) || b[0]&1 != k.Y[31]&1) {
			t.Fatalf("%x is read as %x", b, k.Bytes())
		}
	})
}

// What is written must be read back, for all forms.
func FuzzDER(f *testing.F) {
	f.Add([]byte{0, 1}, []byte{0xff}, uint16(200))
	f.Fuzz(func(t *testing.T, a, b []byte, n uint16) {
		if len(a) == 0 || len(a) > 32 {
			return
		}
		c3 := append(append([]byte{}, b...), make([]byte, n)...)
		in := appendDER(appendInteger(nil, a), derOctetString, c3)
		seq := sequence(appendDER(nil, derSequence, in))
		if got := seq.integer(); new(big.Int).SetBytes(got[:]).Cmp(new(big.Int).SetBytes(a)) != 0 {
			t.Fatalf("%x is read as %x", a, got)
		}
		if got := seq.value(derOctetString); !bytes.Equal(got, c3) || !seq.done() {
			t.Fatalf("%d octets are not read back", len(c3))
		}
	})
}
