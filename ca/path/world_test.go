package path

import (
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"signet/ca/pki"
)

// The tests' clock stands still.
var (
	now   = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	start = now.AddDate(-1, 0, 0)
	end   = now.AddDate(5, 0, 0)
)

// world makes certificates, CRLs and OCSP answers of one algorithm by hand, so that nothing keeps a test from making what
// no CA should. Everything that goes wrong while making them ends the test.
type world struct {
	t       testing.TB
	alg     pki.KeyAlg
	serials int64
	root    *entity
}

// entity is a certificate with its key.
type entity struct {
	key  crypto.Signer
	spec certSpec
	der  []byte
	cert *pki.Certificate // nil where it is not meant to be readable
}

var keys sync.Map // by algorithm and name: RSA keys are dear

func (w *world) key(which string) crypto.Signer {
	id := string(w.alg) + "/" + which
	if w.alg == pki.RSA2048 && !strings.Contains(" Root CA stranger responder ", " "+which+" ") { // the others share a few
		sum := 0
		for _, c := range which {
			sum = sum*31 + int(c)
		}
		id = fmt.Sprintf("RSA/%d", uint(sum)%5)
	}
	if k, ok := keys.Load(id); ok {
		return k.(crypto.Signer)
	}
	k, err := pki.GenerateKey(w.alg, nil)
	w.must(err)
	keys.Store(id, k)
	return k
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func newWorld(t testing.TB, alg pki.KeyAlg) *world {
	w := &world{t: t, alg: alg}
	w.root = w.selfSigned("Root")
	return w
}

// nameDER makes C=CN, O=Test, CN=cn in the string type given.
func nameDER(cn string, tag asn1.Tag) []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			addAttr(b, "2.5.4.6", "CN", asn1.PrintableString)
			addAttr(b, "2.5.4.10", "Test", tag)
			addAttr(b, "2.5.4.3", cn, tag)
		})
	})
}

func name(cn string) []byte { return nameDER(cn, asn1.UTF8String) }

func addAttr(b *cryptobyte.Builder, oid, value string, tag asn1.Tag) {
	b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			addOID(b, oid)
			b.AddASN1(tag, func(b *cryptobyte.Builder) { b.AddBytes([]byte(value)) })
		})
	})
}

func addOID(b *cryptobyte.Builder, oid string) {
	der, err := pki.EncodeOID(oid)
	if err != nil {
		panic(err)
	}
	b.AddBytes(der)
}

func build(f func(*cryptobyte.Builder)) []byte {
	var b cryptobyte.Builder
	f(&b)
	return b.BytesOrPanic()
}

func sequence(parts ...[]byte) []byte { return tagged(asn1.SEQUENCE, parts...) }

func tagged(tag asn1.Tag, parts ...[]byte) []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(tag, func(b *cryptobyte.Builder) {
			for _, p := range parts {
				b.AddBytes(p)
			}
		})
	})
}

func utc(t time.Time) []byte {
	return tagged(asn1.UTCTime, []byte(t.Format("060102150405Z")))
}

func generalized(t time.Time) []byte {
	return tagged(asn1.GeneralizedTime, []byte(t.Format("20060102150405Z")))
}

func integer(contents ...byte) []byte { return tagged(asn1.INTEGER, contents) }

// certSpec is a certificate in parts that options replace.
type certSpec struct {
	version             int
	serial              []byte // contents of the INTEGER
	subject, issuer     []byte
	notBefore, notAfter []byte
	key                 crypto.Signer
	uids                []byte
	exts                []pki.Extension
	sign                func(crypto.Signer, pki.SigAlg, []byte) []byte
	unreadable          bool
}

type option func(*certSpec)

func with(exts ...pki.Extension) option {
	return func(s *certSpec) {
		for _, e := range exts {
			s.put(e)
		}
	}
}

// put replaces the extension of that kind, or adds it.
func (s *certSpec) put(e pki.Extension) {
	for i := range s.exts {
		if s.exts[i].OID == e.OID {
			s.exts[i] = e
			return
		}
	}
	s.exts = append(s.exts, e)
}

func without(oid string) option {
	return func(s *certSpec) {
		var rest []pki.Extension
		for _, e := range s.exts {
			if e.OID != oid {
				rest = append(rest, e)
			}
		}
		s.exts = rest
	}
}

func badlySigned(s *certSpec) {
	s.sign = func(k crypto.Signer, alg pki.SigAlg, tbs []byte) []byte {
		return honest(k, alg, append([]byte("not "), tbs...))
	}
}

func honest(k crypto.Signer, alg pki.SigAlg, tbs []byte) []byte {
	sig, err := pki.Sign(rand.Reader, k, alg, tbs)
	if err != nil {
		panic(err)
	}
	return sig
}

func (w *world) selfSigned(cn string, opts ...option) *entity {
	key := w.key(cn)
	self := &entity{key: key, spec: certSpec{subject: name(cn), key: key}}
	return w.ca(self, cn, append([]option{without(pki.OIDAuthorityKeyID)}, opts...)...)
}

// ca makes a CA below parent.
func (w *world) ca(parent *entity, cn string, opts ...option) *entity {
	key := w.key(cn)
	usual := with(pki.ExtBasicConstraints(true, -1), pki.ExtKeyUsage(pki.KeyCertSign|pki.CRLSign, true), pki.ExtSKI(pki.KeyID(key.Public())), pki.ExtAKI(pki.KeyID(parent.key.Public())))
	return w.issue(parent, cn, key, append([]option{usual}, opts...)...)
}

// leaf makes an end entity below parent.
func (w *world) leaf(parent *entity, cn string, opts ...option) *entity {
	usual := with(pki.ExtKeyUsage(pki.SigningUsage, true), pki.ExtAKI(pki.KeyID(parent.key.Public())))
	return w.issue(parent, cn, w.key("leaf"), append([]option{usual}, opts...)...)
}

func (w *world) issue(parent *entity, cn string, key crypto.Signer, opts ...option) *entity {
	w.serials++
	s := certSpec{version: 3, serial: []byte{byte(0x40 | w.serials>>8), byte(w.serials)}, subject: name(cn), issuer: parent.spec.subject,
		notBefore: utc(start), notAfter: utc(end), key: key, sign: honest}
	for _, o := range opts {
		o(&s)
	}
	e := &entity{key: s.key, spec: s, der: w.certificate(parent.key, s)}
	c, err := pki.ParseCertificate(e.der)
	if !s.unreadable {
		w.must(err)
	}
	e.cert = c
	return e
}

func (w *world) certificate(signer crypto.Signer, s certSpec) []byte {
	alg, err := pki.SigAlgFor(signer.Public())
	w.must(err)
	spki, err := pki.MarshalPublicKey(s.key.Public())
	w.must(err)
	var version, exts []byte
	if s.version > 1 {
		version = tagged(explicit(0), integer(byte(s.version-1)))
	}
	if s.version == 3 && len(s.exts) > 0 {
		exts = tagged(explicit(3), extensionsDER(s.exts))
	}
	tbs := sequence(version, integer(s.serial...), alg.DER(), s.issuer, sequence(s.notBefore, s.notAfter), s.subject, spki, s.uids, exts)
	return sequence(tbs, alg.DER(), tagged(asn1.BIT_STRING, []byte{0}, s.sign(signer, alg, tbs)))
}

func extensionsDER(exts []pki.Extension) []byte {
	var all []byte
	for _, e := range exts {
		all = append(all, build(func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				addOID(b, e.OID)
				if e.Critical {
					b.AddASN1Boolean(true)
				}
				b.AddASN1OctetString(e.Value)
			})
		})...)
	}
	return sequence(all)
}

// crlSpec is a CRL in parts that options replace.
type crlSpec struct {
	issuer, this, next []byte
	number             int64
	entries            []byte
	exts               []pki.Extension
	broken             bool
}

type crlOption func(*crlSpec)

// revokes lists certificates with extensions of the entry.
func revokes(e *entity, exts ...pki.Extension) crlOption {
	return func(s *crlSpec) {
		var x []byte
		if len(exts) > 0 {
			x = extensionsDER(exts)
		}
		s.entries = append(s.entries, sequence(integer(e.spec.serial...), utc(start), x)...)
	}
}

func reason(code byte) pki.Extension {
	return pki.Extension{OID: pki.OIDReason, Value: tagged(asn1.ENUM, []byte{code})}
}

func entryOf(issuer *entity) pki.Extension {
	return pki.Extension{OID: pki.OIDCertIssuer, Critical: true, Value: sequence(tagged(explicit(nameDirectory), issuer.spec.subject))}
}

func crlWith(exts ...pki.Extension) crlOption {
	return func(s *crlSpec) { s.exts = append(s.exts, exts...) }
}

// numbered sets the CRL number; later ones are made later.
func numbered(n int64) crlOption {
	return func(s *crlSpec) { s.number, s.this = n, utc(now.Add(time.Duration(n-100)*time.Minute)) }
}

func deltaTo(base int64) pki.Extension { return pki.ExtDeltaCRL(big.NewInt(base)) }

func (w *world) crl(signer *entity, opts ...crlOption) []byte {
	s := crlSpec{issuer: signer.spec.subject, this: utc(now.AddDate(0, 0, -1)), next: utc(now.AddDate(0, 0, 1)), number: 1}
	for _, o := range opts {
		o(&s)
	}
	alg, err := pki.SigAlgFor(signer.key.Public())
	w.must(err)
	exts := append([]pki.Extension{pki.ExtAKI(pki.KeyID(signer.key.Public())), {OID: pki.OIDCRLNumber, Value: integer(byte(s.number))}}, s.exts...)
	var entries []byte
	if len(s.entries) > 0 {
		entries = sequence(s.entries)
	}
	tbs := sequence(integer(1), alg.DER(), s.issuer, s.this, s.next, entries, tagged(explicit(0), extensionsDER(exts)))
	signed := tbs
	if s.broken {
		signed = append([]byte("not "), tbs...)
	}
	return sequence(tbs, alg.DER(), tagged(asn1.BIT_STRING, []byte{0}, honest(signer.key, alg, signed)))
}

// trial is a validation with what was expected of it.
type trial struct {
	leaf  *entity
	chain []*entity
	crls  [][]byte
	ocsp  [][]byte
	want  Code // "": valid
	edit  func(*Options)
}

func (x trial) check(t testing.TB, w *world) {
	t.Helper()
	o := Options{At: now, CRLs: x.crls, OCSP: x.ocsp, Roots: []*pki.Certificate{w.root.cert}}
	for _, e := range x.chain {
		if e.cert != nil {
			o.Intermediates = append(o.Intermediates, e.cert)
		}
	}
	if x.edit != nil {
		x.edit(&o)
	}
	r := Verify(x.leaf.cert, o)
	if err := x.judge(r); err != nil {
		t.Errorf("%v: %v", err, r.Reasons)
	}
}

func (x trial) judge(r Result) error {
	switch {
	case r.Valid != (len(r.Reasons) == 0) || r.Valid != (len(r.Path) > 0):
		return errors.New("verdict, reasons and path do not fit each other")
	case x.want == "" && !r.Valid:
		return errors.New("refused")
	case x.want != "" && r.Valid:
		return fmt.Errorf("accepted, wanted %s", x.want)
	case x.want != "" && r.Reasons[0].Code != x.want:
		return fmt.Errorf("wanted %s", x.want)
	}
	return nil
}

var algorithms = []pki.KeyAlg{pki.SM2, pki.P256, pki.RSA2048}

// each runs f in a world of every algorithm.
func each(t *testing.T, f func(*testing.T, *world)) {
	for _, alg := range algorithms {
		t.Run(string(alg), func(t *testing.T) { f(t, newWorld(t, alg)) })
	}
}
