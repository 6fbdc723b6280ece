package ca

import (
	"fmt"

	"signet/ca/lint"
	"signet/ca/pki"
)

// CheckStored reads a certificate back as a stranger would: its bytes, whether its row says the same, the signature of the CA it is filed under,
// and every rule that was asked before it was signed. It needs no key.
//
// Shape: what is wrong, in English, for operators; nil when nothing is.
func (a *Authority) CheckStored(c *Certificate) (found []string) {
	note := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	cert, err := pki.ParseCertificate(c.DER)
	if err != nil {
		note("not readable: %v", err)
		return found
	}
	if cert.SerialHex != c.SerialHex {
		note("filed under serial number %s, but has %s", c.SerialHex, cert.SerialHex)
	}
	if pki.SPKIHash(cert.SPKI) != c.SPKIHash {
		note("filed under another key")
	}
	if !cert.NotBefore.Equal(c.NotBefore) || !cert.NotAfter.Equal(c.NotAfter) {
		note("filed with another validity")
	}
	is := a.issuers[c.CA]
	if is == nil {
		note("its CA %s is not configured: neither signature nor lints were checked", c.CA)
		return found
	}
	p := is.profileOf(c.Profile)
	if p == nil {
		note("its profile %s is not known: neither signature nor lints were checked", c.Profile)
		return found
	}
	parent := is.CAConfig.Certificate
	if p.Kind == lint.Root {
		if string(cert.Raw) != string(parent.Raw) {
			note("a root that its CA is not configured with")
		}
		parent = nil
	}
	return append(found, a.checkIssued(cert, parent, lint.Draft{
		TBS: cert.RawTBS, Kind: p.Kind, Issuer: parent, Above: is.Chain, Identity: p.identityOIDs(),
	})...)
}

func (a *Authority) checkIssued(cert, parent *pki.Certificate, d lint.Draft) (found []string) {
	by := parent
	if by == nil {
		by = cert
	}
	if err := cert.CheckSignatureFrom(by); err != nil {
		found = append(found, fmt.Sprintf("not signed by its CA: %v", err))
	}
	if err := a.second(cert, by); err != nil {
		found = append(found, err.Error())
	}
	if _, err := a.c.Lint.Check(d); err != nil { // the pass is not used: nothing is signed
		found = append(found, err.Error())
	}
	return found
}

// profileOf finds a profile among the CA's own and the shipped ones, as a CA may have stopped using what it once issued by.
func (is *issuer) profileOf(id string) *Profile {
	if p := is.profiles[id]; p != nil {
		return p
	}
	for _, p := range ShippedProfiles() {
		if p.ID == id {
			return p
		}
	}
	return nil
}
