package cms

import (
	"fmt"
	"time"

	"signet/ca/pki"
)

// reader walks strict DER without recursion. Its first fault sticks and is shared with the readers made from
// it, so that a parse can be written straight down and asked once at the end.
type reader struct {
	in    []byte
	fault *error
}

func newReader(der []byte) *reader { return &reader{in: der, fault: new(error)} }

func (r *reader) err() error { return *r.fault }

func (r *reader) fail(kind error, what string) {
	if *r.fault == nil {
		*r.fault = fmt.Errorf("reading %s: %w", what, kind)
	}
	r.in = nil
}

// more says whether an element follows; it ends every loop at the first fault.
func (r *reader) more() bool { return *r.fault == nil && len(r.in) > 0 }

// at says whether the next element has this tag.
func (r *reader) at(tag byte) bool { return r.more() && r.in[0] == tag }

// end faults if anything is left.
func (r *reader) end(what string) {
	if r.more() {
		r.fail(ErrMalformed, "end of "+what)
	}
}

// next takes one element of any tag.
func (r *reader) next(what string) (tag byte, body, full []byte) {
	if *r.fault != nil {
		return 0, nil, nil
	}
	head, length, err := header(r.in)
	if err != nil {
		r.fail(err, what)
		return 0, nil, nil
	}
	full, r.in = r.in[:head+length], r.in[head+length:]
	return full[0], full[head:], full
}

// header reads identifier and length octets: low tags, minimal definite lengths that fit the input.
func header(b []byte) (head, length int, err error) {
	if len(b) < 2 || b[0]&0x1f == 0x1f {
		return 0, 0, ErrMalformed
	}
	first := b[1]
	if first < 0x80 {
		if int(first) > len(b)-2 {
			return 0, 0, ErrMalformed
		}
		return 2, int(first), nil
	}
	if first == 0x80 {
		return 0, 0, ErrBER
	}
	n := int(first & 0x7f)
	if n > 4 || len(b) < 2+n || b[2] == 0 {
		return 0, 0, ErrMalformed
	}
	var l uint64
	for _, c := range b[2 : 2+n] {
		l = l<<8 | uint64(c)
	}
	if l < 0x80 || l > uint64(len(b)-2-n) {
		return 0, 0, ErrMalformed
	}
	return 2 + n, int(l), nil
}

func (r *reader) body(tag byte, what string) []byte {
	if *r.fault == nil && len(r.in) > 0 && r.in[0] != tag {
		if r.in[0] == tag|0x20 && tag&0x20 == 0 {
			r.fail(ErrBER, what)
		} else {
			r.fail(ErrMalformed, what)
		}
		return nil
	}
	_, b, _ := r.next(what)
	return b
}

func (r *reader) into(tag byte, what string) *reader {
	return &reader{in: r.body(tag, what), fault: r.fault}
}

func (r *reader) raw(tag byte, what string) []byte {
	if *r.fault == nil && len(r.in) > 0 && r.in[0] != tag {
		r.fail(ErrMalformed, what)
		return nil
	}
	_, _, full := r.next(what)
	return full
}

// integer gives the contents of an INTEGER, two's complement, minimal.
func (r *reader) integer(what string) []byte {
	b := r.body(tagInteger, what)
	if *r.fault != nil {
		return nil
	}
	if len(b) == 0 || len(b) > 1 && (b[0] == 0 && b[1] < 0x80 || b[0] == 0xff && b[1] >= 0x80) {
		r.fail(ErrMalformed, what)
		return nil
	}
	return b
}

// small reads a number from 0 to most, which is below 1<<15.
func (r *reader) small(what string, most int) int {
	b := r.integer(what)
	v := 0
	for _, c := range b {
		v = v<<8 | int(c)
	}
	if *r.fault == nil && (len(b) > 2 || b[0]&0x80 != 0 || v > most) {
		r.fail(ErrMalformed, what)
	}
	if *r.fault != nil {
		return 0
	}
	return v
}

func (r *reader) oid(what string) string {
	id, err := pki.DecodeOID(r.body(tagOID, what))
	if err != nil {
		r.fail(ErrMalformed, what)
		return ""
	}
	return id
}

// algorithm is an AlgorithmIdentifier; params is the whole element or nil.
type algorithm struct {
	id     string
	params []byte
}

// plain says that the parameters are absent or NULL.
func (a algorithm) plain() bool {
	return a.params == nil || len(a.params) == 2 && a.params[0] == tagNull && a.params[1] == 0
}

func (r *reader) algorithm(what string) algorithm {
	s := r.into(tagSequence, what)
	a := algorithm{id: s.oid(what)}
	if s.more() {
		_, _, a.params = s.next(what)
	}
	s.end(what)
	return a
}

// moment reads UTCTime or GeneralizedTime in the DER forms: seconds, Zulu, no fraction.
func (r *reader) moment(what string) time.Time {
	tag, body, _ := r.next(what)
	if *r.fault != nil {
		return time.Time{}
	}
	layout := map[byte]string{tagUTCTime: "060102150405Z", tagGeneralized: "20060102150405Z"}[tag]
	t, err := time.Parse(layout, string(body))
	if layout == "" || err != nil || t.Format(layout) != string(body) {
		r.fail(ErrMalformed, what)
		return time.Time{}
	}
	if tag == tagUTCTime && t.Year() >= 2050 { // RFC 5280 §4.1.2.5.1: 00–49 is 20xx; Go splits at 69
		t = t.AddDate(-100, 0, 0)
	}
	return t
}

func writeTime(t time.Time) node {
	t = t.UTC()
	if t.Year() >= 1950 && t.Year() < 2050 {
		return leaf(tagUTCTime, []byte(t.Format("060102150405Z")))
	}
	return leaf(tagGeneralized, []byte(t.Format("20060102150405Z")))
}
