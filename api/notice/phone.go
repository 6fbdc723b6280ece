package notice

import "strings"

// Phone brings a mainland mobile number as people type it into its one form.
//
// Shape: full-width digits are folded, spaces, dashes and a leading +86 dropped;
// what remains must be 11 digits, 1 then 3–9; otherwise ok is false.
// Source: S000-20 (11-digit mobile); MIIT numbering, 13x–19x.
func Phone(typed string) (number string, ok bool) {
	var digits strings.Builder
	for i, r := range strings.TrimSpace(typed) {
		switch {
		case r >= '0' && r <= '9':
			digits.WriteRune(r)
		case r >= '０' && r <= '９':
			digits.WriteRune(r - '０' + '0')
		case r == '+' && i == 0:
			digits.WriteRune(r)
		case r == ' ' || r == '-' || r == '－' || r == '\u3000' || r == '\u00a0':
		default:
			return "", false
		}
	}
	number = strings.TrimPrefix(digits.String(), "+86")
	if len(number) != 11 || number[0] != '1' || number[1] < '3' {
		return "", false
	}
	return number, !strings.ContainsRune(number, '+')
}

// MaskPhone hides the middle of a number: 138****1084.
//
// Shape: of anything shorter than 7 characters only the first is shown.
func MaskPhone(number string) string {
	runes := []rune(number)
	switch {
	case len(runes) == 0:
		return ""
	case len(runes) < 7:
		return string(runes[:1]) + strings.Repeat("*", len(runes)-1)
	}
	return string(runes[:3]) + "****" + string(runes[len(runes)-4:])
}
