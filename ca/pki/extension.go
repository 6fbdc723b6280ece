package pki

import (
	"bytes"
	"math/big"
	"net/netip"
	"strings"
	"unicode/utf8"
)

// Extension is one extension of a certificate, request or CRL.
//
// Shape: Value is what the OCTET STRING holds, normally DER.
type Extension struct {
	OID      string
	Critical bool
	Value    []byte
}

// KeyUsage is a set of key usage bits; bit i of RFC 5280 §4.2.1.3 is 1<<i.
type KeyUsage uint16

// The key usages. ContentCommitment is also known as nonRepudiation.
const (
	DigitalSignature KeyUsage = 1 << iota
	ContentCommitment
	KeyEncipherment
	DataEncipherment
	KeyAgreement
	KeyCertSign
	CRLSign
	EncipherOnly
	DecipherOnly
)

// The key usages of the two certificates of a pair, GB/T 20518.
const (
	SigningUsage    = DigitalSignature | ContentCommitment
	EncryptionUsage = KeyEncipherment | DataEncipherment | KeyAgreement
)

var usageNames = []string{"digitalSignature", "contentCommitment", "keyEncipherment", "dataEncipherment",
	"keyAgreement", "keyCertSign", "cRLSign", "encipherOnly", "decipherOnly"}

// String lists the names of the bits.
func (u KeyUsage) String() string {
	var names []string
	for i, name := range usageNames {
		if u&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

func (e Extension) der() ([]byte, error) {
	oid, err := EncodeOID(e.OID)
	if err != nil {
		return nil, err
	}
	var critical []byte
	if e.Critical {
		critical = derTrue
	}
	return tlv(tagSequence, oid, critical, tlv(tagOctetString, e.Value)), nil
}

// extensionsDER encodes a list as Extensions, in the order given.
//
// Errors: ErrMalformed when one occurs twice.
func extensionsDER(exts []Extension) ([]byte, error) {
	var body []byte
	seen := map[string]bool{}
	for _, e := range exts {
		if seen[e.OID] {
			return nil, malformed("extension %s twice", e.OID)
		}
		seen[e.OID] = true
		der, err := e.der()
		if err != nil {
			return nil, err
		}
		body = append(body, der...)
	}
	return tlv(tagSequence, body), nil
}

const maxExtensions = 100 // real certificates have about twelve

// parseExtensions reads the contents of an Extensions sequence.
func parseExtensions(body []byte) ([]Extension, error) {
	var exts []Extension
	r := reader{b: body}
	for !r.empty() {
		e := reader{b: r.take(tagSequence)}
		ext := Extension{OID: e.oid()}
		if c, ok := e.optional(tagBoolean); ok { // an explicit FALSE is not DER, but common
			ext.Critical = c[0] != 0
		}
		ext.Value = e.take(tagOctetString)
		if r.bad || !e.done() || len(exts) == maxExtensions {
			return nil, malformed("extension")
		}
		for _, earlier := range exts {
			if earlier.OID == ext.OID {
				return nil, malformed("extension %s twice", ext.OID)
			}
		}
		exts = append(exts, ext)
	}
	if len(exts) == 0 {
		return nil, malformed("empty list of extensions")
	}
	return exts, nil
}

// ExtKeyUsage makes keyUsage.
func ExtKeyUsage(ku KeyUsage, critical bool) Extension {
	var bits [2]byte
	last := -1
	for i := range 9 {
		if ku&(1<<i) != 0 {
			bits[i/8] |= 0x80 >> (i % 8)
			last = i
		}
	}
	n := (last + 8) / 8 // bytes up to the last set bit; DER drops the zero bits after it (X.690 §11.2.2)
	unused := byte(0)
	if last >= 0 {
		unused = byte(7 - last%8)
	}
	return Extension{OIDKeyUsage, critical, tlv(tagBitString, []byte{unused}, bits[:n])}
}

// ExtBasicConstraints makes basicConstraints: critical for a CA, not critical for others.
//
// Shape: pathLen below 0 means none; it is written for a CA only.
func ExtBasicConstraints(ca bool, pathLen int) Extension {
	if !ca {
		return Extension{OIDBasicConstraints, false, tlv(tagSequence)}
	}
	var length []byte
	if pathLen >= 0 {
		length = derUint(big.NewInt(int64(pathLen)).Bytes())
	}
	return Extension{OIDBasicConstraints, true, tlv(tagSequence, derTrue, length)}
}

// ExtSKI makes subjectKeyIdentifier.
func ExtSKI(id []byte) Extension {
	return Extension{OIDSubjectKeyID, false, tlv(tagOctetString, id)}
}

// ExtAKI makes authorityKeyIdentifier, with the key identifier only.
func ExtAKI(id []byte) Extension {
	return Extension{OIDAuthorityKeyID, false, tlv(tagSequence, tlv(context(0, false), id))}
}

// ExtEKU makes extKeyUsage, not critical; a time stamping certificate has to set Critical (RFC 3161 §2.3).
//
// Errors: ErrMalformed for a bad object identifier or none at all.
func ExtEKU(oids ...string) (Extension, error) {
	body, err := oidList(oids)
	if err != nil {
		return Extension{}, err
	}
	return Extension{OIDExtKeyUsage, false, tlv(tagSequence, body)}, nil
}

func oidList(oids []string) ([]byte, error) {
	if len(oids) == 0 {
		return nil, malformed("no object identifier")
	}
	var body []byte
	for _, s := range oids {
		oid, err := EncodeOID(s)
		if err != nil {
			return nil, err
		}
		body = append(body, oid...)
	}
	return body, nil
}

// ExtCRLURLs makes cRLDistributionPoints with one point per URL.
//
// Errors: ErrMalformed for a URL that is empty or not ASCII, or none at all.
func ExtCRLURLs(urls ...string) (Extension, error) {
	var body []byte
	for _, u := range urls {
		name, err := uriName(u)
		if err != nil {
			return Extension{}, err
		}
		body = append(body, tlv(tagSequence, tlv(context(0, true), tlv(context(0, true), name)))...)
	}
	if len(body) == 0 {
		return Extension{}, malformed("no CRL address")
	}
	return Extension{OIDCRLPoints, false, tlv(tagSequence, body)}, nil
}

func uriName(u string) ([]byte, error) {
	if u == "" || !isASCII(u) || strings.ContainsFunc(u, deceptive) || strings.Contains(u, " ") {
		return nil, malformed("address %q", u)
	}
	return tlv(context(6, false), []byte(u)), nil
}

// ExtAIA makes authorityInfoAccess with OCSP addresses, then addresses of the issuer's certificate.
//
// Errors: ErrMalformed as ExtCRLURLs.
func ExtAIA(ocsp, caIssuers []string) (Extension, error) {
	var body []byte
	add := func(method string, urls []string) error {
		for _, u := range urls {
			name, err := uriName(u)
			if err != nil {
				return err
			}
			body = append(body, tlv(tagSequence, mustOID(method), name)...)
		}
		return nil
	}
	if err := add(oidOCSP, ocsp); err != nil {
		return Extension{}, err
	}
	if err := add(oidCAIssuers, caIssuers); err != nil {
		return Extension{}, err
	}
	if len(body) == 0 {
		return Extension{}, malformed("no authority address")
	}
	return Extension{OIDAuthorityInfo, false, tlv(tagSequence, body)}, nil
}

// ExtPolicies makes certificatePolicies without qualifiers.
//
// Errors: ErrMalformed for a bad object identifier or none at all.
func ExtPolicies(oids ...string) (Extension, error) {
	if len(oids) == 0 {
		return Extension{}, malformed("no object identifier")
	}
	var body []byte
	for _, s := range oids {
		oid, err := EncodeOID(s)
		if err != nil {
			return Extension{}, err
		}
		body = append(body, tlv(tagSequence, oid)...)
	}
	return Extension{OIDPolicies, false, tlv(tagSequence, body)}, nil
}

// ExtSAN makes subjectAltName with DNS names; text that is an IP address becomes an iPAddress.
//
// Errors: ErrMalformed for a name that is neither, or none at all.
func ExtSAN(dns ...string) (Extension, error) {
	var body []byte
	for _, name := range dns {
		if ip, err := netip.ParseAddr(name); err == nil && ip.Zone() == "" {
			body = append(body, tlv(context(7, false), ip.Unmap().AsSlice())...)
			continue
		}
		if !validDNS(name) {
			return Extension{}, malformed("DNS name %q", name)
		}
		body = append(body, tlv(context(2, false), []byte(name))...)
	}
	if len(body) == 0 {
		return Extension{}, malformed("no DNS name")
	}
	return Extension{OIDSubjectAltName, false, tlv(tagSequence, body)}, nil
}

// validDNS reports whether s is a host name in letters, digits, hyphens and underscores; its first label may be "*".
func validDNS(s string) bool {
	if len(s) == 0 || len(s) > 253 {
		return false
	}
	for i, label := range strings.Split(s, ".") {
		if i == 0 && label == "*" && strings.Count(s, ".") >= 2 {
			continue
		}
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.ContainsFunc(label, func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
		}) {
			return false
		}
	}
	return true
}

// ExtPrintable makes a non-critical extension holding one PrintableString, as the identity extensions are.
//
// Errors: ErrMalformed for an object identifier or a character that does not fit.
func ExtPrintable(oid, value string) (Extension, error) {
	if _, err := EncodeOID(oid); err != nil {
		return Extension{}, err
	}
	if value == "" || !isPrintable(value) {
		return Extension{}, malformed("value of extension %s is no PrintableString", oid)
	}
	return Extension{oid, false, tlv(tagPrintable, []byte(value))}, nil
}

// ExtUTF8 makes a non-critical extension holding one UTF8String.
//
// Errors: ErrMalformed for a bad object identifier, an empty value, control or invisible characters.
func ExtUTF8(oid, value string) (Extension, error) {
	if _, err := EncodeOID(oid); err != nil {
		return Extension{}, err
	}
	if value == "" || !utf8.ValidString(value) || strings.ContainsFunc(value, deceptive) {
		return Extension{}, malformed("value of extension %s is no UTF8String", oid)
	}
	return Extension{oid, false, tlv(tagUTF8, []byte(value))}, nil
}

// ExtOCSPNoCheck makes id-pkix-ocsp-nocheck, RFC 6960 §4.2.2.2.1.
func ExtOCSPNoCheck() Extension {
	return Extension{OIDOCSPNoCheck, false, bytes.Clone(derNull)}
}
