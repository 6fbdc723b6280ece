package verify

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"testing"
	"time"

	"signet/api/problem"
	"signet/ca"
	"signet/ca/catest"
	"signet/ca/cms"
	"signet/ca/gm"
	"signet/ca/pki"
)

var now = time.Date(2026, 11, 21, 1, 0, 0, 0, time.UTC)

// bench is a verifier that knows one CA of ours and, as foreign anchors, another.
type bench struct {
	t              testing.TB
	now            time.Time
	own            *catest.Tree
	foreign, other *catest.Tree // taken over; unknown to all
	noStatus       bool
	v              *Verifier
}

func newBench(t testing.TB, alg pki.KeyAlg) *bench {
	t.Helper()
	b := &bench{t: t, now: now}
	clock := func() time.Time { return b.now }
	o := catest.Options{Now: clock}
	b.own, b.foreign, b.other = catest.HierarchyWith(t, alg, o), catest.HierarchyWith(t, pki.P256, o), catest.HierarchyWith(t, pki.P256, o)
	v, err := New(Config{Authority: b.own.Authority, Status: b.own.Store, Now: clock, Anchors: func(context.Context) ([]Anchor, error) {
		return []Anchor{{Name: "旧 CA", Certificate: b.foreign.Root, Root: true, NoStatus: b.noStatus}, {Name: "旧 OCA2", Certificate: b.foreign.Issuing, NoStatus: b.noStatus}}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	b.v = v
	return b
}

// holder is a certificate with its key.
type holder struct {
	cert *pki.Certificate
	key  crypto.Signer
}

var requests int

func (b *bench) issue(tree *catest.Tree, profile string, alg pki.KeyAlg) holder {
	b.t.Helper()
	requests++
	key := catest.Key(b.t, alg)
	req := tree.Request(b.t, "r"+string(rune('a'+requests%26))+time.Duration(requests).String(), profile, key)
	c, err := tree.Authority.Issue(b.t.Context(), req)
	if err != nil {
		b.t.Fatal(err)
	}
	cert, err := pki.ParseCertificate(c.DER)
	if err != nil {
		b.t.Fatal(err)
	}
	return holder{cert, key}
}

func (b *bench) sign(h holder, content []byte, o cms.SignOptions) []byte {
	b.t.Helper()
	der, err := cms.Sign(rand.Reader, h.key, h.cert, content, o)
	if err != nil {
		b.t.Fatal(err)
	}
	return der
}

func (b *bench) raw(h holder, content []byte) []byte {
	b.t.Helper()
	alg, err := pki.SigAlgFor(h.cert.PublicKey)
	if err != nil {
		b.t.Fatal(err)
	}
	sig, err := pki.Sign(rand.Reader, h.key, alg, content)
	if err != nil {
		b.t.Fatal(err)
	}
	return sig
}

func (b *bench) verify(q Request) Report {
	b.t.Helper()
	r, err := b.v.Verify(b.t.Context(), q)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// expect holds a report to a verdict and to reasons: "+code" for one that holds,
// "-code" for one that does not.
func (b *bench) expect(name string, r Report, verdict Verdict, reasons ...string) {
	b.t.Helper()
	got := map[string]bool{}
	for _, x := range r.Reasons {
		sign := "-"
		if x.OK {
			sign = "+"
		}
		got[sign+x.Code] = true
	}
	if r.Verdict != verdict {
		b.t.Errorf("%s: %s, want %s: %+v", name, r.Verdict, verdict, r.Reasons)
	}
	for _, want := range reasons {
		if !got[want] {
			b.t.Errorf("%s: no reason %s in %+v", name, want, r.Reasons)
		}
	}
}

var content = []byte("投标文件")

// TestKinds verifies what each kind of key signs, in each form.
func TestKinds(t *testing.T) {
	for _, alg := range []pki.KeyAlg{pki.SM2, pki.P256, pki.RSA2048} {
		t.Run(string(alg), func(t *testing.T) {
			tree := pki.SM2
			if alg != pki.SM2 {
				tree = pki.P256
			}
			b := newBench(t, tree)
			h := b.issue(b.own, "org-sign", alg)
			for name, o := range map[string]cms.SignOptions{"GM/T 0010": {}, "RFC 5652": {Style: cms.RFC5652, SigningTime: now.Add(-time.Minute)}, "no attributes": {NoAttributes: true}, "chain": {Chain: []*pki.Certificate{b.own.Issuing}}} {
				r := b.verify(Request{Type: TypeCMS, Signature: b.sign(h, content, o)})
				b.expect(name, r, Valid, "+signature_ok", "+path_ok", "+time_ok", "+usage_ok", "+revocation_ok")
				s := r.Signers[0]
				if s.USCC != catest.USCC || s.Organisation != "示例建设有限公司" || len(s.Path) != 3 || s.Revocation.Status != "good" || s.Revocation.Source != "database" || s.KeyAlg != string(alg) || !s.SigningTime.Equal(o.SigningTime) {
					t.Errorf("%s: %+v", name, s)
				}
				o.Detached = true
				detached := b.sign(h, content, o)
				b.expect(name+" detached", b.verify(Request{Type: TypeCMS, Signature: detached, Content: content}), Valid)
				b.expect(name+" other content", b.verify(Request{Type: TypeCMS, Signature: detached, Content: []byte("x")}), Invalid)
			}
			sig := b.raw(h, content)
			b.expect("raw", b.verify(Request{Type: TypeRaw, Signature: sig, Content: content, Certificate: h.cert.Raw}), Valid, "+signature_ok")
			b.expect("raw PEM", b.verify(Request{Type: TypeRaw, Signature: sig, Content: content, Certificate: pki.EncodePEM(h.cert)}), Valid)
			b.expect("raw tampered", b.verify(Request{Type: TypeRaw, Signature: sig, Content: []byte("x"), Certificate: h.cert.Raw}), Invalid, "-signature_bad", "+path_ok")
			b.expect("raw by digest", b.verify(Request{Type: TypeRaw, Signature: sig, Digest: digestOf(t, h, content), Certificate: h.cert.Raw}), Valid)
			if alg == pki.SM2 {
				rs, err := gm.SignatureToRaw(sig)
				if err != nil {
					t.Fatal(err)
				}
				b.expect("r‖s", b.verify(Request{Type: TypeRaw, Signature: rs, SignatureFormat: FormRS, Content: content, Certificate: h.cert.Raw}), Valid)
			}
		})
	}
}

func digestOf(t *testing.T, h holder, content []byte) []byte {
	t.Helper()
	alg, err := pki.SigAlgFor(h.cert.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	d, _, err := pki.Digest(h.cert.PublicKey, alg, content)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestUserID: an SM2 signature under another user ID holds for that one only.
func TestUserID(t *testing.T) {
	b := newBench(t, pki.SM2)
	h := b.issue(b.own, "org-sign", pki.SM2)
	pub := h.cert.PublicKey.(*gm.PublicKey)
	sig, err := h.key.Sign(rand.Reader, pub.Digest([]byte("ALICE123@YAHOO.COM"), content), pki.SM2Opts)
	if err != nil {
		t.Fatal(err)
	}
	q := Request{Type: TypeRaw, Signature: sig, Content: content, Certificate: h.cert.Raw}
	b.expect("default", b.verify(q), Invalid, "-signature_bad")
	q.UID = "ALICE123@YAHOO.COM"
	b.expect("named", b.verify(q), Valid)
}

// TestOtherHashes: RSA over SHA-512 and RSA-PSS are found.
func TestOtherHashes(t *testing.T) {
	b := newBench(t, pki.P256)
	h := b.issue(b.own, "org-sign", pki.RSA2048)
	sum := sha512.Sum512(content)
	sig, err := h.key.Sign(rand.Reader, sum[:], crypto.SHA512)
	if err != nil {
		t.Fatal(err)
	}
	r := b.verify(Request{Type: TypeRaw, Signature: sig, Content: content, Certificate: h.cert.Raw})
	b.expect("SHA-512", r, Valid)
	if r.Signers[0].SigAlg != "RSA-SHA512" {
		t.Error(r.Signers[0].SigAlg)
	}
	sum256 := sha256.Sum256(content)
	sig, err = rsa.SignPSS(rand.Reader, h.key.(*rsa.PrivateKey), crypto.SHA256, sum256[:], nil)
	if err != nil {
		t.Fatal(err)
	}
	b.expect("PSS", b.verify(Request{Type: TypeRaw, Signature: sig, Content: content, Certificate: h.cert.Raw}), Valid)
}

// TestCertificates judges good signatures by certificates that do not count.
func TestCertificates(t *testing.T) {
	b := newBench(t, pki.SM2)
	judge := func(h holder) Report {
		return b.verify(Request{Type: TypeCMS, Signature: b.sign(h, content, cms.SignOptions{})})
	}
	b.expect("unknown CA", judge(b.issue(b.other, "org-sign", pki.P256)), Indeterminate, "+signature_ok", "-no_path")
	enc := b.issue(b.own, "org-enc", pki.SM2)
	b.expect("encryption certificate", judge(enc), Invalid, "+signature_ok", "-usage_wrong")
	legacy := b.issue(b.foreign, "org-sign", pki.P256)
	r := judge(legacy)
	b.expect("legacy, status unknown", r, Indeterminate, "+path_ok", "-revocation_unknown")
	if r.Signers[0].Anchor != "旧 CA" || r.Signers[0].Revocation.Status != "unknown" || r.Signers[0].Revocation.Source != "none" {
		t.Errorf("%+v", r.Signers[0])
	}
	b.noStatus = true
	b.expect("legacy, status not published", judge(legacy), Valid, "+revocation_not_published")
	b.expect("a CA's own", judge(holder{b.own.Issuing, b.own.IssuingKey}), Invalid, "-usage_wrong")
	good := b.issue(b.own, "org-sign", pki.SM2)
	b.expect("good", judge(good), Valid)
}

// TestForgottenSerial: our CA's signature on a serial that our database does not know.
func TestForgottenSerial(t *testing.T) {
	b := newBench(t, pki.SM2)
	h := b.issue(b.own, "org-sign", pki.SM2)
	v, err := New(Config{Authority: b.own.Authority, Status: catest.NewStore(func() time.Time { return now }), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	r, err := v.Verify(t.Context(), Request{Type: TypeCMS, Signature: b.sign(h, content, cms.SignOptions{})})
	if err != nil {
		t.Fatal(err)
	}
	b.expect("unknown serial", r, Indeterminate, "-revocation_unknown")
}

// TestTime judges as of other times.
func TestTime(t *testing.T) {
	b := newBench(t, pki.SM2)
	h := b.issue(b.own, "org-sign", pki.SM2)
	sig := b.sign(h, content, cms.SignOptions{})
	at := func(at time.Time) Report { return b.verify(Request{Type: TypeCMS, Signature: sig, At: at}) }
	b.expect("before", at(now.Add(-24*time.Hour)), Invalid, "-not_yet_valid")
	b.now = now.AddDate(3, 0, 0)
	b.expect("expired", at(time.Time{}), Invalid, "-expired", "+signature_ok")
	r := at(now.Add(time.Hour))
	b.expect("then", r, Valid, "+time_ok")
	if !r.At.Equal(now.Add(time.Hour)) || !r.CheckedAt.Equal(b.now) {
		t.Error(r.At, r.CheckedAt)
	}
	_, err := b.v.Verify(t.Context(), Request{Type: TypeCMS, Signature: sig, At: b.now.Add(time.Hour)})
	want(t, "to come", err, problem.CodeInvalidField)
	claimed := b.sign(b.issue(b.own, "org-sign", pki.SM2), content, cms.SignOptions{SigningTime: b.now.AddDate(0, 0, 1)})
	b.expect("signed tomorrow", b.verify(Request{Type: TypeCMS, Signature: claimed}), Valid, "+signing_time_ahead")
}

func want(t *testing.T, name string, err error, code problem.Code) {
	t.Helper()
	if !problem.Has(err, code) {
		t.Errorf("%s: %v, want %s", name, err, code)
	}
}

// TestRevocation walks a certificate through hold, release and revocation.
func TestRevocation(t *testing.T) {
	for name, c := range map[string]struct {
		rev  ca.Revocation
		at   time.Duration // of the question, after issuing; the revocation is at +10 h
		want Verdict
		says string
	}{
		"before":                       {ca.Revocation{Reason: ca.Superseded}, 9 * time.Hour, Valid, "+revocation_ok"},
		"after":                        {ca.Revocation{Reason: ca.Superseded}, 11 * time.Hour, Invalid, "-revoked"},
		"at once":                      {ca.Revocation{Reason: ca.Superseded}, 10 * time.Hour, Invalid, "-revoked"},
		"compromised, before":          {ca.Revocation{Reason: ca.KeyCompromise}, 9 * time.Hour, Invalid, "-revoked"},
		"compromised since, before":    {ca.Revocation{Reason: ca.KeyCompromise, InvalidAt: now.Add(5 * time.Hour)}, 4 * time.Hour, Valid, "+revocation_ok"},
		"compromised since, meanwhile": {ca.Revocation{Reason: ca.KeyCompromise, InvalidAt: now.Add(5 * time.Hour)}, 6 * time.Hour, Invalid, "-revoked"},
		"held":                         {ca.Revocation{Reason: ca.CertificateHold}, 11 * time.Hour, Invalid, "-suspended"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, pki.SM2)
			h := b.issue(b.own, "org-sign", pki.SM2)
			sig := b.sign(h, content, cms.SignOptions{})
			b.now = now.Add(10 * time.Hour)
			c.rev.CA, c.rev.SerialHex, c.rev.By = "issuing", h.cert.SerialHex, "test"
			if err := b.own.Authority.Revoke(t.Context(), c.rev); err != nil {
				t.Fatal(err)
			}
			b.now = now.Add(20 * time.Hour)
			r := b.verify(Request{Type: TypeCMS, Signature: sig, At: now.Add(c.at)})
			b.expect(name, r, c.want, c.says, "+signature_ok")
			if got := r.Signers[0].Revocation; got.Status != "revoked" || got.Reason != c.rev.Reason || !got.RevokedAt.Equal(now.Add(10*time.Hour)) {
				t.Errorf("evidence: %+v", got)
			}
		})
	}
}

func TestOrganisation(t *testing.T) {
	b := newBench(t, pki.SM2)
	h := b.issue(b.own, "org-sign", pki.SM2)
	sig := b.sign(h, content, cms.SignOptions{})
	for code, ok := range map[string]bool{catest.USCC: true, "9199 0000 ma0000015q": true, catest.USCC[8:17]: true, "MA000001-5": true, "91990000MA0000015R": false, "12345678-8": false} {
		verdict, says := Invalid, "-organisation_mismatch"
		if ok {
			verdict, says = Valid, "+organisation_ok"
		}
		b.expect(code, b.verify(Request{Type: TypeCMS, Signature: sig, RequireOrganisation: code}), verdict, says)
	}
}

// TestNoSigner: a bag of certificates is no signature.
func TestNoSigner(t *testing.T) {
	b := newBench(t, pki.SM2)
	r := b.verify(Request{Type: TypeCMS, Signature: p7b(t, b)})
	b.expect("no signer", r, Invalid, "-no_signer")
	if len(r.Signers) != 0 {
		t.Error(r.Signers)
	}
}

func p7b(t *testing.T, b *bench) []byte {
	t.Helper()
	der, err := cms.DegenerateP7B([]*pki.Certificate{b.own.Root}, cms.GMT0010)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// TestOmittedCertificate: the signer's certificate is beside the message, or nowhere.
func TestOmittedCertificate(t *testing.T) {
	b := newBench(t, pki.SM2)
	h, other := b.issue(b.own, "org-sign", pki.SM2), b.issue(b.own, "org-sign", pki.SM2)
	sig := b.sign(h, content, cms.SignOptions{OmitSigner: true})
	b.expect("nowhere", b.verify(Request{Type: TypeCMS, Signature: sig}), Indeterminate, "-no_certificate")
	b.expect("beside", b.verify(Request{Type: TypeCMS, Signature: sig, Certificate: h.cert.Raw}), Valid)
	b.expect("another beside", b.verify(Request{Type: TypeCMS, Signature: sig, Certificate: other.cert.Raw}), Indeterminate, "-no_certificate")
}

// TestRefused sends what cannot be judged.
func TestRefused(t *testing.T) {
	b := newBench(t, pki.SM2)
	h := b.issue(b.own, "org-sign", pki.SM2)
	rawSig, message := b.raw(h, content), b.sign(h, content, cms.SignOptions{})
	good := Request{Type: TypeRaw, Signature: rawSig, Content: content, Certificate: h.cert.Raw}
	for name, c := range map[string]struct {
		change func(*Request)
		want   problem.Code
	}{
		"no type":         {func(q *Request) { q.Type = "" }, problem.CodeInvalidField},
		"no signature":    {func(q *Request) { q.Signature = nil }, problem.CodeMissingField},
		"no certificate":  {func(q *Request) { q.Certificate = nil }, problem.CodeMissingField},
		"no content":      {func(q *Request) { q.Content = nil }, problem.CodeMissingField},
		"both":            {func(q *Request) { q.Digest = make([]byte, 32) }, problem.CodeInvalidField},
		"short digest":    {func(q *Request) { q.Content, q.Digest = nil, make([]byte, 31) }, problem.CodeInvalidField},
		"format":          {func(q *Request) { q.SignatureFormat = "hex" }, problem.CodeInvalidField},
		"r‖s length":      {func(q *Request) { q.SignatureFormat = FormRS }, problem.CodeVerifyMalformed},
		"certificate":     {func(q *Request) { q.Certificate = []byte("0\x03abc") }, problem.CodeVerifyMalformed},
		"certificate PEM": {func(q *Request) { q.Certificate = []byte("-----BEGIN CERTIFICATE-----") }, problem.CodeVerifyMalformed},
		"too large":       {func(q *Request) { q.Content = make([]byte, maxInput) }, problem.CodeVerifyTooLarge},
		"big certificate": {func(q *Request) { q.Certificate = make([]byte, maxCertificate+1) }, problem.CodeVerifyTooLarge},
		"user ID":         {func(q *Request) { q.UID = string(make([]byte, maxUID+1)) }, problem.CodeInvalidField},
		"not CMS":         {func(q *Request) { q.Type = TypeCMS }, problem.CodeVerifyMalformed},
		"cut CMS":         {func(q *Request) { q.Type, q.Signature = TypeCMS, message[:len(message)-1] }, problem.CodeVerifyMalformed},
		"detached alone": {func(q *Request) {
			*q = Request{Type: TypeCMS, Signature: b.sign(h, content, cms.SignOptions{Detached: true})}
		}, problem.CodeMissingField},
	} {
		q := good
		c.change(&q)
		_, err := b.v.Verify(t.Context(), q)
		want(t, name, err, c.want)
	}
	b.expect("every bit counts", b.verify(good), Valid)
	for i := range rawSig { // a flipped bit is never valid, and never an error
		q := good
		q.Signature = append([]byte(nil), rawSig...)
		q.Signature[i] ^= 1
		if r := b.verify(q); r.Verdict == Valid {
			t.Fatalf("byte %d changed and valid", i)
		}
	}
	for i := range message {
		b.flip(h, message, i)
	}
}

// flip changes one bit of an attached message. Version numbers and the list of digests
// before the content are signed by nobody; where such a change is still valid, signer
// and content must be the very same.
func (b *bench) flip(h holder, message []byte, i int) {
	b.t.Helper()
	q := Request{Type: TypeCMS, Signature: append([]byte(nil), message...)}
	q.Signature[i] ^= 1
	r, err := b.v.Verify(b.t.Context(), q)
	if err != nil && problem.CodeOf(err) == problem.CodeInternal {
		b.t.Errorf("byte %d: %v", i, err)
	}
	if err != nil || r.Verdict != Valid {
		return
	}
	parsed, err := cms.ParseSigned(q.Signature)
	if err != nil || !bytes.Equal(parsed.Content, content) || len(r.Signers) != 1 || !bytes.Equal(r.Signers[0].Certificate, h.cert.Raw) {
		b.t.Errorf("byte %d changed signer or content and is valid", i)
	}
}

// TestStatusGone: no database, no verdict.
func TestStatusGone(t *testing.T) {
	b := newBench(t, pki.SM2)
	h := b.issue(b.own, "org-sign", pki.SM2)
	b.v.c.Anchors = func(context.Context) ([]Anchor, error) { return nil, errors.New("gone") }
	if _, err := b.v.Verify(t.Context(), Request{Type: TypeCMS, Signature: b.sign(h, content, cms.SignOptions{})}); err == nil {
		t.Error("judged without anchors")
	}
}
