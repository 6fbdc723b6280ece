package status

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"signet/ca/gm"
	"signet/ca/pki"
)

// OCSPResponseStatus, RFC 6960 §4.2.1.
const (
	ocspSuccessful   = 0
	ocspMalformed    = 1
	ocspInternal     = 2
	ocspTryLater     = 3
	ocspUnauthorized = 6
)

const (
	oidBasicOCSP = "1.3.6.1.5.5.7.48.1.1"
	oidNonce     = "1.3.6.1.5.5.7.48.1.2"
	oidArchive   = "1.3.6.1.5.5.7.48.1.6"
)

// Bounds of a request. Ours is a responder for end users: they ask about a pair, seldom about more.
const (
	maxRequest  = 16 << 10
	maxQuestion = 32
	maxNonce    = 128 // RFC 9654 §2.1: 0 and more than 128 octets are malformed
)

// certIDKey finds an issuer by the hashes of a CertID.
type certIDKey struct{ alg, name, key string }

// Hash algorithms of CertID. Most clients send SHA-1 even for SM2 chains; it is no security here, only an index.
const (
	oidSHA1   = "1.3.14.3.2.26"
	oidSHA256 = "2.16.840.1.101.3.4.2.1"
	oidSM3    = "1.2.156.10197.1.401"
)

// certIDKeys are all the ways a client may name this issuer: hashes of its name and of its key's BIT STRING. RFC 6960 §4.1.1
func certIDKeys(issuer *pki.Certificate) []certIDKey {
	name, key := issuer.Subject.DER(), keyBits(issuer.SPKI)
	n1, k1 := sha1.Sum(name), sha1.Sum(key)
	n2, k2 := sha256.Sum256(name), sha256.Sum256(key)
	n3, k3 := gm.SumSM3(name), gm.SumSM3(key)
	return []certIDKey{
		{oidSHA1, string(n1[:]), string(k1[:])},
		{oidSHA256, string(n2[:]), string(k2[:])},
		{oidSM3, string(n3[:]), string(k3[:])},
	}
}

// keyBits is the contents of the subjectPublicKey BIT STRING of a SubjectPublicKeyInfo that was parsed before.
func keyBits(spki []byte) []byte {
	in := cryptobyte.String(spki)
	var body cryptobyte.String
	var bits []byte
	if !in.ReadASN1(&body, asn1.SEQUENCE) || !body.SkipASN1(asn1.SEQUENCE) || !body.ReadASN1BitStringAsBytes(&bits) {
		return nil
	}
	return bits
}

// question is one CertID of a request.
type question struct {
	raw    []byte // CertID with tag and length, echoed in the answer
	issuer certIDKey
	serial string // as in ca.Certificate; "" when no certificate can have it
}

type ocspRequest struct {
	questions []question
	nonce     []byte // the extension's value as sent; nil: none
}

var errMalformed = errors.New("status: malformed OCSP request")

// parseOCSP reads a request. A signature on it is not looked at: anyone may ask.
func parseOCSP(der []byte) (*ocspRequest, error) {
	in := cryptobyte.String(der)
	var outer, tbs, list cryptobyte.String
	if !in.ReadASN1(&outer, asn1.SEQUENCE) || !in.Empty() || !outer.ReadASN1(&tbs, asn1.SEQUENCE) ||
		!outer.SkipOptionalASN1(asn1.Tag(0).Constructed().ContextSpecific()) || !outer.Empty() {
		return nil, errMalformed
	}
	if !tbs.SkipOptionalASN1(asn1.Tag(0).Constructed().ContextSpecific()) || // version: there is one only
		!tbs.SkipOptionalASN1(asn1.Tag(1).Constructed().ContextSpecific()) || // requestorName
		!tbs.ReadASN1(&list, asn1.SEQUENCE) {
		return nil, errMalformed
	}
	req := &ocspRequest{}
	for !list.Empty() {
		q, ok := parseQuestion(&list)
		if !ok || len(req.questions) == maxQuestion {
			return nil, errMalformed
		}
		req.questions = append(req.questions, q)
	}
	nonce, ok := parseNonce(&tbs)
	if !ok || !tbs.Empty() || len(req.questions) == 0 {
		return nil, errMalformed
	}
	req.nonce = nonce
	return req, nil
}

func parseQuestion(list *cryptobyte.String) (question, bool) {
	var q question
	var one, id, body, alg cryptobyte.String
	if !list.ReadASN1(&one, asn1.SEQUENCE) || !one.ReadASN1Element(&id, asn1.SEQUENCE) ||
		!one.SkipOptionalASN1(asn1.Tag(0).Constructed().ContextSpecific()) || !one.Empty() {
		return q, false
	}
	q.raw = id
	var oid, name, key, serial cryptobyte.String
	if !id.ReadASN1(&body, asn1.SEQUENCE) || !body.ReadASN1(&alg, asn1.SEQUENCE) || !alg.ReadASN1(&oid, asn1.OBJECT_IDENTIFIER) ||
		!body.ReadASN1(&name, asn1.OCTET_STRING) || !body.ReadASN1(&key, asn1.OCTET_STRING) || !body.ReadASN1Element(&serial, asn1.INTEGER) || !body.Empty() {
		return q, false
	}
	dotted, err := pki.DecodeOID(oid)
	if err != nil {
		return q, false
	}
	number := new(big.Int)
	if len(serial) > 40 || !serial.ReadASN1Integer(number) {
		return q, false
	}
	q.issuer = certIDKey{dotted, string(name), string(key)}
	if number.Sign() > 0 {
		q.serial = strings.ToUpper(hex.EncodeToString(number.Bytes()))
	}
	return q, true
}

// parseNonce reads requestExtensions and keeps the nonce; others do not concern us, unless critical.
func parseNonce(tbs *cryptobyte.String) (nonce []byte, ok bool) {
	var wrapped, list cryptobyte.String
	var present bool
	if !tbs.ReadOptionalASN1(&wrapped, &present, asn1.Tag(2).Constructed().ContextSpecific()) {
		return nil, false
	}
	if !present {
		return nil, true
	}
	if !wrapped.ReadASN1(&list, asn1.SEQUENCE) || !wrapped.Empty() {
		return nil, false
	}
	for !list.Empty() {
		var e, oid, value cryptobyte.String
		critical := false
		if !list.ReadASN1(&e, asn1.SEQUENCE) || !e.ReadASN1(&oid, asn1.OBJECT_IDENTIFIER) ||
			!e.ReadOptionalASN1Boolean(&critical, asn1.BOOLEAN, false) || !e.ReadASN1(&value, asn1.OCTET_STRING) || !e.Empty() {
			return nil, false
		}
		dotted, err := pki.DecodeOID(oid)
		switch {
		case err != nil, critical && dotted != oidNonce:
			return nil, false
		case dotted == oidNonce:
			if nonce != nil || !isNonce(value) {
				return nil, false
			}
			nonce = value
		}
	}
	return nonce, true
}

// isNonce admits 1 to 128 octets in an OCTET STRING, and bare as old clients send them.
func isNonce(value cryptobyte.String) bool {
	in := value
	var inner cryptobyte.String
	if in.ReadASN1(&inner, asn1.OCTET_STRING) && in.Empty() {
		return len(inner) >= 1 && len(inner) <= maxNonce
	}
	return len(value) >= 1 && len(value) <= maxNonce
}

// answer is what goes out, and until when it may be kept; expires is zero for errors and for answers to a nonce.
type answer struct {
	der           []byte
	made, expires time.Time
	etag          string
}

// respond answers a request. It always has an answer.
func (s *Service) respond(ctx context.Context, der []byte) answer {
	now := s.c.Now().UTC().Truncate(time.Second)
	if kept, ok := s.cache.find(der); ok && kept.made.After(now.Add(-s.c.OCSPFor/4)) && kept.responder == kept.authority.responder.Load() {
		if revision, err := s.revisionOf(ctx, kept.authority); err == nil && revision == kept.revision && kept.responder.cert.ValidAt(now) {
			return kept.answer
		}
	}
	req, err := parseOCSP(der)
	if err != nil {
		return answer{der: ocspError(ocspMalformed)}
	}
	a := s.byID[req.questions[0].issuer]
	for _, q := range req.questions {
		if s.byID[q.issuer] != a {
			a = nil // one responder speaks for one CA
		}
	}
	if a == nil || a.responder.Load() == nil {
		return answer{der: ocspError(ocspUnauthorized)}
	}
	return s.decide(ctx, a, req, der, now)
}

// decide looks up and signs.
func (s *Service) decide(ctx context.Context, a *authority, req *ocspRequest, der []byte, now time.Time) answer {
	r := a.responder.Load()
	if !r.cert.ValidAt(now) {
		s.c.Log.Error("OCSP responder certificate is not valid now", slog.String("ca", a.id), slog.Time("notAfter", r.cert.NotAfter))
		return answer{der: ocspError(ocspInternal)}
	}
	revision, err := s.revisionOf(ctx, a) // before the look-ups: what changes after it makes the answer one of the past
	states, known := make([]Status, len(req.questions)), true
	for i, q := range req.questions {
		if err != nil {
			break
		}
		states[i], err = s.lookup(ctx, a, q.serial)
		known = known && states[i].State != Unknown // which becomes good without a revision
	}
	if err != nil {
		s.c.Log.Error("OCSP lookup", slog.String("ca", a.id), slog.Any("error", err))
		return answer{der: ocspError(ocspTryLater)}
	}
	out := s.signed(a, r, req, states, now)
	if req.nonce == nil && known && !out.expires.IsZero() {
		s.cache.keep(der, cached{out, a, r, revision})
	}
	return out
}

// signed makes the answer.
func (s *Service) signed(a *authority, r *responder, req *ocspRequest, states []Status, now time.Time) answer {
	until := now.Add(s.c.OCSPFor)
	if until.After(r.cert.NotAfter) {
		until = r.cert.NotAfter
	}
	out, err := s.signAnswer(a, r, req, states, now, until)
	if err != nil {
		s.c.Log.Error("OCSP signing", slog.String("ca", a.id), slog.Any("error", err))
		return answer{der: ocspError(ocspInternal)}
	}
	if req.nonce != nil {
		return answer{der: out}
	}
	return answer{der: out, made: now, expires: until, etag: etag(sha256.Sum256(out))}
}

func (s *Service) lookup(ctx context.Context, a *authority, serial string) (Status, error) {
	if serial == "" {
		return Status{State: Unknown}, nil
	}
	st, err := s.c.Store.Lookup(ctx, a.id, serial)
	if err == nil && st.State == Unknown {
		s.c.Log.Warn("OCSP asked about a serial that was never issued", slog.String("ca", a.id), slog.String("serial", serial))
	}
	return st, err
}

func (s *Service) signAnswer(a *authority, r *responder, req *ocspRequest, states []Status, now, until time.Time) ([]byte, error) {
	tbs, err := responseData(r.id, req, states, validity{now, until, a.Certificate.NotBefore})
	if err != nil {
		return nil, err
	}
	sig, err := pki.Sign(s.c.Rand, r.signer, r.alg, tbs)
	if err != nil {
		return nil, err
	}
	basic, err := basicResponse(tbs, r.alg, sig, r.cert)
	if err != nil {
		return nil, err
	}
	return wrapResponse(basic)
}

// validity of an answer. Nothing is ever forgotten of what a CA issued, so its archive goes back to its beginning (RFC 6960 §4.4.4).
type validity struct{ from, until, archive time.Time }

func context0() asn1.Tag { return asn1.Tag(0).Constructed().ContextSpecific() }

// responseData is ResponseData, RFC 6960 §4.2.1.
func responseData(responderID []byte, req *ocspRequest, states []Status, v validity) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.Tag(2).Constructed().ContextSpecific(), func(b *cryptobyte.Builder) { b.AddASN1OctetString(responderID) })
		addGeneralized(b, v.from)
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for i, q := range req.questions {
				addSingle(b, q, states[i], v)
			}
		})
		if req.nonce != nil {
			b.AddASN1(asn1.Tag(1).Constructed().ContextSpecific(), func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { addExtension(b, pki.Extension{OID: oidNonce, Value: req.nonce}) })
			})
		}
	})
	return b.Bytes()
}

func addGeneralized(b *cryptobyte.Builder, t time.Time) { b.AddBytes(appendGeneralized(nil, t)) }

func addSingle(b *cryptobyte.Builder, q question, st Status, v validity) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(q.raw)
		switch st.State {
		case Good:
			b.AddBytes([]byte{0x80, 0}) // [0] IMPLICIT NULL
		case Revoked:
			b.AddASN1(asn1.Tag(1).Constructed().ContextSpecific(), func(b *cryptobyte.Builder) {
				addGeneralized(b, st.At)
				if st.Reason != 0 {
					b.AddASN1(context0(), func(b *cryptobyte.Builder) { b.AddBytes([]byte{tagEnumerated, 1, byte(st.Reason)}) })
				}
			})
		default:
			b.AddBytes([]byte{0x82, 0}) // [2] IMPLICIT NULL
		}
		addGeneralized(b, v.from)
		b.AddASN1(context0(), func(b *cryptobyte.Builder) { addGeneralized(b, v.until) })
		if st.State == Unknown {
			return
		}
		b.AddASN1(asn1.Tag(1).Constructed().ContextSpecific(), func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				addExtension(b, pki.Extension{OID: oidArchive, Value: appendGeneralized(nil, v.archive)})
				if st.State == Revoked && !st.InvalidAt.IsZero() { // as in a list, RFC 6960 §4.4.5
					addExtension(b, pki.Extension{OID: pki.OIDInvalidityDate, Value: appendGeneralized(nil, st.InvalidAt)})
				}
			})
		})
	})
}

// basicResponse is BasicOCSPResponse with the responder's certificate.
func basicResponse(tbs []byte, alg pki.SigAlg, sig []byte, responder *pki.Certificate) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(tbs)
		b.AddBytes(alg.DER())
		b.AddASN1BitString(sig)
		b.AddASN1(context0(), func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(responder.Raw) })
		})
	})
	return b.Bytes()
}

func wrapResponse(basic []byte) ([]byte, error) {
	oid, err := pki.EncodeOID(oidBasicOCSP)
	if err != nil {
		return nil, fmt.Errorf("status: %w", err)
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes([]byte{tagEnumerated, 1, ocspSuccessful})
		b.AddASN1(context0(), func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddBytes(oid)
				b.AddASN1OctetString(basic)
			})
		})
	})
	return b.Bytes()
}

// ocspError is an answer without a signature.
func ocspError(code byte) []byte { return []byte{tagSequence, 3, tagEnumerated, 1, code} }
