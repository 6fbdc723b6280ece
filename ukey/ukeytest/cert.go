package ukeytest

import (
	"crypto"
	"crypto/rand"
	"testing"
	"time"

	"signet/ca/pki"
)

// CA is a small issuing authority for tests of tokens.
type CA struct {
	Certificate *pki.Certificate
	key         crypto.Signer
}

// NewCA makes a self-signed authority with a key of that algorithm.
func NewCA(t testing.TB, alg pki.KeyAlg) *CA {
	t.Helper()
	key, err := pki.GenerateKey(alg, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &CA{key: key}
	name := subject(t, "UKey 测试 CA")
	ca.Certificate = ca.sign(t, name, name, key.Public(),
		pki.ExtBasicConstraints(true, 0), pki.ExtKeyUsage(pki.KeyCertSign|pki.CRLSign, true))
	return ca
}

// Certify issues a certificate for a public key, with the key usage bits given.
func (ca *CA) Certify(t testing.TB, pub crypto.PublicKey, cn string, usage pki.KeyUsage) *pki.Certificate {
	t.Helper()
	return ca.sign(t, ca.Certificate.Subject, subject(t, cn), pub, pki.ExtKeyUsage(usage, true))
}

func (ca *CA) sign(t testing.TB, issuer, subject pki.Name, pub crypto.PublicKey, ext ...pki.Extension) *pki.Certificate {
	t.Helper()
	cert, err := ca.issue(issuer, subject, pub, ext)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func (ca *CA) issue(issuer, subject pki.Name, pub crypto.PublicKey, ext []pki.Extension) (*pki.Certificate, error) {
	serial, err := pki.NewSerial(rand.Reader)
	if err != nil {
		return nil, err
	}
	spki, err := pki.MarshalPublicKey(pub)
	if err != nil {
		return nil, err
	}
	alg, err := pki.SigAlgFor(ca.key.Public())
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC().Truncate(time.Second)
	tbs, err := pki.Template{Serial: serial, Issuer: issuer, Subject: subject, NotBefore: now.Add(-time.Hour),
		NotAfter: now.AddDate(1, 0, 0), SPKI: spki, SigAlg: alg, Extensions: ext}.TBS()
	if err != nil {
		return nil, err
	}
	sig, err := pki.Sign(rand.Reader, ca.key, alg, tbs)
	if err != nil {
		return nil, err
	}
	der, err := pki.Assemble(tbs, alg, sig)
	if err != nil {
		return nil, err
	}
	return pki.ParseCertificate(der)
}

func subject(t testing.TB, cn string) pki.Name {
	t.Helper()
	name, err := pki.NewName(pki.Attr{Type: pki.OIDCountry, Value: "CN"}, pki.Attr{Type: pki.OIDCommonName, Value: cn})
	if err != nil {
		t.Fatal(err)
	}
	return name
}
