package gm

import (
	"bytes"
	"crypto/rand"
	"testing"
)

func newKey(t testing.TB) *PrivateKey {
	t.Helper()
	k, err := GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func TestSignVerify(t *testing.T) {
	for i := range 300 {
		k := newKey(t)
		e := k.PublicKey().Digest(nil, randomBytes(i))
		sig, err := k.Sign(nil, e, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !k.PublicKey().Verify(e, sig) {
			t.Fatalf("key %x: the own signature %x of %x does not verify", k.Bytes(), sig, e)
		}
		e[i%32] ^= 1 << (i % 8)
		if k.PublicKey().Verify(e, sig) {
			t.Fatal("a signature verifies for another digest")
		}
	}
}

func TestEncryptDecrypt(t *testing.T) {
	k := newKey(t)
	for n := 1; n < 200; n++ {
		msg := randomBytes(n)
		ct, err := k.PublicKey().Encrypt(nil, msg)
		if err != nil {
			t.Fatal(err)
		}
		c, err := ParseCiphertext(ct)
		if err != nil {
			t.Fatal(err)
		}
		x2, err := k.SharedX(&c.C1)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := OpenWithX(x2, c); err != nil || !bytes.Equal(got, msg) {
			t.Fatalf("OpenWithX of %d bytes: %v", n, err)
		}
		for _, form := range [][]byte{ct, c.C1C3C2(), c.C1C3C2()[1:], c.C1C2C3(), c.C1C2C3()[1:]} {
			if got, err := k.Decrypt(nil, form, nil); err != nil || !bytes.Equal(got, msg) {
				t.Fatalf("decrypting %d bytes: %v", n, err)
			}
		}
	}
}
