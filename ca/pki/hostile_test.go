package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/big"
	"testing"

	"signet/ca/gm"

	tsm2 "github.com/tjfoc/gmsm/sm2"
)

// anatomy is a certificate in pieces, each of which a test may replace.
type anatomy struct {
	version, serial, alg, issuer, validity, subject, spki, exts []byte
	outerAlg, sigBits                                           []byte
}

func dissect(t testing.TB, c *Certificate) anatomy {
	t.Helper()
	validity := tlv(tagSequence, must[[]byte](t)(derTime(c.NotBefore)), must[[]byte](t)(derTime(c.NotAfter)))
	a := anatomy{
		version: tlv(context(0, true), derUint([]byte{2})), serial: derUint(c.Serial), alg: c.SigAlg.DER(), issuer: c.Issuer.DER(),
		validity: validity, subject: c.Subject.DER(), spki: c.SPKI,
		exts:     tlv(context(3, true), must[[]byte](t)(extensionsDER(c.Extensions))),
		outerAlg: c.SigAlg.DER(), sigBits: derBits(c.Signature),
	}
	if !bytes.Equal(a.der(), c.Raw) {
		t.Fatal("a certificate and its pieces differ")
	}
	return a
}

func (a anatomy) der() []byte {
	tbs := tlv(tagSequence, a.version, a.serial, a.alg, a.issuer, a.validity, a.subject, a.spki, a.exts)
	return tlv(tagSequence, tbs, a.outerAlg, a.sigBits)
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// explicitP256 is P-256 by its parameters instead of its name: SpecifiedECDomain, SEC 1 C.2.
func explicitP256() []byte {
	p := unhex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff")
	n := unhex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
	a := unhex("ffffffff00000001000000000000000000000000fffffffffffffffffffffffc")
	b := unhex("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b")
	g := unhex("046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")
	return tlv(tagSequence, derUint([]byte{1}), tlv(tagSequence, mustOID("1.2.840.10045.1.1"), derUint(p)),
		tlv(tagSequence, tlv(tagOctetString, a), tlv(tagOctetString, b)), tlv(tagOctetString, g), derUint(n), derUint([]byte{1}))
}

func TestHostileCertificates(t *testing.T) {
	c := newRoot(t, SM2, "Root").leaf(t, SM2, "张三")
	p256 := testKey(t, P256, "hostile").Public().(*ecdsa.PublicKey)
	p256Point := must[[]byte](t)(p256.Bytes())
	sm2Point := c.PublicKey.(*gm.PublicKey).Bytes()
	offCurve := bytes.Clone(sm2Point)
	offCurve[64] ^= 1
	compressed := append([]byte{2 + sm2Point[64]&1}, sm2Point[1:33]...)
	oneExt := must[[]byte](t)(ExtSKI([]byte{1}).der())
	ecSPKI := func(params, point []byte) []byte {
		return tlv(tagSequence, tlv(tagSequence, oidECKey, params), derBits(point))
	}
	bothAlgs := func(der []byte) func(*anatomy) { return func(a *anatomy) { a.alg, a.outerAlg = der, der } }
	extsOf := func(parts ...[]byte) []byte { return tlv(context(3, true), tlv(tagSequence, parts...)) }
	badTime := func(s string) []byte {
		return tlv(tagSequence, tlv(tagUTCTime, []byte(s)), tlv(tagUTCTime, []byte("300101000000Z")))
	}
	sm2OID := mustOID("1.2.156.10197.1.501")

	for what, edit := range map[string]func(*anatomy){
		"inner algorithm has NULL, outer none": func(a *anatomy) { a.alg = SM2WithNull.DER() },
		"outer algorithm has NULL, inner none": func(a *anatomy) { a.outerAlg = SM2WithNull.DER() },
		"inner and outer algorithm of another kind": func(a *anatomy) {
			a.alg = ECDSAWithSHA256.DER()
		},
		"INTEGER as SM2 signature parameters": bothAlgs(tlv(tagSequence, sm2OID, derUint([]byte{1}))),
		"two parameters of SM2":               bothAlgs(tlv(tagSequence, sm2OID, derNull, derNull)),
		"NULL parameters of ECDSA":            bothAlgs(tlv(tagSequence, mustOID("1.2.840.10045.4.3.2"), derNull)),
		"unknown signature algorithm":         bothAlgs(tlv(tagSequence, mustOID("1.2.3.4"))),
		"explicit curve parameters":           func(a *anatomy) { a.spki = ecSPKI(explicitP256(), p256Point) },
		"implicit curve parameters (NULL)":    func(a *anatomy) { a.spki = ecSPKI(derNull, p256Point) },
		"no curve parameters":                 func(a *anatomy) { a.spki = ecSPKI(nil, sm2Point) },
		"INTEGER as SM2 curve":                func(a *anatomy) { a.spki = ecSPKI(derUint([]byte{1}), sm2Point) },
		"unknown curve":                       func(a *anatomy) { a.spki = ecSPKI(mustOID("1.3.132.0.10"), sm2Point) },
		"off-curve point":                     func(a *anatomy) { a.spki = ecSPKI(oidCurveSM2, offCurve) },
		"SM2 point on P-256":                  func(a *anatomy) { a.spki = ecSPKI(oidCurveP2, sm2Point) },
		"compressed point":                    func(a *anatomy) { a.spki = ecSPKI(oidCurveSM2, compressed) },
		"infinity":                            func(a *anatomy) { a.spki = ecSPKI(oidCurveSM2, []byte{0}) },
		"key with unused bits": func(a *anatomy) {
			a.spki = tlv(tagSequence, algSM2Key, tlv(tagBitString, []byte{1}, sm2Point[:64], []byte{0}))
		},
		"extension twice":          func(a *anatomy) { a.exts = extsOf(oneExt, oneExt) },
		"no extension in the list": func(a *anatomy) { a.exts = extsOf() },
		"two lists of extensions":  func(a *anatomy) { a.exts = append(bytes.Clone(a.exts), a.exts...) },
		"TRUE as 01": func(a *anatomy) {
			a.exts = extsOf(tlv(tagSequence, mustOID("1.2.3"), []byte{1, 1, 1}, tlv(tagOctetString, derNull)))
		},
		"constructed OCTET STRING": func(a *anatomy) {
			a.exts = extsOf(tlv(tagSequence, mustOID("1.2.3"), tlv(0x24, tlv(tagOctetString, derNull))))
		},
		"key usage that is not DER": func(a *anatomy) {
			a.exts = extsOf(tlv(tagSequence, mustOID(OIDKeyUsage), tlv(tagOctetString, unhex("030206c1"))))
		},
		"key usage with bytes after it": func(a *anatomy) {
			a.exts = extsOf(tlv(tagSequence, mustOID(OIDKeyUsage), tlv(tagOctetString, unhex("030206c000"))))
		},
		"basic constraints with indefinite length": func(a *anatomy) {
			a.exts = extsOf(tlv(tagSequence, mustOID(OIDBasicConstraints), tlv(tagOctetString, unhex("30800101ff0000"))))
		},
		"object identifier with padding":   func(a *anatomy) { a.exts = extsOf(tlv(tagSequence, unhex("0603805504"), tlv(tagOctetString, derNull))) },
		"serial of 40 octets":              func(a *anatomy) { a.serial = tlv(tagInteger, bytes.Repeat([]byte{1}, 40)) },
		"serial with padding":              func(a *anatomy) { a.serial = unhex("02020001") },
		"empty serial":                     func(a *anatomy) { a.serial = unhex("0200") },
		"version 1 written out":            func(a *anatomy) { a.version = unhex("a003020100") },
		"version 4":                        func(a *anatomy) { a.version = unhex("a003020103") },
		"version 1 with extensions":        func(a *anatomy) { a.version = nil },
		"version 2 with extensions":        func(a *anatomy) { a.version = unhex("a003020101") },
		"time without seconds":             func(a *anatomy) { a.validity = badTime("2601010000Z") },
		"time with offset":                 func(a *anatomy) { a.validity = badTime("260101000000+0800") },
		"time that does not exist":         func(a *anatomy) { a.validity = badTime("260230000000Z") },
		"name with an empty relative name": func(a *anatomy) { a.subject = unhex("30023100") },
		"name with invalid UTF-8": func(a *anatomy) {
			a.subject = tlv(tagSequence, tlv(tagSet, tlv(tagSequence, mustOID(OIDCommonName), tlv(tagUTF8, []byte{0xff}))))
		},
		"name attribute with three parts": func(a *anatomy) {
			a.subject = tlv(tagSequence, tlv(tagSet, tlv(tagSequence, mustOID(OIDCommonName), derNull, derNull)))
		},
		"primitive SEQUENCE":                  func(a *anatomy) { a.subject = unhex("1000") },
		"signature with unused bits":          func(a *anatomy) { a.sigBits = unhex("03020180") },
		"empty signature":                     func(a *anatomy) { a.sigBits = unhex("030100") },
		"something between key and extension": func(a *anatomy) { a.exts = append(bytes.Clone(derNull), a.exts...) },
		"high tag number":                     func(a *anatomy) { a.exts = unhex("bf6400") },
		"end of contents":                     func(a *anatomy) { a.exts = unhex("0000") },
		"nested beyond reason":                func(a *anatomy) { a.exts = nest(60) },
	} {
		a := dissect(t, c)
		edit(&a)
		if _, err := ParseCertificate(a.der()); !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func nest(n int) []byte {
	b := []byte{tagNull, 0}
	for range n {
		b = tlv(context(3, true), b)
	}
	return b
}

func TestHostileLengths(t *testing.T) {
	c := newRoot(t, SM2, "Root").cert
	body := c.Raw[4:] // a certificate of 256 bytes or more has a header of four
	n := len(body)
	for what, der := range map[string][]byte{
		"byte after the end":     append(bytes.Clone(c.Raw), 0),
		"certificate twice":      append(bytes.Clone(c.Raw), c.Raw...),
		"indefinite length":      append(append([]byte{0x30, 0x80}, body...), 0, 0),
		"length with zeros":      append([]byte{0x30, 0x83, 0, byte(n >> 8), byte(n)}, body...),
		"length of five bytes":   append([]byte{0x30, 0x85, 0, 0, 0, byte(n >> 8), byte(n)}, body...),
		"length beyond the end":  append([]byte{0x30, 0x82, byte((n + 1) >> 8), byte(n + 1)}, body...),
		"length of four GiB":     append([]byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff}, body...),
		"nothing":                nil,
		"one byte":               {0x30},
		"SET instead":            append([]byte{0x31, 0x82, byte(n >> 8), byte(n)}, body...),
		"larger than is allowed": tlv(tagSequence, make([]byte, maxCertSize)),
	} {
		if _, err := ParseCertificate(der); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for i := range c.Raw {
		if _, err := ParseCertificate(c.Raw[:i]); !errors.Is(err, ErrMalformed) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
}

// TestEveryBitMatters flips every bit of certificate, request and CRL: none may still be read and verify.
func TestEveryBitMatters(t *testing.T) {
	for _, alg := range []KeyAlg{SM2, P256, RSA2048} {
		root := newRoot(t, alg, "Root")
		leaf := root.leaf(t, alg, "张三")
		request := must[[]byte](t)(CreateCertificateRequest(rand.Reader, root.key, name(t, "x")))
		list := root.crl(t, 1, []CRLEntry{{Serial: []byte{1}, At: testNow, Reason: 1}})
		stride := 1
		if alg == RSA2048 {
			stride = 7
		}
		flip(leaf.Raw, stride, func(i int, der []byte) {
			if c, err := ParseCertificate(der); err == nil && c.CheckSignatureFrom(root.cert) == nil {
				t.Errorf("%s certificate: bit %d does not matter", alg, i)
			}
		})
		flip(request, stride, func(i int, der []byte) {
			if q, err := ParseCertificateRequest(der); err == nil && q.CheckSignature() == nil {
				t.Errorf("%s request: bit %d does not matter", alg, i)
			}
		})
		flip(list, stride, func(i int, der []byte) {
			if l, err := ParseCRL(der); err == nil && l.CheckSignatureFrom(root.cert) == nil {
				t.Errorf("%s CRL: bit %d does not matter", alg, i)
			}
		})
	}
}

func flip(der []byte, stride int, try func(bit int, der []byte)) {
	for i := 0; i < 8*len(der); i += stride {
		m := bytes.Clone(der)
		m[i/8] ^= 1 << (i % 8)
		try(i, m)
	}
}

// TestAlgorithmMustFitKey signs with SM2's curve in ways that are mathematically right and still not SM2 with SM3.
func TestAlgorithmMustFitKey(t *testing.T) {
	key := testKey(t, SM2, "fit").(*gm.PrivateKey)
	pub := key.PublicKey()
	msg := []byte("a certificate, say")

	plain := gm.SumSM3(msg) // without ZA
	noZA := must[[]byte](t)(key.Sign(rand.Reader, plain[:], SM2Opts))
	if err := Verify(pub, SM2WithSM3, msg, noZA); !errors.Is(err, ErrSignature) {
		t.Errorf("SM3 without ZA: %v", err)
	}

	curve := tsm2.P256Sm2()
	std := &ecdsa.PrivateKey{PublicKey: ecdsa.PublicKey{Curve: curve, X: new(big.Int).SetBytes(pub.X[:]), Y: new(big.Int).SetBytes(pub.Y[:])},
		D: new(big.Int).SetBytes(key.Bytes())}
	digest := sha256.Sum256(msg)
	r, s, err := ecdsa.Sign(rand.Reader, std, digest[:])
	if err != nil || !ecdsa.Verify(&std.PublicKey, digest[:], r, s) {
		t.Fatalf("no ECDSA signature on SM2's curve to test with: %v", err)
	}
	sig := tlv(tagSequence, derUint(r.Bytes()), derUint(s.Bytes()))
	for _, alg := range []SigAlg{ECDSAWithSHA256, SM2WithSM3, SM2WithNull, RSAWithSHA256} {
		if err := Verify(pub, alg, msg, sig); !errors.Is(err, ErrSignature) {
			t.Errorf("ECDSA-SHA256 with an SM2 key, read as %s: %v", alg, err)
		}
	}
	good := must[[]byte](t)(Sign(rand.Reader, key, SM2WithSM3, msg))
	if err := Verify(pub, SM2WithNull, msg, good); err != nil {
		t.Errorf("SM2 with NULL parameters: %v", err)
	}
	if err := Verify(pub, SM2WithSM3, msg, append(bytes.Clone(good), 0)); !errors.Is(err, ErrSignature) {
		t.Errorf("byte after the signature: %v", err)
	}
	for _, alg := range []KeyAlg{P256, RSA2048} {
		other := testKey(t, alg, "hostile")
		if _, err := Sign(rand.Reader, other, SM2WithSM3, msg); !errors.Is(err, ErrSignature) {
			t.Errorf("SM2-SM3 with a %s key: %v", alg, err)
		}
	}
}

// faulty is a device whose signatures are wrong now and then.
type faulty struct{ *gm.PrivateKey }

func (f faulty) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	e := bytes.Clone(digest)
	e[0] ^= 1
	return f.PrivateKey.Sign(r, e, opts)
}

func TestSignRefusesFaultyDevice(t *testing.T) {
	key := faulty{testKey(t, SM2, "fit").(*gm.PrivateKey)}
	if sig, err := Sign(rand.Reader, key, SM2WithSM3, []byte("x")); !errors.Is(err, ErrSignature) || sig != nil {
		t.Fatalf("a wrong signature left: %v", err)
	}
}

func TestSHA1IsReadButNotVerified(t *testing.T) {
	alg, err := ParseSigAlg(RSAWithSHA1.DER())
	if err != nil || alg.String() != "RSA-SHA1" {
		t.Fatal(err)
	}
	if err := Verify(testKey(t, RSA2048, "hostile").Public(), alg, nil, nil); !errors.Is(err, ErrUnsupported) {
		t.Fatalf("SHA-1: %v", err)
	}
}
