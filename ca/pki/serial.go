package pki

import "io"

// NewSerial draws a certificate serial: 16 random bytes with the first in 0x01–0x7f,
// so DER holds exactly 16 octets and the number is positive.
//
// Shape: unsigned, big-endian, 16 bytes.
// Errors: only those of rand.
// Source: RFC 5280 §4.1.2.2 (positive, at most 20 octets); BR §7.1 (≥ 64 random bits; this has ≈ 127).
func NewSerial(rand io.Reader) ([]byte, error) {
	serial := make([]byte, 16)
	if _, err := io.ReadFull(rand, serial); err != nil {
		return nil, err
	}
	for serial[0] == 0 || serial[0] > 0x7f { // draw again rather than mask, so that every value is equally likely
		if _, err := io.ReadFull(rand, serial[:1]); err != nil {
			return nil, err
		}
	}
	return serial, nil
}
