package tsa

import (
	"fmt"
	"math/bits"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Failure is why a request was refused.
//
// Shape: the number of a bit of PKIFailureInfo. Source: RFC 3161 §2.4.2.
type Failure int

// The failures.
const (
	BadAlg              Failure = 0
	BadRequest          Failure = 2
	BadDataFormat       Failure = 5
	TimeNotAvailable    Failure = 14
	UnacceptedPolicy    Failure = 15
	UnacceptedExtension Failure = 16
	SystemFailure       Failure = 25
)

var failureNames = map[Failure]string{
	BadAlg: "badAlg", BadRequest: "badRequest", BadDataFormat: "badDataFormat", TimeNotAvailable: "timeNotAvailable",
	UnacceptedPolicy: "unacceptedPolicy", UnacceptedExtension: "unacceptedExtension", SystemFailure: "systemFailure",
}

// String is the name that the RFC gives it.
func (f Failure) String() string {
	if name, ok := failureNames[f]; ok {
		return name
	}
	return fmt.Sprintf("failure %d", int(f))
}

// Refused is the error of a request that got no token.
//
// Shape: Text is for people, English. Nil/zero: Failure -1 = the answer gave no reason.
type Refused struct {
	Failure Failure
	Text    string
}

// Error names the failure.
func (r *Refused) Error() string { return "tsa: " + r.Failure.String() + ": " + r.Text }

func refuse(f Failure, format string, args ...any) *Refused {
	return &Refused{f, fmt.Sprintf(format, args...)}
}

const (
	statusGranted  = 0
	statusWithMods = 1
	statusRejected = 2
)

// granted wraps a token into an answer.
func granted(token []byte) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1Int64(statusGranted) })
		b.AddBytes(token)
	})
	return b.Bytes()
}

// der writes the answer that refuses.
func (r *Refused) der() []byte {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(statusRejected)
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.UTF8String, func(b *cryptobyte.Builder) { b.AddBytes([]byte(r.Text)) })
			})
			b.AddASN1(asn1.BIT_STRING, func(b *cryptobyte.Builder) {
				named := make([]byte, int(r.Failure)/8+1) // ends with the bit: DER has no zeros after it
				named[len(named)-1] = 0x80 >> (r.Failure % 8)
				b.AddUint8(uint8(7 - r.Failure%8))
				b.AddBytes(named)
			})
		})
	})
	return b.BytesOrPanic() // nothing in it can fail
}

// ParseResponse reads an answer. The token is not verified.
//
// Errors: *Refused when the authority gave none; else the answer is malformed.
func ParseResponse(der []byte) (*Token, error) {
	in := cryptobyte.String(der)
	var body, status, texts, failure cryptobyte.String
	var code int64
	var hasFailure bool
	if !in.ReadASN1(&body, asn1.SEQUENCE) || !in.Empty() || !body.ReadASN1(&status, asn1.SEQUENCE) || !status.ReadASN1Integer(&code) ||
		!status.ReadOptionalASN1(&texts, nil, asn1.SEQUENCE) || !status.ReadOptionalASN1(&failure, &hasFailure, asn1.BIT_STRING) || !status.Empty() {
		return nil, errInfo
	}
	if code == statusGranted || code == statusWithMods {
		return ParseToken(body)
	}
	r := &Refused{Failure: -1}
	for !texts.Empty() {
		var one cryptobyte.String
		if !texts.ReadASN1(&one, asn1.UTF8String) {
			return nil, errInfo
		}
		r.Text += string(one)
	}
	if hasFailure {
		r.Failure = firstBit(failure)
	}
	return nil, r
}

// firstBit is the number of the first bit that is set.
func firstBit(bitString []byte) Failure {
	for i := 1; i < len(bitString); i++ {
		if bitString[i] != 0 {
			return Failure((i-1)*8 + bits.LeadingZeros8(bitString[i]))
		}
	}
	return -1
}
