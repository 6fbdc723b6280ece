package account

import (
	"fmt"
	"io"
	"log/slog"
)

// Password is a password as typed. It does not print.
type Password string

// Format hides the password from every verb.
func (Password) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[Password]") }

// String hides the password.
func (Password) String() string { return "[Password]" }

// GoString hides the password.
func (Password) GoString() string { return "[Password]" }

// LogValue hides the password.
func (Password) LogValue() slog.Value { return slog.StringValue("[Password]") }

// MarshalText hides the password.
func (Password) MarshalText() ([]byte, error) { return []byte("[Password]"), nil }

// Token is a session token as the cookie carries it. It does not print; convert
// it to string where the cookie is written.
type Token string

// Format hides the token from every verb.
func (Token) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[Token]") }

// String hides the token.
func (Token) String() string { return "[Token]" }

// GoString hides the token.
func (Token) GoString() string { return "[Token]" }

// LogValue hides the token.
func (Token) LogValue() slog.Value { return slog.StringValue("[Token]") }

// MarshalText hides the token.
func (Token) MarshalText() ([]byte, error) { return []byte("[Token]"), nil }

// Key authenticates codes and captchas. It does not print.
type Key []byte

// Format hides the key from every verb.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[Key]") }

// String hides the key.
func (Key) String() string { return "[Key]" }

// GoString hides the key.
func (Key) GoString() string { return "[Key]" }

// LogValue hides the key.
func (Key) LogValue() slog.Value { return slog.StringValue("[Key]") }

// MarshalText hides the key.
func (Key) MarshalText() ([]byte, error) { return []byte("[Key]"), nil }
