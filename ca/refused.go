package ca

import "errors"

// Codes of RefusedError.
const (
	RefusedRequest  = "request"  // an id or field of the request itself; also: the id belongs to a request for something else
	RefusedSubject  = "subject"  // a name the profile or X.509 does not admit
	RefusedKey      = "key"      // unreadable, or of an algorithm the profile does not certify
	RefusedWeakKey  = "weak_key" // not fit to be certified
	RefusedField    = "field"    // an identity field is missing or has the wrong form
	RefusedValidity = "validity" // too long, empty, or beyond the issuer's
	RefusedLint     = "lint"     // a rule of ca/lint: a mistake of profile or code rather than of the person asking
	RefusedProof    = "proof"    // what should show that a key is compromised does not
	RefusedReason   = "reason"   // a revocation reason this authority does not use
)

// RefusedError says that a request can never succeed as it stands; repeating it does not help.
//
// Shape: Code is one of the Refused constants; Detail is English, for operators, and holds no secret.
type RefusedError struct{ Code, Detail string }

func (e *RefusedError) Error() string { return "ca: refused (" + e.Code + "): " + e.Detail }

func refuse(code, detail string) error { return &RefusedError{Code: code, Detail: detail} }

// Errors of Authority beside those of Store and *RefusedError.
var (
	ErrUnknownCA      = errors.New("ca: unknown CA")
	ErrUnknownProfile = errors.New("ca: this CA does not use that profile")
	ErrKeyCertified   = errors.New("ca: key is certified already for another request")
	ErrStopped        = errors.New("ca: issuing is stopped")
)

// final reports whether repeating the request cannot help.
func final(err error) bool {
	var r *RefusedError
	return errors.As(err, &r) || errors.Is(err, ErrUnknownCA) || errors.Is(err, ErrUnknownProfile) || errors.Is(err, ErrKeyCertified)
}
