package cms

import (
	"bytes"
	"errors"
	"testing"
)

func TestAddUnsigned(t *testing.T) {
	h := holders()["SM2"]
	for name, o := range map[string]SignOptions{"GM/T 0010": {SigningTime: signTime}, "RFC 5652": {Style: RFC5652}, "bare": {NoAttributes: true}, "detached": {Detached: true}} {
		message := must(Sign(nil, h.key, h.cert, []byte("content"), o))
		first, second := octets([]byte("a")).der(), octets([]byte("b")).der()
		out := must(AddUnsigned(message, 0, Attribute{AttrTimeStamp, [][]byte{first}}))
		out = must(AddUnsigned(out, 0, Attribute{"1.2.3.4", [][]byte{second}}))
		out = must(AddUnsigned(out, 0, Attribute{AttrTimeStamp, [][]byte{second, first}}))
		s := must(ParseSigned(out))
		if certs, err := s.Verify([]byte("content"), nil); err != nil || len(certs) != 1 {
			t.Fatalf("%s: %v", name, err)
		}
		if got := s.Signers[0].Unsigned(AttrTimeStamp); len(got) != 2 || !bytes.Equal(got[0], first) || !bytes.Equal(got[1], second) {
			t.Errorf("%s: values %x", name, got)
		}
		if !bytes.Equal(s.Signers[0].Signature, must(ParseSigned(message)).Signers[0].Signature) || s.Signers[0].Unsigned("1.2.3.5") != nil {
			t.Errorf("%s: another signature", name)
		}
		if _, err := AddUnsigned(message, 1, Attribute{AttrTimeStamp, [][]byte{first}}); !errors.Is(err, ErrNoSigner) {
			t.Errorf("%s: second signer: %v", name, err)
		}
	}
	message := must(Sign(nil, h.key, h.cert, []byte("content"), SignOptions{}))
	for name, a := range map[string]Attribute{
		"no value": {AttrTimeStamp, nil}, "no DER": {AttrTimeStamp, [][]byte{{0x30, 5}}}, "signed ones": {AttrMessageDigest, [][]byte{null().der()}}, "no type": {"x", [][]byte{null().der()}},
	} {
		if _, err := AddUnsigned(message, 0, a); err == nil {
			t.Errorf("%s was added", name)
		}
	}
	for n := range message {
		if _, err := AddUnsigned(message[:n], 0, Attribute{AttrTimeStamp, [][]byte{null().der()}}); err == nil {
			t.Fatalf("cut at %d: read", n)
		}
	}
}

// TestRepeatedUnsigned reads two attributes of one type, as CAdES writers make them.
func TestRepeatedUnsigned(t *testing.T) {
	h := holders()["P-256"]
	message := must(Sign(nil, h.key, h.cert, []byte("content"), SignOptions{Style: RFC5652}))
	marked := must(AddUnsigned(message, 0, Attribute{AttrTimeStamp, [][]byte{octets([]byte("one")).der()}}))
	marked = must(AddUnsigned(marked, 0, Attribute{"1.2.840.113549.1.9.16.2.47", [][]byte{octets([]byte("two")).der()}}))
	twice := bytes.Replace(marked, oid("1.2.840.113549.1.9.16.2.47").der(), oid(AttrTimeStamp).der(), 1) // of the same length
	s := must(ParseSigned(twice))
	if got := s.Signers[0].Unsigned(AttrTimeStamp); len(got) != 2 {
		t.Errorf("%d values", len(got))
	}
}
