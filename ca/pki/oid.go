package pki

import (
	"crypto/x509"
	"slices"
)

// Attribute types of names.
//
// Source: X.520; RFC 5280 Appendix A.1; emailAddress from PKCS#9.
const (
	OIDAliasedEntry = "2.5.4.1" // ZJCA keeps the organisation code here
	OIDCommonName   = "2.5.4.3"
	OIDSurname      = "2.5.4.4"
	OIDSerialNumber = "2.5.4.5"
	OIDCountry      = "2.5.4.6"
	OIDLocality     = "2.5.4.7"
	OIDProvince     = "2.5.4.8"
	OIDStreet       = "2.5.4.9"
	OIDOrganization = "2.5.4.10"
	OIDOrgUnit      = "2.5.4.11"
	OIDTitle        = "2.5.4.12"
	OIDPostalCode   = "2.5.4.17"
	OIDGivenName    = "2.5.4.42"
	OIDDNQualifier  = "2.5.4.46"
	OIDOrgID        = "2.5.4.97"
	OIDUserID       = "0.9.2342.19200300.100.1.1"
	OIDDomain       = "0.9.2342.19200300.100.1.25"
	OIDEmail        = "1.2.840.113549.1.9.1"
)

// Certificate and CRL extensions, RFC 5280 §4.2 and §5.
const (
	OIDSubjectKeyID     = "2.5.29.14"
	OIDKeyUsage         = "2.5.29.15"
	OIDSubjectAltName   = "2.5.29.17"
	OIDIssuerAltName    = "2.5.29.18"
	OIDBasicConstraints = "2.5.29.19"
	OIDCRLNumber        = "2.5.29.20"
	OIDReason           = "2.5.29.21"
	OIDInvalidityDate   = "2.5.29.24"
	OIDDeltaCRL         = "2.5.29.27"
	OIDIssuingPoint     = "2.5.29.28"
	OIDCertIssuer       = "2.5.29.29"
	OIDNameConstraints  = "2.5.29.30"
	OIDCRLPoints        = "2.5.29.31"
	OIDPolicies         = "2.5.29.32"
	OIDAuthorityKeyID   = "2.5.29.35"
	OIDExtKeyUsage      = "2.5.29.37"
	OIDAuthorityInfo    = "1.3.6.1.5.5.7.1.1"
	OIDOCSPNoCheck      = "1.3.6.1.5.5.7.48.1.5"
)

// Extended key usages, RFC 5280 §4.2.1.12.
const (
	EKUAny             = "2.5.29.37.0"
	EKUServerAuth      = "1.3.6.1.5.5.7.3.1"
	EKUClientAuth      = "1.3.6.1.5.5.7.3.2"
	EKUCodeSigning     = "1.3.6.1.5.5.7.3.3"
	EKUEmailProtection = "1.3.6.1.5.5.7.3.4"
	EKUTimeStamping    = "1.3.6.1.5.5.7.3.8"
	EKUOCSPSigning     = "1.3.6.1.5.5.7.3.9"
)

// Identity extensions of Chinese certificates.
//
// Source: GB/T 20518-2018 and GM/T 0015; OIDUSCC from GM/T 0015-2023.
const (
	OIDIdentifyCode = "1.2.156.10260.4.1.1"
	OIDResidentID   = "1.2.156.10260.4.1.1.1" // GM/T 0015-2023
	OIDPassport     = "1.2.156.10260.4.1.1.2" // GM/T 0015-2023
	OIDInsurance    = "1.2.156.10260.4.1.2"
	OIDRegNumber    = "1.2.156.10260.4.1.3"
	OIDOrgCode      = "1.2.156.10260.4.1.4"
	OIDTaxNumber    = "1.2.156.10260.4.1.5"
	OIDUSCC         = "1.2.156.10260.4.4"
)

const (
	oidOCSP             = "1.3.6.1.5.5.7.48.1"
	oidCAIssuers        = "1.3.6.1.5.5.7.48.2"
	oidExtensionRequest = "1.2.840.113549.1.9.14"
)

// EncodeOID turns dotted text into the DER of an OBJECT IDENTIFIER, tag and length included.
//
// Errors: ErrMalformed when the text is not an object identifier.
func EncodeOID(dotted string) ([]byte, error) {
	if der := ownOIDs[dotted]; der != nil {
		return slices.Clone(der), nil
	}
	return encodeOID(dotted)
}

// ownOIDs are encoded once: every certificate that is made has a score of them.
var ownOIDs = func() map[string][]byte {
	m := map[string][]byte{}
	for _, dotted := range []string{OIDCommonName, OIDCountry, OIDLocality, OIDProvince, OIDOrganization, OIDOrgUnit, OIDTitle, OIDKeyUsage,
		OIDExtKeyUsage, OIDSubjectKeyID, OIDAuthorityKeyID, OIDBasicConstraints, OIDSubjectAltName, OIDCRLPoints, OIDAuthorityInfo, OIDPolicies,
		EKUClientAuth, EKUServerAuth, EKUEmailProtection, OIDOrgCode, OIDUSCC, OIDRegNumber, oidOCSP, oidCAIssuers} {
		m[dotted], _ = encodeOID(dotted) // a constant that is none stays unencoded and is refused when it is used
	}
	return m
}()

func encodeOID(dotted string) ([]byte, error) {
	oid, err := x509.ParseOID(dotted)
	if err != nil {
		return nil, malformed("object identifier %q", dotted)
	}
	b, err := oid.MarshalBinary()
	if err != nil {
		return nil, malformed("object identifier %q", dotted)
	}
	return tlv(tagOID, b), nil
}

// DecodeOID turns the contents (without tag and length) of an OBJECT IDENTIFIER into dotted text.
//
// Errors: ErrMalformed when the bytes are not in minimal form.
func DecodeOID(contents []byte) (string, error) {
	if dotted, ok := commonOIDs[string(contents)]; ok {
		return dotted, nil
	}
	var oid x509.OID
	if !minimalOID(contents) || oid.UnmarshalBinary(contents) != nil {
		return "", malformed("object identifier")
	}
	return oid.String(), nil
}

// commonOIDs maps the contents of those found in nearly every certificate to their text: a list of a million entries
// should not spell "2.5.29.21" out a million times.
var commonOIDs = func() map[string]string {
	m := map[string]string{}
	for _, dotted := range []string{OIDCommonName, OIDCountry, OIDLocality, OIDProvince, OIDOrganization, OIDOrgUnit, OIDSubjectKeyID,
		OIDKeyUsage, OIDSubjectAltName, OIDBasicConstraints, OIDCRLNumber, OIDReason, OIDInvalidityDate, OIDCRLPoints, OIDPolicies,
		OIDAuthorityKeyID, OIDExtKeyUsage, OIDAuthorityInfo, OIDOrgCode, EKUClientAuth, EKUEmailProtection, oidOCSP, oidCAIssuers} {
		m[string(mustOID(dotted)[2:])] = dotted
	}
	return m
}()

// mustOID encodes an OID constant of this package.
func mustOID(dotted string) []byte {
	b, err := EncodeOID(dotted)
	if err != nil {
		panic(err)
	}
	return b
}

// oid reads an OBJECT IDENTIFIER as dotted text.
func (r *reader) oid() string {
	s, err := DecodeOID(r.take(tagOID))
	if err != nil {
		r.bad = true
	}
	return s
}
