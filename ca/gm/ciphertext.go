package gm

import "bytes"

// Ciphertext is an SM2 ciphertext taken apart.
type Ciphertext struct {
	C1 PublicKey // the ephemeral point
	C3 [32]byte  // the tag
	C2 []byte    // the masked message, of its length
}

// ParseCiphertext reads DER SM2Cipher or raw C1C3C2, with or without the leading 04. What it returns shares no
// memory with b.
//
// Errors: ErrCiphertext; ErrPoint if the form is right but C1 is no point of the curve.
// Source: GB/T 35276 (SM2Cipher; its coordinates may be shorter than 32 bytes); GB/T 32918.4 §6.1.
func ParseCiphertext(b []byte) (Ciphertext, error) {
	forms := append(derReading(b), rawReadings(b, tagFirst)...)
	return firstOnCurve(forms)
}

// ParseCiphertextC1C2C3 reads the order of the 2010 draft, raw C1C2C3 with or without the leading 04; otherwise
// as ParseCiphertext.
func ParseCiphertextC1C2C3(b []byte) (Ciphertext, error) {
	return firstOnCurve(rawReadings(b, tagLast))
}

func firstOnCurve(forms []Ciphertext) (Ciphertext, error) {
	if len(forms) == 0 {
		return Ciphertext{}, ErrCiphertext
	}
	for _, c := range forms {
		if c.C1.onCurve() {
			c.C2 = bytes.Clone(c.C2)
			return c, nil
		}
	}
	return Ciphertext{}, ErrPoint
}

// readings lists what b can mean, the most likely first.
func readings(b []byte) []Ciphertext {
	return append(append(derReading(b), rawReadings(b, tagFirst)...), rawReadings(b, tagLast)...)
}

// derReading reads b as SM2Cipher: one reading or none.
func derReading(b []byte) []Ciphertext {
	var c Ciphertext
	seq := sequence(b)
	c.C1.X, c.C1.Y = seq.integer(), seq.integer()
	c3 := seq.value(derOctetString)
	c.C2 = seq.value(derOctetString)
	if !seq.done() || len(c3) != len(c.C3) || len(c.C2) == 0 {
		return nil
	}
	c.C3 = [32]byte(c3)
	return []Ciphertext{c}
}

type rawOrder bool

const (
	tagFirst rawOrder = false // C1C3C2
	tagLast  rawOrder = true  // C1C2C3
)

// rawReadings reads b as point, tag and message, with the leading 04 of the point and without.
func rawReadings(b []byte, order rawOrder) (out []Ciphertext) {
	if len(b) > 0 && b[0] == 4 {
		out = appendRaw(out, b[1:], order)
	}
	return appendRaw(out, b, order)
}

func appendRaw(out []Ciphertext, b []byte, order rawOrder) []Ciphertext {
	if len(b) <= 64+32 {
		return out
	}
	c := Ciphertext{C1: PublicKey{[32]byte(b[:32]), [32]byte(b[32:64])}}
	if b = b[64:]; order == tagLast {
		at := len(b) - 32
		c.C2, c.C3 = b[:at:at], [32]byte(b[at:])
	} else {
		c.C3, c.C2 = [32]byte(b[:32]), b[32:]
	}
	return append(out, c)
}

// ASN1 returns the DER SM2Cipher.
func (c Ciphertext) ASN1() []byte {
	body := appendInteger(make([]byte, 0, 112+len(c.C2)), c.C1.X[:])
	body = appendInteger(body, c.C1.Y[:])
	body = appendDER(body, derOctetString, c.C3[:])
	body = appendDER(body, derOctetString, c.C2)
	return appendDER(make([]byte, 0, 6+len(body)), derSequence, body)
}

// C1C3C2 returns the raw form of the standard, with the leading 04.
func (c Ciphertext) C1C3C2() []byte { return append(append(c.C1.Bytes(), c.C3[:]...), c.C2...) }

// C1C2C3 returns the raw form of the 2010 draft, with the leading 04.
func (c Ciphertext) C1C2C3() []byte { return append(append(c.C1.Bytes(), c.C2...), c.C3[:]...) }
