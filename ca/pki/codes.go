package pki

import (
	"strings"
	"time"
	"unicode"
)

// CodeError says what is wrong with an identity code. It never carries the code itself.
//
// Shape: Kind is uscc, org_code or resident_id; Reason is length, charset, check_digit or date. Position is the
// character at fault, from 1, for charset; else 0.
type CodeError struct {
	Kind     string
	Reason   string
	Position int
}

func (e *CodeError) Error() string { return "pki: " + e.Kind + ": " + e.Reason }

// NormaliseCode brings a code as people and certificates write it to its plain form: upper case, full-width characters
// as ASCII, without spaces and dashes.
func NormaliseCode(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 0xff01 && r <= 0xff5e {
			r -= 0xfee0
		}
		if unicode.IsSpace(r) || r == 0xfeff || r == 0x200b || strings.ContainsRune("-‐‑‒–—―−﹣", r) {
			return -1
		}
		return unicode.ToUpper(r)
	}, s)
}

// usccAlphabet has no I, O, S, V, Z. Source: GB 32100-2015.
const usccAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"

// CheckUSCC checks a unified social credit code, after NormaliseCode: alphabet, check digit, and the organisation
// code inside.
//
// Errors: *CodeError.
// Source: GB 32100-2015.
func CheckUSCC(s string) error {
	s = NormaliseCode(s)
	if len([]rune(s)) != 18 {
		return &CodeError{Kind: "uscc", Reason: "length"}
	}
	for i, r := range []rune(s) {
		if !strings.ContainsRune(usccAlphabet, r) {
			return &CodeError{"uscc", "charset", i + 1}
		}
	}
	sum, weight := 0, 1
	for i := range 17 {
		sum += strings.IndexByte(usccAlphabet, s[i]) * weight
		weight = weight * 3 % 31
	}
	if usccAlphabet[(31-sum%31)%31] != s[17] || orgCheckDigit(s[8:16]) != s[16] {
		return &CodeError{Kind: "uscc", Reason: "check_digit"}
	}
	return nil
}

// CheckOrgCode checks a nine-character organisation code, after NormaliseCode.
//
// Errors: *CodeError.
// Source: GB 11714.
func CheckOrgCode(s string) error {
	s = NormaliseCode(s)
	if len([]rune(s)) != 9 {
		return &CodeError{Kind: "org_code", Reason: "length"}
	}
	for i, r := range []rune(s) {
		if !(r >= '0' && r <= '9' || r >= 'A' && r <= 'Z') {
			return &CodeError{"org_code", "charset", i + 1}
		}
	}
	if orgCheckDigit(s[:8]) != s[8] {
		return &CodeError{Kind: "org_code", Reason: "check_digit"}
	}
	return nil
}

// orgCheckDigit computes the ninth character of an organisation code from eight of 0–9, A–Z.
func orgCheckDigit(body string) byte {
	sum := 0
	for i, w := range []int{3, 7, 9, 10, 5, 8, 4, 2} {
		v := int(body[i] - '0')
		if body[i] >= 'A' {
			v = int(body[i]-'A') + 10
		}
		sum += v * w
	}
	return "0X987654321"[sum%11]
}

// CheckResidentID checks an 18-character resident identity number, after NormaliseCode: digits, a real date of birth
// that is not after now, check digit. The division code is not looked up.
//
// Errors: *CodeError.
// Source: GB 11643.
func CheckResidentID(s string, now time.Time) error {
	const kind = "resident_id"
	s = NormaliseCode(s)
	if len([]rune(s)) != 18 {
		return &CodeError{Kind: kind, Reason: "length"}
	}
	for i, r := range []rune(s) {
		if !(r >= '0' && r <= '9' || i == 17 && r == 'X') {
			return &CodeError{kind, "charset", i + 1}
		}
	}
	born, err := time.Parse("20060102", s[6:14])
	if err != nil || born.Year() < 1800 || s[6:14] > now.In(chinaTime).Format("20060102") {
		return &CodeError{Kind: kind, Reason: "date"}
	}
	sum := 0
	for i, w := range []int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		sum += int(s[i]-'0') * w
	}
	if "10X98765432"[sum%11] != s[17] {
		return &CodeError{Kind: kind, Reason: "check_digit"}
	}
	return nil
}

// chinaTime is where the dates of birth are; there is no daylight saving.
var chinaTime = time.FixedZone("CST", 8*3600)
