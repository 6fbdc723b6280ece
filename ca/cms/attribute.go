package cms

import (
	"fmt"
	"time"
)

// Attribute is one signed or unsigned attribute.
//
// Shape: Type dotted; Values whole DER elements, at least one.
type Attribute struct {
	Type   string
	Values [][]byte
}

const (
	maxAttributes = 64 // per set; more is an attack on the reader
	maxValues     = 64
)

func attributeNode(a Attribute) node {
	values := make([]node, len(a.Values))
	for i, v := range a.Values {
		values[i] = encoded(v)
	}
	return seq(oid(a.Type), setOf(tagSet, values...))
}

func singleAttribute(id string, value node) node { return seq(oid(id), set(value)) }

// checkAttribute says whether what a caller wants signed is an attribute at all.
func checkAttribute(a Attribute) error {
	if _, err := encodeOID(a.Type); err != nil {
		return err
	}
	if a.Type == AttrContentType || a.Type == AttrMessageDigest || a.Type == AttrSigningTime {
		return fmt.Errorf("%w: attribute %s is set by the signer", ErrMalformed, a.Type)
	}
	if len(a.Values) == 0 || len(a.Values) > maxValues {
		return fmt.Errorf("%w: attribute %s has %d values", ErrMalformed, a.Type, len(a.Values))
	}
	for _, v := range a.Values {
		r := newReader(v)
		r.next("value of attribute " + a.Type)
		r.end("value of attribute " + a.Type)
		if r.err() != nil {
			return r.err()
		}
	}
	return nil
}

// attributes reads the contents of a SET OF Attribute, refusing a type that comes twice.
func attributes(r *reader, what string) []Attribute {
	var list []Attribute
	seen := map[string]bool{}
	for r.more() {
		s := r.into(tagSequence, what)
		a := Attribute{Type: s.oid(what)}
		values := s.into(tagSet, what)
		for values.more() {
			_, _, v := values.next(what)
			a.Values = append(a.Values, v)
		}
		s.end(what)
		if r.err() == nil && (seen[a.Type] || len(a.Values) == 0 || len(a.Values) > maxValues || len(list) == maxAttributes) {
			r.fail(ErrMalformed, what+" "+a.Type)
		}
		seen[a.Type] = true
		list = append(list, a)
	}
	return list
}

// signedFacts are the attributes a signer must and may give (RFC 5652 §11.1–11.3), each single-valued.
type signedFacts struct {
	contentType   string
	messageDigest []byte
	signingTime   time.Time
}

func factsOf(list []Attribute) (signedFacts, error) {
	var f signedFacts
	for _, a := range list {
		if a.Type != AttrContentType && a.Type != AttrMessageDigest && a.Type != AttrSigningTime {
			continue
		}
		if len(a.Values) != 1 {
			return f, fmt.Errorf("reading signed attribute %s: %w", a.Type, ErrMalformed)
		}
		r := newReader(a.Values[0])
		switch a.Type {
		case AttrContentType:
			f.contentType = r.oid("signed content type")
		case AttrMessageDigest:
			f.messageDigest = r.body(tagOctetString, "signed message digest")
		case AttrSigningTime:
			f.signingTime = r.moment("signing time")
		}
		r.end("signed attribute " + a.Type)
		if r.err() != nil {
			return f, r.err()
		}
	}
	if f.contentType == "" || len(f.messageDigest) == 0 {
		return f, fmt.Errorf("reading signed attributes: %w: content type or message digest missing", ErrMalformed)
	}
	return f, nil
}

// looksLikeAttributes says whether content is itself a set of signed attributes. Signed without attributes,
// such content could later be shown as the attributes of another message (and the other way round), as both
// signatures cover the same bytes.
func looksLikeAttributes(content []byte) bool {
	if len(content) == 0 || content[0] != tagSet {
		return false
	}
	r := newReader(content)
	list := attributes(r.into(tagSet, "content"), "content")
	r.end("content")
	if r.err() != nil {
		return false
	}
	_, err := factsOf(list)
	return err == nil
}
