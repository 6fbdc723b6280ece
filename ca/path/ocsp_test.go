package path

import (
	"crypto"
	"fmt"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte/asn1"

	"signet/ca/pki"
)

// answer is an OCSP answer in parts.
type answer struct {
	about, issuer *entity
	by            *entity // signs
	hash          string  // of the CertID
	status        []byte
	this, next    []byte
	certs         []*entity
	byKey, broken bool
	exts, failure []byte
}

var (
	isGood    = tagged(implicit(0))
	isUnknown = tagged(implicit(2))
)

func isRevoked() []byte {
	return tagged(explicit(1), generalized(start), tagged(explicit(0), tagged(asn1.ENUM, []byte{1})))
}

func (w *world) answer(about, issuer, by *entity, edit func(*answer)) []byte {
	a := answer{about: about, issuer: issuer, by: by, hash: "1.3.14.3.2.26", status: isGood, this: generalized(now.Add(-time.Hour)), next: generalized(now.Add(time.Hour))}
	if by != issuer {
		a.certs = []*entity{by}
	}
	if edit != nil {
		edit(&a)
	}
	if a.failure != nil {
		return a.failure
	}
	sum := func(b []byte) []byte {
		h := certIDHashes[a.hash]()
		h.Write(b)
		return tagged(asn1.OCTET_STRING, h.Sum(nil))
	}
	id := sequence(sequence(mustOID(a.hash), []byte{5, 0}), sum(a.issuer.spec.subject), sum(keyBits(a.issuer.cert)), integer(a.about.spec.serial...))
	single := sequence(id, a.status, a.this, tagged(explicit(0), a.next), a.exts)
	if a.next == nil {
		single = sequence(id, a.status, a.this, a.exts)
	}
	responder := tagged(explicit(1), a.by.spec.subject)
	if a.byKey {
		h := crypto.SHA1.New()
		h.Write(keyBits(a.by.cert))
		responder = tagged(explicit(2), tagged(asn1.OCTET_STRING, h.Sum(nil)))
	}
	data := sequence(responder, generalized(now.Add(-time.Minute)), sequence(single))
	alg, err := pki.SigAlgFor(a.by.key.Public())
	w.must(err)
	signed := data
	if a.broken {
		signed = append([]byte("not "), data...)
	}
	var certs []byte
	for _, c := range a.certs {
		certs = append(certs, c.der...)
	}
	if certs != nil {
		certs = tagged(explicit(0), sequence(certs))
	}
	basic := sequence(data, alg.DER(), tagged(asn1.BIT_STRING, []byte{0}, honest(a.by.key, alg, signed)), certs)
	return sequence(tagged(asn1.ENUM, []byte{0}), tagged(explicit(0), sequence(mustOID(oidBasicOCSP), tagged(asn1.OCTET_STRING, basic))))
}

func TestOCSPEvidence(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		leaf := w.leaf(w.root, "EE")
		sibling := w.leaf(w.root, "Sibling")
		signing := with(must(pki.ExtEKU(pki.EKUOCSPSigning)), pki.ExtKeyUsage(pki.DigitalSignature, true))
		responder := w.issue(w.root, "Responder", w.key("responder"), signing, with(pki.ExtOCSPNoCheck()))
		unmarked := w.issue(w.root, "Responder", w.key("responder"), signing)
		noEKU := w.issue(w.root, "Responder", w.key("responder"), with(pki.ExtOCSPNoCheck()))
		old := w.issue(w.root, "Responder", w.key("responder"), signing, with(pki.ExtOCSPNoCheck()), until(now.AddDate(0, 0, -1)))
		stranger := w.issue(w.selfSigned("Stranger"), "Responder", w.key("responder"), signing, with(pki.ExtOCSPNoCheck()))
		forged := w.issue(&entity{key: w.key("stranger"), spec: w.root.spec}, "Responder", w.key("responder"), signing, with(pki.ExtOCSPNoCheck()))
		noSigning := w.issue(w.root, "Responder", w.key("responder"), signing, with(pki.ExtOCSPNoCheck(), pki.ExtKeyUsage(pki.KeyEncipherment, true)))
		renamed := &entity{spec: certSpec{subject: name("Another")}, cert: w.root.cert} // the right key, another name
		for i, c := range []struct {
			by   *entity
			edit func(*answer)
			want Code
		}{
			{w.root, nil, ""},
			{responder, nil, ""},
			{responder, func(a *answer) { a.byKey = true }, ""},
			{w.root, func(a *answer) { a.hash = "2.16.840.1.101.3.4.2.1" }, ""},
			{w.root, func(a *answer) { a.hash = "1.2.156.10197.1.401" }, ""},
			{w.root, func(a *answer) { a.status = isRevoked() }, Revoked},
			{responder, func(a *answer) { a.status = isRevoked() }, Revoked},
			{w.root, func(a *answer) { a.status = isUnknown }, RevocationUnknown},
			{w.root, func(a *answer) { a.broken = true }, RevocationUnknown},
			{w.root, func(a *answer) { a.about = sibling }, RevocationUnknown},
			{w.root, func(a *answer) { a.issuer = responder }, RevocationUnknown},
			{w.root, func(a *answer) { a.next = generalized(now.Add(-time.Second)) }, RevocationUnknown},
			{w.root, func(a *answer) { a.this = generalized(now.Add(time.Second)) }, RevocationUnknown},
			{w.root, func(a *answer) { a.next = nil }, ""},
			{w.root, func(a *answer) { a.next, a.this = nil, generalized(now.AddDate(0, 0, -2)) }, RevocationUnknown},
			{w.root, func(a *answer) { a.exts = tagged(explicit(1), extensionsDER([]pki.Extension{unknownExt(true)})) }, RevocationUnknown},
			{w.root, func(a *answer) { a.failure = sequence(tagged(asn1.ENUM, []byte{6})) }, RevocationUnknown},
			{w.root, func(a *answer) { a.issuer = renamed }, RevocationUnknown},
			{forged, nil, RevocationUnknown},
			{noSigning, nil, RevocationUnknown},
			{unmarked, nil, RevocationUnknown},
			{noEKU, nil, RevocationUnknown},
			{old, nil, RevocationUnknown},
			{stranger, nil, RevocationUnknown},
			{leaf, nil, RevocationUnknown}, // its own word
		} {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				trial{leaf: leaf, ocsp: [][]byte{w.answer(leaf, w.root, c.by, c.edit)}, want: c.want}.check(t, w)
			})
		}
		// CRLs and answers together: what either revokes is revoked; a CRL can vouch for the responder.
		good := [][]byte{w.answer(leaf, w.root, w.root, nil)}
		trial{leaf: leaf, ocsp: good, crls: [][]byte{w.crl(w.root, revokes(leaf))}, want: Revoked}.check(t, w)
		trial{leaf: leaf, ocsp: [][]byte{w.answer(leaf, w.root, w.root, func(a *answer) { a.status = isRevoked() })}, crls: [][]byte{w.crl(w.root)}, want: Revoked}.check(t, w)
		trial{leaf: leaf, ocsp: [][]byte{w.answer(leaf, w.root, unmarked, func(a *answer) { a.status = isRevoked() })}, crls: [][]byte{w.crl(w.root)}, want: Revoked}.check(t, w)
		trial{leaf: leaf, ocsp: [][]byte{w.answer(leaf, w.root, unmarked, func(a *answer) { a.status = isRevoked() })}, crls: [][]byte{w.crl(w.root, revokes(unmarked))}}.check(t, w)
	})
}
