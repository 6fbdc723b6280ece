package status

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
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

const oidNonce = "1.3.6.1.5.5.7.48.1.2"

// Bounds of a request. Ours is a responder for end users: they ask about a pair, seldom about more.
const (
	maxRequest  = 16 << 10
	maxQuestion = 32
	maxSerial   = 38  // octets of a serial number that is read at all; none of more than 20 was issued
	maxNonce    = 128 // RFC 9654 §2.1: 0 and more than 128 octets are malformed
)

// certIDKey finds an issuer by the hashes of a CertID.
type certIDKey struct{ alg, name, key string }

// find makes no copy of what is asked for.
func (s *Service) find(q *question) *authority {
	return s.byID[certIDKey{q.alg, string(q.name), string(q.key)}]
}

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
	raw       []byte // CertID with tag and length, echoed in the answer
	alg       string
	name, key []byte
	serial    string // as in ca.Certificate; "" when no certificate can have it
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
	if err != nil || len(serial) > maxSerial+2 || !serial.ReadASN1(&serial, asn1.INTEGER) || !isMinimal(serial) {
		return q, false
	}
	q.alg, q.name, q.key = dotted, name, key
	if positive := bytes.TrimLeft(serial, "\x00"); serial[0] < 0x80 && len(positive) > 0 {
		q.serial = strings.ToUpper(hex.EncodeToString(positive))
	}
	return q, true
}

// isMinimal tells whether these are the shortest contents of an INTEGER. X.690 §8.3.2
func isMinimal(number []byte) bool {
	return len(number) == 1 || len(number) > 1 && (number[0] != 0 || number[1] >= 0x80) && (number[0] != 0xff || number[1] < 0x80)
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
	a := s.find(&req.questions[0])
	for i := range req.questions {
		if s.find(&req.questions[i]) != a {
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
		states[i], err = s.lookup(ctx, a, q.serial, revision)
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
	out, err := s.signAnswer(r, req, states, validity{now, until, a.Certificate.NotBefore})
	if err != nil {
		s.c.Log.Error("OCSP signing", slog.String("ca", a.id), slog.Any("error", err))
		return answer{der: ocspError(ocspInternal)}
	}
	if req.nonce != nil {
		return answer{der: out}
	}
	return answer{der: out, made: now, expires: until, etag: etag(sha256.Sum256(out))}
}

// lookup asks the store, or remembers what it said while nothing was revoked or released at the CA since. revision was read before.
func (s *Service) lookup(ctx context.Context, a *authority, serial string, revision int64) (Status, error) {
	if serial == "" {
		return Status{State: Unknown}, nil
	}
	if st, ok := a.states.find(serial, revision); ok {
		return st, nil
	}
	st, err := s.c.Store.Lookup(ctx, a.id, serial)
	switch {
	case err != nil:
	case st.State == Unknown: // which becomes good without a revision
		s.c.Log.Warn("OCSP asked about a serial that was never issued", slog.String("ca", a.id), slog.String("serial", serial))
	default:
		a.states.keep(serial, revision, st)
	}
	return st, err
}

func (s *Service) signAnswer(r *responder, req *ocspRequest, states []Status, v validity) ([]byte, error) {
	tbs := r.frame.data(req, states, v)
	sig, err := pki.Sign(s.c.Rand, r.signer, r.alg, tbs)
	if err != nil {
		return nil, err
	}
	return r.frame.response(tbs, sig), nil
}
