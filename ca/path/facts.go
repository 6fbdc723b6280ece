package path

import (
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"signet/ca/pki"
)

// Extensions that only path validation reads, RFC 5280 §4.2.1.
const (
	oidPolicyMappings    = "2.5.29.33"
	oidPolicyConstraints = "2.5.29.36"
	oidInhibitAny        = "2.5.29.54"
	oidCPS               = "1.3.6.1.5.5.7.2.1"
	oidUserNotice        = "1.3.6.1.5.5.7.2.2"
)

// none stands for a constraint that a certificate does not make.
const none = -1

// facts are a certificate with what validation needs of it, read once.
type facts struct {
	cert            *pki.Certificate
	id              [32]byte // SHA-256 of the certificate
	issuer, subject string   // names in comparable form
	selfIssued      bool
	pooled          bool
	broken          *Reason // what makes the certificate unusable by itself

	hasPolicies     bool
	policies        []string
	mappings        []mapping
	requireExplicit int
	inhibitMapping  int
	inhibitAny      int
	names           []generalName // subjectAltName
	constraints     *constraints
	points          []point // cRLDistributionPoints
	issuerAlt       []generalName
}

type mapping struct{ issuer, subject string }

// point is one DistributionPoint.
type point struct {
	name      pointName
	reasons   reasonSet
	crlIssuer []generalName
}

func fault(code Code, f *facts, format string, args ...any) *Reason {
	return &Reason{code, fmt.Sprintf(format, args...), f.cert.Subject.String()}
}

func readFacts(c *pki.Certificate, id [32]byte) *facts {
	f := &facts{cert: c, id: id, issuer: c.Issuer.Key(), subject: c.Subject.Key(), requireExplicit: none, inhibitMapping: none, inhibitAny: none}
	f.selfIssued = f.issuer == f.subject
	for _, e := range c.Extensions {
		if read, known := readers[e.OID]; known && !read(f, e.Value) {
			f.broken = fault(Malformed, f, "extension %s", e.OID)
			return f
		}
	}
	if oid := f.unhandled(); oid != "" {
		f.broken = fault(CriticalExtension, f, "%s", oid)
	}
	return f
}

// unhandled is a critical extension that nothing here understands. Nil/zero: "" when there is none.
func (f *facts) unhandled() string {
	for _, oid := range f.cert.UnhandledCritical {
		switch oid {
		case oidPolicyMappings, oidPolicyConstraints, oidInhibitAny:
		case pki.OIDSubjectAltName:
			if !f.hasKnownNames() {
				return oid
			}
		default:
			return oid
		}
	}
	if e := f.cert.Extension(pki.OIDPolicies); e != nil && e.Critical && !knownQualifiers(e.Value) {
		return e.OID
	}
	return ""
}

func (f *facts) hasKnownNames() bool {
	for _, g := range f.names {
		if g.understood() {
			return true
		}
	}
	return false
}

var readers = map[string]func(*facts, []byte) bool{
	pki.OIDPolicies:        (*facts).readPolicies,
	oidPolicyMappings:      (*facts).readMappings,
	oidPolicyConstraints:   (*facts).readPolicyConstraints,
	oidInhibitAny:          (*facts).readInhibitAny,
	pki.OIDSubjectAltName:  (*facts).readNames,
	pki.OIDIssuerAltName:   (*facts).readIssuerNames,
	pki.OIDNameConstraints: (*facts).readConstraints,
	pki.OIDCRLPoints:       (*facts).readPoints,
}

// readPolicies wants each policy once: RFC 5280 §4.2.1.4.
func (f *facts) readPolicies(value []byte) bool {
	f.hasPolicies, f.policies = true, f.cert.Policies
	seen := map[string]bool{}
	for _, p := range f.policies {
		if seen[p] {
			return false
		}
		seen[p] = true
	}
	return len(f.policies) > 0
}

// knownQualifiers: an extension that is critical must be understood with its qualifiers (RFC 5280 §4.2.1.4).
func knownQualifiers(value []byte) bool {
	list, ok := only(value, asn1.SEQUENCE)
	for ok && !list.Empty() {
		var p, qualifiers cryptobyte.String
		if !list.ReadASN1(&p, asn1.SEQUENCE) || !p.SkipASN1(asn1.OBJECT_IDENTIFIER) {
			return false
		}
		if p.Empty() {
			continue
		}
		if !p.ReadASN1(&qualifiers, asn1.SEQUENCE) {
			return false
		}
		for !qualifiers.Empty() {
			var q cryptobyte.String
			if !qualifiers.ReadASN1(&q, asn1.SEQUENCE) {
				return false
			}
			if oid, ok := readOID(&q); !ok || oid != oidCPS && oid != oidUserNotice {
				return false
			}
		}
	}
	return ok
}

func (f *facts) readMappings(value []byte) bool {
	list, ok := only(value, asn1.SEQUENCE)
	for ok && !list.Empty() {
		var m cryptobyte.String
		if !list.ReadASN1(&m, asn1.SEQUENCE) {
			return false
		}
		from, ok1 := readOID(&m)
		to, ok2 := readOID(&m)
		if !ok1 || !ok2 || !m.Empty() {
			return false
		}
		f.mappings = append(f.mappings, mapping{from, to})
	}
	return ok && len(f.mappings) > 0
}

func (f *facts) readPolicyConstraints(value []byte) bool {
	s, ok := only(value, asn1.SEQUENCE)
	if !ok || s.Empty() { // RFC 5280 §4.2.1.11: not an empty sequence
		return false
	}
	if s.PeekASN1Tag(implicit(0)) {
		if f.requireExplicit, ok = readSmall(&s, implicit(0)); !ok {
			return false
		}
	}
	if s.PeekASN1Tag(implicit(1)) {
		if f.inhibitMapping, ok = readSmall(&s, implicit(1)); !ok {
			return false
		}
	}
	return s.Empty()
}

func (f *facts) readInhibitAny(value []byte) (ok bool) {
	s := cryptobyte.String(value)
	f.inhibitAny, ok = readSmall(&s, asn1.INTEGER)
	return ok && s.Empty()
}

func (f *facts) readNames(value []byte) bool {
	names, ok := readGeneralNames(value)
	f.names = names
	return ok && len(names) > 0
}

func (f *facts) readIssuerNames(value []byte) bool {
	names, ok := readGeneralNames(value)
	f.issuerAlt = names
	return ok
}

func readGeneralNames(value []byte) ([]generalName, bool) {
	list, ok := only(value, asn1.SEQUENCE)
	if !ok {
		return nil, false
	}
	return parseNames(list)
}

func (f *facts) readPoints(value []byte) bool {
	list, ok := only(value, asn1.SEQUENCE)
	for ok && !list.Empty() {
		var s cryptobyte.String
		if !list.ReadASN1(&s, asn1.SEQUENCE) {
			return false
		}
		p, good := readPoint(s)
		if !good {
			return false
		}
		f.points = append(f.points, p)
	}
	return ok && len(f.points) > 0
}

// readPoint wants a name or a CRL issuer: reasons alone are not a point (RFC 5280 §4.2.1.13).
func readPoint(s cryptobyte.String) (p point, ok bool) {
	if p.name, ok = readPointName(&s); !ok {
		return p, false
	}
	if p.reasons, ok = readReasons(&s, implicit(1)); !ok {
		return p, false
	}
	issuer, has, ok := optional(&s, explicit(2))
	if !ok || !s.Empty() || !has && !p.name.present() {
		return p, false
	}
	if has {
		p.crlIssuer, ok = parseNames(issuer)
		return p, ok && len(p.crlIssuer) > 0
	}
	return p, true
}
