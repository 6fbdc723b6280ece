package pki

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
	"testing"
	"time"

	tx509 "github.com/tjfoc/gmsm/x509"
)

var distID = []string{"-vfyopt", "distid:1234567812345678"} // OpenSSL's default SM2 user ID is empty

func fullLeaf(t *testing.T, ca authority, alg KeyAlg) *Certificate {
	t.Helper()
	return ca.leaf(t, alg, "张三",
		must[Extension](t)(ExtEKU(EKUClientAuth, EKUEmailProtection)),
		must[Extension](t)(ExtCRLURLs("http://crl.example.cn/1.crl")),
		must[Extension](t)(ExtAIA([]string{"http://ocsp.example.cn"}, []string{"http://ca.example.cn/1.cer"})),
		must[Extension](t)(ExtPolicies("1.2.156.10260.1.1")),
		must[Extension](t)(ExtSAN("www.example.cn", "*.a.example.cn", "192.0.2.1")),
		must[Extension](t)(ExtPrintable(OIDOrgCode, "91990000MA0000015Q")))
}

func TestOpenSSLVerifiesOurChain(t *testing.T) {
	for _, alg := range testAlgs {
		t.Run(string(alg), func(t *testing.T) {
			root := newRoot(t, alg, "Root")
			ca := root.sub(t, alg, "Issuing", 0)
			leaf := fullLeaf(t, ca, alg)
			opensslVerify(t, alg, root.cert, ca.cert, leaf)
			text := string(openssl(t, EncodePEM(leaf), "x509", "-noout", "-text", "-nameopt", "RFC2253,utf8,-esc_msb"))
			for _, want := range []string{"CN=张三", "Digital Signature, Non Repudiation", "TLS Web Client Authentication, E-mail Protection",
				"http://crl.example.cn/1.crl", "OCSP - URI:http://ocsp.example.cn", "DNS:*.a.example.cn, IP Address:192.0.2.1"} {
				if !strings.Contains(text, want) {
					t.Errorf("openssl does not show %q in\n%s", want, text)
				}
			}
		})
	}
}

// opensslVerify checks root ← ca ← leaf. OpenSSL applies the user ID to the last certificate only, so an SM2 chain is
// checked link by link.
func opensslVerify(t *testing.T, alg KeyAlg, root, ca, leaf *Certificate) {
	t.Helper()
	dir := t.TempDir()
	rootFile, caFile := write(t, dir, "root", EncodePEM(root)), write(t, dir, "ca", EncodePEM(ca))
	runs := [][]string{{"-CAfile", rootFile, "-untrusted", caFile, write(t, dir, "leaf", EncodePEM(leaf))}}
	if alg == SM2 {
		runs = [][]string{
			slices.Concat(distID, []string{"-CAfile", rootFile, caFile}),
			slices.Concat(distID, []string{"-partial_chain", "-trusted", caFile, write(t, dir, "leaf", EncodePEM(leaf))}),
		}
	}
	for _, args := range runs {
		out := openssl(t, nil, append([]string{"verify", "-x509_strict"}, args...)...)
		if !strings.Contains(string(out), ": OK") {
			t.Fatalf("openssl verify: %s", out)
		}
	}
}

func TestOpenSSLChecksOurRequest(t *testing.T) {
	for _, alg := range testAlgs {
		key := testKey(t, alg, "request")
		der := must[[]byte](t)(CreateCertificateRequest(rand.Reader, key, name(t, "李四"), must[Extension](t)(ExtSAN("b.example.cn"))))
		args := []string{"req", "-inform", "DER", "-verify", "-noout", "-text"}
		if alg == SM2 {
			args = append(args, distID...)
		}
		out := string(openssl(t, der, args...))
		if !strings.Contains(out, "self-signature verify OK") || !strings.Contains(out, "DNS:b.example.cn") {
			t.Errorf("%s: %s", alg, out)
		}
	}
}

func TestWeReadOpenSSLRequest(t *testing.T) {
	for alg, genpkey := range map[KeyAlg][]string{
		SM2:     {"-algorithm", "SM2"},
		P256:    {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"},
		P384:    {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"},
		RSA2048: {"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"},
	} {
		keyPEM := openssl(t, nil, append([]string{"genpkey"}, genpkey...)...)
		block := pemBlock(t, keyPEM)
		signer, err := ParsePrivateKey(block)
		if err != nil {
			t.Errorf("%s: private key of openssl: %v", alg, err)
			continue
		}
		file := write(t, t.TempDir(), "key", keyPEM)
		args := []string{"req", "-new", "-key", file, "-subj", "/C=CN/O=x/CN=y", "-outform", "DER",
			"-addext", "subjectAltName=DNS:c.example.cn"}
		if alg == SM2 {
			args = append(args, "-sm3", "-sigopt", "distid:1234567812345678")
		}
		q, err := ParseCertificateRequest(openssl(t, nil, args...))
		if err != nil {
			t.Errorf("%s: %v", alg, err)
			continue
		}
		if err := q.CheckSignature(); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
		if !bytes.Equal(q.SPKI, spki(t, signer.Public())) || q.Subject.String() != "CN=y, O=x, C=CN" || len(q.DNSNames) != 1 {
			t.Errorf("%s: read %s, %v", alg, q.Subject, q.DNSNames)
		}
	}
}

func pemBlock(t *testing.T, text []byte) []byte {
	t.Helper()
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatalf("no PEM in %s", text)
	}
	return block.Bytes
}

func TestOpenSSLReadsOurPrivateKey(t *testing.T) {
	for _, alg := range testAlgs {
		key := testKey(t, alg, "request")
		der := must[[]byte](t)(MarshalPrivateKey(key))
		out := openssl(t, der, "pkey", "-inform", "DER", "-pubout", "-outform", "DER")
		if !bytes.Equal(out, spki(t, key.Public())) {
			t.Errorf("%s: openssl sees another public key", alg)
		}
		back, err := ParsePrivateKey(der)
		if err != nil || !bytes.Equal(spki(t, back.Public()), spki(t, key.Public())) {
			t.Errorf("%s: reading back: %v", alg, err)
		}
	}
}

func TestOpenSSLReadsOurCRL(t *testing.T) {
	entries := []CRLEntry{
		{Serial: []byte{0xff, 1}, At: testNow, Reason: ReasonKeyCompromise, InvalidityDate: testNow.Add(-time.Hour)},
		{Serial: []byte{5}, At: testNow},
	}
	for _, alg := range testAlgs {
		root := newRoot(t, alg, "Root")
		der := root.crl(t, 77, entries)
		text := string(openssl(t, der, "crl", "-inform", "DER", "-noout", "-text"))
		for _, want := range []string{"Serial Number: FF01", "Key Compromise", "X509v3 CRL Number: \n                77", "Invalidity Date"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: openssl does not show %q in\n%s", alg, want, text)
			}
		}
		if alg == SM2 { // openssl crl cannot be told the user ID; the raw signature below can
			continue
		}
		out := openssl(t, der, "crl", "-inform", "DER", "-noout", "-CAfile", write(t, t.TempDir(), "ca", EncodePEM(root.cert)))
		if !strings.Contains(string(out), "verify OK") {
			t.Errorf("%s: %s", alg, out)
		}
	}
}

func TestOpenSSLVerifiesRawSM2SignatureOfCRL(t *testing.T) {
	root := newRoot(t, SM2, "Root")
	crl := must[*CRL](t)(ParseCRL(root.crl(t, 1, nil)))
	dir := t.TempDir()
	pub := write(t, dir, "pub", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: root.cert.SPKI}))
	out := openssl(t, nil, "pkeyutl", "-verify", "-pubin", "-inkey", pub, "-rawin", "-digest", "sm3", "-pkeyopt",
		"distid:1234567812345678", "-in", write(t, dir, "tbs", crl.RawTBS), "-sigfile", write(t, dir, "sig", crl.Signature))
	if !strings.Contains(string(out), "Verified Successfully") {
		t.Fatal(string(out))
	}
}

func TestWeReadOpenSSLCertificate(t *testing.T) {
	for _, alg := range testAlgs {
		dir := t.TempDir()
		key := testKey(t, alg, "request")
		der := must[[]byte](t)(MarshalPrivateKey(key))
		file := write(t, dir, "key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
		args := []string{"req", "-x509", "-new", "-key", file, "-subj", "/C=CN/CN=openssl", "-days", "30", "-outform", "DER",
			"-addext", "keyUsage=critical,keyCertSign,cRLSign", "-addext", "nameConstraints=critical,permitted;DNS:example.cn"}
		if alg == SM2 {
			args = append(args, "-sm3", "-sigopt", "distid:1234567812345678")
		}
		c, err := ParseCertificate(openssl(t, nil, args...))
		if err != nil {
			t.Errorf("%s: %v", alg, err)
			continue
		}
		if err := c.CheckSignatureFrom(c); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
		if err := c.CheckStrict(); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
		if !c.IsCA || c.KeyUsage != KeyCertSign|CRLSign || len(c.UnhandledCritical) != 0 || !bytes.Equal(c.SKI, KeyID(key.Public())) {
			t.Errorf("%s: %+v", alg, c)
		}
	}
}

// sameAsStd compares all fields that crypto/x509 has too.
func sameAsStd(t *testing.T, c *Certificate, s *x509.Certificate) {
	t.Helper()
	same := func(what string, ok bool) {
		if !ok {
			t.Errorf("%s differs from crypto/x509", what)
		}
	}
	same("tbs", bytes.Equal(c.RawTBS, s.RawTBSCertificate))
	same("spki", bytes.Equal(c.SPKI, s.RawSubjectPublicKeyInfo))
	same("issuer", bytes.Equal(c.Issuer.DER(), s.RawIssuer))
	same("subject", bytes.Equal(c.Subject.DER(), s.RawSubject))
	same("serial", bytes.Equal(c.Serial, s.SerialNumber.Bytes()))
	same("version", c.Version == s.Version)
	same("validity", c.NotBefore.Equal(s.NotBefore) && c.NotAfter.Equal(s.NotAfter))
	same("key usage", int(c.KeyUsage) == int(s.KeyUsage))
	same("signature", bytes.Equal(c.Signature, s.Signature))
	same("basic constraints", c.IsCA == s.IsCA && c.HasBasicConstraints == s.BasicConstraintsValid)
	same("path length", !c.IsCA || c.PathLen == s.MaxPathLen)
	same("key identifiers", bytes.Equal(c.SKI, s.SubjectKeyId) && bytes.Equal(c.AKI, s.AuthorityKeyId))
	same("DNS names", strings.Join(c.DNSNames, " ") == strings.Join(s.DNSNames, " "))
	same("addresses", len(c.IPs) == len(s.IPAddresses))
	same("CRL addresses", strings.Join(c.CRLURLs, " ") == strings.Join(s.CRLDistributionPoints, " "))
	same("OCSP addresses", strings.Join(c.OCSPURLs, " ") == strings.Join(s.OCSPServer, " "))
	same("issuer addresses", strings.Join(c.CAIssuers, " ") == strings.Join(s.IssuingCertificateURL, " "))
	same("EKU", len(c.EKU) == len(s.ExtKeyUsage)+len(s.UnknownExtKeyUsage))
	same("policies", len(c.Policies) == len(s.Policies))
	same("extensions", len(c.Extensions) == len(s.Extensions))
	for i := range min(len(c.Extensions), len(s.Extensions)) {
		a, b := c.Extensions[i], s.Extensions[i]
		same("extension "+a.OID, a.OID == b.Id.String() && a.Critical == b.Critical && bytes.Equal(a.Value, b.Value))
	}
	same("common name", c.Subject.CommonName() == s.Subject.CommonName)
}

func TestStdReadsOurs(t *testing.T) {
	for _, alg := range []KeyAlg{P256, P384, RSA2048} {
		root := newRoot(t, alg, "Root")
		ca := root.sub(t, alg, "Issuing", 0)
		leaf := fullLeaf(t, ca, alg)
		for _, c := range []*Certificate{root.cert, ca.cert, leaf} {
			sameAsStd(t, c, must[*x509.Certificate](t)(x509.ParseCertificate(c.Raw)))
		}
		parent := must[*x509.Certificate](t)(x509.ParseCertificate(ca.cert.Raw))
		child := must[*x509.Certificate](t)(x509.ParseCertificate(leaf.Raw))
		if err := child.CheckSignatureFrom(parent); err != nil {
			t.Errorf("%s: crypto/x509: %v", alg, err)
		}
		crl := must[*x509.RevocationList](t)(x509.ParseRevocationList(root.crl(t, 3, []CRLEntry{{Serial: []byte{9}, At: testNow, Reason: 4}})))
		rootStd := must[*x509.Certificate](t)(x509.ParseCertificate(root.cert.Raw))
		if err := crl.CheckSignatureFrom(rootStd); err != nil || crl.RevokedCertificateEntries[0].ReasonCode != 4 || crl.Number.Int64() != 3 {
			t.Errorf("%s: CRL in crypto/x509: %v", alg, err)
		}
		q := must[*x509.CertificateRequest](t)(x509.ParseCertificateRequest(
			must[[]byte](t)(CreateCertificateRequest(rand.Reader, root.key, name(t, "x"), must[Extension](t)(ExtSAN("d.example.cn"))))))
		if err := q.CheckSignature(); err != nil || q.DNSNames[0] != "d.example.cn" {
			t.Errorf("%s: request in crypto/x509: %v", alg, err)
		}
	}
}

func TestTjfocVerifiesOurSM2(t *testing.T) {
	root := newRoot(t, SM2, "Root")
	leaf := root.leaf(t, SM2, "张三")
	parent := must[*tx509.Certificate](t)(tx509.ParseCertificate(root.cert.Raw))
	child := must[*tx509.Certificate](t)(tx509.ParseCertificate(leaf.Raw))
	if err := child.CheckSignatureFrom(parent); err != nil {
		t.Error(err)
	}
	q := must[*tx509.CertificateRequest](t)(tx509.ParseCertificateRequest(
		must[[]byte](t)(CreateCertificateRequest(rand.Reader, root.key, name(t, "x")))))
	if err := q.CheckSignature(); err != nil {
		t.Error(err)
	}
}
