package pki

import (
	"net/netip"
)

// generalName is one GeneralName: the number of its choice and its contents.
type generalName struct {
	kind byte
	data []byte
}

// The choices of GeneralName, RFC 5280 §4.2.1.6.
const (
	nameEmail     = 1
	nameDNS       = 2
	nameDirectory = 4
	nameURI       = 6
	nameIP        = 7
)

// readExtension fills in what this package understands and notes critical extensions it does not.
func (c *Certificate) readExtension(e Extension) error {
	read, known := extensionReaders[e.OID]
	if !known {
		if e.Critical {
			c.UnhandledCritical = append(c.UnhandledCritical, e.OID)
		}
		return nil
	}
	r := reader{b: e.Value}
	if !checkDER(e.Value, 1) || !read(c, &r) || !r.done() {
		return malformed("extension %s", e.OID)
	}
	if e.OID == OIDSubjectAltName && e.Critical && c.hasOnlyUnknownNames() {
		c.UnhandledCritical = append(c.UnhandledCritical, e.OID)
	}
	return nil
}

var extensionReaders = map[string]func(*Certificate, *reader) bool{
	OIDKeyUsage:         (*Certificate).readKeyUsage,
	OIDBasicConstraints: (*Certificate).readBasicConstraints,
	OIDExtKeyUsage:      (*Certificate).readEKU,
	OIDSubjectKeyID:     (*Certificate).readSKI,
	OIDAuthorityKeyID:   (*Certificate).readAKI,
	OIDCRLPoints:        (*Certificate).readCRLPoints,
	OIDAuthorityInfo:    (*Certificate).readAuthorityInfo,
	OIDPolicies:         (*Certificate).readPolicies,
	OIDSubjectAltName:   (*Certificate).readAltNames,
	OIDNameConstraints:  (*Certificate).readNameConstraints,
}

func (c *Certificate) readKeyUsage(r *reader) bool {
	bits := r.take(tagBitString)
	if r.bad {
		return false
	}
	for i := range 9 {
		if k := 1 + i/8; k < len(bits) && bits[k]&(0x80>>(i%8)) != 0 {
			c.KeyUsage |= 1 << i
		}
	}
	c.HasKeyUsage = true
	return true
}

func (c *Certificate) readBasicConstraints(r *reader) bool {
	s := reader{b: r.take(tagSequence)}
	if ca, ok := s.optional(tagBoolean); ok {
		c.IsCA = ca[0] != 0
	}
	if n, ok := s.optional(tagInteger); ok {
		if len(n) > 2 || n[0]&0x80 != 0 {
			return false
		}
		for _, b := range n {
			c.PathLen = max(c.PathLen, 0)<<8 | int(b)
		}
	}
	c.HasBasicConstraints = true
	return s.done()
}

func (c *Certificate) readEKU(r *reader) bool {
	s := reader{b: r.take(tagSequence)}
	for !s.empty() {
		c.EKU = append(c.EKU, s.oid())
		if s.bad {
			return false
		}
	}
	return len(c.EKU) > 0
}

func (c *Certificate) readSKI(r *reader) bool {
	c.SKI = r.take(tagOctetString)
	return len(c.SKI) > 0
}

func (c *Certificate) readAKI(r *reader) bool {
	id, ok := parseAKI(r)
	c.AKI = id
	return ok
}

func parseAKI(r *reader) (id []byte, ok bool) {
	s := reader{b: r.take(tagSequence)}
	id, _ = s.optional(context(0, false))
	s.optional(context(1, true)) // issuer and serial: the name and signature checks decide anyway
	s.optional(context(2, false))
	return id, s.done()
}

func (c *Certificate) readCRLPoints(r *reader) bool {
	s := reader{b: r.take(tagSequence)}
	for !s.empty() {
		p := reader{b: s.take(tagSequence)}
		name, hasName := p.optional(context(0, true))
		p.optional(context(1, false)) // reasons
		p.optional(context(2, true))  // CRL issuer
		if s.bad || !p.done() {
			return false
		}
		if hasName {
			urls, ok := pointURLs(name)
			if !ok {
				return false
			}
			c.CRLURLs = append(c.CRLURLs, urls...)
		}
	}
	return true
}

// pointURLs lists the URLs of a DistributionPointName; other kinds of name are passed over.
func pointURLs(name []byte) (urls []string, ok bool) {
	n := reader{b: name}
	full, isFull := n.optional(context(0, true))
	if !isFull {
		n.take(context(1, true)) // relative to the CRL issuer
		return nil, n.done()
	}
	names, ok := parseGeneralNames(full)
	for _, g := range names {
		if g.kind == nameURI {
			urls = append(urls, string(g.data))
		}
	}
	return urls, ok && n.done()
}

func (c *Certificate) readAuthorityInfo(r *reader) bool {
	s := reader{b: r.take(tagSequence)}
	for !s.empty() {
		d := reader{b: s.take(tagSequence)}
		method := d.oid()
		tag, location, _ := d.next()
		if s.bad || !d.done() {
			return false
		}
		if tag != context(nameURI, false) || !isASCII(string(location)) {
			continue
		}
		switch method { // any scheme: OCSP://… is in use
		case oidOCSP:
			c.OCSPURLs = append(c.OCSPURLs, string(location))
		case oidCAIssuers:
			c.CAIssuers = append(c.CAIssuers, string(location))
		}
	}
	return true
}

func (c *Certificate) readPolicies(r *reader) bool {
	s := reader{b: r.take(tagSequence)}
	for !s.empty() {
		p := reader{b: s.take(tagSequence)}
		c.Policies = append(c.Policies, p.oid())
		p.optional(tagSequence) // qualifiers
		if s.bad || !p.done() {
			return false
		}
	}
	return len(c.Policies) > 0
}

func (c *Certificate) readAltNames(r *reader) bool {
	names, ok := parseGeneralNames(r.take(tagSequence))
	if !ok || len(names) == 0 {
		return false
	}
	c.names = names
	for _, g := range names {
		switch g.kind {
		case nameDNS:
			c.DNSNames = append(c.DNSNames, string(g.data))
		case nameEmail:
			c.Emails = append(c.Emails, string(g.data))
		case nameIP:
			ip, ok := netip.AddrFromSlice(g.data)
			if !ok {
				return false
			}
			c.IPs = append(c.IPs, ip)
		}
	}
	return true
}

func (c *Certificate) hasOnlyUnknownNames() bool {
	return len(c.DNSNames)+len(c.Emails)+len(c.IPs) == 0
}

// parseGeneralNames reads the contents of GeneralNames. DNS names, addresses and URLs must be ASCII.
func parseGeneralNames(body []byte) ([]generalName, bool) {
	var out []generalName
	r := reader{b: body}
	for !r.empty() {
		tag, data, _ := r.next()
		kind := tag & 0x1f
		if r.bad || tag&0xc0 != 0x80 || kind > 8 {
			return nil, false
		}
		if (kind == nameEmail || kind == nameDNS || kind == nameURI) && (tag&0x20 != 0 || !isASCII(string(data))) {
			return nil, false
		}
		out = append(out, generalName{kind, data})
	}
	return out, true
}
