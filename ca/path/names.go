package path

import (
	"bytes"
	"fmt"
	"net/netip"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"signet/ca/pki"
)

// The choices of GeneralName, RFC 5280 §4.2.1.6.
const (
	nameOther      = 0
	nameEmail      = 1
	nameDNS        = 2
	nameX400       = 3
	nameDirectory  = 4
	nameEDI        = 5
	nameURI        = 6
	nameIP         = 7
	nameRegistered = 8
)

// generalName is one GeneralName: the number of its choice and its contents; of a directory name also the comparable form.
type generalName struct {
	kind byte
	data string
	key  string
}

// understood reports whether constraints on this kind of name can be checked.
func (g generalName) understood() bool {
	switch g.kind {
	case nameEmail, nameDNS, nameDirectory, nameURI, nameIP:
		return true
	}
	return false
}

func (g generalName) equal(h generalName) bool {
	if g.kind != h.kind {
		return false
	}
	if g.kind == nameDirectory {
		return g.key == h.key
	}
	return g.data == h.data
}

// String shows a name without trusting it.
func (g generalName) String() string {
	switch g.kind {
	case nameDirectory:
		if n, err := pki.ParseName([]byte(g.data)); err == nil {
			return n.String()
		}
	case nameIP:
		if ip, ok := netip.AddrFromSlice([]byte(g.data)); ok {
			return ip.String()
		}
	}
	return fmt.Sprintf("%q", g.data)
}

func directoryName(n pki.Name) generalName {
	return generalName{nameDirectory, string(n.DER()), n.Key()}
}

// parseNames reads the contents of GeneralNames.
func parseNames(list cryptobyte.String) ([]generalName, bool) {
	var out []generalName
	for !list.Empty() {
		g, ok := readName(&list)
		if !ok {
			return nil, false
		}
		out = append(out, g)
	}
	return out, true
}

func readName(s *cryptobyte.String) (generalName, bool) {
	var body cryptobyte.String
	var tag asn1.Tag
	if !s.ReadAnyASN1(&body, &tag) || tag&0xc0 != 0x80 || tag&0x1f > nameRegistered {
		return generalName{}, false
	}
	g := generalName{kind: byte(tag & 0x1f), data: string(body)}
	constructed := tag&0x20 != 0
	switch g.kind {
	case nameEmail, nameDNS, nameURI:
		return g, !constructed && isASCII(g.data)
	case nameIP, nameRegistered:
		return g, !constructed
	case nameDirectory:
		n, err := pki.ParseName(body)
		if !constructed || err != nil {
			return g, false
		}
		return directoryName(n), true
	}
	return g, constructed
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func anyEqual(a, b []generalName) bool {
	for _, x := range a {
		for _, y := range b {
			if x.equal(y) {
				return true
			}
		}
	}
	return false
}

// pointName is a DistributionPointName: full names, or a relative name below the CRL issuer.
type pointName struct {
	full     []generalName
	relative []byte // contents of the RelativeDistinguishedName, a SET
}

func (n pointName) present() bool { return len(n.full) > 0 || n.relative != nil }

// readPointName reads the optional [0] of distribution points, of certificates and of CRLs.
func readPointName(s *cryptobyte.String) (n pointName, ok bool) {
	wrapped, present, ok := optional(s, explicit(0))
	if !ok || !present {
		return n, ok
	}
	full, isFull, ok := optional(&wrapped, explicit(0))
	if !ok {
		return n, false
	}
	if isFull {
		n.full, ok = parseNames(full)
		return n, ok && wrapped.Empty() && len(n.full) > 0
	}
	var rdn cryptobyte.String
	if !wrapped.ReadASN1(&rdn, explicit(1)) || !wrapped.Empty() || len(rdn) == 0 {
		return n, false
	}
	n.relative = rdn
	return n, true
}

// under gives the names in full; relative ones go below the issuer.
//
// Source: RFC 5280 §4.2.1.13.
func (n pointName) under(issuer pki.Name) []generalName {
	if n.relative == nil {
		return n.full
	}
	whole, ok := below(issuer, n.relative)
	if !ok {
		return nil
	}
	return []generalName{whole}
}

// below appends a relative name, given as the contents of its SET, to a name.
func below(parent pki.Name, rdn []byte) (generalName, bool) {
	rdns, ok := only(parent.DER(), asn1.SEQUENCE)
	if !ok {
		return generalName{}, false
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(bytes.Clone(rdns))
		b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(rdn) })
	})
	der, err := b.Bytes()
	if err != nil {
		return generalName{}, false
	}
	name, err := pki.ParseName(der)
	if err != nil {
		return generalName{}, false
	}
	return directoryName(name), true
}
