package cms

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"signet/ca/gm"
	"signet/ca/pki"
)

var signTime = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// TestSignedRoundTrip signs with every key, style, form and reads all facts back.
func TestSignedRoundTrip(t *testing.T) {
	names := map[string][2]string{"SM2": {"SM3", "SM2-SM3"}, "P-256": {"SHA-256", "ECDSA-SHA256"},
		"P-384": {"SHA-384", "ECDSA-SHA384"}, "RSA-2048": {"SHA-256", "RSA-SHA256"}}
	for alg, want := range names {
		for _, style := range []Style{GMT0010, RFC5652} {
			for _, detached := range []bool{false, true} {
				for _, bare := range []bool{false, true} {
					for _, content := range [][]byte{[]byte("投标文件"), {}} {
						name := fmt.Sprintf("%s/%s/detached=%v/bare=%v/%d", alg, style, detached, bare, len(content))
						t.Run(name, func(t *testing.T) {
							o := SignOptions{Style: style, Detached: detached, NoAttributes: bare, Chain: []*pki.Certificate{holders()["SM2-2"].cert}}
							if !bare {
								o.SigningTime = signTime
							}
							roundTrip(t, holders()[alg], content, o, want)
						})
					}
				}
			}
		}
	}
}

func roundTrip(t *testing.T, h holder, content []byte, o SignOptions, want [2]string) {
	t.Helper()
	der, err := Sign(rand.Reader, h.key, h.cert, content, o)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ParseSigned(der)
	if err != nil {
		t.Fatal(err)
	}
	if s.Style != o.Style || s.Detached != o.Detached || len(s.Certificates) != 2 || len(s.Signers) != 1 || s.ContentType != o.Style.data() {
		t.Fatalf("parsed %+v", s)
	}
	if !o.Detached && !bytes.Equal(s.Content, content) {
		t.Fatalf("content %q", s.Content)
	}
	si := s.Signers[0]
	if si.DigestAlg != want[0] || si.SigAlg != want[1] || !si.SigningTime.Equal(o.SigningTime) || si.Certificate == nil ||
		!bytes.Equal(si.IssuerRaw, h.cert.Issuer.DER()) || (si.SignedAttributes == nil) != o.NoAttributes {
		t.Fatalf("signer %+v", si)
	}
	var detached []byte
	if o.Detached {
		detached = content
	}
	certs, err := s.Verify(detached, nil)
	if err != nil || len(certs) != 1 || !bytes.Equal(certs[0].Raw, h.cert.Raw) || s.Signers[0].ZDigest {
		t.Fatalf("verify: %v, %v, Z %v", certs, err, s.Signers[0].ZDigest)
	}
	if _, err := s.Verify(append([]byte("x"), content...), nil); !errors.Is(err, ErrDigest) && !errors.Is(err, ErrSignature) {
		t.Fatalf("other content: %v", err)
	}
}

// TestPrepareSigned completes a message with what a token returns: r‖s, or DER; and refuses a wrong signature.
func TestPrepareSigned(t *testing.T) {
	h := holders()["SM2"]
	toSign, finish, err := PrepareSigned(h.cert, []byte("content"), SignOptions{SigningTime: signTime})
	if err != nil {
		t.Fatal(err)
	}
	k := sm2Key(t, h)
	sig := must(k.Sign(rand.Reader, k.PublicKey().Digest(nil, toSign), nil))
	for name, form := range map[string][]byte{"DER": sig, "r‖s": must(gm.SignatureToRaw(sig))} {
		der, err := finish(form)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := must(ParseSigned(der)).Verify(nil, nil); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	other := sm2Key(t, holders()["SM2-2"])
	wrong := must(other.Sign(rand.Reader, k.PublicKey().Digest(nil, toSign), nil))
	for name, bad := range map[string][]byte{"other key": wrong, "empty": nil, "zeros": make([]byte, 64), "cut": sig[:len(sig)-1]} {
		if _, err := finish(bad); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	h, other := holders()["SM2"], holders()["SM2-2"]
	if _, err := Sign(nil, other.key, h.cert, nil, SignOptions{}); !errors.Is(err, ErrKeyMismatch) {
		t.Errorf("key of another certificate: %v", err)
	}
	attrs, _, err := PrepareSigned(h.cert, []byte("x"), SignOptions{})
	if err != nil {
		t.Fatal(err)
	}
	null := []byte{5, 0}
	for name, o := range map[string]SignOptions{
		"attributes signed as content": {NoAttributes: true},
		"time without attributes":      {NoAttributes: true, SigningTime: signTime},
		"extra without attributes":     {NoAttributes: true, Attributes: []Attribute{{"1.2.3", [][]byte{null}}}},
		"TSTInfo bare":                 {Style: RFC5652, NoAttributes: true, ContentType: ContentTypeTSTInfo},
		"attribute of the signer":      {Attributes: []Attribute{{AttrMessageDigest, [][]byte{null}}}},
		"attribute twice":              {Attributes: []Attribute{{"1.2.3", [][]byte{null}}, {"1.2.3", [][]byte{null}}}},
		"attribute without value":      {Attributes: []Attribute{{Type: "1.2.3"}}},
		"attribute of junk":            {Attributes: []Attribute{{"1.2.3", [][]byte{{5, 0, 0}}}}},
		"attribute type":               {Attributes: []Attribute{{"x", [][]byte{null}}}},
		"content type":                 {ContentType: "1..2"},
	} {
		if out, err := Sign(nil, h.key, h.cert, attrs, o); err == nil {
			t.Errorf("%s: signed %x", name, out)
		}
	}
}

// TestTimeStampForm is what ca/tsa needs: another content type, a further attribute, no certificate.
func TestTimeStampForm(t *testing.T) {
	for _, alg := range []string{"SM2", "RSA-2048"} {
		h := holders()[alg]
		extra := Attribute{"1.2.840.113549.1.9.16.2.47", [][]byte{{0x30, 0}}}
		o := SignOptions{Style: RFC5652, ContentType: ContentTypeTSTInfo, Attributes: []Attribute{extra}, OmitSigner: true}
		s := must(ParseSigned(must(Sign(nil, h.key, h.cert, []byte{0x30, 0}, o))))
		if s.ContentType != ContentTypeTSTInfo || len(s.Certificates) != 0 || len(s.Signers[0].SignedAttributes) != 3 {
			t.Fatalf("%+v", s)
		}
		if _, err := s.Verify(nil, nil); !errors.Is(err, ErrNoCertificate) {
			t.Fatalf("without certificate: %v", err)
		}
		calls := 0
		lookup := func(issuer, serial []byte) *pki.Certificate {
			calls++
			if !bytes.Equal(issuer, h.cert.Issuer.DER()) || !bytes.Equal(serial, h.cert.Serial) {
				t.Errorf("looked up %x %x", issuer, serial)
			}
			return h.cert
		}
		if _, err := s.Verify(nil, lookup); err != nil || calls != 1 || s.Signers[0].Certificate != h.cert {
			t.Fatalf("with lookup: %v, %d calls", err, calls)
		}
	}
}

func TestDegenerateP7B(t *testing.T) {
	certs := []*pki.Certificate{holders()["RSA-2048"].cert, holders()["SM2"].cert}
	for _, style := range []Style{GMT0010, RFC5652} {
		s := must(ParseSigned(must(DegenerateP7B(certs, style))))
		if s.Style != style || len(s.Certificates) != 2 || !bytes.Equal(s.Certificates[0].Raw, certs[0].Raw) || !s.Detached {
			t.Fatalf("%+v", s)
		}
		if _, err := s.Verify([]byte("x"), nil); !errors.Is(err, ErrNoSigner) {
			t.Fatalf("no signer: %v", err)
		}
	}
	if _, err := DegenerateP7B(nil, GMT0010); err == nil {
		t.Fatal("empty p7b")
	}
}

// forged builds SM2 messages field by field, so that one thing at a time can be wrong.
type forged struct {
	outer, inner string
	version      byte
	sid          node
	digestAlg    node
	attrs        []node
	rawAttrs     *node // instead of attrs sorted
	signOver     []byte
	sigAlg       node
	key          *gm.PrivateKey
	certs        []*pki.Certificate
	more         []node // further signers
}

func newForged(h holder, content []byte) *forged {
	return &forged{
		outer: GMT0010.signed(), inner: GMT0010.data(), version: 1,
		sid:       seq(encoded(h.cert.Issuer.DER()), unsigned(h.cert.Serial)),
		digestAlg: seq(oid(oidSM3)),
		attrs: []node{singleAttribute(AttrContentType, oid(GMT0010.data())),
			singleAttribute(AttrMessageDigest, octets(digestSM3.sum(content)))},
		sigAlg: seq(oid(oidSM2Sign)), key: h.key.(*gm.PrivateKey), certs: []*pki.Certificate{h.cert},
	}
}

func (f *forged) signer() node {
	over, attrs := setOf(tagSet, f.attrs...).der(), setOf(tagContext0, f.attrs...)
	if f.rawAttrs != nil {
		attrs = *f.rawAttrs
	}
	if f.signOver != nil {
		over = f.signOver
	}
	sig := must(f.key.Sign(nil, f.key.PublicKey().Digest(nil, over), nil))
	if f.attrs == nil {
		return seq(number(f.version), f.sid, f.digestAlg, f.sigAlg, octets(sig))
	}
	return seq(number(f.version), f.sid, f.digestAlg, attrs, f.sigAlg, octets(sig))
}

func (f *forged) message(content []byte) []byte {
	bag := node{tag: tagContext0}
	for _, c := range f.certs {
		bag.kids = append(bag.kids, encoded(c.Raw))
	}
	return seq(oid(f.outer), wrap(tagContext0, seq(number(1), set(f.digestAlg),
		seq(oid(f.inner), wrap(tagContext0, octets(content))), bag, set(append([]node{f.signer()}, f.more...)...)))).der()
}

// TestAccepts reads every deviation that the field shows.
func TestAccepts(t *testing.T) {
	h := holders()["SM2"]
	content := []byte("内容")
	pub := sm2Key(t, h).PublicKey()
	for name, change := range map[string]func(*forged){
		"as written": func(f *forged) {},
		"301.1 NULL": func(f *forged) { f.sigAlg = seq(oid(oidSM2Sign), null()) },
		"501":        func(f *forged) { f.sigAlg = seq(oid(oidSM2WithSM3)) },
		"501 NULL":   func(f *forged) { f.sigAlg = seq(oid(oidSM2WithSM3), null()) },
		"301.5":      func(f *forged) { f.sigAlg = seq(oid("1.2.156.10197.1.301.5")) },
		"issuer encoded anew": func(f *forged) {
			f.sid = seq(seq(set(seq(oid(pki.OIDCountry), leaf(0x13, []byte("CN")))),
				set(seq(oid(pki.OIDCommonName), leaf(0x0c, []byte("签名者"))))), unsigned(h.cert.Serial))
		},
		"issuer as BMPString": func(f *forged) {
			f.sid = seq(seq(set(seq(oid(pki.OIDCountry), leaf(0x0c, []byte("cn")))),
				set(seq(oid(pki.OIDCommonName), leaf(0x1e, []byte{0x7b, 0x7e, 0x54, 0x0d, 0x80, 0x05})))), unsigned(h.cert.Serial))
		},
		"301":                  func(f *forged) { f.sigAlg = seq(oid("1.2.156.10197.1.301")) },
		"SM3 NULL":             func(f *forged) { f.digestAlg = seq(oid(oidSM3), null()) },
		"SM3 without key":      func(f *forged) { f.digestAlg = seq(oid(oidSM3NoKey)) },
		"PKCS#7 outer":         func(f *forged) { f.outer = RFC5652.signed() },
		"key identifier":       func(f *forged) { f.version = 3; f.sid = leaf(tagImplicit0, h.cert.SKI) },
		"key identifier, CFCA": func(f *forged) { f.version = 3; f.sid = wrap(tagContext0, octets(h.cert.SKI)) },
		"attributes unsorted": func(f *forged) {
			n := wrap(tagContext0, f.attrs[1], f.attrs[0])
			if bytes.Equal(n.der(), setOf(tagContext0, f.attrs...).der()) {
				n = wrap(tagContext0, f.attrs[0], f.attrs[1])
			}
			f.rawAttrs = &n
		},
		"without attributes": func(f *forged) { f.attrs = nil; f.signOver = content },
		"certificate of the same name first": func(f *forged) {
			twin := certify(holders()["SM2-2"].key, "签名者", h.cert.Serial)
			f.certs = []*pki.Certificate{twin, h.cert}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newForged(h, content)
			change(f)
			s, err := ParseSigned(f.message(content))
			if err != nil {
				t.Fatal(err)
			}
			certs, err := s.Verify(nil, nil)
			if err != nil || !certs[0].PublicKey.(*gm.PublicKey).Equal(pub) || s.Signers[0].ZDigest {
				t.Fatalf("verify: %v", err)
			}
		})
	}
}

func TestZDigest(t *testing.T) {
	h := holders()["SM2"]
	content := []byte("内容")
	f := newForged(h, content)
	f.attrs[1] = singleAttribute(AttrMessageDigest, octets(sm2Key(t, h).PublicKey().Digest(nil, content)))
	s := must(ParseSigned(f.message(content)))
	if _, err := s.Verify(nil, nil); err != nil || !s.Signers[0].ZDigest {
		t.Fatalf("%v, ZDigest %v", err, s.Signers[0].ZDigest)
	}
	if _, err := s.Verify(nil, func(_, _ []byte) *pki.Certificate { return nil }); err != nil {
		t.Fatal(err)
	}
}

// TestRefuses gives one wrong thing at a time and names the error it must give.
func TestRefuses(t *testing.T) {
	h, other := holders()["SM2"], holders()["SM2-2"]
	content := []byte("内容")
	for name, c := range map[string]struct {
		change func(*forged)
		want   error
	}{
		"digest of other content": {func(f *forged) {
			f.attrs[1] = singleAttribute(AttrMessageDigest, octets(digestSM3.sum([]byte("别的"))))
		}, ErrDigest},
		"digest by another hash": {func(f *forged) {
			f.attrs[1] = singleAttribute(AttrMessageDigest, octets(digestSHA256.sum(content)))
		}, ErrDigest},
		"other content type signed": {func(f *forged) {
			f.attrs[0] = singleAttribute(AttrContentType, oid(RFC5652.data()))
		}, ErrContentType},
		"other content type outside": {func(f *forged) { f.inner = ContentTypeTSTInfo }, ErrContentType},
		"signed over unsorted": {func(f *forged) {
			a, b := wrap(tagSet, f.attrs...).der(), wrap(tagSet, f.attrs[1], f.attrs[0]).der()
			if f.signOver = a; bytes.Equal(a, setOf(tagSet, f.attrs...).der()) {
				f.signOver = b
			}
		}, ErrSignature},
		"signed without ZA of this key": {func(f *forged) { f.key = sm2Key(t, other) }, ErrSignature},
		"certificate of another key": {func(f *forged) {
			f.certs = []*pki.Certificate{certify(other.key, "签名者", h.cert.Serial)}
		}, ErrSignature},
		"issuer too long": {func(f *forged) {
			f.sid = seq(seq(set(seq(oid(pki.OIDCommonName), leaf(0x0c, make([]byte, maxNameSize))))), unsigned(h.cert.Serial))
		}, ErrMalformed},
		"behind too many namesakes": {func(f *forged) {
			twin := certify(other.key, "签名者", h.cert.Serial)
			f.certs = []*pki.Certificate{twin, twin, twin, twin, h.cert}
		}, ErrSignature},
		"no such certificate":    {func(f *forged) { f.certs = []*pki.Certificate{other.cert} }, ErrNoCertificate},
		"attributes gone":        {func(f *forged) { f.attrs = nil; f.signOver = []byte("x") }, ErrSignature},
		"content type missing":   {func(f *forged) { f.attrs = f.attrs[1:] }, ErrMalformed},
		"message digest missing": {func(f *forged) { f.attrs = f.attrs[:1] }, ErrMalformed},
		"attribute twice":        {func(f *forged) { f.attrs = append(f.attrs, f.attrs[1]) }, ErrMalformed},
		"digest with two values": {func(f *forged) {
			f.attrs[1] = seq(oid(AttrMessageDigest), set(octets(digestSM3.sum(content)), octets(digestSM3.sum(nil))))
		}, ErrMalformed},
		"attribute without value": {func(f *forged) { f.attrs = append(f.attrs, seq(oid("1.2.3"), set())) }, ErrMalformed},
		"no attribute at all":     {func(f *forged) { n := wrap(tagContext0); f.rawAttrs = &n }, ErrMalformed},
		"time in local zone": {func(f *forged) {
			f.attrs = append(f.attrs, singleAttribute(AttrSigningTime, leaf(tagUTCTime, []byte("260304050607+0800"))))
		}, ErrMalformed},
		"SHA-1":           {func(f *forged) { f.digestAlg = seq(oid("1.3.14.3.2.26")) }, ErrUnsupported},
		"SHA-256 for SM2": {func(f *forged) { f.digestAlg = seq(oid(oidSHA256)) }, ErrUnsupported},
		"ECDSA on an SM2 key": {func(f *forged) {
			f.digestAlg, f.sigAlg = seq(oid(oidSHA256)), seq(oid(digestSHA256.ecdsa))
			f.attrs[1] = singleAttribute(AttrMessageDigest, octets(digestSHA256.sum(content)))
		}, ErrSignature},
		"parameters of SM2":    {func(f *forged) { f.sigAlg = seq(oid(oidSM2Sign), number(1)) }, ErrUnsupported},
		"outer content type":   {func(f *forged) { f.outer = GMT0010.enveloped() }, ErrMalformed},
		"outer data":           {func(f *forged) { f.outer = GMT0010.data() }, ErrMalformed},
		"signer version":       {func(f *forged) { f.version = 9 }, ErrMalformed},
		"serial not minimal":   {func(f *forged) { f.sid = seq(encoded(h.cert.Issuer.DER()), leaf(tagInteger, []byte{0, 1})) }, ErrMalformed},
		"empty key identifier": {func(f *forged) { f.sid = leaf(tagImplicit0, nil) }, ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			f := newForged(h, content)
			c.change(f)
			s, err := ParseSigned(f.message(content))
			if err == nil {
				_, err = s.Verify(nil, nil)
			}
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
		})
	}
}

// TestAttributeConfusion: the signature over attributes must not pass for one over content equal to them.
func TestAttributeConfusion(t *testing.T) {
	h := holders()["SM2"]
	real := newForged(h, []byte("内容"))
	attrs := setOf(tagSet, real.attrs...).der()
	f := newForged(h, attrs)
	f.attrs, f.signOver = nil, attrs
	s := must(ParseSigned(f.message(attrs)))
	if _, err := s.Verify(nil, nil); !errors.Is(err, ErrSignature) {
		t.Fatalf("accepted attributes as content: %v", err)
	}
}

// TestEverySigner: one bad signer of two spoils the message, wherever it stands.
func TestEverySigner(t *testing.T) {
	h, other := holders()["SM2"], holders()["SM2-2"]
	content := []byte("内容")
	good, second, bad := newForged(h, content), newForged(other, content), newForged(other, content)
	bad.key = sm2Key(t, h)
	certs := []*pki.Certificate{h.cert, other.cert}

	good.certs, good.more = certs, []node{second.signer()}
	signers, err := must(ParseSigned(good.message(content))).Verify(nil, nil)
	if err != nil || len(signers) != 2 || !bytes.Equal(signers[1].Raw, other.cert.Raw) {
		t.Fatalf("both good: %v", err)
	}
	good.more = []node{bad.signer()}
	if got, err := must(ParseSigned(good.message(content))).Verify(nil, nil); !errors.Is(err, ErrSignature) || got != nil {
		t.Fatalf("second bad: %v", err)
	}
	bad.certs, bad.more = certs, []node{newForged(h, content).signer()}
	if _, err := must(ParseSigned(bad.message(content))).Verify(nil, nil); !errors.Is(err, ErrSignature) {
		t.Fatalf("first bad: %v", err)
	}
}

func TestVerifyContent(t *testing.T) {
	h := holders()["P-256"]
	attached := must(ParseSigned(must(Sign(nil, h.key, h.cert, []byte("a"), SignOptions{}))))
	if _, err := attached.Verify([]byte("a"), nil); err != nil {
		t.Errorf("same content given: %v", err)
	}
	if _, err := attached.Verify([]byte("b"), nil); !errors.Is(err, ErrDigest) {
		t.Errorf("other content given: %v", err)
	}
	detached := must(ParseSigned(must(Sign(nil, h.key, h.cert, []byte("a"), SignOptions{Detached: true}))))
	if _, err := detached.Verify(nil, nil); !errors.Is(err, ErrNoContent) {
		t.Errorf("no content: %v", err)
	}
	if _, err := detached.Verify([]byte{}, nil); !errors.Is(err, ErrDigest) {
		t.Errorf("empty content: %v", err)
	}
}

// TestHostileShapes: whatever is cut, added or changed, the reader refuses without panic.
func TestHostileShapes(t *testing.T) {
	h := holders()["SM2"]
	for _, o := range []SignOptions{{SigningTime: signTime}, {NoAttributes: true, Style: RFC5652}} {
		der := must(Sign(nil, h.key, h.cert, []byte("内容"), o))
		for n := range der {
			if _, err := ParseSigned(der[:n]); err == nil {
				t.Fatalf("cut at %d: read", n)
			}
		}
		if _, err := ParseSigned(append(bytes.Clone(der), 0)); !errors.Is(err, ErrMalformed) {
			t.Fatalf("trailing byte: %v", err)
		}
		checkFlips(t, der, h)
	}
}

// checkFlips changes every byte in turn. What still parses and verifies must say the same thing: same content,
// same signer. (Bits outside the signature, such as version or parameters, may change.)
func checkFlips(t *testing.T, der []byte, h holder) {
	t.Helper()
	for i := range der {
		b := bytes.Clone(der)
		b[i] ^= 0x21
		s, err := ParseSigned(b)
		if err != nil {
			continue
		}
		certs, err := s.Verify(nil, nil)
		if err == nil && (!bytes.Equal(s.Content, []byte("内容")) || !certs[0].PublicKey.(*gm.PublicKey).Equal(h.cert.PublicKey)) {
			t.Fatalf("changed byte %d: verified %q", i, s.Content)
		}
	}
}

func TestBERRefused(t *testing.T) {
	h := holders()["SM2"]
	der := must(Sign(nil, h.key, h.cert, []byte("内容"), SignOptions{}))
	indefinite := append([]byte{0x30, 0x80}, der[4:]...)
	if _, err := ParseSigned(append(indefinite, 0, 0)); !errors.Is(err, ErrBER) {
		t.Errorf("indefinite length: %v", err)
	}
	constructed := seq(oid(GMT0010.signed()), wrap(tagContext0, seq(number(1), set(),
		seq(oid(GMT0010.data()), wrap(tagContext0, wrap(0x24, octets([]byte("a"))))), set()))).der()
	if _, err := ParseSigned(constructed); !errors.Is(err, ErrBER) {
		t.Errorf("constructed string: %v", err)
	}
}

// TestBombs: lengths that promise much, deep nesting, and crowds are refused quickly.
func TestBombs(t *testing.T) {
	deep := bytes.Repeat([]byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff}, 100000)
	var nested node
	for range 2000 {
		nested = seq(nested)
	}
	h := holders()["SM2"]
	crowd := newForged(h, nil)
	one := crowd.signer()
	for range maxSigners {
		crowd.more = append(crowd.more, one)
	}
	many := newForged(h, nil)
	for range maxCertificates {
		many.certs = append(many.certs, h.cert)
	}
	attrs := newForged(h, nil)
	for i := range maxAttributes {
		attrs.attrs = append(attrs.attrs, singleAttribute(fmt.Sprintf("1.2.3.%d", i), null()))
	}
	for name, der := range map[string][]byte{"long": deep, "nested": nested.der(), "huge length": {0x30, 0x85, 1, 0, 0, 0, 0},
		"signers": crowd.message(nil), "certificates": many.message(nil), "attributes": attrs.message(nil)} {
		if _, err := ParseSigned(der); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := ParseEnveloped(der); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s as envelope: %v", name, err)
		}
		if _, err := ParseEnvelopedKey(der); err == nil {
			t.Errorf("%s as key envelope: read", name)
		}
	}
}
