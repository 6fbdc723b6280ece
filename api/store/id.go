package store

import (
	"crypto/rand"
	"encoding/binary"
	"time"
)

// crockford is Crockford's base32 alphabet in lower case: no i, l, o, u.
// Source: crockford.com/base32.html.
const crockford = "0123456789abcdefghjkmnpqrstvwxyz"

const (
	idTimeDigits   = 9  // 45 bits of milliseconds: until the year 3084
	idRandomDigits = 11 // 55 random bits
)

// NewID makes an identifier: prefix, underscore, 20 characters that sort by time
// (so that new rows land together in an index) and end in 55 random bits. It names
// a row; it is not a secret.
//
// Shape: prefix of 1–16 lower-case letters and digits, chosen by the program; the result fits VARCHAR(40).
func NewID(prefix string) string {
	return newID(prefix, time.Now())
}

func newID(prefix string, at time.Time) string {
	var buf [8]byte
	rand.Read(buf[:])
	id := make([]byte, 0, len(prefix)+1+idTimeDigits+idRandomDigits)
	id = append(append(id, prefix...), '_')
	id = appendDigits(id, uint64(at.UnixMilli()), idTimeDigits)
	id = appendDigits(id, binary.BigEndian.Uint64(buf[:]), idRandomDigits)
	return string(id)
}

// appendDigits writes the low 5·n bits of v, most significant digit first.
func appendDigits(to []byte, v uint64, n int) []byte {
	for i := n - 1; i >= 0; i-- {
		to = append(to, crockford[v>>(5*i)&31])
	}
	return to
}
