package pki

import (
	"fmt"
	"net/netip"
	"strings"
)

// Subtrees are parts of name spaces, for one side of nameConstraints.
//
// Shape: DNS "example.cn" holds that host and all below it; Emails are a mailbox, a host, or ".example.cn" for the hosts below it;
// Directories are the beginning of a subject.
// Nil/zero: the zero value has none.
type Subtrees struct {
	DNS, Emails []string
	IPs         []netip.Prefix
	Directories []Name
}

// IsEmpty reports whether there is no subtree.
func (s Subtrees) IsEmpty() bool {
	return len(s.DNS)+len(s.Emails)+len(s.IPs)+len(s.Directories) == 0
}

// ExtNameConstraints makes nameConstraints, critical.
//
// Errors: ErrMalformed for a subtree that is none, or none at all.
// Source: RFC 5280 §4.2.1.10.
func ExtNameConstraints(permitted, excluded Subtrees) (Extension, error) {
	var body []byte
	for i, s := range []Subtrees{permitted, excluded} {
		trees, err := s.der()
		if err != nil {
			return Extension{}, err
		}
		if len(trees) > 0 {
			body = append(body, tlv(context(byte(i), true), trees)...)
		}
	}
	if len(body) == 0 {
		return Extension{}, malformed("no name constraint")
	}
	return Extension{OIDNameConstraints, true, tlv(tagSequence, body)}, nil
}

func (s Subtrees) der() ([]byte, error) {
	var body []byte
	add := func(tag byte, contents []byte) { body = append(body, tlv(tagSequence, tlv(tag, contents))...) }
	for _, d := range s.Directories {
		if d.IsEmpty() {
			return nil, malformed("directory subtree without attributes")
		}
		add(context(nameDirectory, true), d.DER()) // explicit: Name is a CHOICE
	}
	for _, d := range s.DNS {
		if !validDNS(d) || strings.HasPrefix(d, "*") {
			return nil, malformed("DNS subtree %q", d)
		}
		add(context(nameDNS, false), []byte(strings.ToLower(d)))
	}
	for _, e := range s.Emails {
		host := e
		if local, after, ok := cutLast(e, "@"); ok {
			if local == "" || !isASCII(local) || strings.ContainsFunc(local, deceptive) || strings.Contains(local, " ") {
				return nil, malformed("mail subtree %q", e)
			}
			host = after
		} else {
			host = strings.TrimPrefix(e, ".")
		}
		if !validDNS(host) || strings.HasPrefix(host, "*") {
			return nil, malformed("mail subtree %q", e)
		}
		add(context(nameEmail, false), []byte(e))
	}
	for _, p := range s.IPs {
		if !p.IsValid() || p.Addr().Is4In6() {
			return nil, malformed("address subtree %q", p.String())
		}
		add(context(nameIP, false), append(p.Masked().Addr().AsSlice(), mask(p.Bits(), p.Addr().BitLen()/8)...))
	}
	return body, nil
}

func mask(bits, size int) []byte {
	m := make([]byte, size)
	for i := range bits {
		m[i/8] |= 0x80 >> (i % 8)
	}
	return m
}

// AdmitsNames checks the names of a certificate below c against the name constraints of c itself; it follows no path.
//
// Nil/zero: nil where c has no constraints.
// Errors: ErrIssuer.
func (c *Certificate) AdmitsNames(below *Certificate) error {
	if c.constraints == nil {
		return nil
	}
	if err := c.constraints.check(below); err != nil {
		return fmt.Errorf("%w: %w", ErrIssuer, err)
	}
	return nil
}

// HasNameConstraints reports whether c constrains the names below it.
func (c *Certificate) HasNameConstraints() bool { return c.constraints != nil }
