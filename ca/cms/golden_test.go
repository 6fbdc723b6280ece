package cms

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"flag"
	"math/big"
	"os"
	"path/filepath"
	"testing"

	"signet/ca/gm"
	"signet/ca/pki"
)

var makeGolden = flag.Bool("golden", false, "make testdata/ anew")

// golden files and what makes each; testdata/README.md tells the same in words.
const (
	goldenContent = "招标编号 2026-001 投标函\n"
	goldenCert    = "signer.der"
	goldenKey     = "signer.key.hex"
)

var goldenSigned = map[string]SignOptions{
	"signed-gmt.der":          {SigningTime: signTime},
	"signed-gmt-detached.der": {Detached: true, SigningTime: signTime},
	"signed-gmt-bare.der":     {NoAttributes: true},
	"signed-rfc.der":          {Style: RFC5652, SigningTime: signTime},
}

func splitRaw(rs []byte) (r, s *big.Int) {
	return new(big.Int).SetBytes(rs[:32]), new(big.Int).SetBytes(rs[32:])
}

func goldenFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func goldenHolder(t testing.TB) holder {
	t.Helper()
	d := must(hex.DecodeString(string(bytes.TrimSpace(goldenFile(t, goldenKey)))))
	return holder{must(gm.NewPrivateKey(d)), must(pki.ParseCertificate(goldenFile(t, goldenCert)))}
}

// TestMakeGolden writes the files; it runs only when asked to, as new files would hide a changed format.
func TestMakeGolden(t *testing.T) {
	if !*makeGolden {
		return
	}
	put := func(name string, b []byte) {
		if err := os.WriteFile(filepath.Join("testdata", name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	key := must(gm.GenerateKey(rand.Reader))
	h := holder{key, certify(key, "金样签名者", must(pki.NewSerial(rand.Reader)))}
	put(goldenCert, h.cert.Raw)
	put(goldenKey, []byte(hex.EncodeToString(key.Bytes())+"\n"))
	for name, o := range goldenSigned {
		put(name, must(Sign(nil, h.key, h.cert, []byte(goldenContent), o)))
	}
	put("enveloped-gmt.der", must(Encrypt(nil, []byte(goldenContent), []*pki.Certificate{h.cert}, GMT0010)))
	put("enveloped-rfc.der", must(Encrypt(nil, []byte(goldenContent), []*pki.Certificate{h.cert}, RFC5652)))
	inner := must(gm.GenerateKey(rand.Reader))
	wrapped := must(WrapKey(nil, key.PublicKey(), inner))
	put("keyenvelope.der", wrapped)
	put("keyenvelope.skf", must(must(ParseEnvelopedKey(wrapped)).SKF()))
	put("keyenvelope.key.hex", []byte(hex.EncodeToString(inner.Bytes())+"\n"))
}

func TestGoldenSigned(t *testing.T) {
	h := goldenHolder(t)
	for name, o := range goldenSigned {
		t.Run(name, func(t *testing.T) {
			s, err := ParseSigned(goldenFile(t, name))
			if err != nil {
				t.Fatal(err)
			}
			certs, err := s.Verify([]byte(goldenContent), nil)
			if err != nil || !bytes.Equal(certs[0].Raw, h.cert.Raw) {
				t.Fatal(err)
			}
			si := s.Signers[0]
			if s.Style != o.Style || s.Detached != o.Detached || !si.SigningTime.Equal(o.SigningTime) {
				t.Fatalf("%+v", s)
			}
			over := si.toVerify
			if o.NoAttributes {
				over = []byte(goldenContent)
			}
			checkBySM2Peers(t, h.cert, over, si.Signature)
			rewritten := rewrite(t, h.cert, o, si.Signature)
			if !bytes.Equal(rewritten, goldenFile(t, name)) {
				t.Fatalf("the writer changed: the same signature now gives\n%x", rewritten)
			}
		})
	}
}

// rewrite makes the message again around a signature that is already there.
func rewrite(t *testing.T, cert *pki.Certificate, o SignOptions, sig []byte) []byte {
	t.Helper()
	_, finish, err := PrepareSigned(cert, []byte(goldenContent), o)
	if err != nil {
		t.Fatal(err)
	}
	der, err := finish(sig)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestGoldenEnveloped(t *testing.T) {
	h := goldenHolder(t)
	for _, name := range []string{"enveloped-gmt.der", "enveloped-rfc.der"} {
		e, err := ParseEnveloped(goldenFile(t, name))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := e.Open(h.cert, h.decrypter()); err != nil || string(got) != goldenContent || e.Cipher != "SM4-CBC" {
			t.Fatalf("%s: %q %v", name, got, err)
		}
	}
}

func TestGoldenKeyEnvelope(t *testing.T) {
	h := goldenHolder(t)
	want := must(hex.DecodeString(string(bytes.TrimSpace(goldenFile(t, "keyenvelope.key.hex")))))
	der, err := ParseEnvelopedKey(goldenFile(t, "keyenvelope.der"))
	if err != nil {
		t.Fatal(err)
	}
	skf, err := ParseSKFEnvelopedKey(goldenFile(t, "keyenvelope.skf"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []*EnvelopedKey{der, skf} {
		if got, err := e.Unwrap(h.decrypter()); err != nil || !bytes.Equal(got.Bytes(), want) {
			t.Fatal(err)
		}
		if !bytes.Equal(e.DER(), goldenFile(t, "keyenvelope.der")) || !bytes.Equal(must(e.SKF()), goldenFile(t, "keyenvelope.skf")) {
			t.Fatal("the writers changed")
		}
	}
}
