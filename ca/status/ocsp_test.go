package status_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/ocsp"

	"signet/ca"
	"signet/ca/catest"
	"signet/ca/gm"
	"signet/ca/pki"
	"signet/ca/status"
)

func stdCertificate(t testing.TB, c *pki.Certificate) *x509.Certificate {
	t.Helper()
	cert, err := x509.ParseCertificate(c.Raw)
	must(t, err)
	return cert
}

var (
	malformed    = []byte{0x30, 3, 0x0a, 1, 1}
	internal     = []byte{0x30, 3, 0x0a, 1, 2}
	tryLater     = []byte{0x30, 3, 0x0a, 1, 3}
	unauthorized = []byte{0x30, 3, 0x0a, 1, 6}
)

type certID struct {
	Alg struct {
		OID asn1.ObjectIdentifier
	}
	Name, Key []byte
	Serial    *big.Int
}

type extension struct {
	OID      asn1.ObjectIdentifier
	Critical bool `asn1:"optional"`
	Value    []byte
}

// request builds any OCSP request.
func request(t testing.TB, exts []extension, ids ...certID) []byte {
	t.Helper()
	type one struct{ ID certID }
	type tbs struct {
		List []one
		Exts []extension `asn1:"explicit,tag:2,optional,omitempty"`
	}
	var list []one
	for _, id := range ids {
		list = append(list, one{id})
	}
	der, err := asn1.Marshal(struct{ TBS tbs }{tbs{list, exts}})
	must(t, err)
	return der
}

var nonceOID = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 2}

func nonce(t testing.TB, n int) extension {
	t.Helper()
	value, err := asn1.Marshal(bytes.Repeat([]byte{7}, n))
	must(t, err)
	return extension{OID: nonceOID, Value: value}
}

// id names a certificate by hashes of the given kind.
func id(t testing.TB, issuer *pki.Certificate, serial []byte, oid asn1.ObjectIdentifier, sum func([]byte) []byte) certID {
	t.Helper()
	var spki struct {
		Alg asn1.RawValue
		Key asn1.BitString
	}
	_, err := asn1.Unmarshal(issuer.SPKI, &spki)
	must(t, err)
	c := certID{Name: sum(issuer.Subject.DER()), Key: sum(spki.Key.Bytes), Serial: new(big.Int).SetBytes(serial)}
	c.Alg.OID = oid
	return c
}

func sm3(b []byte) []byte { s := gm.SumSM3(b); return s[:] }

func sha(b []byte) []byte { s := sha256.Sum256(b); return s[:] }

var (
	oidSM3    = asn1.ObjectIdentifier{1, 2, 156, 10197, 1, 401}
	oidSHA256 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
)

// basic takes a successful answer apart, verifies it with the responder in it, and that one with the issuer.
func basic(t testing.TB, der []byte, issuer *pki.Certificate) (tbs cryptobyte.String, states []byte) {
	t.Helper()
	c0 := cbasn1.Tag(0).Constructed().ContextSpecific()
	in := cryptobyte.String(der)
	var outer, wrapped, bytes0, octets, body, tbsElement, alg, certs, cert cryptobyte.String
	var st int
	var sig []byte
	ok := in.ReadASN1(&outer, cbasn1.SEQUENCE) && in.Empty() && outer.ReadASN1Enum(&st) && st == 0 && outer.ReadASN1(&wrapped, c0) && wrapped.ReadASN1(&bytes0, cbasn1.SEQUENCE) &&
		bytes0.SkipASN1(cbasn1.OBJECT_IDENTIFIER) && bytes0.ReadASN1(&octets, cbasn1.OCTET_STRING) && octets.ReadASN1(&body, cbasn1.SEQUENCE) && octets.Empty() &&
		body.ReadASN1Element(&tbsElement, cbasn1.SEQUENCE) && body.ReadASN1Element(&alg, cbasn1.SEQUENCE) && body.ReadASN1BitStringAsBytes(&sig) &&
		body.ReadASN1(&certs, c0) && certs.ReadASN1(&cert, cbasn1.SEQUENCE) && cert.ReadASN1Element(&certs, cbasn1.SEQUENCE) && cert.Empty() && body.Empty()
	if !ok {
		t.Fatalf("no successful answer: %x", der)
	}
	responder, err := pki.ParseCertificate(certs)
	must(t, err)
	must(t, responder.CheckSignatureFrom(issuer))
	sigAlg, err := pki.ParseSigAlg(alg)
	must(t, err)
	must(t, pki.Verify(responder.PublicKey, sigAlg, tbsElement, sig))

	var data, list, single cryptobyte.String
	if !tbsElement.ReadASN1(&data, cbasn1.SEQUENCE) || !data.SkipASN1(cbasn1.Tag(2).Constructed().ContextSpecific()) || !data.SkipASN1(cbasn1.GeneralizedTime) || !data.ReadASN1(&list, cbasn1.SEQUENCE) {
		t.Fatal("response data")
	}
	for !list.Empty() {
		var state cryptobyte.String
		var tag cbasn1.Tag
		if !list.ReadASN1(&single, cbasn1.SEQUENCE) || !single.SkipASN1(cbasn1.SEQUENCE) || !single.ReadAnyASN1(&state, &tag) {
			t.Fatal("single response")
		}
		states = append(states, byte(tag)&0x1f)
	}
	return data, states
}

func TestCertIDHashes(t *testing.T) {
	s := newSite(t, pki.SM2)
	good, gone := s.issue(t), s.issue(t)
	s.revoke(t, gone, ca.Superseded)
	for _, c := range []certID{id(t, s.Issuing, good.Serial, oidSM3, sm3), id(t, s.Issuing, good.Serial, oidSHA256, sha)} {
		other := c
		other.Serial = new(big.Int).SetBytes(gone.Serial)
		_, states := basic(t, s.post(t, request(t, nil, c, other)), s.Issuing)
		if !bytes.Equal(states, []byte{0, 1}) {
			t.Fatalf("states %v", states)
		}
	}
	_, der := certIDHash(t, good, s.Issuing)
	if _, states := basic(t, s.post(t, der), s.Issuing); states[0] != 0 {
		t.Fatalf("SHA-1: %v", states)
	}
}

func TestUnknownIsNeverGood(t *testing.T) {
	s := newSite(t, pki.SM2)
	good := s.issue(t)
	// A serial that is intended but not recorded is not good either.
	in := ca.Intent{Request: ca.Request{ID: "open", CA: "issuing"}, SerialHex: "42424242424242424242424242424242", TBS: []byte{1}, At: s.clock.at}
	must(t, s.Store.Intend(ctx, []ca.Intent{in}))
	serials := []*big.Int{big.NewInt(0), big.NewInt(-1), big.NewInt(1), new(big.Int).Neg(new(big.Int).SetBytes(good.Serial)), new(big.Int).SetBytes(bytes.Repeat([]byte{0x42}, 16)), new(big.Int).Lsh(big.NewInt(1), 200)}
	for i := range 16 {
		serials = append(serials, new(big.Int).Xor(new(big.Int).SetBytes(good.Serial), new(big.Int).Lsh(big.NewInt(1), uint(i*7))))
	}
	c := id(t, s.Issuing, nil, oidSHA256, sha)
	for _, serial := range serials {
		c.Serial = serial
		if _, states := basic(t, s.post(t, request(t, nil, c)), s.Issuing); states[0] != 2 {
			t.Errorf("serial %x is answered %d, want unknown", serial, states[0])
		}
	}
}

func TestNonce(t *testing.T) {
	s := newSite(t, pki.SM2)
	c := id(t, s.Issuing, s.issue(t).Serial, oidSM3, sm3)
	bare := extension{OID: nonceOID, Value: []byte("bare as old clients")}
	for _, n := range []extension{nonce(t, 1), nonce(t, 16), nonce(t, 32), nonce(t, 33), nonce(t, 128), bare} {
		data, _ := basic(t, s.post(t, request(t, []extension{n}, c)), s.Issuing)
		if !bytes.Contains(data, n.Value) {
			t.Errorf("nonce of %d bytes is not echoed", len(n.Value))
		}
	}
	if data, _ := basic(t, s.post(t, request(t, nil, c)), s.Issuing); len(data) != 0 {
		t.Error("extensions in an answer to no nonce")
	}
	for what, exts := range map[string][]extension{
		"129 bytes":          {nonce(t, 129)},
		"none":               {nonce(t, 0)},
		"two":                {nonce(t, 8), nonce(t, 8)},
		"critical extension": {{OID: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}}},
	} {
		if got := s.post(t, request(t, exts, c)); !bytes.Equal(got, malformed) {
			t.Errorf("%s: %x", what, got)
		}
	}
	other := []extension{{OID: asn1.ObjectIdentifier{1, 2, 3}, Value: []byte{5, 0}}}
	basic(t, s.post(t, request(t, other, c)), s.Issuing)
}

func TestMalformedRequests(t *testing.T) {
	s := newSite(t, pki.SM2)
	c := id(t, s.Issuing, s.issue(t).Serial, oidSM3, sm3)
	good := request(t, []extension{nonce(t, 8)}, c)
	for n := range good {
		if got := s.post(t, good[:n]); !bytes.Equal(got, malformed) {
			t.Fatalf("cut after %d bytes: %x", n, got)
		}
	}
	var many []certID
	for range 33 {
		many = append(many, c)
	}
	for what, der := range map[string][]byte{
		"trailing byte":  append(slices.Clone(good), 0),
		"no question":    request(t, nil),
		"33 questions":   request(t, nil, many...),
		"large":          bytes.Repeat([]byte{0x30}, 1<<20),
		"text":           []byte("GET / HTTP/1.1"),
		"huge serial":    request(t, nil, certID{Alg: c.Alg, Name: c.Name, Key: c.Key, Serial: new(big.Int).Lsh(big.NewInt(1), 4000)}),
		"indefinite":     {0x30, 0x80, 0, 0},
		"length too big": {0x30, 0x84, 0xff, 0xff, 0xff, 0xff},
	} {
		if got := s.post(t, der); !bytes.Equal(got, malformed) {
			t.Errorf("%s: %.40x", what, got)
		}
	}
	if _, states := basic(t, s.post(t, request(t, nil, many[:32]...)), s.Issuing); len(states) != 32 {
		t.Errorf("32 questions: %d answers", len(states))
	}
	for what, path := range map[string]string{"not base64": "/ocsp/!!!!", "bad escape": "/ocsp/" + strings.Repeat("A", 30000), "empty sequence": "/ocsp/MAA="} {
		resp, err := http.Get(s.http.URL + path)
		must(t, err)
		body, err := io.ReadAll(resp.Body)
		must(t, err)
		must(t, resp.Body.Close())
		if !bytes.Equal(body, malformed) || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %x %v", what, body, resp.Header)
		}
	}
}

func TestNotOurs(t *testing.T) {
	s := newSite(t, pki.SM2)
	other := catest.Hierarchy(t, pki.SM2)
	c := s.issue(t)
	ours, theirs := id(t, s.Issuing, c.Serial, oidSM3, sm3), id(t, other.Issuing, c.Serial, oidSM3, sm3)
	root := id(t, s.Root, s.Issuing.Serial, oidSM3, sm3)
	mixed := ours
	mixed.Key = theirs.Key
	odd := ours
	odd.Alg.OID = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 5} // MD5
	for what, ids := range map[string][]certID{
		"foreign issuer": {theirs}, "ours and foreign": {ours, theirs}, "name of one, key of another": {mixed}, "MD5": {odd},
		"CA without a responder": {root}, "two CAs": {ours, root},
	} {
		if got := s.post(t, request(t, nil, ids...)); !bytes.Equal(got, unauthorized) {
			t.Errorf("%s: %.40x", what, got)
		}
	}
}

func TestTroubleIsNotGood(t *testing.T) {
	s := newSite(t, pki.SM2)
	c := id(t, s.Issuing, s.issue(t).Serial, oidSM3, sm3)
	der := request(t, nil, c)
	cfg := config(s.Tree, s.clock.now)
	cfg.Store = &brokenStore{Store: s.Store}
	broken, err := status.New(cfg)
	must(t, err)
	s.http.Config.Handler = broken.Handler()
	if got := s.post(t, der); !bytes.Equal(got, tryLater) {
		t.Errorf("store gone: %x", got)
	}
	s.http.Config.Handler = s.Handler()
	s.clock.at = s.Responder.NotAfter.Add(time.Second)
	if got := s.post(t, der); !bytes.Equal(got, internal) {
		t.Errorf("responder expired: %x", got)
	}
}

type brokenStore struct{ status.Store }

func (*brokenStore) Lookup(context.Context, string, string) (status.Status, error) {
	return status.Status{State: status.Good}, errors.New("gone")
}

// TestGetWithSlashes: base64 has slashes, also two in a row, which no step on the way may tidy up.
func TestGetWithSlashes(t *testing.T) {
	s := newSite(t, pki.P256)
	c := id(t, s.Issuing, nil, oidSHA256, sha)
	found := false
	for i := 0; i < 200_000 && !found; i++ {
		c.Serial = new(big.Int).Add(new(big.Int).Lsh(big.NewInt(0xffffff), 64), big.NewInt(int64(i)*0x10001))
		text := base64.StdEncoding.EncodeToString(request(t, nil, c))
		if found = strings.Contains(text, "//"); !found {
			continue
		}
		client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("redirected") }}
		req, err := http.NewRequest("GET", s.http.URL, nil)
		must(t, err)
		req.URL.Opaque = "//" + req.URL.Host + "/ocsp/" + text
		resp, err := client.Do(req)
		must(t, err)
		body, err := io.ReadAll(resp.Body)
		must(t, err)
		must(t, resp.Body.Close())
		got, err := ocsp.ParseResponse(body, stdCertificate(t, s.Issuing))
		must(t, err)
		if got.SerialNumber.Cmp(c.Serial) != 0 || got.Status != ocsp.Unknown {
			t.Fatalf("%+v", got)
		}
	}
	if !found {
		t.Fatal("no request with two slashes was found")
	}
}

func FuzzOCSP(f *testing.F) {
	s := newSite(f, pki.SM2)
	c := id(f, s.Issuing, bytes.Repeat([]byte{0x42}, 16), oidSM3, sm3)
	f.Add(request(f, []extension{nonce(f, 8)}, c))
	f.Add(request(f, nil, c, c))
	f.Add([]byte{0x30, 0})
	handler := s.Handler()
	f.Fuzz(func(t *testing.T, der []byte) {
		w := &recorder{header: http.Header{}}
		req, err := http.NewRequest("POST", "http://x/ocsp", bytes.NewReader(der))
		must(t, err)
		handler.ServeHTTP(w, req)
		if len(w.body) > 5 {
			if _, states := basic(t, w.body, s.Issuing); slices.Contains(states, 0) {
				t.Fatal("good, although nothing was issued")
			}
		} else if !slices.ContainsFunc([][]byte{malformed, unauthorized}, func(b []byte) bool { return bytes.Equal(b, w.body) }) {
			t.Fatalf("answer %x", w.body)
		}
	})
}

type recorder struct {
	header http.Header
	body   []byte
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(int)             {}
func (r *recorder) Write(b []byte) (int, error) { r.body = append(r.body, b...); return len(b), nil }

// BenchmarkOCSP answers with a nonce (signed each time) and without (kept).
func BenchmarkOCSP(b *testing.B) {
	for _, alg := range []pki.KeyAlg{pki.SM2, pki.P256} {
		b.Run(string(alg)+"/signed", func(b *testing.B) { benchmarkOCSP(b, alg, []extension{nonce(b, 16)}) })
		b.Run(string(alg)+"/kept", func(b *testing.B) { benchmarkOCSP(b, alg, nil) })
	}
}

func benchmarkOCSP(b *testing.B, alg pki.KeyAlg, exts []extension) {
	s := newSite(b, alg)
	der := request(b, exts, id(b, s.Issuing, s.issue(b).Serial, oidSM3, sm3))
	handler := s.Handler()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			req, err := http.NewRequest("POST", "http://x/ocsp", bytes.NewReader(der))
			if err != nil {
				b.Error(err)
				return
			}
			handler.ServeHTTP(&recorder{header: http.Header{}}, req)
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "answers/s")
}

// TestKeptAnswers: an answer is used again only while it is true and fresh, and never for a nonce.
func TestKeptAnswers(t *testing.T) {
	s := newSite(t, pki.SM2)
	cert := s.issue(t)
	c := id(t, s.Issuing, cert.Serial, oidSM3, sm3)
	plain, nonced := request(t, nil, c), request(t, []extension{nonce(t, 8)}, c)
	first := s.post(t, plain)
	if !bytes.Equal(first, s.post(t, plain)) {
		t.Fatal("a fresh answer was signed again")
	}
	if bytes.Equal(s.post(t, nonced), s.post(t, nonced)) {
		t.Fatal("an answer to a nonce was kept")
	}
	s.revoke(t, cert, ca.CertificateHold)
	held := s.post(t, plain)
	if _, states := basic(t, held, s.Issuing); states[0] != 1 {
		t.Fatal("good after the hold")
	}
	s.revoke(t, cert, ca.KeyCompromise)
	if revoked := s.post(t, plain); bytes.Equal(revoked, held) {
		t.Fatal("the answer still says held")
	}
	last := s.post(t, plain)
	s.clock.at = s.clock.at.Add(15 * time.Minute)
	if bytes.Equal(last, s.post(t, plain)) {
		t.Fatal("an answer was kept for a quarter of its life")
	}
}
