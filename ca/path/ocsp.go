package path

import (
	"bytes"
	"crypto"
	_ "crypto/sha1" // CertIDs by SHA-1 are the commonest; they only name a key
	_ "crypto/sha512"
	"errors"
	"hash"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"signet/ca/gm"
	"signet/ca/pki"
)

const oidBasicOCSP = "1.3.6.1.5.5.7.48.1.1"

var errOCSPForm = errors.New("not the structure of an OCSP answer")

// ocspResponse is a BasicOCSPResponse, RFC 6960 §4.2.1.
type ocspResponse struct {
	tbs, sig   []byte
	alg        pki.SigAlg
	byName     string // comparable form of the responder's name, or
	byKey      []byte // SHA-1 of its key
	producedAt time.Time
	answers    []ocspAnswer
	certs      []*pki.Certificate
}

type ocspAnswer struct {
	hashOID            string
	nameHash, keyHash  []byte
	serial             serial
	good               bool
	revoked            *revocation
	thisUpdate, nextBy time.Time // nextBy zero: not said
}

func parseOCSP(der []byte) (*ocspResponse, error) {
	s, ok := only(der, asn1.SEQUENCE)
	var status, wrapped, body, basic cryptobyte.String
	if !ok || !s.ReadASN1(&status, asn1.ENUM) || len(status) != 1 {
		return nil, errOCSPForm
	}
	if status[0] != 0 {
		return nil, errors.New("the responder refused to answer")
	}
	if !s.ReadASN1(&wrapped, explicit(0)) || !s.Empty() || !wrapped.ReadASN1(&body, asn1.SEQUENCE) || !wrapped.Empty() {
		return nil, errOCSPForm
	}
	if kind, ok := readOID(&body); !ok || kind != oidBasicOCSP || !body.ReadASN1(&basic, asn1.OCTET_STRING) || !body.Empty() {
		return nil, errOCSPForm
	}
	return parseBasic(basic)
}

func parseBasic(der []byte) (*ocspResponse, error) {
	whole, ok := only(der, asn1.SEQUENCE)
	if !ok {
		return nil, errOCSPForm
	}
	tbs, alg, sig, rest, err := splitSigned(whole)
	if err != nil {
		return nil, err
	}
	r := &ocspResponse{tbs: tbs, alg: alg, sig: sig}
	if !r.readCerts(rest) {
		return nil, errOCSPForm
	}
	data, ok := only(tbs, asn1.SEQUENCE)
	if !ok || !r.readData(data) {
		return nil, errOCSPForm
	}
	return r, nil
}

func (r *ocspResponse) readCerts(rest cryptobyte.String) bool {
	wrapped, present, ok := optional(&rest, explicit(0))
	if !ok || !rest.Empty() || !present {
		return ok && rest.Empty()
	}
	list, ok := only(wrapped, asn1.SEQUENCE)
	for ok && !list.Empty() {
		var one cryptobyte.String
		if !list.ReadASN1Element(&one, asn1.SEQUENCE) {
			return false
		}
		if c, err := pki.ParseCertificate(one); err == nil && len(r.certs) < 10 {
			r.certs = append(r.certs, c)
		}
	}
	return ok
}

func (r *ocspResponse) readData(s cryptobyte.String) bool {
	if version, present, ok := optional(&s, explicit(0)); !ok || present && !bytes.Equal(version, []byte{2, 1, 0}) {
		return false
	}
	if !r.readResponder(&s) {
		return false
	}
	var ok bool
	var list cryptobyte.String
	if r.producedAt, ok = readTime(&s); !ok || !s.ReadASN1(&list, asn1.SEQUENCE) || !noCritical(&s, 1) || !s.Empty() {
		return false
	}
	for !list.Empty() {
		var one cryptobyte.String
		if !list.ReadASN1(&one, asn1.SEQUENCE) {
			return false
		}
		a, ok := readAnswer(one)
		if !ok {
			return false
		}
		r.answers = append(r.answers, a)
	}
	return len(r.answers) > 0
}

func (r *ocspResponse) readResponder(s *cryptobyte.String) bool {
	name, named, ok := optional(s, explicit(1))
	if !ok {
		return false
	}
	if named {
		n, err := pki.ParseName(name)
		r.byName = n.Key()
		return err == nil
	}
	var wrapped, id cryptobyte.String
	if !s.ReadASN1(&wrapped, explicit(2)) || !wrapped.ReadASN1(&id, asn1.OCTET_STRING) || !wrapped.Empty() || len(id) == 0 {
		return false
	}
	r.byKey = id
	return true
}

// noCritical reads optional extensions, of which none may be critical: none that is matters to an answer kept as evidence.
func noCritical(s *cryptobyte.String, n uint8) bool {
	wrapped, present, ok := optional(s, explicit(n))
	if !ok || !present {
		return ok
	}
	list, ok := only(wrapped, asn1.SEQUENCE)
	if !ok {
		return false
	}
	exts, ok := readExtensions(list)
	for _, e := range exts {
		ok = ok && !e.critical
	}
	return ok
}

func readAnswer(s cryptobyte.String) (a ocspAnswer, ok bool) {
	var id, alg, nameHash, keyHash, number cryptobyte.String
	if !s.ReadASN1(&id, asn1.SEQUENCE) || !id.ReadASN1(&alg, asn1.SEQUENCE) || !id.ReadASN1(&nameHash, asn1.OCTET_STRING) ||
		!id.ReadASN1(&keyHash, asn1.OCTET_STRING) || !id.ReadASN1(&number, asn1.INTEGER) || !id.Empty() || !minimal(number) {
		return a, false
	}
	a.nameHash, a.keyHash, a.serial = nameHash, keyHash, serial(number)
	if a.hashOID, ok = readOID(&alg); !ok {
		return a, false
	}
	if ok = a.readStatus(&s); !ok {
		return a, false
	}
	if a.thisUpdate, ok = readTime(&s); !ok {
		return a, false
	}
	next, present, ok := optional(&s, explicit(0))
	if !ok {
		return a, false
	}
	if present {
		if a.nextBy, ok = readTime(&next); !ok || !next.Empty() {
			return a, false
		}
	}
	return a, noCritical(&s, 1) && s.Empty()
}

func (a *ocspAnswer) readStatus(s *cryptobyte.String) bool {
	var body cryptobyte.String
	var tag asn1.Tag
	if !s.ReadAnyASN1(&body, &tag) {
		return false
	}
	switch tag {
	case implicit(0):
		a.good = true
		return len(body) == 0
	case implicit(2):
		return len(body) == 0
	case explicit(1): // [1] IMPLICIT RevokedInfo, constructed
	default:
		return false
	}
	a.revoked = &revocation{}
	var ok bool
	if a.revoked.at, ok = readTime(&body); !ok {
		return false
	}
	wrapped, present, ok := optional(&body, explicit(0))
	if ok && present {
		var code cryptobyte.String
		ok = wrapped.ReadASN1(&code, asn1.ENUM) && len(code) == 1 && wrapped.Empty()
		if ok {
			a.revoked.reason = int(code[0])
		}
	}
	return ok && body.Empty()
}

// certIDHashes are the hashes a CertID may be made with.
var certIDHashes = map[string]func() hash.Hash{
	"1.3.14.3.2.26":          crypto.SHA1.New,
	"2.16.840.1.101.3.4.2.1": crypto.SHA256.New,
	"2.16.840.1.101.3.4.2.2": crypto.SHA384.New,
	"2.16.840.1.101.3.4.2.3": crypto.SHA512.New,
	"1.2.156.10197.1.401":    gm.NewSM3,
}

// names reports whether the answer is about that certificate of that issuer.
func (a *ocspAnswer) names(f, issuer *facts) bool {
	if newHash := certIDHashes[a.hashOID]; newHash != nil && a.serial == serialOf(f.cert) {
		sum := func(b []byte) []byte { h := newHash(); h.Write(b); return h.Sum(nil) }
		return bytes.Equal(a.nameHash, sum(f.cert.Issuer.DER())) && bytes.Equal(a.keyHash, sum(keyBits(issuer.cert)))
	}
	return false
}

// keyBits is the contents of the BIT STRING of a certificate's key.
func keyBits(c *pki.Certificate) []byte {
	s, ok := only(c.SPKI, asn1.SEQUENCE)
	var bits cryptobyte.String
	if !ok || !s.SkipASN1(asn1.SEQUENCE) || !s.ReadASN1(&bits, asn1.BIT_STRING) || len(bits) < 2 {
		return nil
	}
	return bits[1:]
}

// askOCSP looks for answers about the certificate. What any usable one revokes is revoked; settled says whether one knew.
func (q *question) askOCSP() (why *Reason, settled bool) {
	issuer := q.above[0]
	for _, r := range q.v.ocsp {
		for i := range r.answers {
			a := &r.answers[i]
			q.v.budget.steps++
			if q.v.budget.spent() {
				return nil, false
			}
			if !a.names(q.f, issuer) || !a.current(q.v.o.At, r.producedAt) {
				continue
			}
			if !q.responder(r, issuer) {
				q.note("an OCSP answer is not signed by a responder that may")
				break
			}
			if a.revoked != nil {
				return fault(Revoked, q.f, "since %s, reason %d (OCSP)", a.revoked.at.Format(time.RFC3339), a.revoked.reason), true
			}
			settled = settled || a.good
		}
	}
	return nil, settled
}

// current: an answer without a next update says newer ones are always there, so it holds for its own moment only; a day's
// grace is given, as evidence is looked at after it was fetched.
func (a *ocspAnswer) current(at, producedAt time.Time) bool {
	until := a.nextBy
	if until.IsZero() {
		until = a.thisUpdate.Add(24 * time.Hour)
	}
	return !at.Before(a.thisUpdate) && !at.After(until) && !producedAt.Before(a.thisUpdate)
}

// responder reports whether the answer is signed by the issuer itself or by whom it made its responder.
//
// Source: RFC 6960 §4.2.2.2.
func (q *question) responder(r *ocspResponse, issuer *facts) bool {
	if r.isBy(issuer.cert) && q.v.checkAlone(issuer) == nil && q.v.signedOCSP(r, issuer) {
		return true
	}
	for _, c := range r.certs {
		if f := q.v.facts(c); r.isBy(c) && q.mayRespond(f, issuer) && q.v.signedOCSP(r, f) {
			return true
		}
	}
	return false
}

func (r *ocspResponse) isBy(c *pki.Certificate) bool {
	if r.byKey != nil {
		h := crypto.SHA1.New()
		h.Write(keyBits(c))
		return bytes.Equal(h.Sum(nil), r.byKey)
	}
	return c.Subject.Key() == r.byName
}

// mayRespond wants the responder certified by the issuer itself for this use, and its own state settled: by the mark that
// it needs none, or by CRLs.
func (q *question) mayRespond(f, issuer *facts) bool {
	if f.issuer != issuer.subject || q.v.pending[f.id] || !f.cert.HasEKU(pki.EKUOCSPSigning) || q.v.checkAlone(f) != nil ||
		f.cert.HasKeyUsage && f.cert.KeyUsage&(pki.DigitalSignature|pki.ContentCommitment) == 0 || q.v.checkSignature(f, issuer) != nil {
		return false
	}
	if f.cert.Extension(pki.OIDOCSPNoCheck) != nil {
		return true
	}
	q.v.pending[f.id] = true
	defer delete(q.v.pending, f.id)
	return q.v.state(f, q.above) == nil
}

func (v *verifier) signedOCSP(r *ocspResponse, f *facts) bool {
	v.budget.signatures++
	return !v.budget.spent() && pki.Verify(f.cert.PublicKey, r.alg, r.tbs, r.sig) == nil
}
