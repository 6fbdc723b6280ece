package pki

import (
	"fmt"
	"slices"
	"strings"
)

// Name is a distinguished name: an ordered list of relative names, kept with the bytes it was read from or made into.
//
// Nil/zero: the zero Name has no DER; the empty name is made by NewName().
// Concurrency: immutable.
type Name struct {
	der  string
	rdns [][]Attr
}

// Attr is one attribute of a name. A value of a type that is not text reads as # and the hex of its DER.
type Attr struct {
	Type  string // dotted object identifier
	Value string
}

const maxNameAttrs = 100

// ParseName reads a name. It accepts every string type CAs have used, among them T61String and BMPString.
//
// Errors: ErrMalformed.
func ParseName(der []byte) (Name, error) {
	body, err := sequence(der, "name")
	if err != nil {
		return Name{}, err
	}
	n := Name{der: string(der)}
	r := reader{b: body}
	for count := 0; !r.empty(); {
		rdn, err := parseRDN(r.take(tagSet))
		if err != nil {
			return Name{}, err
		}
		if count += len(rdn); r.bad || count > maxNameAttrs {
			return Name{}, malformed("name")
		}
		n.rdns = append(n.rdns, rdn)
	}
	return n, nil
}

func parseRDN(set []byte) ([]Attr, error) {
	var rdn []Attr
	r := reader{b: set}
	for !r.empty() {
		a := reader{b: r.take(tagSequence)}
		oid := a.oid()
		tag, contents, whole := a.next()
		if r.bad || !a.done() {
			return nil, malformed("name attribute")
		}
		value, err := attrText(tag, contents, whole)
		if err != nil {
			return nil, err
		}
		rdn = append(rdn, Attr{oid, value})
	}
	if len(rdn) == 0 {
		return nil, malformed("empty relative name")
	}
	return rdn, nil
}

// DER is the encoding of the name, byte for byte as it was read.
func (n Name) DER() []byte { return []byte(n.der) }

// IsEmpty reports whether the name has no attributes.
func (n Name) IsEmpty() bool { return len(n.rdns) == 0 }

// Attrs lists the attributes in encoding order.
func (n Name) Attrs() []Attr { return slices.Concat(n.rdns...) }

// First is the value of the first attribute of that type. Nil/zero: "" when there is none.
func (n Name) First(oid string) string {
	for _, rdn := range n.rdns {
		for _, a := range rdn {
			if a.Type == oid {
				return a.Value
			}
		}
	}
	return ""
}

// CommonName is the first CN.
func (n Name) CommonName() string { return n.First(OIDCommonName) }

// Organization is the first O.
func (n Name) Organization() string { return n.First(OIDOrganization) }

// Equal compares names as RFC 5280 §7.1 does: case and runs of white space do not count, the string type neither.
func (n Name) Equal(m Name) bool {
	return n.der == m.der || len(n.rdns) == len(m.rdns) && n.canonical() == m.canonical()
}

// Key is the same text for names that are Equal, so that names can be kept in maps. The key of a name begins with the key
// of another exactly when its first relative names are that name.
func (n Name) Key() string { return n.canonical() }

// canonical is the same text for names that are Equal.
func (n Name) canonical() string {
	var b strings.Builder
	for _, rdn := range n.rdns {
		b.WriteString(canonicalRDN(rdn))
	}
	return b.String()
}

func canonicalRDN(rdn []Attr) string {
	parts := make([]string, len(rdn))
	for i, a := range rdn {
		folded := strings.ToLower(strings.Join(strings.Fields(a.Value), " "))
		parts[i] = fmt.Sprintf("%s=%q", a.Type, folded) // quoted, so that no value can imitate a boundary
	}
	slices.Sort(parts)
	return strings.Join(parts, "+") + "/"
}

var shortNames = map[string]string{
	OIDCommonName: "CN", OIDSurname: "SN", OIDSerialNumber: "serialNumber", OIDCountry: "C", OIDLocality: "L",
	OIDProvince: "ST", OIDStreet: "street", OIDOrganization: "O", OIDOrgUnit: "OU", OIDTitle: "title",
	OIDPostalCode: "postalCode", OIDGivenName: "GN", OIDDNQualifier: "dnQualifier", OIDOrgID: "organizationIdentifier",
	OIDUserID: "UID", OIDDomain: "DC", OIDEmail: "emailAddress",
}

// String is the readable form, most specific attribute first: CN=…, O=…, C=CN. What could deceive a reader
// (control characters, bidirectional overrides) is escaped.
//
// Source: RFC 4514, with a space after each comma.
func (n Name) String() string {
	parts := make([]string, 0, len(n.rdns))
	for _, rdn := range slices.Backward(n.rdns) {
		attrs := make([]string, len(rdn))
		for i, a := range rdn {
			label := shortNames[a.Type]
			if label == "" {
				label = a.Type
			}
			attrs[i] = label + "=" + escapeValue(a.Value)
		}
		parts = append(parts, strings.Join(attrs, "+"))
	}
	return strings.Join(parts, ", ")
}

func escapeValue(v string) string {
	var b strings.Builder
	for i, r := range v {
		switch {
		case deceptive(r):
			for _, c := range []byte(string(r)) {
				fmt.Fprintf(&b, `\%02X`, c)
			}
			continue
		case strings.ContainsRune(`,+"\<>;=`, r), r == ' ' && (i == 0 || i == len(v)-1):
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
