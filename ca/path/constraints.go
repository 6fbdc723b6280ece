package path

import (
	"net/netip"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"signet/ca/pki"
)

// oidSmtpUTF8 is an address that an rfc822Name cannot hold; constraints on addresses mean it as well (RFC 9598 §6).
const oidSmtpUTF8 = "1.3.6.1.5.5.7.8.9"

// constraints are the subtrees a CA may certify names in, RFC 5280 §4.2.1.10.
type constraints struct{ permitted, excluded []generalName }

func (f *facts) readConstraints(value []byte) bool {
	s, ok := only(value, asn1.SEQUENCE)
	if !ok || s.Empty() {
		return false
	}
	nc := &constraints{}
	for n, into := range []*[]generalName{&nc.permitted, &nc.excluded} {
		list, present, ok := optional(&s, explicit(uint8(n)))
		if !ok {
			return false
		}
		if !present {
			continue
		}
		if *into, ok = readSubtrees(list); !ok {
			return false
		}
	}
	f.constraints = nc
	return s.Empty()
}

// readSubtrees refuses minimum and maximum, which certificates do not use.
func readSubtrees(list cryptobyte.String) ([]generalName, bool) {
	var out []generalName
	for !list.Empty() {
		var t cryptobyte.String
		if !list.ReadASN1(&t, asn1.SEQUENCE) {
			return nil, false
		}
		g, ok := readName(&t)
		if !ok || !t.Empty() || g.kind == nameIP && !isSubnet(g.data) {
			return nil, false
		}
		out = append(out, g)
	}
	return out, len(out) > 0
}

// isSubnet reports whether this is an address followed by a mask of ones and then zeros.
func isSubnet(s string) bool {
	if len(s) != 8 && len(s) != 32 {
		return false
	}
	ended := false
	for _, b := range []byte(s[len(s)/2:]) {
		for bit := byte(0x80); bit != 0; bit >>= 1 {
			one := b&bit != 0
			if one && ended {
				return false
			}
			ended = ended || !one
		}
	}
	return true
}

// checkNames holds a certificate to the constraints of the CAs above it. A self-issued CA is exempt (§6.1.3 b, c).
func (v *verifier) checkNames(f *facts, above []*facts, last bool) *Reason {
	if f.selfIssued && !last {
		return nil
	}
	var names []generalName
	for _, ca := range above {
		if ca.constraints == nil {
			continue
		}
		if names == nil {
			names = f.constrained()
		}
		for _, g := range names {
			if why := v.checkName(f, ca, g); why != nil {
				return why
			}
		}
	}
	return nil
}

func (v *verifier) checkName(f, ca *facts, g generalName) *Reason {
	nc := ca.constraints
	v.budget.names += len(nc.permitted) + len(nc.excluded) + 1
	if v.budget.spent() {
		return fault(TooComplex, f, "more names and name constraints than are looked at")
	}
	for _, t := range nc.excluded {
		if kindOf(t) == kindOf(g) && within(t, g, true) {
			return fault(NameConstraints, f, "%s is excluded by %s", g, ca.cert.Subject)
		}
	}
	constrained := false
	for _, t := range nc.permitted {
		if kindOf(t) != kindOf(g) {
			continue
		}
		if within(t, g, false) {
			return nil
		}
		constrained = true
	}
	if constrained {
		return fault(NameConstraints, f, "%s is not among the names %s may certify", g, ca.cert.Subject)
	}
	return nil
}

// kindOf files internationalised addresses under the kind whose constraints they fall under; as these cannot be checked,
// such a name is refused wherever addresses are constrained.
func kindOf(g generalName) byte {
	if g.kind == nameOther {
		s := cryptobyte.String(g.data)
		if oid, ok := readOID(&s); ok && oid == oidSmtpUTF8 {
			return nameEmail
		}
	}
	return g.kind
}

// constrained lists the names that constraints apply to: the subject, addresses in it, and the subjectAltName.
// RFC 5280 asks for the subject's addresses only where there is no subjectAltName; they are always looked at here.
func (f *facts) constrained() []generalName {
	names := append([]generalName{}, f.names...)
	if !f.cert.Subject.IsEmpty() {
		names = append(names, directoryName(f.cert.Subject))
	}
	for _, a := range f.cert.Subject.Attrs() {
		if a.Type == pki.OIDEmail {
			names = append(names, generalName{kind: nameEmail, data: a.Value})
		}
	}
	return names
}

// within reports whether a name lies in a subtree of its kind. When excluding, a doubt counts as lying in it; else not.
func within(tree, g generalName, excluding bool) bool {
	switch g.kind {
	case nameDNS:
		return withinDNS(tree.data, g.data, excluding)
	case nameDirectory:
		return strings.HasPrefix(g.key, tree.key)
	case nameEmail:
		return withinEmail(tree.data, g.data, excluding)
	case nameURI:
		return withinURI(tree.data, g.data, excluding)
	case nameIP:
		return withinIP(tree.data, g.data)
	}
	return excluding
}

// withinDNS: zero or more labels on the left of the subtree. A leading dot, which RFC 5280 does not know here, asks for
// at least one label when permitting. *.example.com stands for host.example.com too, so excluding that excludes it.
func withinDNS(tree, name string, excluding bool) bool {
	tree, name = strings.ToLower(strings.TrimSuffix(tree, ".")), strings.ToLower(strings.TrimSuffix(name, "."))
	rest, wild := strings.CutPrefix(name, "*.")
	if !isHost(rest) {
		return excluding
	}
	bare, dotted := strings.CutPrefix(tree, ".")
	if dotted && !excluding {
		return strings.HasSuffix("."+rest, tree) && (wild || rest != bare)
	}
	if wild && excluding && isBelow(bare, rest) {
		return true
	}
	return isBelow(rest, bare)
}

// isBelow reports whether host is tree or below it; everything is below the empty tree.
func isBelow(host, tree string) bool {
	return tree == "" || host == tree || strings.HasSuffix(host, "."+tree)
}

// isHost reports whether s is made of labels as host names have them.
func isHost(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for _, label := range strings.Split(s, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for _, c := range []byte(label) {
			if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
				return false
			}
		}
	}
	return true
}

// withinEmail: one mailbox, all of a host, or all hosts of a domain with a leading dot.
func withinEmail(tree, address string, excluding bool) bool {
	i := strings.LastIndexByte(address, '@')
	if i <= 0 || !isHost(address[i+1:]) || strings.ContainsAny(address[:i], "\x00\r\n") {
		return excluding
	}
	local, host := address[:i], strings.ToLower(address[i+1:])
	if k := strings.LastIndexByte(tree, '@'); k >= 0 {
		same := tree[:k] == local || excluding && strings.EqualFold(tree[:k], local)
		return same && strings.EqualFold(tree[k+1:], host)
	}
	return withinHost(tree, host)
}

// withinHost: exactly the host, or with a leading dot every host below. Everything is within the empty tree.
func withinHost(tree, host string) bool {
	tree = strings.ToLower(tree)
	if strings.HasPrefix(tree, ".") {
		return strings.HasSuffix(host, tree)
	}
	return tree == "" || host == tree
}

// withinURI wants an authority with a host name: RFC 5280 §4.2.1.10 refuses others under a constraint.
func withinURI(tree, uri string, excluding bool) bool {
	host, ok := hostOf(uri)
	if !ok {
		return excluding
	}
	return withinHost(tree, host)
}

// hostOf finds the host name of scheme://user@host:port/path.
func hostOf(uri string) (string, bool) {
	colon := strings.IndexByte(uri, ':')
	if colon <= 0 || !strings.HasPrefix(uri[colon:], "://") {
		return "", false
	}
	authority := uri[colon+3:]
	if end := strings.IndexAny(authority, `/?#\`); end >= 0 {
		authority = authority[:end]
	}
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		authority = authority[at+1:]
	}
	host, port, hasPort := strings.Cut(authority, ":")
	if hasPort && strings.Trim(port, "0123456789") != "" {
		return "", false
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if _, err := netip.ParseAddr(host); err == nil || !isHost(host) {
		return "", false
	}
	return host, true
}

func withinIP(tree, ip string) bool {
	n := len(tree) / 2
	if len(ip) != n {
		return false
	}
	for i := range n {
		if (tree[i]^ip[i])&tree[n+i] != 0 {
			return false
		}
	}
	return true
}
