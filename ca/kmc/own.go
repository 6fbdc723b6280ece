package kmc

import (
	"crypto"
	"crypto/rand"
	"time"

	"signet/ca/pki"
)

const ownYears = 10

// OwnCertificate is the certificate that a key of an officer, of a CA or of a centre signs itself; who relies on it has it by hand.
//
// Shape: key SM2.
func OwnCertificate(key crypto.Signer, subject pki.Name, now time.Time) (*pki.Certificate, error) {
	serial, err := pki.NewSerial(rand.Reader)
	if err != nil {
		return nil, err
	}
	spki, err := pki.MarshalPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	now = now.UTC().Truncate(time.Second)
	tbs, err := pki.Template{
		Serial: serial, Issuer: subject, Subject: subject, SPKI: spki, SigAlg: pki.SM2WithSM3, NotBefore: now, NotAfter: now.AddDate(ownYears, 0, 0),
		Extensions: []pki.Extension{pki.ExtSKI(pki.KeyID(key.Public()))},
	}.TBS()
	if err != nil {
		return nil, err
	}
	sig, err := pki.Sign(rand.Reader, key, pki.SM2WithSM3, tbs)
	if err != nil {
		return nil, err
	}
	der, err := pki.Assemble(tbs, pki.SM2WithSM3, sig)
	if err != nil {
		return nil, err
	}
	return pki.ParseCertificate(der)
}
