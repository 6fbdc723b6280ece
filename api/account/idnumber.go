package account

import "strings"

// CodeWarning says what is wrong with an imported ID number; it is shown, and the
// number is kept unchanged.
type CodeWarning string

// The warnings.
const (
	CodeFine       CodeWarning = ""
	CodeLength     CodeWarning = "length"
	CodeCharset    CodeWarning = "charset"
	CodeCheckDigit CodeWarning = "check_digit"
)

// NormaliseLogin brings a login as typed to the form that is looked up: full-width
// characters folded, spaces and dashes dropped, upper case.
//
// Source: S002-02 (codes are printed as XXXXXXX-X and typed without the dash).
func NormaliseLogin(typed string) string {
	return strings.ToUpper(strings.Map(func(r rune) rune {
		switch {
		case r >= '！' && r <= '～': // full-width forms of ! to ~
			r -= '！' - '!'
		case r >= '‐' && r <= '―', r == '−', r == '﹣': // typographic dashes
			return -1
		}
		switch r {
		case '-', ' ', '\t', '\r', '\n', '\u3000', '\u00a0', '\ufeff', '\u200b':
			return -1
		}
		return r
	}, typed))
}

// CheckUSCC examines a unified social credit code (统一社会信用代码).
//
// Shape: normalised.
// Source: GB 32100-2015 §4; characters 9–17 are an organisation code (GB 11714).
func CheckUSCC(code string) CodeWarning {
	const alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
	if len(code) != 18 {
		return CodeLength
	}
	sum, weight := 0, 1
	for i := range 18 {
		value := strings.IndexByte(alphabet, code[i])
		if value < 0 {
			return CodeCharset
		}
		if i < 17 {
			sum += value * weight
			weight = weight * 3 % 31
		}
	}
	if code[17] != alphabet[(31-sum%31)%31] {
		return CodeCheckDigit
	}
	return CheckOrgCode(code[8:17])
}

// CheckOrgCode examines an organisation code (组织机构代码).
//
// Shape: normalised, so without the dash.
// Source: GB 11714-1997.
func CheckOrgCode(code string) CodeWarning {
	weights := [8]int{3, 7, 9, 10, 5, 8, 4, 2}
	if len(code) != 9 {
		return CodeLength
	}
	sum := 0
	for i := range 9 {
		value := strings.IndexByte("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", code[i])
		if value < 0 {
			return CodeCharset
		}
		if i < 8 {
			sum += value * weights[i]
		}
	}
	if code[8] != "0X987654321"[sum%11] { // 11 − sum mod 11; 10 is X, 11 is 0
		return CodeCheckDigit
	}
	return CodeFine
}
