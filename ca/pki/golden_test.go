package pki

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"os"
	"testing"
	"time"

	tx509 "github.com/tjfoc/gmsm/x509"
)

func golden(t testing.TB, file string) []byte {
	t.Helper()
	return must[[]byte](t)(os.ReadFile("testdata/" + file))
}

func TestGoldenSM2(t *testing.T) {
	root := must[*Certificate](t)(ParseCertificate(golden(t, "sm2-root.der")))
	leaf := must[*Certificate](t)(ParseCertificate(golden(t, "sm2-leaf.der")))
	request := must[*CertificateRequest](t)(ParseCertificateRequest(golden(t, "sm2.csr.der")))
	key := must[crypto.Signer](t)(ParsePrivateKey(golden(t, "sm2-pkcs8.der")))

	if root.Subject.String() != "CN=SM2 Root, O=测试机构, C=CN" || root.SerialHex != "1001" || !root.IsCA || root.PathLen != -1 ||
		root.KeyUsage != KeyCertSign|CRLSign || root.SigAlg != SM2WithSM3 || !bytes.Equal(root.SKI, KeyID(root.PublicKey)) {
		t.Errorf("root: %+v", root)
	}
	if leaf.Subject.String() != "CN=张三, O=某某建设有限公司, ST=浙江省, C=CN" || leaf.SerialHex != "2002" || leaf.IsCA ||
		leaf.KeyUsage != SigningUsage || leaf.EKU[0] != EKUClientAuth || !bytes.Equal(leaf.AKI, root.SKI) ||
		leaf.CRLURLs[0] != "http://crl.example.cn/1.crl" || leaf.OCSPURLs[0] != "OCSP://ocsp.example.cn" {
		t.Errorf("leaf: %+v", leaf)
	}
	if !leaf.NotBefore.Equal(time.Date(2026, 11, 21, 20, 5, 16, 0, time.UTC)) || !leaf.NotAfter.Equal(time.Date(2046, 1, 20, 20, 5, 16, 0, time.UTC)) {
		t.Errorf("validity %v – %v", leaf.NotBefore, leaf.NotAfter)
	}
	if ReadIdentity(leaf).USCC != sampleUSCC {
		t.Error("identity of the leaf")
	}
	if err := request.CheckSignature(); err != nil || request.DNSNames[0] != "www.example.cn" || !request.Subject.Equal(leaf.Subject) {
		t.Errorf("request: %v", err)
	}
	if !bytes.Equal(spki(t, key.Public()), leaf.SPKI) || !bytes.Equal(leaf.SPKI, request.SPKI) {
		t.Error("the private key is another's")
	}
	if path, err := BuildPath(leaf, PathOptions{Roots: NewPool(root), At: leaf.NotBefore, Usage: DigitalSignature, EKU: EKUClientAuth}); err != nil || len(path) != 2 {
		t.Errorf("path: %v", err)
	}
	for _, c := range []*Certificate{root, leaf} {
		if err := c.CheckStrict(); err != nil {
			t.Error(err)
		}
		dissect(t, c) // fails unless our encoder gives OpenSSL's bytes
	}
}

func TestGoldenP256AndRSA(t *testing.T) {
	for _, file := range []string{"p256-root.der", "rsa-root.der"} {
		c := must[*Certificate](t)(ParseCertificate(golden(t, file)))
		sameAsStd(t, c, must[*x509.Certificate](t)(x509.ParseCertificate(c.Raw)))
		if err := errors.Join(c.CheckSignatureFrom(c), c.CheckStrict()); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		dissect(t, c)
	}
}

func TestGoldenCRL(t *testing.T) {
	root := must[*Certificate](t)(ParseCertificate(golden(t, "rsa-root.der")))
	l := must[*CRL](t)(ParseCRL(golden(t, "rsa.crl.der")))
	if err := l.CheckSignatureFrom(root); err != nil {
		t.Fatal(err)
	}
	a, b := l.Find([]byte{0x0a}), l.Find([]byte{0xff, 1})
	if l.Number.Int64() != 0x2a || len(l.Entries) != 2 || a == nil || b == nil || a.Reason != ReasonKeyCompromise || b.Reason != ReasonCertificateHold ||
		!a.At.Equal(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) || !bytes.Equal(l.AKI, root.SKI) {
		t.Errorf("%+v", l)
	}
}

func TestGoldenExplicitParameters(t *testing.T) {
	if _, err := ParsePublicKey(golden(t, "explicit-params.spki.der")); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
}

func TestGoldenSM2InTjfoc(t *testing.T) {
	root := must[*tx509.Certificate](t)(tx509.ParseCertificate(golden(t, "sm2-root.der")))
	leaf := must[*tx509.Certificate](t)(tx509.ParseCertificate(golden(t, "sm2-leaf.der")))
	if err := leaf.CheckSignatureFrom(root); err != nil {
		t.Error(err) // then the golden file, not our code, would be wrong
	}
}

func BenchmarkParseCertificate(b *testing.B) {
	der := golden(b, "sm2-leaf.der")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseCertificate(der); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseCertificateStd(b *testing.B) {
	der := golden(b, "p256-root.der")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x509.ParseCertificate(der); err != nil {
			b.Fatal(err)
		}
	}
}
