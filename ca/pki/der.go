package pki

import (
	"unicode/utf8"
)

// Universal tags, X.690 §8.
const (
	tagBoolean     = 0x01
	tagInteger     = 0x02
	tagBitString   = 0x03
	tagOctetString = 0x04
	tagNull        = 0x05
	tagOID         = 0x06
	tagEnumerated  = 0x0a
	tagUTF8        = 0x0c
	tagNumeric     = 0x12
	tagPrintable   = 0x13
	tagT61         = 0x14
	tagIA5         = 0x16
	tagUTCTime     = 0x17
	tagGenTime     = 0x18
	tagVisible     = 0x1a
	tagUniversal   = 0x1c
	tagBMP         = 0x1e
	tagSequence    = 0x30
	tagSet         = 0x31
)

const (
	maxDERDepth = 32        // no structure of X.509 is deeper than about 12
	maxCertSize = 128 << 10 // certificates and requests; CRLs are bounded by the caller
)

// context makes the tag [n], primitive or constructed.
func context(n byte, constructed bool) byte {
	if constructed {
		return 0xa0 | n
	}
	return 0x80 | n
}

// tlv encodes one element of the given tag around the parts.
func tlv(tag byte, parts ...[]byte) []byte {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	out := appendHeader(make([]byte, 0, n+6), tag, n)
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// appendHeader appends tag and length of an element with n bytes of contents.
func appendHeader(dst []byte, tag byte, n int) []byte {
	dst = append(dst, tag)
	switch {
	case n < 0x80:
		return append(dst, byte(n))
	case n < 0x100:
		return append(dst, 0x81, byte(n))
	case n < 0x10000:
		return append(dst, 0x82, byte(n>>8), byte(n))
	case n < 0x1000000:
		return append(dst, 0x83, byte(n>>16), byte(n>>8), byte(n))
	}
	return append(dst, 0x84, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

// derUint encodes an unsigned big-endian number as INTEGER.
func derUint(be []byte) []byte { return tlv(tagInteger, uintContents(be)) }

// uintContents is the contents of the INTEGER with that unsigned value.
func uintContents(be []byte) []byte {
	for len(be) > 0 && be[0] == 0 {
		be = be[1:]
	}
	if len(be) == 0 {
		return []byte{0}
	}
	if be[0]&0x80 != 0 {
		return append([]byte{0}, be...)
	}
	return be
}

// derBits encodes whole bytes as BIT STRING.
func derBits(b []byte) []byte { return tlv(tagBitString, []byte{0}, b) }

var (
	derNull = []byte{tagNull, 0}
	derTrue = []byte{tagBoolean, 1, 0xff}
)

// reader takes DER elements off the front of a byte slice. The first mistake sticks; callers look at ok once.
type reader struct {
	b   []byte
	bad bool
}

// next returns the next element: tag, contents and the whole encoding.
func (r *reader) next() (tag byte, contents, whole []byte) {
	tag, hdr, n, ok := header(r.b)
	if r.bad || !ok {
		r.bad = true
		return 0, nil, nil
	}
	whole = r.b[: hdr+n : hdr+n]
	r.b = r.b[hdr+n:]
	return tag, whole[hdr:], whole
}

// take returns the contents of the next element, which must have the tag.
func (r *reader) take(tag byte) []byte {
	contents, _ := r.takeWhole(tag)
	return contents
}

func (r *reader) takeWhole(tag byte) (contents, whole []byte) {
	if !r.peek(tag) {
		r.bad = true
		return nil, nil
	}
	_, contents, whole = r.next()
	return contents, whole
}

func (r *reader) peek(tag byte) bool { return !r.bad && len(r.b) > 0 && r.b[0] == tag }

// optional returns the contents of the next element if it has the tag.
func (r *reader) optional(tag byte) ([]byte, bool) {
	if !r.peek(tag) {
		return nil, false
	}
	c := r.take(tag)
	return c, !r.bad
}

func (r *reader) empty() bool { return len(r.b) == 0 }

// done reports whether everything was read and nothing was wrong.
func (r *reader) done() bool { return !r.bad && len(r.b) == 0 }

// header reads one element's header: single-byte tag, definite and minimal length, contents within b.
func header(b []byte) (tag byte, hdr, n int, ok bool) {
	if len(b) < 2 || b[0]&0x1f == 0x1f || b[0] == 0 {
		return 0, 0, 0, false
	}
	if b[1] < 0x80 {
		n = int(b[1])
		return b[0], 2, n, n <= len(b)-2
	}
	k := int(b[1] & 0x7f)
	if k == 0 || k > 4 || len(b) < 2+k || b[2] == 0 {
		return 0, 0, 0, false
	}
	v := uint64(0)
	for _, c := range b[2 : 2+k] {
		v = v<<8 | uint64(c)
	}
	if v < 0x80 || v > uint64(len(b)-2-k) {
		return 0, 0, 0, false
	}
	return b[0], 2 + k, int(v), true
}

// sequence returns the contents of der, which must be exactly one SEQUENCE in strict DER all the way down.
func sequence(der []byte, what string) ([]byte, error) {
	r := reader{b: der}
	contents := r.take(tagSequence)
	if !r.done() {
		return nil, malformed("%s is not one DER sequence", what)
	}
	if !checkDER(contents, 1) {
		return nil, malformed("%s is not strict DER", what)
	}
	return contents, nil
}

// checkDER reports whether b is a run of elements in strict DER. It looks into constructed elements, not into strings.
func checkDER(b []byte, depth int) bool {
	if depth > maxDERDepth {
		return false
	}
	r := reader{b: b}
	for !r.empty() {
		tag, contents, _ := r.next()
		if r.bad {
			return false
		}
		constructed, universal := tag&0x20 != 0, tag&0xc0 == 0
		switch {
		case constructed && universal && tag != tagSequence && tag != tagSet:
			return false // constructed strings are BER
		case constructed:
			if !checkDER(contents, depth+1) {
				return false
			}
		case universal && !primitiveOK(tag, contents):
			return false
		}
	}
	return true
}

// primitiveOK reports whether the contents of a universal primitive element are in their only DER form.
func primitiveOK(tag byte, c []byte) bool {
	switch tag {
	case tagBoolean:
		return len(c) == 1 && (c[0] == 0 || c[0] == 0xff)
	case tagInteger, tagEnumerated:
		return minimalInt(c)
	case tagBitString:
		return bitStringOK(c)
	case tagNull:
		return len(c) == 0
	case tagOID:
		return minimalOID(c)
	case tagUTF8:
		return utf8.Valid(c)
	case tagSequence &^ 0x20, tagSet &^ 0x20:
		return false
	}
	return true
}

func minimalInt(c []byte) bool {
	if len(c) == 0 {
		return false
	}
	return len(c) == 1 || !(c[0] == 0 && c[1]&0x80 == 0 || c[0] == 0xff && c[1]&0x80 != 0)
}

func bitStringOK(c []byte) bool {
	if len(c) == 0 || c[0] > 7 || len(c) == 1 && c[0] != 0 {
		return false
	}
	return c[len(c)-1]&(1<<c[0]-1) == 0 || len(c) == 1
}

func minimalOID(c []byte) bool {
	if len(c) == 0 || c[len(c)-1]&0x80 != 0 {
		return false
	}
	start := true
	for _, b := range c {
		if start && b == 0x80 {
			return false
		}
		start = b&0x80 == 0
	}
	return true
}
