package pki

import (
	"errors"
	"fmt"
)

// ErrMalformed marks input that is not the strict DER, or not the structure, it should be.
var ErrMalformed = errors.New("pki: malformed")

// ErrUnsupported marks input that is well formed but of an algorithm or form this package does not know.
var ErrUnsupported = errors.New("pki: unsupported")

// ErrSignature means a signature does not verify, or its algorithm does not fit the key.
var ErrSignature = errors.New("pki: signature does not verify")

// ErrIssuer means a certificate is not an issuer that may have signed: wrong name, no CA, or no such usage.
var ErrIssuer = errors.New("pki: not the issuer")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
}

func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrUnsupported}, args...)...)
}
