package ukey

import (
	"fmt"
	"io"
	"log/slog"
)

// PIN is what opens a token. It prints as "[PIN]" whatever prints it.
//
// Shape: the bytes as typed.
// Concurrency: whoever made it wipes it, after the last use.
type PIN []byte

const redacted = "[PIN]"

// Wipe overwrites the PIN in place.
func (p PIN) Wipe() { clear(p) }

func (PIN) String() string               { return redacted }
func (PIN) GoString() string             { return redacted }
func (PIN) Format(f fmt.State, _ rune)   { io.WriteString(f, redacted) }
func (PIN) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (PIN) MarshalText() ([]byte, error) { return []byte(redacted), nil }
func (PIN) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// The lengths every driver accepts for a new PIN.
const (
	MinPIN = 6
	MaxPIN = 32
)

// CheckPIN tells whether a PIN that a person chose is fit to protect a key.
//
// Errors: ErrWeakPIN: shorter than MinPIN, longer than MaxPIN, not printable ASCII, one character only, or a
// run like 123456.
func CheckPIN(p PIN) error {
	if err := CheckPINShape(p); err != nil {
		return err
	}
	same, up, down := true, true, true
	for i := 1; i < len(p); i++ {
		same = same && p[i] == p[i-1]
		up = up && p[i] == p[i-1]+1
		down = down && p[i] == p[i-1]-1
	}
	if same || up || down {
		return ErrWeakPIN
	}
	return nil
}

// CheckPINShape tells whether a PIN has a length and characters that every driver can take.
//
// Errors: ErrWeakPIN.
func CheckPINShape(p PIN) error {
	if len(p) < MinPIN || len(p) > MaxPIN {
		return ErrWeakPIN
	}
	for _, c := range p {
		if c < 0x20 || c > 0x7e {
			return ErrWeakPIN
		}
	}
	return nil
}
