package gm

// derReader takes strict DER apart: definite and shortest lengths, non-negative shortest INTEGERs. It holds what
// is left, and turns bad for good at the first fault.
type derReader struct {
	rest []byte
	bad  bool
}

const (
	derInteger     = 0x02
	derOctetString = 0x04
	derSequence    = 0x30
)

// value takes the next element, which must have this tag.
func (r *derReader) value(tag byte) []byte {
	if r.bad || len(r.rest) < 2 || r.rest[0] != tag {
		return r.fail()
	}
	length, body := uint64(r.rest[1]), r.rest[2:]
	if length >= 0x80 {
		count := int(length & 0x7f)
		if count == 0 || count > 4 || count > len(body) || body[0] == 0 {
			return r.fail() // indefinite, too long for us, cut off, or not the shortest form
		}
		length = 0
		for _, b := range body[:count] {
			length = length<<8 | uint64(b)
		}
		if body = body[count:]; length < 0x80 {
			return r.fail()
		}
	}
	if length > uint64(len(body)) {
		return r.fail()
	}
	r.rest = body[length:]
	return body[:length:length]
}

// integer takes a non-negative INTEGER below 2²⁵⁶, left-padded to 32 bytes.
func (r *derReader) integer() (out [32]byte) {
	v := r.value(derInteger)
	switch {
	case len(v) == 0, v[0] >= 0x80, len(v) > 1 && v[0] == 0 && v[1] < 0x80:
		r.fail()
		return out
	case v[0] == 0:
		v = v[1:]
	}
	if len(v) > len(out) {
		r.fail()
		return out
	}
	copy(out[len(out)-len(v):], v)
	return out
}

// done reports whether all was read and all was well.
func (r *derReader) done() bool { return !r.bad && len(r.rest) == 0 }

func (r *derReader) fail() []byte {
	r.rest, r.bad = nil, true
	return nil
}

// sequence opens b, which must be one SEQUENCE and nothing after it.
func sequence(b []byte) *derReader {
	outer := derReader{rest: b}
	inner := outer.value(derSequence)
	return &derReader{rest: inner, bad: !outer.done()}
}

// appendDER appends an element with its tag and length.
func appendDER(out []byte, tag byte, body []byte) []byte {
	out = append(out, tag)
	switch n := len(body); {
	case n < 0x80:
		out = append(out, byte(n))
	case n < 1<<8:
		out = append(out, 0x81, byte(n))
	case n < 1<<16:
		out = append(out, 0x82, byte(n>>8), byte(n))
	case n < 1<<24:
		out = append(out, 0x83, byte(n>>16), byte(n>>8), byte(n))
	default:
		out = append(out, 0x84, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return append(out, body...)
}

// appendInteger appends an unsigned big-endian number as INTEGER.
func appendInteger(out []byte, v []byte) []byte {
	for len(v) > 1 && v[0] == 0 {
		v = v[1:]
	}
	if v[0] >= 0x80 {
		v = append([]byte{0}, v...)
	}
	return appendDER(out, derInteger, v)
}
