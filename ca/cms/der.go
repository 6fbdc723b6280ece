package cms

import (
	"bytes"
	"fmt"
	"slices"

	"signet/ca/pki"
)

// The tags used here, as whole identifier octets.
const (
	tagInteger     = 0x02
	tagBitString   = 0x03
	tagOctetString = 0x04
	tagNull        = 0x05
	tagOID         = 0x06
	tagUTCTime     = 0x17
	tagGeneralized = 0x18
	tagSequence    = 0x30
	tagSet         = 0x31
	tagImplicit0   = 0x80 // [0] IMPLICIT of a primitive
	tagImplicit1   = 0x81
	tagContext0    = 0xa0 // [0] constructed
	tagContext1    = 0xa1
	tagContext2    = 0xa2
)

// node is a piece of DER to be written; a tree of them is sized first and then written in one go, so that a
// large content is copied once however deep it sits. Tag 0 means that body is already encoded.
type node struct {
	tag  byte
	body []byte
	kids []node
}

func wrap(tag byte, kids ...node) node { return node{tag: tag, kids: kids} }
func leaf(tag byte, body []byte) node  { return node{tag: tag, body: body} }
func encoded(der []byte) node          { return node{body: der} }
func seq(kids ...node) node            { return wrap(tagSequence, kids...) }
func set(kids ...node) node            { return wrap(tagSet, kids...) }
func octets(body []byte) node          { return leaf(tagOctetString, body) }
func number(v byte) node               { return leaf(tagInteger, []byte{v}) }
func bitsOf(body []byte) node          { return wrap(tagBitString, encoded([]byte{0}), encoded(body)) }
func null() node                       { return leaf(tagNull, nil) }

// unsigned is an INTEGER from an unsigned big-endian number.
func unsigned(v []byte) node {
	v = bytes.TrimLeft(v, "\x00")
	if len(v) == 0 || v[0]&0x80 != 0 {
		v = append([]byte{0}, v...)
	}
	return leaf(tagInteger, v)
}

// oid panics on a string that is no object identifier: it is called with our own constants, and with what a
// caller set only after encodeOID took it.
func oid(dotted string) node {
	der, err := encodeOID(dotted)
	if err != nil {
		panic("cms: " + err.Error())
	}
	return encoded(der)
}

func encodeOID(dotted string) ([]byte, error) {
	der, err := pki.EncodeOID(dotted)
	if err != nil {
		return nil, fmt.Errorf("%w: object identifier %q", ErrMalformed, dotted)
	}
	return der, nil
}

// setOf is a SET OF in DER order.
func setOf(tag byte, kids ...node) node {
	ders := make([][]byte, len(kids))
	for i, k := range kids {
		ders[i] = k.der()
	}
	slices.SortFunc(ders, bytes.Compare)
	n := node{tag: tag}
	for _, d := range ders {
		n.kids = append(n.kids, encoded(d))
	}
	return n
}

func (n node) der() []byte { return n.appendTo(make([]byte, 0, n.size())) }

func (n node) size() int {
	if n.tag == 0 {
		return len(n.body)
	}
	inner := n.inner()
	return 1 + len(appendLength(nil, inner)) + inner
}

func (n node) inner() int {
	inner := len(n.body)
	for _, k := range n.kids {
		inner += k.size()
	}
	return inner
}

func (n node) appendTo(b []byte) []byte {
	if n.tag != 0 {
		b = append(b, n.tag)
		b = appendLength(b, n.inner())
	}
	b = append(b, n.body...)
	for _, k := range n.kids {
		b = k.appendTo(b)
	}
	return b
}

func appendLength(b []byte, n int) []byte {
	if n < 0x80 {
		return append(b, byte(n))
	}
	var be []byte
	for ; n > 0; n >>= 8 {
		be = append(be, byte(n))
	}
	slices.Reverse(be)
	return append(append(b, 0x80|byte(len(be))), be...)
}
