package pki

import (
	"log/slog"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// Identity is who a certificate of any Chinese CA says its holder is. Codes are in NormaliseCode form.
//
// Shape: USCC and OrgCode have passed their check digits; RegNumber, PersonID and TaxNumber may be of legacy forms that
// have none. Raw maps extension and attribute identifiers to the text as it was read.
type Identity struct {
	USCC      string
	OrgCode   string
	RegNumber string
	PersonID  string
	TaxNumber string
	Raw       map[string]string
}

// String does not show the codes: some of them are personal data.
func (Identity) String() string { return "[identity]" }

// GoString does not show the codes.
func (id Identity) GoString() string { return id.String() }

// LogValue does not show the codes.
func (id Identity) LogValue() slog.Value { return slog.StringValue(id.String()) }

// hint is what an identifier is meant to carry; the form of the value decides first.
type hint int

const (
	hintOrg hint = iota
	hintPerson
	hintReg
	hintTax
	hintNone // kept in Raw, classified only when the form leaves no doubt
)

// identitySources are tried in this order; the first value of a kind wins.
//
// Source: gm-standards §2: GM/T 0015-2023; GB/T 20518-2018; GB/T 20518-2006 (whose .3 and .4 are the other way round);
// the extensions of single CAs.
var identitySources = []struct {
	oid  string
	hint hint
}{
	{OIDUSCC, hintOrg},
	{OIDOrgCode, hintOrg},
	{OIDRegNumber, hintReg},
	{OIDTaxNumber, hintTax},
	{OIDIdentifyCode, hintPerson},
	{OIDResidentID, hintPerson},
	{OIDPassport, hintPerson},
	{OIDInsurance, hintNone},
	{"1.2.86.11.7.1", hintPerson},
	{"1.2.86.11.7.2", hintNone}, // insurance
	{"1.2.86.11.7.3", hintOrg},
	{"1.2.86.11.7.4", hintReg},
	{"1.2.86.11.7.5", hintTax},
	{"1.2.156.112562.2.1.1.1", hintNone}, // BJCA: JJ + organisation code, SF + resident ID
	{"1.2.156.112562.2.1.1.11", hintNone},
	{"1.2.156.112562.2.1.1.17", hintNone},
	{"1.2.156.112562.2.1.1.31", hintNone},
	{"1.2.156.112562.2.1.1.23", hintNone}, // BJCA: unique identifier
	{"1.2.156.112570.11.205", hintNone},   // SHECA
	{"1.2.156.112570.11.206", hintNone},
	{"1.2.156.112570.11.210", hintNone},
	{"1.2.86.21.1.1", hintNone}, // JSCA unique identifier
	{"1.2.86.21.1.3", hintNone}, // GDCA, GZCA trust number
}

// ReadIdentity gathers the identity codes of a certificate from every place where Chinese CAs put them: the identity
// extensions of GM/T 0015 and GB/T 20518 in all editions, CAs' own extensions, the DN attribute 2.5.4.1 and CFCA's
// @N<code>@ in the common name. What a value is follows from its form; the identifier only helps where forms
// have no check digit.
//
// Nil/zero: fields are empty and Raw has no entry where the certificate says nothing.
func ReadIdentity(c *Certificate) Identity {
	id := Identity{Raw: map[string]string{}}
	for _, s := range identitySources {
		e := c.Extension(s.oid)
		if e == nil {
			continue
		}
		if text := identityText(e.Value); text != "" {
			id.Raw[s.oid] = text
			id.classify(text, s.hint, c.NotBefore)
		}
	}
	if v := c.Subject.First(OIDAliasedEntry); v != "" {
		id.Raw[OIDAliasedEntry] = v
		id.classify(v, hintOrg, c.NotBefore)
	}
	id.readCommonName(c)
	return id
}

// cfcaName is CFCA's common name: RA@holder@N<USCC>@sequence, with Z for other kinds of number.
var cfcaName = regexp.MustCompile(`@([NZ])([0-9A-Za-z-]{8,32})@`)

func (id *Identity) readCommonName(c *Certificate) {
	for _, a := range c.Subject.Attrs() {
		if a.Type != OIDCommonName {
			continue
		}
		m := cfcaName.FindStringSubmatch(a.Value)
		if m == nil {
			continue
		}
		id.Raw[OIDCommonName] = m[2]
		h := hintNone
		if m[1] == "N" {
			h = hintOrg
		}
		id.classify(m[2], h, c.NotBefore)
	}
}

// identityText finds the text in an extension value: a string of any type, one explicit or implicit context tag around
// it, or bytes without a tag. Nil/zero: "" when there is no readable text.
func identityText(value []byte) string {
	r := reader{b: value}
	tag, contents, whole := r.next()
	if !r.done() {
		return plainText(value) // no tag at all
	}
	switch {
	case tag&0xe0 == 0xa0: // [n] EXPLICIT
		return identityText(contents)
	case tag&0xe0 == 0x80, tag == tagOctetString: // [n] IMPLICIT, or wrapped once more
		return plainText(contents)
	case tag == tagUTF8, tag == tagPrintable, tag == tagIA5, tag == tagNumeric, tag == tagVisible, tag == tagT61, tag == tagBMP:
		if text, err := attrText(tag, contents, whole); err == nil {
			return plainText([]byte(text))
		}
		return ""
	}
	return plainText(value) // printable bytes that only looked like a tag and a length
}

const maxIdentityText = 256

func plainText(b []byte) string {
	s := strings.TrimSpace(strings.TrimRight(string(b), "\x00"))
	if s == "" || len(s) > maxIdentityText || !utf8.ValidString(s) || strings.ContainsFunc(s, deceptive) {
		return ""
	}
	return s
}

// bjcaCode is the end of BJCA's identifiers: JJ and an organisation code, SF and a resident ID, in some with a 0 between.
var bjcaCode = regexp.MustCompile(`(JJ|SF)(0?([0-9A-Z]+))$`)

// classify puts one value where its form says it belongs.
func (id *Identity) classify(text string, h hint, now time.Time) {
	code := NormaliseCode(text)
	if id.classifyChecked(code, h, now) {
		return
	}
	if m := bjcaCode.FindStringSubmatch(code); m != nil && h == hintNone {
		marked := map[string]hint{"JJ": hintOrg, "SF": hintPerson}[m[1]]
		_ = id.classifyChecked(m[2], marked, now) || id.classifyChecked(m[3], marked, now)
		return
	}
	id.classifyOpaque(code, h)
}

// classifyChecked handles the codes that have a check digit and reports whether this was one.
func (id *Identity) classifyChecked(code string, h hint, now time.Time) bool {
	isPerson, isUSCC := CheckResidentID(code, now) == nil, CheckUSCC(code) == nil
	switch {
	case isPerson && (h == hintPerson || !isUSCC):
		setOnce(&id.PersonID, code)
	case isUSCC:
		setOnce(&id.USCC, code)
		if h == hintTax {
			setOnce(&id.TaxNumber, code)
		}
	case (h == hintOrg || h == hintReg) && CheckOrgCode(code) == nil: // one digit in eleven fits by chance: not without a hint
		setOnce(&id.OrgCode, code)
	default:
		return false
	}
	return true
}

// classifyOpaque handles the legacy forms that nothing but their place tells apart.
func (id *Identity) classifyOpaque(code string, h hint) {
	if !isOpaque(code) {
		return
	}
	switch h {
	case hintReg:
		setOnce(&id.RegNumber, code)
	case hintTax:
		setOnce(&id.TaxNumber, code)
	case hintPerson:
		setOnce(&id.PersonID, code) // passport, officer's card, 15-digit number
	case hintOrg:
		if len(code) == 15 && isDigits(code) {
			setOnce(&id.RegNumber, code) // the business registration number had 15 digits before 2015
		}
	}
}

func setOnce(field *string, v string) {
	if *field == "" {
		*field = v
	}
}

// isOpaque reports whether a code without check digit could be one: 5 to 32 letters and digits.
func isOpaque(s string) bool {
	n := utf8.RuneCountInString(s)
	return n >= 5 && n <= 32 && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 0x4e00 && r <= 0x9fff)
	})
}

func isDigits(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}
