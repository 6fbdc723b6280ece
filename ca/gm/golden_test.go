package gm

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

// unhex reads hex with spaces.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatalf("reading hex: %v", err)
	}
	return b
}

func wantBytes(t *testing.T, what string, got []byte, want string) {
	t.Helper()
	if !bytes.Equal(got, unhex(t, want)) {
		t.Errorf("%s = %x, want %s", what, got, want)
	}
}

// GB/T 32905 annex A.1, A.2.
func TestSM3Golden(t *testing.T) {
	for _, v := range []struct{ in, sum string }{
		{"abc", "66c7f0f4 62eeedd9 d1f2d46b dc10e4e2 4167c487 5cf2f7a2 297da02b 8f4ba8e0"},
		{strings.Repeat("abcd", 16), "debe9ff9 2275b8a1 38604889 c18e5a4d 6fdb70e5 387e5765 293dcba3 9c0c5732"},
	} {
		s := SumSM3([]byte(v.in))
		wantBytes(t, "SM3("+v.in+")", s[:], v.sum)
	}
}

// GB/T 32907 annex A.1, A.2 (a million encryptions under the same key).
func TestSM4Golden(t *testing.T) {
	key := unhex(t, "01234567 89abcdef fedcba98 76543210")
	b, err := NewSM4(key)
	if err != nil {
		t.Fatal(err)
	}
	x := bytes.Clone(key)
	b.Encrypt(x, x)
	wantBytes(t, "once", x, "681edf34 d206965e 86b3e94f 536e4246")
	b.Decrypt(x, x)
	wantBytes(t, "and back", x, "01234567 89abcdef fedcba98 76543210")
	for range 1_000_000 {
		b.Encrypt(x, x)
	}
	wantBytes(t, "a million times", x, "595298c7 c6fd271f 0402f804 c33d3f66")
}

// The key, nonce and identity of the examples on the recommended curve, GB/T 32918.5 annexes A and C.
const (
	exampleD     = "3945208f 7b2144b1 3f36e38a c6d39f95 88939369 2860b51a 42fb81ef 4df7c5b8"
	exampleX     = "09f9df31 1e5421a1 50dd7d16 1e4bc5c6 72179fad 1833fc07 6bb08ff3 56f35020"
	exampleY     = "ccea490c e26775a5 2dc6ea71 8cc1aa60 0aed05fb f35e084a 6632f607 2da9ad13"
	exampleNonce = "59276e27 d506861a 16680f3a d9c02dcc ef3cc1fa 3cdbe4ce 6d54b80d eac1bc21"
)

func exampleKey(t testing.TB) *PrivateKey {
	t.Helper()
	k, err := NewPrivateKey(unhex(t, exampleD))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// The ciphertext of annex C.2, for "encryption standard" under exampleNonce.
const (
	exampleC1 = "04 04ebfc71 8e8d1798 62043226 8e77feb6 415e2ede 0e073c0f 4f640ecd 2e149a73" +
		"e858f9d8 1e5430a5 7b36daab 8f950a3c 64e6ee6a 63094d99 283aff76 7e124df0"
	exampleC3 = "59983c18 f809e262 923c53ae c295d303 83b54e39 d609d160 afcb1908 d0bd8766"
	exampleC2 = "21886ca9 89ca9c7d 58087307 ca93092d 651efa"
)

func exampleCiphertext(t testing.TB) Ciphertext {
	t.Helper()
	c, err := ParseCiphertext(unhex(t, exampleC1+exampleC3+exampleC2))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The signature of annex A.2, over "message digest" under exampleNonce.
const (
	exampleR = "f5a03b06 48d2c463 0eeac513 e1bb81a1 5944da38 27d5b741 43ac7eac eee720b3"
	exampleS = "b1b6aa29 df212fd8 763182bc 0d421ca1 bb9038fd 1f7f42d4 840b69c4 85bbc1aa"
)

func exampleSignature(t testing.TB) []byte {
	t.Helper()
	der, err := SignatureFromRaw(unhex(t, exampleR+exampleS))
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// GB/T 32918.5 annex A.2.
func TestSignatureGolden(t *testing.T) {
	k := exampleKey(t)
	wantBytes(t, "public key", k.PublicKey().Bytes(), "04"+exampleX+exampleY)
	za := k.public.za(nil)
	wantBytes(t, "ZA", za[:], "b2e14c5c 79c6df5b 85f4fe7e d8db7a26 2b9da7e0 7ccb0ea9 f4747b8c cda8a4f3")
	e := k.PublicKey().Digest(nil, []byte("message digest"))
	wantBytes(t, "e", e, "f0b43e94 ba45acca ace692ed 534382eb 17e6ab5a 19ce7b31 f4486fdf c0d28640")
	if !k.PublicKey().Verify(e, exampleSignature(t)) {
		t.Error("the signature of the standard does not verify")
	}
	if got := bytes32(nonceOf(t, k, exampleSignature(t))); !bytes.Equal(got[:], unhex(t, exampleNonce)) {
		t.Errorf("its nonce is %x", got)
	}
}

// GB/T 32918.5 annex C.2.
func TestEncryptionGolden(t *testing.T) {
	k, c := exampleKey(t), exampleCiphertext(t)
	msg := []byte("encryption standard")
	wantBytes(t, "C1C3C2", c.C1C3C2(), exampleC1+exampleC3+exampleC2)
	wantBytes(t, "C1C2C3", c.C1C2C3(), exampleC1+exampleC2+exampleC3)
	for form, b := range map[string][]byte{
		"ASN.1": c.ASN1(), "C1C3C2": c.C1C3C2(), "C1C2C3": c.C1C2C3(),
		"C1C3C2 without 04": c.C1C3C2()[1:], "C1C2C3 without 04": c.C1C2C3()[1:],
	} {
		if got, err := k.Decrypt(nil, b, nil); err != nil || !bytes.Equal(got, msg) {
			t.Errorf("%s decrypts to %q, %v", form, got, err)
		}
	}
	x2, err := k.SharedX(&c.C1)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := OpenWithX(x2, c); err != nil || !bytes.Equal(got, msg) {
		t.Errorf("with x2 alone it decrypts to %q, %v", got, err)
	}
	// Encrypting with the standard's nonce gives the standard's ciphertext.
	der, err := k.public.Encrypt(bytes.NewReader(unhex(t, exampleNonce)), msg)
	if err != nil || !bytes.Equal(der, c.ASN1()) {
		t.Errorf("encrypting gives %x, %v", der, err)
	}
}
