package gm

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	tjsm2 "github.com/tjfoc/gmsm/sm2"
	tjsm3 "github.com/tjfoc/gmsm/sm3"
	tjsm4 "github.com/tjfoc/gmsm/sm4"
)

const rounds = 200

func TestSM3AgainstTjfoc(t *testing.T) {
	for n := range 300 {
		msg := randomBytes(n)
		if got, want := SumSM3(msg), tjsm3.Sm3Sum(msg); !bytes.Equal(got[:], want) {
			t.Fatalf("SM3(%x) = %x, want %x", msg, got, want)
		}
		d := NewSM3() // in pieces, with a sum in between
		d.Write(msg[:n/3])
		d.Sum(nil)
		d.Write(msg[n/3 : n/2])
		d.Write(msg[n/2:])
		if got, want := d.Sum([]byte{1}), append([]byte{1}, tjsm3.Sm3Sum(msg)...); !bytes.Equal(got, want) {
			t.Fatalf("in pieces SM3(%x) = %x, want %x", msg, got, want)
		}
	}
}

func TestSM4AgainstTjfoc(t *testing.T) {
	for range rounds {
		key, src := randomBytes(16), randomBytes(16)
		ours, err := NewSM4(key)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := tjsm4.NewCipher(key)
		if err != nil {
			t.Fatal(err)
		}
		got, want := make([]byte, 16), make([]byte, 16)
		ours.Encrypt(got, src)
		theirs.Encrypt(want, src)
		if !bytes.Equal(got, want) {
			t.Fatalf("key %x: %x encrypts to %x, want %x", key, src, got, want)
		}
		ours.Decrypt(got, src)
		theirs.Decrypt(want, src)
		if !bytes.Equal(got, want) {
			t.Fatalf("key %x: %x decrypts to %x, want %x", key, src, got, want)
		}
	}
}

func TestSignaturesAgainstTjfoc(t *testing.T) {
	for i := range rounds {
		k := newKey(t)
		their := tjfocKey(k)
		msg := randomBytes(i)
		sig, err := k.Sign(nil, k.public.Digest(nil, msg), nil)
		if err != nil {
			t.Fatal(err)
		}
		if !their.PublicKey.Verify(msg, sig) {
			t.Fatalf("tjfoc refuses %x over %x by %x", sig, msg, k.Bytes())
		}
		if sig, err = their.Sign(rand.Reader, msg, nil); err != nil {
			t.Fatal(err)
		}
		if !k.public.Verify(k.public.Digest(nil, msg), sig) {
			t.Fatalf("tjfoc's %x over %x by %x does not verify", sig, msg, k.Bytes())
		}
		uid := randomBytes(i%40 + 1)
		r, s, err := tjsm2.Sm2Sign(their, msg, uid, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if !k.public.Verify(k.public.Digest(uid, msg), encodeSignature(bytes32(r), bytes32(s))) {
			t.Fatalf("tjfoc's signature with identity %x does not verify", uid)
		}
	}
}

func TestCiphertextsAgainstTjfoc(t *testing.T) {
	k := newKey(t)
	their := tjfocKey(k)
	for i := range rounds {
		msg := randomBytes(i + 8) // shorter ones tjfoc can turn into an all-zero key stream
		ct, err := k.public.Encrypt(nil, msg)
		if err != nil {
			t.Fatal(err)
		}
		tjfocDecrypts(t, their, ct, msg)
		if ct, err = their.PublicKey.EncryptAsn1(msg, rand.Reader); err != nil {
			t.Fatal(err)
		}
		weDecrypt(t, k, ct, msg)
		for _, order := range []int{tjsm2.C1C3C2, tjsm2.C1C2C3} {
			if ct, err = tjsm2.Encrypt(&their.PublicKey, msg, rand.Reader, order); err != nil {
				t.Fatal(err)
			}
			weDecrypt(t, k, ct, msg)
		}
	}
}

func weDecrypt(t *testing.T, k *PrivateKey, ct, msg []byte) {
	t.Helper()
	if got, err := k.Decrypt(nil, ct, nil); err != nil || !bytes.Equal(got, msg) {
		t.Fatalf("key %x: %x decrypts to %x, %v; want %x", k.Bytes(), ct, got, err, msg)
	}
}

func tjfocDecrypts(t *testing.T, k *tjsm2.PrivateKey, ct, msg []byte) {
	t.Helper()
	c, err := ParseCiphertext(ct)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := k.DecryptAsn1(ct); err != nil || !bytes.Equal(got, msg) {
		t.Fatalf("tjfoc decrypts %x to %x, %v; want %x", ct, got, err, msg)
	}
	if got, err := tjsm2.Decrypt(k, c.C1C3C2(), tjsm2.C1C3C2); err != nil || !bytes.Equal(got, msg) {
		t.Fatalf("tjfoc decrypts %x to %x, %v; want %x", c.C1C3C2(), got, err, msg)
	}
	if got, err := tjsm2.Decrypt(k, c.C1C2C3(), tjsm2.C1C2C3); err != nil || !bytes.Equal(got, msg) {
		t.Fatalf("tjfoc decrypts %x to %x, %v; want %x", c.C1C2C3(), got, err, msg)
	}
}

// shortCiphertext looks for a ciphertext in which the coordinate that pick names begins with a zero byte, so that
// its INTEGER is shorter than usual.
func shortCiphertext(t *testing.T, k *PrivateKey, msg []byte, pick func(Ciphertext) byte) Ciphertext {
	t.Helper()
	for range 20000 {
		ct, err := k.public.Encrypt(nil, msg)
		if err != nil {
			t.Fatal(err)
		}
		c, err := ParseCiphertext(ct)
		if err != nil {
			t.Fatal(err)
		}
		if pick(c) == 0 {
			return c
		}
	}
	t.Fatal("no short coordinate in 20000 ciphertexts")
	return Ciphertext{}
}

func TestShortCoordinates(t *testing.T) {
	k, msg := newKey(t), []byte("one in 256")
	for what, pick := range map[string]func(Ciphertext) byte{
		"X":  func(c Ciphertext) byte { return c.C1.X[0] },
		"Y":  func(c Ciphertext) byte { return c.C1.Y[0] },
		"C3": func(c Ciphertext) byte { return c.C3[0] },
	} {
		for range 5 {
			c := shortCiphertext(t, k, msg, pick)
			if what != "C3" && len(c.ASN1()) > 2+2*35+34+12-1 {
				t.Fatalf("%s: %x is not short", what, c.ASN1())
			}
			weDecrypt(t, k, c.ASN1(), msg)
			weDecrypt(t, k, c.C1C3C2(), msg)
			weDecrypt(t, k, c.C1C3C2()[1:], msg)
			weDecrypt(t, k, c.C1C2C3(), msg)
			weDecrypt(t, k, c.C1C2C3()[1:], msg)
			tjfocDecrypts(t, tjfocKey(k), c.ASN1(), msg)
		}
	}
}

// openssl is the third implementation, an external command.
type openssl struct {
	t    *testing.T
	dir  string
	k    *PrivateKey
	path string
}

func newOpenSSL(t *testing.T) *openssl {
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("the openssl command is not installed")
	}
	o := &openssl{t: t, dir: t.TempDir(), k: newKey(t), path: path}
	o.write("key.pem", pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1(t, o.k)}))
	o.run("pkey", "-in", "key.pem", "-pubout", "-out", "pub.pem")
	return o
}

// sec1 is ECPrivateKey of RFC 5915 with the SM2 curve.
func sec1(t *testing.T, k *PrivateKey) []byte {
	der, err := asn1.Marshal(struct {
		Version int
		D       []byte
		Curve   asn1.ObjectIdentifier `asn1:"explicit,tag:0"`
		Point   asn1.BitString        `asn1:"explicit,tag:1"`
	}{1, k.Bytes(), asn1.ObjectIdentifier{1, 2, 156, 10197, 1, 301}, asn1.BitString{Bytes: k.public.Bytes(), BitLength: 8 * 65}})
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func (o *openssl) write(name string, b []byte) {
	o.t.Helper()
	if err := os.WriteFile(filepath.Join(o.dir, name), b, 0o600); err != nil {
		o.t.Fatal(err)
	}
}

func (o *openssl) run(args ...string) []byte {
	o.t.Helper()
	cmd := exec.CommandContext(o.t.Context(), o.path, args...)
	cmd.Dir = o.dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		o.t.Fatalf("openssl %v: %v: %s", args, err, stderr.Bytes())
	}
	return out
}

func TestSignaturesAgainstOpenSSL(t *testing.T) {
	o := newOpenSSL(t)
	for i := range 20 {
		msg := randomBytes(i * 37)
		e := o.k.public.Digest(nil, msg)
		o.write("msg", msg)
		sig := o.run("dgst", "-sm3", "-sign", "key.pem", "-sigopt", "distid:"+DefaultUID, "msg")
		if !o.k.public.Verify(e, sig) {
			t.Fatalf("openssl's %x over %x by %x does not verify", sig, msg, o.k.Bytes())
		}
		sig, err := o.k.Sign(nil, e, nil)
		if err != nil {
			t.Fatal(err)
		}
		o.write("sig", sig)
		o.run("dgst", "-sm3", "-verify", "pub.pem", "-sigopt", "distid:"+DefaultUID, "-signature", "sig", "msg")
	}
}

func TestCiphertextsAgainstOpenSSL(t *testing.T) {
	o := newOpenSSL(t)
	for i := range 20 {
		msg := randomBytes(i*7 + 8)
		o.write("msg", msg)
		weDecrypt(t, o.k, o.run("pkeyutl", "-encrypt", "-pubin", "-inkey", "pub.pem", "-in", "msg"), msg)
		ct, err := o.k.public.Encrypt(nil, msg)
		if err != nil {
			t.Fatal(err)
		}
		o.write("ct", ct)
		if got := o.run("pkeyutl", "-decrypt", "-inkey", "key.pem", "-in", "ct"); !bytes.Equal(got, msg) {
			t.Fatalf("openssl decrypts %x to %x, want %x", ct, got, msg)
		}
	}
	msg := []byte("short for openssl")
	for _, pick := range []func(Ciphertext) byte{
		func(c Ciphertext) byte { return c.C1.X[0] }, func(c Ciphertext) byte { return c.C1.Y[0] },
	} {
		o.write("ct", shortCiphertext(t, o.k, msg, pick).ASN1())
		if got := o.run("pkeyutl", "-decrypt", "-inkey", "key.pem", "-in", "ct"); !bytes.Equal(got, msg) {
			t.Fatalf("openssl decrypts a short coordinate to %x", got)
		}
	}
}

func TestSymmetricAgainstOpenSSL(t *testing.T) {
	o := newOpenSSL(t)
	for n := range 5 {
		msg := randomBytes(n*1000 + 5)
		o.write("msg", msg)
		sum := SumSM3(msg)
		if got := o.run("dgst", "-sm3", "-binary", "msg"); !bytes.Equal(got, sum[:]) {
			t.Fatalf("SM3: openssl %x, ours %x", got, sum)
		}
		key, iv := randomBytes(16), randomBytes(16)
		block, err := NewSM4(key)
		if err != nil {
			t.Fatal(err)
		}
		hexKey, hexIV := hex.EncodeToString(key), hex.EncodeToString(iv)
		got := make([]byte, len(msg))
		cipher.NewCTR(block, iv).XORKeyStream(got, msg)
		if want := o.run("enc", "-sm4-ctr", "-K", hexKey, "-iv", hexIV, "-in", "msg"); !bytes.Equal(got, want) {
			t.Fatalf("SM4-CTR: openssl %x, ours %x", want, got)
		}
		msg = msg[:len(msg)/16*16]
		o.write("msg", msg)
		got = make([]byte, len(msg))
		EncryptECB(block, got, msg)
		if want := o.run("enc", "-sm4-ecb", "-nopad", "-K", hexKey, "-in", "msg"); !bytes.Equal(got, want) {
			t.Fatalf("SM4-ECB: openssl %x, ours %x", want, got)
		}
		DecryptECB(block, got, got)
		if !bytes.Equal(got, msg) {
			t.Fatal("SM4-ECB does not decrypt in place")
		}
		cipher.NewCBCEncrypter(block, iv).CryptBlocks(got, msg)
		if want := o.run("enc", "-sm4-cbc", "-nopad", "-K", hexKey, "-iv", hexIV, "-in", "msg"); !bytes.Equal(got, want) {
			t.Fatalf("SM4-CBC: openssl %x, ours %x", want, got)
		}
	}
}
