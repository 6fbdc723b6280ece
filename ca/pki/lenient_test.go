package pki

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/url"
	"testing"

	tsm2 "github.com/tjfoc/gmsm/sm2"
	tx509 "github.com/tjfoc/gmsm/x509"
)

// resign puts a fresh SM2 signature on the pieces.
func (a anatomy) resign(t *testing.T, by authority) []byte {
	t.Helper()
	tbs := tlv(tagSequence, a.version, a.serial, a.alg, a.issuer, a.validity, a.subject, a.spki, a.exts)
	sig := must[[]byte](t)(Sign(rand.Reader, by.key, SM2WithSM3, tbs))
	return tlv(tagSequence, tbs, a.outerAlg, derBits(sig))
}

// TestHabitsOfRunningCAs: what real certificates do is read and verified, and CheckStrict still names it where it must
// not come from us.
func TestHabitsOfRunningCAs(t *testing.T) {
	root := newRoot(t, SM2, "Root")
	c := root.leaf(t, SM2, "张三")
	ext := func(oid string, parts ...[]byte) []byte {
		return tlv(context(3, true), tlv(tagSequence, tlv(tagSequence, append([][]byte{mustOID(oid)}, parts...)...)))
	}
	octets := func(v []byte) []byte { return tlv(tagOctetString, v) }
	gen := func(s string) []byte { return tlv(tagGenTime, []byte(s)) }
	for what, h := range map[string]struct {
		edit   func(*anatomy)
		strict bool // passes CheckStrict
	}{
		"NULL parameters of SM2":       {func(a *anatomy) { a.alg, a.outerAlg = SM2WithNull.DER(), SM2WithNull.DER() }, true},
		"serial 0":                     {func(a *anatomy) { a.serial = unhex("020100") }, false},
		"negative serial":              {func(a *anatomy) { a.serial = unhex("020180") }, false},
		"serial of 21 octets":          {func(a *anatomy) { a.serial = tlv(tagInteger, bytes.Repeat([]byte{1}, 21)) }, false},
		"version 1":                    {func(a *anatomy) { a.version, a.exts = nil, nil }, false},
		"version 3 without extensions": {func(a *anatomy) { a.exts = nil }, true},
		"GeneralizedTime before 2050":  {func(a *anatomy) { a.validity = tlv(tagSequence, gen("20250101000000Z"), gen("20300101000000Z")) }, false},
		"ends before it begins": {func(a *anatomy) {
			a.validity = tlv(tagSequence, must[[]byte](t)(derTime(testEnd)), must[[]byte](t)(derTime(testStart)))
		}, false},
		"critical FALSE written out": {func(a *anatomy) { a.exts = ext(OIDKeyUsage, []byte{1, 1, 0}, octets(unhex("030206c0"))) }, true},
		"cA FALSE written out":       {func(a *anatomy) { a.exts = ext(OIDBasicConstraints, octets(unhex("3003010100"))) }, true},
		"path length without a CA":   {func(a *anatomy) { a.exts = ext(OIDBasicConstraints, octets(unhex("3003020100"))) }, false},
		"key usage without bits":     {func(a *anatomy) { a.exts = ext(OIDKeyUsage, octets(unhex("030100"))) }, false},
		"key usage not cut":          {func(a *anatomy) { a.exts = ext(OIDKeyUsage, octets(unhex("030200c0"))) }, true},
		"identity without a tag":     {func(a *anatomy) { a.exts = ext("1.2.86.11.7.3", octets([]byte(sampleOrg))) }, true},
		"unique identifiers":         {func(a *anatomy) { a.exts = append(unhex("8102000182020001"), a.exts...) }, true},
		"CRL address by directory name": {func(a *anatomy) {
			a.exts = ext(OIDCRLPoints, octets(tlv(tagSequence, tlv(tagSequence, tlv(context(0, true), tlv(context(0, true), tlv(context(4, true), root.cert.Subject.DER())))))))
		}, true},
		"address relative to the issuer": {func(a *anatomy) {
			a.exts = ext(OIDCRLPoints, octets(tlv(tagSequence, tlv(tagSequence, tlv(context(0, true), tlv(context(1, true)))))))
		}, true},
		"authority key with issuer": {func(a *anatomy) {
			a.exts = ext(OIDAuthorityKeyID, octets(tlv(tagSequence, tlv(context(0, false), root.cert.SKI), tlv(context(1, true), tlv(context(4, true), root.cert.Subject.DER())), tlv(context(2, false), []byte{1}))))
		}, true},
		"policy with qualifiers": {func(a *anatomy) {
			a.exts = ext(OIDPolicies, octets(tlv(tagSequence, tlv(tagSequence, mustOID("1.2.3"), tlv(tagSequence, tlv(tagSequence, mustOID("1.3.6.1.5.5.7.2.1"), tlv(tagIA5, []byte("http://x"))))))))
		}, true},
		"other name in subjectAltName": {func(a *anatomy) {
			a.exts = ext(OIDSubjectAltName, octets(tlv(tagSequence, tlv(context(0, true), mustOID("1.2.3"), tlv(context(0, true), tlv(tagUTF8, []byte("x")))))))
		}, true},
		"several attributes in one name": {func(a *anatomy) {
			attr := tlv(tagSequence, mustOID(OIDCommonName), tlv(tagUTF8, []byte("x")))
			a.subject = tlv(tagSequence, tlv(tagSet, attr, attr))
		}, true},
		"empty subject": {func(a *anatomy) { a.subject = unhex("3000") }, true},
		"old algorithm of the SM2 key": {func(a *anatomy) {
			a.spki = tlv(tagSequence, tlv(tagSequence, oidCurveSM2, derNull), derBits(c.SPKI[len(c.SPKI)-65:]))
		}, true},
	} {
		a := dissect(t, c)
		h.edit(&a)
		got, err := ParseCertificate(a.resign(t, root))
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if err := got.CheckSignatureFrom(root.cert); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if err := got.CheckStrict(); (err == nil) != h.strict {
			t.Errorf("%s: CheckStrict: %v", what, err)
		}
	}
}

func TestSerials(t *testing.T) {
	for in, want := range map[string]string{"7f": "7F", "0080": "80", "80": "-80", "ff": "-01", "feff": "-0101", "00": "00", "ff7f": "-81"} {
		var c Certificate
		if err := c.setSerial(unhex(in)); err != nil || c.SerialHex != want {
			t.Errorf("%s reads %s: %v", in, c.SerialHex, err)
		}
	}
}

func TestUTCTimePivot(t *testing.T) {
	for in, year := range map[string]int{"491231235959Z": 2049, "500101000000Z": 1950, "690101000000Z": 1969, "991231235959Z": 1999, "000101000000Z": 2000} {
		r := reader{b: tlv(tagUTCTime, []byte(in))}
		if got := r.time(); got.Year() != year || !r.done() {
			t.Errorf("%s: %v", in, got)
		}
	}
}

// TestWeReadStd lets crypto/x509 write the certificate: all its fields must be the same here.
func TestWeReadStd(t *testing.T) {
	key := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	uri := must[*url.URL](t)(url.Parse("https://example.cn/x"))
	tpl := &x509.Certificate{
		SerialNumber: big.NewInt(0x80ff), Subject: pkix.Name{Country: []string{"CN"}, CommonName: "标准库", OrganizationalUnit: []string{"a", "b"}},
		NotBefore: testStart, NotAfter: testEnd.AddDate(30, 0, 0), KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDecipherOnly, IsCA: true, BasicConstraintsValid: true, MaxPathLen: 300,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageAny, x509.ExtKeyUsageOCSPSigning}, DNSNames: []string{"a.example.cn"}, EmailAddresses: []string{"a@example.cn"},
		IPAddresses: []net.IP{net.ParseIP("2001:db8::1"), net.IPv4(192, 0, 2, 1)}, URIs: []*url.URL{uri}, CRLDistributionPoints: []string{"http://a", "http://b"},
		OCSPServer: []string{"http://o"}, IssuingCertificateURL: []string{"http://i"}, SubjectKeyId: []byte{1, 2},
		PermittedDNSDomains: []string{"example.cn"}, PermittedDNSDomainsCritical: true,
	}
	der := must[[]byte](t)(x509.CreateCertificate(rand.Reader, tpl, tpl, &key.PublicKey, key))
	c := must[*Certificate](t)(ParseCertificate(der))
	sameAsStd(t, c, must[*x509.Certificate](t)(x509.ParseCertificate(der)))
	if err := c.CheckSignatureFrom(c); err != nil || len(c.UnhandledCritical) != 0 || c.Emails[0] != "a@example.cn" || c.NotAfter.Year() != 2076 {
		t.Errorf("%v %+v", err, c)
	}

	list := must[[]byte](t)(x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(9), ThisUpdate: testNow, NextUpdate: testEnd,
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(200), RevocationTime: testNow, ReasonCode: 5}}},
		&x509.Certificate{RawSubject: c.Subject.DER(), Subject: tpl.Subject, KeyUsage: x509.KeyUsageCRLSign, SubjectKeyId: []byte{1, 2}}, key))
	if l := must[*CRL](t)(ParseCRL(list)); l.Find([]byte{200}).Reason != 5 || l.Number.Int64() != 9 {
		t.Errorf("%+v", l)
	}
}

func TestWeReadTjfoc(t *testing.T) {
	key := must[*tsm2.PrivateKey](t)(tsm2.GenerateKey(rand.Reader))
	tpl := &tx509.Certificate{SerialNumber: big.NewInt(77), Subject: pkix.Name{CommonName: "tjfoc"}, NotBefore: testStart, NotAfter: testEnd,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: tx509.KeyUsageCertSign, SignatureAlgorithm: tx509.SM2WithSM3}
	c := must[*Certificate](t)(ParseCertificate(must[[]byte](t)(tx509.CreateCertificate(tpl, tpl, &key.PublicKey, key))))
	if err := c.CheckSignatureFrom(c); err != nil || c.SerialHex != "4D" || c.Subject.CommonName() != "tjfoc" {
		t.Error(err)
	}
	q := must[*CertificateRequest](t)(ParseCertificateRequest(must[[]byte](t)(tx509.CreateCertificateRequest(rand.Reader,
		&tx509.CertificateRequest{Subject: pkix.Name{CommonName: "tjfoc"}, SignatureAlgorithm: tx509.SM2WithSM3}, key))))
	if err := q.CheckSignature(); err != nil {
		t.Error(err)
	}
}
