package path

import (
	"bytes"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"signet/ca/pki"
)

// Tags of the choices and optional parts of X.509 structures.
func implicit(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific() }
func explicit(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific().Constructed() }

// only reads a value that is exactly one element of the tag.
func only(der []byte, tag asn1.Tag) (contents cryptobyte.String, ok bool) {
	s := cryptobyte.String(der)
	ok = s.ReadASN1(&contents, tag) && s.Empty()
	return contents, ok
}

// optional reads the contents of the next element if it has the tag; ok is false for broken DER only.
func optional(s *cryptobyte.String, tag asn1.Tag) (contents cryptobyte.String, present, ok bool) {
	ok = s.ReadOptionalASN1(&contents, &present, tag)
	return contents, present, ok
}

func readOID(s *cryptobyte.String) (string, bool) {
	var body cryptobyte.String
	if !s.ReadASN1(&body, asn1.OBJECT_IDENTIFIER) {
		return "", false
	}
	oid, err := pki.DecodeOID(body)
	return oid, err == nil
}

// readSmall reads a non-negative INTEGER; what does not fit is as good as the largest, as these are counts of certificates.
func readSmall(s *cryptobyte.String, tag asn1.Tag) (int, bool) {
	var body cryptobyte.String
	if !s.ReadASN1(&body, tag) || !minimal(body) || body[0]&0x80 != 0 {
		return 0, false
	}
	if len(body) > 3 {
		return 1 << 24, true
	}
	n := 0
	for _, b := range body {
		n = n<<8 | int(b)
	}
	return n, true
}

// minimal reports whether these are the contents of an INTEGER in DER.
func minimal(c []byte) bool {
	return len(c) == 1 || len(c) > 1 && !(c[0] == 0 && c[1] < 0x80 || c[0] == 0xff && c[1] >= 0x80)
}

// readTime reads UTCTime or GeneralizedTime as DER writes them: whole seconds, Z.
func readTime(s *cryptobyte.String) (time.Time, bool) {
	var body cryptobyte.String
	var tag asn1.Tag
	if !s.ReadAnyASN1(&body, &tag) {
		return time.Time{}, false
	}
	layout := "20060102150405Z"
	switch {
	case tag == asn1.UTCTime && len(body) == 13:
		layout = layout[2:]
	case tag == asn1.GeneralizedTime && len(body) == 15:
	default:
		return time.Time{}, false
	}
	t, err := time.Parse(layout, string(body))
	if err != nil || t.Format(layout) != string(body) {
		return time.Time{}, false
	}
	if tag == asn1.UTCTime && t.Year() >= 2050 { // RFC 5280 §4.1.2.5.1
		t = t.AddDate(-100, 0, 0)
	}
	return t, true
}

// readFlag reads an optional BOOLEAN of the tag.
func readFlag(s *cryptobyte.String, tag asn1.Tag) (value, ok bool) {
	body, present, ok := optional(s, tag)
	if !ok || present && (len(body) != 1 || body[0] != 0 && body[0] != 0xff) {
		return false, false
	}
	return present && body[0] != 0, true
}

// reasonSet is a set of ReasonFlags; bit i of RFC 5280 §4.2.1.13 is 1<<i.
type reasonSet uint16

const allReasons reasonSet = 0x1fe // keyCompromise (1) … aACompromise (8)

// readReasons reads optional ReasonFlags. Nil/zero: all of them when they are absent.
func readReasons(s *cryptobyte.String, tag asn1.Tag) (reasonSet, bool) {
	bits, present, ok := optional(s, tag)
	if !ok || !present {
		return allReasons, ok
	}
	if len(bits) < 1 || bits[0] > 7 || len(bits) == 1 && bits[0] != 0 {
		return 0, false
	}
	var set reasonSet
	for i := range 9 {
		if k := 1 + i/8; k < len(bits) && bits[k]&(0x80>>(i%8)) != 0 {
			set |= 1 << i
		}
	}
	return set & allReasons, true
}

// extension is one extension of a CRL, a CRL entry or an OCSP answer.
type extension struct {
	oid      string
	critical bool
	value    []byte
}

// readExtensions reads the contents of Extensions; none occurs twice.
func readExtensions(list cryptobyte.String) ([]extension, bool) {
	var out []extension
	for !list.Empty() {
		var e, value cryptobyte.String
		if !list.ReadASN1(&e, asn1.SEQUENCE) {
			return nil, false
		}
		oid, ok1 := readOID(&e)
		critical, ok2 := readFlag(&e, asn1.BOOLEAN)
		if !ok1 || !ok2 || !e.ReadASN1(&value, asn1.OCTET_STRING) || !e.Empty() || len(out) == 50 {
			return nil, false
		}
		for _, earlier := range out {
			if earlier.oid == oid {
				return nil, false
			}
		}
		out = append(out, extension{oid, critical, value})
	}
	return out, true
}

// splitSigned takes the outer form of CRLs and OCSP answers apart: the signed bytes whole, algorithm, signature, the rest.
func splitSigned(body cryptobyte.String) (tbs []byte, alg pki.SigAlg, sig []byte, rest cryptobyte.String, err error) {
	var tbsDER, algDER, bits cryptobyte.String
	if !body.ReadASN1Element(&tbsDER, asn1.SEQUENCE) || !body.ReadASN1Element(&algDER, asn1.SEQUENCE) ||
		!body.ReadASN1(&bits, asn1.BIT_STRING) || len(bits) < 2 || bits[0] != 0 {
		return nil, pki.SigAlg{}, nil, nil, pki.ErrMalformed
	}
	alg, err = pki.ParseSigAlg(bytes.Clone(algDER))
	return tbsDER, alg, bits[1:], body, err
}
