package path

import (
	"net/netip"
	"slices"
	"strings"

	"signet/ca/pki"
)

// Purpose is what a certificate is to be used for.
type Purpose string

// The purposes.
const (
	PurposeAny             Purpose = "any"
	PurposeServerAuth      Purpose = "serverAuth"
	PurposeClientAuth      Purpose = "clientAuth"
	PurposeDocumentSigning Purpose = "documentSigning"
)

// EKUDocumentSigning is id-kp-documentSigning, RFC 9336.
const EKUDocumentSigning = "1.3.6.1.5.5.7.3.36"

// purposes say which extended key usages and key usages serve; any one of each. Absent extensions allow all.
var purposes = map[Purpose]struct {
	ekus  []string
	usage pki.KeyUsage
}{
	PurposeServerAuth:      {[]string{pki.EKUServerAuth}, pki.DigitalSignature | pki.KeyEncipherment | pki.KeyAgreement}, // RFC 5280 §4.2.1.12
	PurposeClientAuth:      {[]string{pki.EKUClientAuth}, pki.DigitalSignature | pki.KeyAgreement},
	PurposeDocumentSigning: {[]string{EKUDocumentSigning}, pki.DigitalSignature | pki.ContentCommitment}, // RFC 9336 §3
}

// ParsePurpose reads a purpose; "" is PurposeAny.
func ParsePurpose(s string) (Purpose, bool) {
	if s == "" || s == string(PurposeAny) {
		return PurposeAny, true
	}
	_, known := purposes[Purpose(s)]
	return Purpose(s), known
}

// CheckName reports whether a text can be asked for as Options.Name: a host name in ASCII or an IP address.
func CheckName(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return !strings.Contains(s, "%")
	}
	return isHost(strings.TrimSuffix(s, "."))
}

// checkTarget checks what the certificate in question must satisfy whatever its path.
func (v *verifier) checkTarget(f *facts) *Reason {
	if why := v.checkAlone(f); why != nil {
		return why
	}
	p, limited := purposes[v.o.Purpose]
	switch {
	case !limited && v.o.Purpose != "" && v.o.Purpose != PurposeAny:
		return fault(Unsupported, f, "purpose %q", string(v.o.Purpose))
	case limited && f.cert.HasKeyUsage && f.cert.KeyUsage&p.usage == 0:
		return fault(Usage, f, "key usage is %s", f.cert.KeyUsage)
	case limited && !allows(f, p.ekus):
		return fault(Usage, f, "no extended key usage for %s", string(v.o.Purpose))
	case v.o.Name != "" && !covers(f, v.o.Name):
		return fault(NameMismatch, f, "not for %q", v.o.Name)
	}
	return nil
}

// checkNested holds the CAs between leaf and anchor to the same extended key usages, where they name any.
func (v *verifier) checkNested(path []*facts) *Reason {
	p, limited := purposes[v.o.Purpose]
	if !limited || len(path) < 3 {
		return nil
	}
	for _, ca := range path[1 : len(path)-1] {
		if !allows(ca, p.ekus) {
			return fault(Usage, ca, "extended key usages leave no room for %s", string(v.o.Purpose))
		}
	}
	return nil
}

func allows(f *facts, ekus []string) bool {
	if f.cert.Extension(pki.OIDExtKeyUsage) == nil || slices.Contains(f.cert.EKU, pki.EKUAny) {
		return true
	}
	return slices.ContainsFunc(ekus, f.cert.HasEKU)
}

// covers reports whether the subjectAltName has the name; the common name is not looked at (RFC 9525 §6.3).
func covers(f *facts, name string) bool {
	if ip, err := netip.ParseAddr(name); err == nil {
		ip = ip.Unmap()
		return slices.ContainsFunc(f.cert.IPs, func(have netip.Addr) bool { return have.Unmap() == ip })
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return isHost(name) && slices.ContainsFunc(f.cert.DNSNames, func(have string) bool { return matchesHost(strings.ToLower(have), name) })
}

// matchesHost compares a host with a DNS name, whose first label may be *, standing for exactly one label, with at least two
// after it.
//
// Source: RFC 9525 §6.3.
func matchesHost(pattern, host string) bool {
	rest, wild := strings.CutPrefix(pattern, "*.")
	if !wild {
		return pattern == host && isHost(pattern)
	}
	_, parent, found := strings.Cut(host, ".")
	return found && parent == rest && strings.Contains(rest, ".") && isHost(rest)
}
