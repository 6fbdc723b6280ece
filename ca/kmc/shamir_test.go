package kmc

import (
	"bytes"
	"crypto/rand"
	"testing"
)

// TestField: the examples of FIPS 197 §4.2, and every inverse.
func TestField(t *testing.T) {
	for _, c := range [][3]byte{{0x57, 0x83, 0xc1}, {0x57, 0x13, 0xfe}, {0x57, 0x02, 0xae}, {0x57, 0x10, 0x07}, {0x53, 0xca, 0x01}, {0, 7, 0}, {1, 0xff, 0xff}} {
		if got := gfMul(c[0], c[1]); got != c[2] {
			t.Errorf("%x·%x = %x, want %x", c[0], c[1], got, c[2])
		}
	}
	for a := 1; a < 256; a++ {
		if gfMul(byte(a), gfInverse(byte(a))) != 1 {
			t.Errorf("the inverse of %x is wrong", a)
		}
	}
}

// TestSplitKnown: 2a + 05·x + 07·x², worked out by hand.
func TestSplitKnown(t *testing.T) {
	parts, err := split(bytes.NewReader([]byte{5, 7}), []byte{0x2a}, 3, 4)
	if err != nil {
		t.Fatal(err)
	}
	want := []byte{0x28, 0x3c, 0x3e} // x = 1, 2, 3: 2a^05^07, 2a^0a^1c, 2a^0f^1b
	for i, w := range want {
		if parts[i][0] != w {
			t.Errorf("part %d is %x, want %x", i+1, parts[i], w)
		}
	}
	secret, err := combine(map[byte][]byte{1: parts[0], 2: parts[1], 3: parts[2]})
	if err != nil || secret[0] != 0x2a {
		t.Errorf("%x, %v", secret, err)
	}
}

// TestAnyEnough: every choice of m parts gives the secret; with m-1 every secret is as likely as any other.
func TestAnyEnough(t *testing.T) {
	secret := make([]byte, 32)
	rand.Read(secret)
	for n := 2; n <= 6; n++ {
		for m := 2; m <= n; m++ {
			parts, err := split(rand.Reader, secret, m, n)
			if err != nil {
				t.Fatal(err)
			}
			for choice := range 1 << n {
				some := map[byte][]byte{}
				for i := range n {
					if choice>>i&1 == 1 {
						some[byte(i+1)] = parts[i]
					}
				}
				got, err := combine(some)
				if enough := len(some) >= m; len(some) > 0 && (err != nil || bytes.Equal(got, secret) != enough) {
					t.Fatalf("%d of %d by choice %b: %x, %v", m, n, choice, got, err)
				}
			}
		}
	}
}

// TestTooFewSayNothing: for one known part of two, each of the 256 secrets fits exactly one polynomial.
func TestTooFewSayNothing(t *testing.T) {
	fits := map[byte]int{}
	for secret := range 256 {
		for c := range 256 {
			if valueAt(1, byte(secret), []byte{byte(c)}) == 0x5a {
				fits[byte(secret)]++
			}
		}
	}
	for secret := range 256 {
		if fits[byte(secret)] != 1 {
			t.Fatalf("secret %x fits %d times", secret, fits[byte(secret)])
		}
	}
}

func TestSplitRefuses(t *testing.T) {
	for _, c := range []struct{ size, m, n int }{{32, 1, 3}, {32, 4, 3}, {32, 2, 256}, {0, 2, 3}, {32, 0, 0}} {
		if _, err := split(rand.Reader, make([]byte, c.size), c.m, c.n); err == nil {
			t.Errorf("accepted %+v", c)
		}
	}
	if _, err := split(bytes.NewReader(nil), []byte{1}, 2, 3); err == nil {
		t.Error("split without randomness")
	}
	for what, parts := range map[string]map[byte][]byte{"none": {}, "the secret itself": {0: {1}}, "lengths": {1: {1}, 2: {1, 2}}, "empty": {1: {}}} {
		if _, err := combine(parts); err == nil {
			t.Errorf("combined %s", what)
		}
	}
}

func TestWords(t *testing.T) {
	// The published example: 127.0.0.1 is lusab-babad.
	if got := wordsOf([]byte{127, 0, 0, 1}); got != "lusab-babad" {
		t.Errorf("got %s", got)
	}
	b := make([]byte, 48)
	for range 50 {
		rand.Read(b)
		got, err := fromWords(" " + wordsOf(b) + "\n")
		if err != nil || !bytes.Equal(got, b) {
			t.Fatalf("%x, %v", got, err)
		}
	}
	for _, text := range []string{"lusa", "lusab-babax", "aaaaa", "lusab_babad"} {
		if _, err := fromWords(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}
