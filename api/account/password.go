package account

import (
	"crypto/rand"
	"math/big"
	"strings"

	"signet/api/problem"
)

// The password rule: 8–20 characters, at least three of upper case, lower case,
// digits, special characters.
// Source: S000-15; S002-11's reading uses it everywhere.
const (
	passwordLeast   = 8
	passwordMost    = 20
	passwordClasses = 3
)

// CheckPassword examines a new password.
//
// Shape: printable ASCII without space, since what an input method composes
// cannot be typed again elsewhere.
// Errors: CodePasswordWeak with Params reason (length, charset, classes).
func CheckPassword(p Password) error {
	const classes = 4
	var seen [classes]bool
	for _, r := range string(p) {
		switch {
		case r >= 'A' && r <= 'Z':
			seen[0] = true
		case r >= 'a' && r <= 'z':
			seen[1] = true
		case r >= '0' && r <= '9':
			seen[2] = true
		case r > ' ' && r <= '~':
			seen[3] = true
		default:
			return weak("charset")
		}
	}
	if len(p) < passwordLeast || len(p) > passwordMost {
		return weak("length")
	}
	n := 0
	for _, s := range seen {
		if s {
			n++
		}
	}
	if n < passwordClasses {
		return weak("classes")
	}
	return nil
}

func weak(reason string) error {
	return problem.New(problem.Invalid, problem.CodePasswordWeak, "A password has 8 to 20 characters of at least three classes: upper case, lower case, digits, special characters.").
		WithField("password").WithParam("reason", reason)
}

// checkNewPassword applies the rule to a password and its repetition; taken are
// texts it must not equal in any case: the phone, the logins.
func checkNewPassword(p, confirm Password, taken ...string) error {
	if p != confirm {
		return problem.New(problem.Invalid, problem.CodePasswordMismatch, "The two passwords differ.").WithField("confirm")
	}
	if err := CheckPassword(p); err != nil {
		return err
	}
	for _, t := range taken {
		if t != "" && NormaliseLogin(string(p)) == NormaliseLogin(t) {
			return errPasswordSame
		}
	}
	return nil
}

var errPasswordSame = problem.New(problem.Invalid, problem.CodePasswordSame, "The password must differ from the phone number, the login and the former password.").
	WithField("password")

// NewPassword draws a password for a staff account, to be shown once.
//
// Shape: 16 characters of all four classes, without look-alikes; about 90 bits.
func NewPassword() (Password, error) {
	const upper, lower, digits, special = "ABCDEFGHJKLMNPQRTUVWXY", "abcdefghjkmnpqrstuvwxyz", "346789", "@#%+=?"
	for {
		var b strings.Builder
		for range 16 {
			i, err := rand.Int(rand.Reader, big.NewInt(int64(len(upper+lower+digits+special))))
			if err != nil {
				return "", err
			}
			b.WriteByte((upper + lower + digits + special)[i.Int64()])
		}
		s := b.String()
		if strings.ContainsAny(s, upper) && strings.ContainsAny(s, lower) && strings.ContainsAny(s, digits) && strings.ContainsAny(s, special) {
			return Password(s), nil
		}
	}
}
