package tsa

import (
	"bytes"
	"errors"
	"math/big"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"signet/ca/pki"
)

// Info is what a time stamp states.
//
// Shape: as in Request; Serial unsigned, big-endian; TSA the authority's name, DER, as the statement gives it.
// Units: At is UTC, to the microsecond.
// Nil/zero: AccuracyFor 0 = not stated; Nonce nil = none; TSA nil = not named.
// Source: RFC 3161 §2.4.2 (TSTInfo).
type Info struct {
	Policy      string
	Digest      string
	Imprint     []byte
	Serial      []byte
	At          time.Time
	AccuracyFor time.Duration
	Ordering    bool
	Nonce       []byte
	TSA         []byte
}

const (
	wholeSeconds = "20060102150405Z"
	microseconds = "20060102150405.000000"
)

// generalized writes a GeneralizedTime as RFC 3161 §2.4.2 wants it: no trailing zeros in the fraction, no point without one.
func generalized(t time.Time) string {
	text := strings.TrimRight(t.UTC().Format(microseconds), "0")
	if _, fraction, _ := strings.Cut(text, "."); fraction == "" {
		return t.UTC().Format(wholeSeconds)
	}
	return text + "Z"
}

func (i *Info) der() ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		addOID(b, i.Policy)
		addImprint(b, i.Digest, i.Imprint)
		b.AddASN1BigInt(new(big.Int).SetBytes(i.Serial))
		b.AddASN1(asn1.GeneralizedTime, func(b *cryptobyte.Builder) { b.AddBytes([]byte(generalized(i.At))) })
		addAccuracy(b, i.AccuracyFor)
		if i.Ordering {
			b.AddASN1Boolean(true)
		}
		if i.Nonce != nil {
			b.AddASN1(asn1.INTEGER, func(b *cryptobyte.Builder) { b.AddBytes(i.Nonce) })
		}
		if i.TSA != nil {
			b.AddASN1(explicit(0), func(b *cryptobyte.Builder) {
				b.AddASN1(explicit(4), func(b *cryptobyte.Builder) { b.AddBytes(i.TSA) }) // directoryName
			})
		}
	})
	return b.Bytes()
}

func explicit(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific().Constructed() }
func implicit(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific() }

// addAccuracy writes seconds, millis [0] and micros [1], each only if it is not zero.
func addAccuracy(b *cryptobyte.Builder, span time.Duration) {
	if span <= 0 {
		return
	}
	micros := (span + time.Microsecond - 1) / time.Microsecond // rounded up: a promise
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, part := range []struct {
			tag   asn1.Tag
			value int64
		}{{asn1.INTEGER, int64(micros / 1e6)}, {implicit(0), int64(micros / 1e3 % 1e3)}, {implicit(1), int64(micros % 1e3)}} {
			if part.value > 0 {
				b.AddASN1Int64WithTag(part.value, part.tag)
			}
		}
	})
}

var errInfo = errors.New("tsa: malformed time stamp")

// parseInfo reads a TSTInfo. Its extensions are not looked at unless critical, and then refused.
func parseInfo(der []byte) (*Info, error) {
	in := cryptobyte.String(der)
	var body, at cryptobyte.String
	var version int64
	serial := new(big.Int)
	i := &Info{}
	if !in.ReadASN1(&body, asn1.SEQUENCE) || !in.Empty() || !body.ReadASN1Integer(&version) || version != 1 || !readOID(&body, &i.Policy) ||
		!readImprint(&body, &i.Digest, &i.Imprint) || !body.ReadASN1Integer(serial) || serial.Sign() < 0 || serial.BitLen() > 8*maxNonce ||
		!body.ReadASN1(&at, asn1.GeneralizedTime) || !parseGeneralized(string(at), &i.At) {
		return nil, errInfo
	}
	i.Serial = serial.Bytes()
	if body.PeekASN1Tag(asn1.SEQUENCE) && !readAccuracy(&body, &i.AccuracyFor) {
		return nil, errInfo
	}
	if body.PeekASN1Tag(asn1.BOOLEAN) && !body.ReadASN1Boolean(&i.Ordering) {
		return nil, errInfo
	}
	if body.PeekASN1Tag(asn1.INTEGER) && !readNonce(&body, &i.Nonce) {
		return nil, errInfo
	}
	if body.PeekASN1Tag(explicit(0)) && !readTSA(&body, &i.TSA) {
		return nil, errInfo
	}
	if body.PeekASN1Tag(explicit(1)) && !readExtensions(&body) || !body.Empty() {
		return nil, errInfo
	}
	return i, nil
}

// parseGeneralized reads seconds with or without a fraction, of which it keeps microseconds.
func parseGeneralized(text string, at *time.Time) bool {
	head, fraction, dotted := strings.Cut(strings.TrimSuffix(text, "Z"), ".")
	if !strings.HasSuffix(text, "Z") || len(head) != 14 || dotted && (fraction == "" || len(fraction) > 18 || strings.Trim(fraction, "0123456789") != "") {
		return false
	}
	t, err := time.Parse(wholeSeconds, head+"Z")
	if err != nil || t.Format(wholeSeconds) != head+"Z" {
		return false
	}
	scale := time.Second
	for _, digit := range fraction[:min(len(fraction), 6)] {
		scale /= 10
		t = t.Add(time.Duration(digit-'0') * scale)
	}
	*at = t
	return true
}

func readAccuracy(in *cryptobyte.String, span *time.Duration) bool {
	var body cryptobyte.String
	if !in.ReadASN1(&body, asn1.SEQUENCE) {
		return false
	}
	var seconds, millis, micros int64
	if body.PeekASN1Tag(asn1.INTEGER) && (!body.ReadASN1Integer(&seconds) || seconds < 0 || seconds > 1<<31) {
		return false
	}
	for _, part := range []struct {
		tag   asn1.Tag
		value *int64
	}{{implicit(0), &millis}, {implicit(1), &micros}} {
		if body.PeekASN1Tag(part.tag) && (!body.ReadASN1Int64WithTag(part.value, part.tag) || *part.value < 1 || *part.value > 999) {
			return false
		}
	}
	*span = time.Duration(seconds)*time.Second + time.Duration(millis)*time.Millisecond + time.Duration(micros)*time.Microsecond
	return body.Empty()
}

// readTSA keeps a directory name; a name of another kind is let pass unread.
func readTSA(in *cryptobyte.String, name *[]byte) bool {
	var general, directory cryptobyte.String
	if !in.ReadASN1(&general, explicit(0)) {
		return false
	}
	if !general.PeekASN1Tag(explicit(4)) {
		return true
	}
	if !general.ReadASN1(&directory, explicit(4)) || !general.Empty() {
		return false
	}
	_, err := pki.ParseName(directory)
	*name = bytes.Clone(directory)
	return err == nil
}

func readExtensions(in *cryptobyte.String) bool {
	var list cryptobyte.String
	if !in.ReadASN1(&list, explicit(1)) || list.Empty() {
		return false
	}
	for !list.Empty() {
		var one, value cryptobyte.String
		var oid string
		critical := false
		if !list.ReadASN1(&one, asn1.SEQUENCE) || !readOID(&one, &oid) || one.PeekASN1Tag(asn1.BOOLEAN) && !one.ReadASN1Boolean(&critical) ||
			!one.ReadASN1(&value, asn1.OCTET_STRING) || !one.Empty() || critical {
			return false
		}
	}
	return true
}
