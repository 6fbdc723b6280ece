package account

import (
	"crypto/sha256"
	"encoding/hex"
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

// APIKey is the key of a connected registration authority. It does not print; convert it to string where it is shown, once.
type APIKey string

// Format hides the key from every verb.
func (APIKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[APIKey]") }

// String hides the key.
func (APIKey) String() string { return "[APIKey]" }

// GoString hides the key.
func (APIKey) GoString() string { return "[APIKey]" }

// LogValue hides the key.
func (APIKey) LogValue() slog.Value { return slog.StringValue("[APIKey]") }

// MarshalText hides the key.
func (APIKey) MarshalText() ([]byte, error) { return []byte("[APIKey]"), nil }

// hash is what is kept. A plain hash is enough: nobody guesses 32 random bytes.
func (k APIKey) hash() string {
	sum := sha256.Sum256([]byte(k))
	return hex.EncodeToString(sum[:])
}

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
