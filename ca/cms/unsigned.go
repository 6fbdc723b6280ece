package cms

import (
	"bytes"
	"fmt"
)

// Unsigned gives the values of an unsigned attribute, such as AttrTimeStamp: whole DER elements, nil for none. Anybody can have put them there.
func (si *SignerInfo) Unsigned(kind string) (values [][]byte) {
	for _, a := range si.UnsignedAttributes {
		if a.Type == kind {
			values = append(values, a.Values...)
		}
	}
	return values
}

// AddUnsigned puts an unsigned attribute beside the signature of a message's n-th signer, from 0, and leaves every other byte as it is. Values
// come to those that an attribute of this type has already.
//
// Shape: ContentInfo, DER.
// Errors: ErrMalformed, ErrBER; ErrNoSigner if there is no n-th; as ParseSigned for what would not be read again.
// Source: RFC 5652 §5.3; RFC 3161 Appendix A.
func AddUnsigned(message []byte, n int, a Attribute) ([]byte, error) {
	if err := checkAttribute(a); err != nil {
		return nil, fmt.Errorf("adding an attribute: %w", err)
	}
	r := newReader(message)
	info := r.into(tagSequence, "message")
	r.end("message")
	kind := info.raw(tagOID, "content type")
	explicit := info.into(tagContext0, "signed data")
	info.end("message")
	data := explicit.into(tagSequence, "signed data")
	explicit.end("signed data")
	var parts []node
	for data.more() {
		tag, body, full := data.next("signed data")
		if tag == tagSet && !data.more() { // the last is the signers; a SET before it is the digests
			parts = append(parts, leaf(tagSet, withUnsigned(&reader{in: body, fault: r.fault}, n, a)))
			break
		}
		parts = append(parts, encoded(full))
	}
	if err := r.err(); err != nil {
		return nil, fmt.Errorf("adding an attribute: %w", err)
	}
	out := seq(encoded(kind), wrap(tagContext0, seq(parts...))).der()
	if _, err := ParseSigned(out); err != nil {
		return nil, fmt.Errorf("adding an attribute: %w", err)
	}
	return out, nil
}

// withUnsigned gives the signers with the attribute at one of them.
func withUnsigned(signers *reader, n int, a Attribute) []byte {
	var out []byte
	at := 0
	for ; signers.more(); at++ {
		_, body, full := signers.next("signer")
		if at == n {
			full = signerWith(&reader{in: body, fault: signers.fault}, a).der()
		}
		out = append(out, full...)
	}
	if at <= n || n < 0 {
		signers.fail(ErrNoSigner, "signers")
	}
	return out
}

func signerWith(s *reader, a Attribute) node {
	var parts []node
	var list []Attribute
	for s.more() {
		if s.at(tagContext1) {
			list = unsignedAttributes(s.into(tagContext1, "unsigned attributes"))
			continue
		}
		_, _, full := s.next("signer")
		parts = append(parts, encoded(full))
	}
	list = merge(append(list, a))
	nodes := make([]node, len(list))
	for i, one := range list {
		nodes[i] = attributeNode(one)
	}
	return seq(append(parts, setOf(tagContext1, nodes...))...)
}

// unsignedAttributes reads attributes of which one type may come several times, as CAdES allows it for time stamps; they are made one.
func unsignedAttributes(r *reader) []Attribute {
	const what = "unsigned attributes"
	var list []Attribute
	for r.more() {
		_, _, full := r.next(what)
		list = append(list, attributes(&reader{in: full, fault: r.fault}, what)...)
		if len(list) > maxAttributes {
			r.fail(ErrMalformed, what+": too many")
		}
	}
	return merge(list)
}

// merge puts the values of one type together, each once.
func merge(list []Attribute) (merged []Attribute) {
	at := map[string]int{}
	for _, a := range list {
		i, there := at[a.Type]
		if !there {
			i = len(merged)
			at[a.Type], merged = i, append(merged, Attribute{Type: a.Type})
		}
		for _, v := range a.Values {
			if !containsBytes(merged[i].Values, v) {
				merged[i].Values = append(merged[i].Values, v)
			}
		}
	}
	return merged
}

func containsBytes(list [][]byte, v []byte) bool {
	for _, one := range list {
		if bytes.Equal(one, v) {
			return true
		}
	}
	return false
}
