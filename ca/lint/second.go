package lint

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"

	sm2 "github.com/tjfoc/gmsm/sm2"
	smx "github.com/tjfoc/gmsm/x509"

	"signet/ca/gm"
	"signet/ca/pki"
)

// ErrDisagree: the second implementation does not accept what the first one made. Look first whether the second is wrong:
// tjfoc/gmsm is unmaintained; but do not release the certificate.
var ErrDisagree = errors.New("lint: the second implementation disagrees")

// SecondOpinion has a signed certificate checked by code that shares nothing with ours: tjfoc/gmsm for certificates signed with SM2 or over SM2
// keys, the Go standard library for the others. For signatures by ML-DSA there is no second implementation: of those the library only reads
// the fields (docs/decisions/0010). It sees only what we made ourselves, never bytes from outside.
//
// Errors: ErrDisagree.
func SecondOpinion(cert, issuer *pki.Certificate) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: panic: %v", ErrDisagree, p)
		}
	}()
	_, subjectSM2 := cert.PublicKey.(*gm.PublicKey)
	if key, ok := issuer.PublicKey.(*gm.PublicKey); ok {
		if err := secondSM2(cert, key); err != nil {
			return err
		}
		if cert.HasNameConstraints() {
			return nil // tjfoc's reader knows those of hosts only; zcrypto has read the same bytes in the twin
		}
		return secondReading(cert)
	}
	if subjectSM2 {
		return nil // an SM2 key under an ECDSA or RSA issuer: neither library reads it
	}
	return secondStandard(cert, issuer)
}

// secondSM2 verifies the signature. The DER of r and s is read by our strict reader first, because tjfoc's takes anything.
func secondSM2(cert *pki.Certificate, key *gm.PublicKey) error {
	raw, err := gm.SignatureToRaw(cert.Signature)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDisagree, err)
	}
	r, s := new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])
	pub := &sm2.PublicKey{Curve: sm2.P256Sm2(), X: new(big.Int).SetBytes(key.X[:]), Y: new(big.Int).SetBytes(key.Y[:])}
	if !sm2.Sm2Verify(pub, cert.RawTBS, []byte(gm.DefaultUID), r, s) {
		return fmt.Errorf("%w: SM2 signature", ErrDisagree)
	}
	return nil
}

// secondReading compares what another parser reads with what ours read.
func secondReading(cert *pki.Certificate) error {
	c, err := smx.ParseCertificate(cert.Raw)
	if err != nil {
		return fmt.Errorf("%w: parsing: %w", ErrDisagree, err)
	}
	switch {
	case !bytes.Equal(c.RawTBSCertificate, cert.RawTBS),
		!bytes.Equal(c.RawSubject, cert.Subject.DER()),
		!bytes.Equal(c.RawIssuer, cert.Issuer.DER()),
		!bytes.Equal(c.RawSubjectPublicKeyInfo, cert.SPKI),
		!bytes.Equal(c.SerialNumber.Bytes(), cert.Serial),
		!c.NotBefore.Equal(cert.NotBefore), !c.NotAfter.Equal(cert.NotAfter),
		c.IsCA != cert.IsCA, int(c.KeyUsage) != int(cert.KeyUsage), len(c.Extensions) != len(cert.Extensions):
		return fmt.Errorf("%w: reading the fields", ErrDisagree)
	}
	return nil
}

func secondStandard(cert, issuer *pki.Certificate) error {
	c, err := x509.ParseCertificate(cert.Raw)
	if err != nil {
		return fmt.Errorf("%w: parsing: %w", ErrDisagree, err)
	}
	parent, err := x509.ParseCertificate(issuer.Raw)
	if err != nil {
		return fmt.Errorf("%w: parsing the issuer: %w", ErrDisagree, err)
	}
	_, isMLDSA := issuer.PublicKey.(*pki.MLDSAPublicKey)
	if err := c.CheckSignatureFrom(parent); err != nil && !isMLDSA {
		return fmt.Errorf("%w: %w", ErrDisagree, err)
	}
	switch {
	case !bytes.Equal(c.RawTBSCertificate, cert.RawTBS),
		!bytes.Equal(c.RawSubject, cert.Subject.DER()),
		!bytes.Equal(c.RawSubjectPublicKeyInfo, cert.SPKI),
		!bytes.Equal(c.SerialNumber.Bytes(), cert.Serial),
		!c.NotBefore.Equal(cert.NotBefore), !c.NotAfter.Equal(cert.NotAfter),
		c.IsCA != cert.IsCA, int(c.KeyUsage) != int(cert.KeyUsage), len(c.Extensions) != len(cert.Extensions):
		return fmt.Errorf("%w: reading the fields", ErrDisagree)
	}
	return nil
}
