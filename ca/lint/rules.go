package lint

import (
	"bytes"
	"crypto/rsa"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"signet/ca/pki"
)

// rule is one thing that must hold. check returns what is wrong, or "".
type rule struct {
	name  string
	check func(v *view) string
}

// rules are our own; together they pin the draft down completely, so that a profile with a mistake cannot do harm.
var rules = []rule{
	{"strict", checkStrict},
	{"serial", checkSerial},
	{"signature_algorithm", checkSigAlg},
	{"issuer", checkIssuer},
	{"validity", checkValidity},
	{"subject", checkSubject},
	{"extensions_allowed", checkAllowed},
	{"key_usage", checkKeyUsage},
	{"extended_key_usage", checkEKU},
	{"basic_constraints", checkBasicConstraints},
	{"name_constraints", checkNameConstraints},
	{"server_names", checkServerNames},
	{"key_identifiers", checkKeyIDs},
	{"identity", checkIdentity},
	{"addresses", checkAddresses},
}

func failf(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// checkStrict: version 3, canonical validity, no weak key, and so on: what the reader tolerates in others' certificates, ours must not have.
func checkStrict(v *view) string {
	if err := v.cert.CheckStrict(); err != nil {
		return err.Error()
	}
	return ""
}

// checkSerial: 16 to 20 octets, positive. RFC 5280 §4.1.2.2; BR §7.1 wants 64 random bits, we draw 127.
func checkSerial(v *view) string {
	if n := len(v.cert.Serial); n < 16 || n > 20 {
		return failf("serial has %d octets, want 16 to 20", n)
	}
	return ""
}

// checkSigAlg: the algorithm that goes with the issuer's key; for SM2 with absent or NULL parameters.
func checkSigAlg(v *view) string {
	want, err := pki.SigAlgFor(v.by.PublicKey)
	if err != nil {
		return err.Error()
	}
	if v.cert.SigAlg != want && !(want.IsSM2() && v.cert.SigAlg == pki.SM2WithNull) {
		return failf("%s does not fit the issuer's key", v.cert.SigAlg)
	}
	return ""
}

// checkIssuer: the issuer's name byte for byte, and an issuer that may sign this.
func checkIssuer(v *view) string {
	self := bytes.Equal(v.parts.issuer, v.parts.subject)
	switch {
	case self != (v.Kind == Root || v.Kind == Link):
		return "issuer and subject are equal in a root or between generations, and only there"
	case v.Kind == Root:
		return ""
	case !bytes.Equal(v.parts.issuer, v.by.Subject.DER()):
		return "issuer name differs from the issuer's subject"
	case !v.by.IsCA, v.by.KeyUsage&pki.KeyCertSign == 0:
		return "issuer may not sign certificates"
	case v.Kind == Sub && v.by.PathLen == 0:
		return "issuer may not have a CA under it"
	case v.Kind == Sub && v.by.PathLen > 0 && (v.cert.PathLen < 0 || v.cert.PathLen >= v.by.PathLen):
		return "path length is not shorter than the issuer's"
	case v.Kind == Link && v.by.PathLen >= 0 && (v.cert.PathLen < 0 || v.cert.PathLen > v.by.PathLen):
		return "path length is longer than that of the generation that signs"
	case v.Kind == Link && bytes.Equal(v.cert.SPKI, v.by.SPKI):
		return "both generations have the same key"
	case v.Kind != Link && v.cert.Subject.Equal(v.by.Subject):
		return "subject is the issuer's name in other letters"
	}
	return ""
}

// longestEver bounds each kind, whatever a profile says.
var longestEver = map[Kind]time.Duration{
	Root: 31 * 366 * 24 * time.Hour, Sub: 21 * 366 * 24 * time.Hour,
	Signing: 6 * 366 * 24 * time.Hour, Encryption: 6 * 366 * 24 * time.Hour, Responder: 2 * 366 * 24 * time.Hour,
	TimeStamp: 11 * 366 * 24 * time.Hour, // what it signed is verified for as long as it lasts
	Link:      21 * 366 * 24 * time.Hour,
	Server:    3 * 366 * 24 * time.Hour, ServerSigning: 3 * 366 * 24 * time.Hour, ServerEncryption: 3 * 366 * 24 * time.Hour, // names of hosts change hands
}

// checkValidity: within the issuer's life, and not longer than the kind may live.
func checkValidity(v *view) string {
	from, to := v.cert.NotBefore, v.cert.NotAfter
	switch {
	case !from.Before(to):
		return "validity is empty"
	case to.Sub(from) > longestEver[v.Kind]:
		return failf("valid for %s, longer than any %s certificate", to.Sub(from), v.Kind)
	case from.Before(v.by.NotBefore) || to.After(v.by.NotAfter):
		return "validity is not within the issuer's"
	}
	return ""
}

// checkSubject: a name exactly as pki.NewName writes it (string types, bounds, no control characters, one attribute per
// relative name), with country and common name.
func checkSubject(v *view) string {
	again, err := pki.NewName(v.cert.Subject.Attrs()...)
	switch {
	case err != nil:
		return err.Error()
	case !bytes.Equal(again.DER(), v.parts.subject):
		return "subject is not in its canonical encoding"
	case v.cert.Subject.First(pki.OIDCountry) == "", v.cert.Subject.CommonName() == "":
		return "subject lacks country or common name"
	}
	return ""
}

var (
	forAll       = []string{pki.OIDKeyUsage, pki.OIDBasicConstraints, pki.OIDSubjectKeyID, pki.OIDAuthorityKeyID, pki.OIDCRLPoints, pki.OIDAuthorityInfo, pki.OIDPolicies}
	forCA        = append(slices.Clone(forAll), pki.OIDNameConstraints)
	forEndEntity = append(slices.Clone(forAll), pki.OIDExtKeyUsage)
	forServer    = append(slices.Clone(forEndEntity), pki.OIDSubjectAltName)
	allowed      = map[Kind][]string{
		Root:       {pki.OIDKeyUsage, pki.OIDBasicConstraints, pki.OIDSubjectKeyID, pki.OIDAuthorityKeyID},
		Sub:        forCA,
		Signing:    forEndEntity,
		Encryption: forEndEntity,
		Responder:  append(slices.Clone(forEndEntity), pki.OIDOCSPNoCheck),
		TimeStamp:  forEndEntity,
		Link:       forCA, Server: forServer, ServerSigning: forServer, ServerEncryption: forServer,
	}
)

// checkAllowed: nothing that this kind does not have and the profile does not name; so nothing out of somebody's request. Critical are key usage,
// a CA's basic constraints and name constraints (RFC 5280 §4.2.1.10), the extended key usage of a time stamper (RFC 3161 §2.3), nothing else.
func checkAllowed(v *view) string {
	for _, e := range v.cert.Extensions {
		if !slices.Contains(allowed[v.Kind], e.OID) && !slices.Contains(v.identityOIDs(), e.OID) {
			return failf("extension %s is not allowed", e.OID)
		}
		if want := v.critical(e.OID); e.Critical != want {
			return failf("extension %s: critical is %v", e.OID, e.Critical)
		}
	}
	return ""
}

func (v *view) critical(oid string) bool {
	switch oid {
	case pki.OIDKeyUsage, pki.OIDNameConstraints:
		return true
	case pki.OIDBasicConstraints:
		return v.Kind.IsCA()
	case pki.OIDExtKeyUsage:
		return v.Kind == TimeStamp
	}
	return false
}

// identityOIDs are the profile's, of which CAs and responders have none and none may be in a reserved arc.
func (v *view) identityOIDs() []string {
	if v.Kind != Signing && v.Kind != Encryption {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(v.Identity), IsReserved)
}

// checkKeyUsage: the two halves never share a bit. GB/T 20518 (pair); RFC 5480 §3 and RFC 3279 §2.3.1 (bits that a key can serve).
func checkKeyUsage(v *view) string {
	usage := v.cert.KeyUsage
	if !v.cert.HasKeyUsage {
		return "no key usage"
	}
	ok := false
	switch v.Kind {
	case Root, Sub, Link:
		ok = usage == pki.KeyCertSign|pki.CRLSign
	case Signing, ServerSigning:
		ok = usage == pki.SigningUsage || usage == pki.DigitalSignature
	case Server:
		_, isRSA := v.cert.PublicKey.(*rsa.PublicKey)
		ok = usage == pki.DigitalSignature || isRSA && usage == pki.DigitalSignature|pki.KeyEncipherment
	case Responder, TimeStamp:
		ok = usage == pki.DigitalSignature
	case Encryption, ServerEncryption:
		ok = usage == encryptionUsage(v.cert)
	}
	if !ok {
		return failf("%s is wrong for %s", usage, v.Kind)
	}
	return ""
}

func encryptionUsage(c *pki.Certificate) pki.KeyUsage {
	switch alg, _ := pki.AlgOf(c.PublicKey); alg {
	case pki.SM2:
		return pki.EncryptionUsage
	case pki.P256, pki.P384:
		return pki.KeyAgreement
	default:
		return pki.KeyEncipherment | pki.DataEncipherment
	}
}

var onlyUsage = map[Kind]string{Responder: pki.EKUOCSPSigning, TimeStamp: pki.EKUTimeStamping}

// checkEKU: a responder is one and nothing else, a time stamper too (RFC 3161 §2.3); a CA says nothing; a holder is no server, no signer of code or time, and not everything.
func checkEKU(v *view) string {
	has := v.cert.Extension(pki.OIDExtKeyUsage) != nil
	if only := onlyUsage[v.Kind]; only != "" {
		if !slices.Equal(v.cert.EKU, []string{only}) {
			return failf("a certificate of kind %s has extended key usage %s and only that", v.Kind, only)
		}
		return ""
	}
	if v.Kind.IsCA() && has {
		return "a CA has no extended key usage"
	}
	if v.Kind.IsServer() {
		return checkServerEKU(v)
	}
	for _, oid := range v.cert.EKU {
		if slices.Contains([]string{pki.EKUAny, pki.EKUOCSPSigning, pki.EKUTimeStamping, pki.EKUCodeSigning, pki.EKUServerAuth}, oid) {
			return failf("extended key usage %s is not for %s", oid, v.Kind)
		}
	}
	return ""
}

// checkServerEKU: a server says so, and may be a client of others (RFC 5280 §4.2.1.12). The encryption half of a pair has none: no purpose of
// TLS goes with all three of its usages.
func checkServerEKU(v *view) string {
	if v.Kind == ServerEncryption {
		if len(v.cert.EKU) > 0 {
			return "the encryption half has no extended key usage"
		}
		return ""
	}
	if !v.cert.HasEKU(pki.EKUServerAuth) {
		return "a server lacks its extended key usage"
	}
	for _, oid := range v.cert.EKU {
		if oid != pki.EKUServerAuth && oid != pki.EKUClientAuth {
			return failf("extended key usage %s is not for a server", oid)
		}
	}
	return ""
}

// checkNameConstraints: the names lie where every CA above allows. A link is exempt, as in path validation (RFC 5280 §6.1.3 (b)).
func checkNameConstraints(v *view) string {
	if v.Kind == Root || v.Kind == Link {
		return ""
	}
	for _, above := range append([]*pki.Certificate{v.by}, v.Above...) {
		if err := above.AdmitsNames(v.cert); err != nil {
			return err.Error()
		}
	}
	return ""
}

// checkServerNames: hosts are named in subjectAltName, in lower case, and a common name that looks like a host is one of them, for there are still
// clients who read it (RFC 9525 §6.3 has them stop).
func checkServerNames(v *view) string {
	if !v.Kind.IsServer() {
		return ""
	}
	names := slices.Clone(v.cert.DNSNames)
	for _, ip := range v.cert.IPs {
		names = append(names, ip.String())
	}
	if len(names) == 0 || len(v.cert.Emails) > 0 {
		return "a server is named by hosts and addresses, at least one and nothing else"
	}
	again, err := pki.ExtSAN(names...)
	if err != nil {
		return err.Error()
	}
	if !bytes.Equal(again.Value, v.cert.Extension(pki.OIDSubjectAltName).Value) {
		return "names of hosts are not plainly host names, then addresses"
	}
	for _, n := range names {
		if n != strings.ToLower(n) {
			return failf("host name %q is not in lower case", n)
		}
	}
	cn := v.cert.Subject.CommonName()
	if looksLikeHost(cn) && !slices.Contains(names, strings.ToLower(cn)) {
		return failf("common name %q is not among the host names", cn)
	}
	return ""
}

// looksLikeHost is what a client that compares common names could take for a host.
func looksLikeHost(s string) bool {
	_, err := pki.ExtSAN(s)
	return err == nil && strings.Contains(s, ".")
}

// checkBasicConstraints: critical CA:TRUE for a CA; CA:FALSE or nothing for others. RFC 5280 §4.2.1.9.
func checkBasicConstraints(v *view) string {
	if v.cert.IsCA != v.Kind.IsCA() {
		return failf("CA is %v in a %s certificate", v.cert.IsCA, v.Kind)
	}
	return ""
}

// checkKeyIDs: the subject's is the hash of its key, the authority's is the issuer's. RFC 5280 §4.2.1.1 and §4.2.1.2.
func checkKeyIDs(v *view) string {
	switch {
	case !bytes.Equal(v.cert.SKI, pki.KeyID(v.cert.PublicKey)):
		return "subject key identifier is not the hash of the key"
	case v.Kind == Root && v.cert.AKI == nil:
		return ""
	case len(v.by.SKI) == 0 || !bytes.Equal(v.cert.AKI, v.by.SKI):
		return "authority key identifier is not the issuer's"
	}
	return ""
}

// checkIdentity: each identity extension is one short primitive string, since readers in the field strip exactly two bytes (tag and length), and
// a code has its check digit.
func checkIdentity(v *view) string {
	for _, e := range v.cert.Extensions {
		if !slices.Contains(v.identityOIDs(), e.OID) {
			continue
		}
		in := cryptobyte.String(e.Value)
		var text cryptobyte.String
		var tag asn1.Tag
		if len(e.Value) >= 128 || !in.ReadAnyASN1(&text, &tag) || !in.Empty() || len(text) == 0 || tag != asn1.PrintableString && tag != asn1.UTF8String {
			return failf("extension %s is not one PrintableString or UTF8String of less than 126 bytes", e.OID)
		}
		if reason := checkCode(e.OID, string(text)); reason != "" {
			return reason
		}
	}
	return ""
}

func checkCode(oid, code string) string {
	var err error
	switch {
	case oid == pki.OIDUSCC, oid == pki.OIDOrgCode && len(code) == 18:
		err = pki.CheckUSCC(code)
	case oid == pki.OIDOrgCode:
		err = pki.CheckOrgCode(code)
	case oid == pki.OIDResidentID, oid == pki.OIDIdentifyCode && len(code) == 18:
		err = pki.CheckResidentID(code, time.Now())
	}
	if err != nil {
		return failf("extension %s: %v", oid, err)
	}
	return ""
}

// checkAddresses: absolute http or https addresses, and some way to learn of a revocation.
func checkAddresses(v *view) string {
	for _, s := range slices.Concat(v.cert.CRLURLs, v.cert.OCSPURLs, v.cert.CAIssuers) {
		u, err := url.Parse(s)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
			return failf("address %q is not an absolute http address", s)
		}
	}
	checkable := len(v.cert.CRLURLs)+len(v.cert.OCSPURLs) > 0 || v.cert.Extension(pki.OIDOCSPNoCheck) != nil
	if v.Kind != Root && !checkable {
		return "nothing says where to ask whether it is revoked"
	}
	return ""
}
