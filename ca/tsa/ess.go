package tsa

import (
	"bytes"
	"crypto/sha1"
	"crypto/subtle"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"signet/ca/cms"
	"signet/ca/gm"
	"signet/ca/pki"
)

// Attributes by which a signature names its certificate, so that nobody can put another one over the same key in its place.
//
// Source: RFC 5816 (ESSCertIDv2); RFC 2634 §5.4 (ESSCertID, SHA-1, read only).
const (
	attrCertificateV1 = "1.2.840.113549.1.9.16.2.12"
	attrCertificateV2 = "1.2.840.113549.1.9.16.2.47"
)

// signingCertificate writes SigningCertificateV2: SM3 for SM2 certificates, else SHA-256, which is the default and so not written.
func signingCertificate(cert *pki.Certificate) (cms.Attribute, error) {
	id := oidSHA256
	if _, ok := cert.PublicKey.(*gm.PublicKey); ok {
		id = oidSM3
	}
	d, _ := digestOf(id)
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				if id != oidSHA256 {
					addAlgorithm(b, id)
				}
				b.AddASN1OctetString(d.sum(cert.Raw))
				addIssuerSerial(b, cert)
			})
		})
	})
	der, err := b.Bytes()
	return cms.Attribute{Type: attrCertificateV2, Values: [][]byte{der}}, err
}

func addIssuerSerial(b *cryptobyte.Builder, cert *pki.Certificate) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(explicit(4), func(b *cryptobyte.Builder) { b.AddBytes(cert.Issuer.DER()) })
		})
		b.AddASN1BigInt(new(big.Int).SetBytes(cert.Serial))
	})
}

// namesCertificate reports whether the signed attributes name this certificate, in either form.
func namesCertificate(attributes []cms.Attribute, cert *pki.Certificate) bool {
	for _, a := range attributes {
		if a.Type != attrCertificateV1 && a.Type != attrCertificateV2 || len(a.Values) != 1 {
			continue
		}
		sum, ok := certificateHash(a.Values[0], a.Type == attrCertificateV2, cert)
		if ok {
			return subtle.ConstantTimeCompare(sum.want, sum.have) == 1
		}
	}
	return false
}

type hashPair struct{ want, have []byte }

// certificateHash reads the first ESSCertID of an attribute, which is the signer's, and computes what should stand there.
func certificateHash(der []byte, second bool, cert *pki.Certificate) (p hashPair, ok bool) {
	in := cryptobyte.String(der)
	var outer, certs, id, want, issuerSerial cryptobyte.String
	if !in.ReadASN1(&outer, asn1.SEQUENCE) || !in.Empty() || !outer.ReadASN1(&certs, asn1.SEQUENCE) || !certs.ReadASN1(&id, asn1.SEQUENCE) {
		return p, false
	}
	algorithm := oidSHA256
	if second && id.PeekASN1Tag(asn1.SEQUENCE) && !readDigestAlgorithm(&id, &algorithm) || !id.ReadASN1(&want, asn1.OCTET_STRING) {
		return p, false
	}
	if !id.Empty() && (!id.ReadASN1(&issuerSerial, asn1.SEQUENCE) || !id.Empty() || !isIssuerSerial(issuerSerial, cert)) {
		return p, false
	}
	p.want = want
	if !second {
		sum := sha1.Sum(cert.Raw)
		p.have = sum[:]
		return p, true
	}
	d, known := digestOf(algorithm)
	if known {
		p.have = d.sum(cert.Raw)
	}
	return p, known
}

func isIssuerSerial(in cryptobyte.String, cert *pki.Certificate) bool {
	var names, name cryptobyte.String
	serial := new(big.Int)
	if !in.ReadASN1(&names, asn1.SEQUENCE) || !names.ReadASN1(&name, explicit(4)) || !names.Empty() || !in.ReadASN1Integer(serial) || !in.Empty() {
		return false
	}
	issuer, err := pki.ParseName(name)
	return err == nil && issuer.Equal(cert.Issuer) && bytes.Equal(serial.Bytes(), new(big.Int).SetBytes(cert.Serial).Bytes())
}
