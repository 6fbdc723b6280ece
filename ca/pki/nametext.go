package pki

import (
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// attrText decodes one attribute value to UTF-8.
func attrText(tag byte, contents, whole []byte) (string, error) {
	switch tag {
	case tagUTF8: // checked to be UTF-8 with the rest of the DER
		return string(contents), nil
	case tagPrintable, tagIA5, tagNumeric, tagVisible: // real certificates have more in PrintableString than it allows
		for _, c := range contents {
			if c >= 0x80 {
				return "", malformed("name attribute that is not ASCII")
			}
		}
		return string(contents), nil
	case tagT61: // written as Latin-1 by some, as UTF-8 by others; never as real T.61
		if utf8.Valid(contents) {
			return string(contents), nil
		}
		return latin1(contents), nil
	case tagBMP:
		return utf16Text(contents)
	case tagUniversal:
		return utf32Text(contents)
	}
	return "#" + strings.ToUpper(hex.EncodeToString(whole)), nil
}

func latin1(b []byte) string {
	runes := make([]rune, len(b))
	for i, c := range b {
		runes[i] = rune(c)
	}
	return string(runes)
}

func utf16Text(b []byte) (string, error) {
	if len(b)%2 != 0 {
		return "", malformed("BMPString")
	}
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = uint16(b[2*i])<<8 | uint16(b[2*i+1])
	}
	return string(utf16.Decode(units)), nil
}

func utf32Text(b []byte) (string, error) {
	if len(b)%4 != 0 {
		return "", malformed("UniversalString")
	}
	runes := make([]rune, len(b)/4)
	for i := range runes {
		v := uint32(b[4*i])<<24 | uint32(b[4*i+1])<<16 | uint32(b[4*i+2])<<8 | uint32(b[4*i+3])
		if v > unicode.MaxRune {
			return "", malformed("UniversalString")
		}
		runes[i] = rune(v)
	}
	return string(runes), nil
}

// attrRule says how NewName writes one type of attribute.
type attrRule struct {
	tag byte
	max int // characters
}

// Upper bounds of RFC 5280 Appendix A.1; ub-name for the person attributes is 32768 there, far less is enough here.
var attrRules = map[string]attrRule{
	OIDCommonName:   {tagUTF8, 64},
	OIDSurname:      {tagUTF8, 64},
	OIDGivenName:    {tagUTF8, 64},
	OIDSerialNumber: {tagPrintable, 64},
	OIDCountry:      {tagPrintable, 2},
	OIDLocality:     {tagUTF8, 128},
	OIDProvince:     {tagUTF8, 128},
	OIDStreet:       {tagUTF8, 128},
	OIDOrganization: {tagUTF8, 64},
	OIDOrgUnit:      {tagUTF8, 64},
	OIDTitle:        {tagUTF8, 64},
	OIDPostalCode:   {tagUTF8, 40},
	OIDDNQualifier:  {tagPrintable, 64},
	OIDDomain:       {tagIA5, 63},
	OIDEmail:        {tagIA5, 255},
}

var defaultAttrRule = attrRule{tagUTF8, 256}

// NameError says what is wrong with one attribute of a name.
//
// Shape: Reason is one of empty, too_long, country, charset, deceptive, space, type, too_many.
type NameError struct {
	Type   string
	Reason string
}

func (e *NameError) Error() string {
	return fmt.Sprintf("pki: name attribute %s: %s", e.Type, e.Reason)
}

// NewName makes a name with one relative name per attribute, in the order given: C, serialNumber and dnQualifier as
// PrintableString, emailAddress and DC as IA5String, all others as UTF8String.
//
// Errors: *NameError for an empty or overlong value, white space at its ends, a country that is not two capital
// letters, control characters, bidirectional overrides and other invisible characters.
// Source: RFC 5280 §4.1.2.4 and Appendix A.1.
func NewName(attrs ...Attr) (Name, error) {
	if len(attrs) > maxNameAttrs {
		return Name{}, &NameError{attrs[maxNameAttrs].Type, "too_many"}
	}
	var body []byte
	n := Name{}
	for _, a := range attrs {
		oid, err := EncodeOID(a.Type)
		if err != nil {
			return Name{}, &NameError{a.Type, "type"}
		}
		tag, reason := checkAttr(a)
		if reason != "" {
			return Name{}, &NameError{a.Type, reason}
		}
		body = append(body, tlv(tagSet, tlv(tagSequence, oid, tlv(tag, []byte(a.Value))))...)
		n.rdns = append(n.rdns, []Attr{a})
	}
	n.der = string(tlv(tagSequence, body))
	return n, nil
}

// checkAttr returns the string type to write, or the reason not to.
func checkAttr(a Attr) (tag byte, reason string) {
	rule, ok := attrRules[a.Type]
	if !ok {
		rule = defaultAttrRule
	}
	switch {
	case a.Value == "":
		return 0, "empty"
	case !utf8.ValidString(a.Value):
		return 0, "charset"
	case utf8.RuneCountInString(a.Value) > rule.max:
		return 0, "too_long"
	case strings.TrimSpace(a.Value) != a.Value:
		return 0, "space"
	case strings.ContainsFunc(a.Value, deceptive):
		return 0, "deceptive"
	case rule.tag == tagPrintable && !isPrintable(a.Value), rule.tag == tagIA5 && !isASCII(a.Value):
		return 0, "charset"
	case a.Type == OIDCountry && !isCountry(a.Value):
		return 0, "country"
	}
	return rule.tag, ""
}

func isCountry(s string) bool {
	return len(s) == 2 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z'
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}

// isPrintable reports whether s fits PrintableString, X.680 §41.4.
func isPrintable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune(" '()+,-./:=?", r))
	})
}

// deceptive reports whether a character can make a name look like another one: controls, bidirectional marks and
// overrides, invisible spaces, line separators, noncharacters.
func deceptive(r rune) bool {
	switch {
	case unicode.IsControl(r), r == 0x061c, r == 0x200b, r == 0x200e, r == 0x200f, r == 0x2028, r == 0x2029,
		r >= 0x202a && r <= 0x202e, r >= 0x2060 && r <= 0x206f, r == 0xfeff, r >= 0xfff0 && r <= 0xfffb,
		r >= 0xfdd0 && r <= 0xfdef, r&0xfffe == 0xfffe, r == utf8.RuneError, r >= 0xe0000 && r <= 0xe007f:
		return true
	}
	return false
}
