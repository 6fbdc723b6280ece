package status_test

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"signet/ca"
	"signet/ca/catest"
	"signet/ca/cms"
	"signet/ca/pki"
	"signet/ca/status"
)

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// site is a hierarchy with its status service on a real HTTP server.
type site struct {
	*catest.Tree
	*status.Service
	clock *clock
	http  *httptest.Server
	n     int
}

func config(tree *catest.Tree, now func() time.Time) status.Config {
	return status.Config{Store: tree.Store, Now: now, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), CAs: map[string]status.CA{
		"issuing": {Certificate: tree.Issuing, Chain: []*pki.Certificate{tree.Root}, Signer: tree.IssuingKey, Responder: tree.Responder, ResponderSigner: tree.ResponderKey},
		"root":    {Certificate: tree.Root, Signer: tree.RootKey},
	}}
}

func newSite(t testing.TB, alg pki.KeyAlg) *site {
	t.Helper()
	s := &site{clock: &clock{time.Now().UTC().Truncate(time.Second)}}
	s.Tree = catest.HierarchyWith(t, alg, catest.Options{Now: s.clock.now})
	var err error
	s.Service, err = status.New(config(s.Tree, s.clock.now))
	must(t, err)
	s.http = httptest.NewServer(s.Handler())
	t.Cleanup(s.http.Close)
	return s
}

func (s *site) issue(t testing.TB) *pki.Certificate {
	t.Helper()
	s.n++
	leafAlg := s.Alg
	if leafAlg != pki.SM2 {
		leafAlg = pki.P256 // the profile certifies no P-384
	}
	c, err := s.Authority.Issue(ctx, s.Request(t, fmt.Sprint("r", s.n), "org-sign", catest.Key(t, leafAlg)))
	must(t, err)
	cert, err := pki.ParseCertificate(c.DER)
	must(t, err)
	return cert
}

func (s *site) revoke(t testing.TB, c *pki.Certificate, reason int) {
	t.Helper()
	must(t, s.Authority.Revoke(ctx, ca.Revocation{CA: "issuing", SerialHex: c.SerialHex, Reason: reason}))
}

func (s *site) latest(t testing.TB) *pki.CRL {
	t.Helper()
	_, der, err := status.LoadCRL(ctx, s.Store, "issuing")
	must(t, err)
	crl, err := pki.ParseCRL(der)
	must(t, err)
	must(t, crl.CheckSignatureFrom(s.Issuing))
	return crl
}

func TestCRL(t *testing.T) {
	for _, alg := range []pki.KeyAlg{pki.SM2, pki.P256, pki.P384} {
		t.Run(string(alg), func(t *testing.T) {
			s := newSite(t, alg)
			good, gone, held := s.issue(t), s.issue(t), s.issue(t)
			must(t, s.PublishCRL(ctx, "issuing"))
			first := s.latest(t)
			if len(first.Entries) != 0 || !bytes.Equal(first.AKI, s.Issuing.SKI) || !first.NextUpdate.Equal(s.clock.at.AddDate(0, 0, 7)) {
				t.Fatalf("first list: %+v", first)
			}
			s.revoke(t, gone, ca.KeyCompromise)
			s.revoke(t, held, ca.CertificateHold)
			must(t, s.PublishCRL(ctx, "issuing"))
			second := s.latest(t)
			if second.Number.Cmp(first.Number) <= 0 {
				t.Fatalf("number %s after %s", second.Number, first.Number)
			}
			if second.Find(good.Serial) != nil || second.Find(gone.Serial).Reason != 1 || second.Find(held.Serial).Reason != 6 || len(second.Entries) != 2 {
				t.Fatalf("second list: %+v", second.Entries)
			}
			s.revoke(t, held, ca.RemoveFromCRL)
			must(t, s.PublishCRL(ctx, "issuing"))
			if third := s.latest(t); third.Find(held.Serial) != nil || third.Find(gone.Serial) == nil {
				t.Fatalf("after the release: %+v", third.Entries)
			}
		})
	}
}

// TestExpiredEntryStaysForOneMoreList: RFC 5280 §3.3.
func TestExpiredEntryStaysForOneMoreList(t *testing.T) {
	s := newSite(t, pki.SM2)
	c := s.issue(t)
	s.revoke(t, c, ca.Superseded)
	listed := func() bool {
		t.Helper()
		must(t, s.PublishCRL(ctx, "issuing"))
		return s.latest(t).Find(c.Serial) != nil
	}
	if !listed() {
		t.Fatal("not listed while valid")
	}
	s.clock.at = c.NotAfter.Add(time.Hour)
	if !listed() {
		t.Fatal("not listed in the first list after its end")
	}
	s.clock.at = s.clock.at.Add(24 * time.Hour)
	if listed() {
		t.Fatal("still listed in the second list after its end")
	}
}

// TestEncoderEqualsTemplate: the streaming encoder and pki.CRLTemplate write the same bytes.
func TestEncoderEqualsTemplate(t *testing.T) {
	s := newSite(t, pki.SM2)
	at := s.clock.at
	var entries []status.Entry
	for i, reason := range []int{0, 1, 3, 4, 5, 6} {
		e := status.Entry{SerialHex: fmt.Sprintf("%02X%030X", 1+i*40, i), At: at.Add(-time.Duration(i) * time.Hour), Reason: reason}
		if i%2 == 0 {
			e.InvalidAt = at.AddDate(0, 0, -i)
		}
		if i == 5 {
			e.At = time.Date(2051, 1, 2, 3, 4, 5, 0, time.UTC)
		}
		entries = append(entries, e)
	}
	entries = append(entries, status.Entry{SerialHex: "7F", At: at}, status.Entry{SerialHex: strings.Repeat("FF", 19), At: at})
	few := len(entries)
	for i := range 40_000 { // several pieces
		entries = append(entries, status.Entry{SerialHex: fmt.Sprintf("02%030X", i), At: at, Reason: i % 2})
	}
	for _, n := range []int{0, 1, few, len(entries)} {
		c := config(s.Tree, s.clock.now)
		ordered := slices.SortedFunc(slices.Values(entries[:n]), func(a, b status.Entry) int { return strings.Compare(a.SerialHex, b.SerialHex) })
		store := &fixedStore{Store: s.Store, entries: ordered, number: int64(200 + n)}
		c.Store = store
		service, err := status.New(c)
		must(t, err)
		must(t, service.PublishCRL(ctx, "issuing"))
		tm := pki.CRLTemplate{Issuer: s.Issuing.Subject, ThisUpdate: at, NextUpdate: at.AddDate(0, 0, 7), Number: big.NewInt(store.number), AKI: s.Issuing.SKI, SigAlg: pki.SM2WithSM3}
		for _, e := range store.entries {
			serial, err := hex.DecodeString(e.SerialHex)
			must(t, err)
			tm.Entries = append(tm.Entries, pki.CRLEntry{Serial: serial, At: e.At, Reason: e.Reason, InvalidityDate: e.InvalidAt})
		}
		want, err := tm.TBS()
		must(t, err)
		got, err := pki.ParseCRL(store.saved)
		must(t, err)
		if !bytes.Equal(got.RawTBS, want) {
			t.Fatalf("%d entries:\n got %x\nwant %x", n, got.RawTBS, want)
		}
	}
}

// fixedStore has given entries and keeps the list that is saved.
type fixedStore struct {
	status.Store
	entries []status.Entry
	number  int64
	pieces  [][]byte
	saved   []byte
	savedAs int64
	fail    error
}

func (s *fixedStore) NextCRL(context.Context, string) (int64, error) { return s.number, nil }
func (s *fixedStore) LatestCRL(context.Context, string) (status.CRL, error) {
	if s.savedAs == 0 {
		return status.CRL{}, status.ErrNoCRL
	}
	return status.CRL{Number: s.savedAs}, nil
}
func (s *fixedStore) Revoked(_ context.Context, _ string, _ status.Part, f func(status.Entry) error) (int64, error) {
	for _, e := range s.entries {
		if err := f(e); err != nil {
			return 0, err
		}
	}
	return 0, s.fail
}
func (s *fixedStore) KeepCRL(_ context.Context, _ string, _ int64, _ int, der []byte) error {
	s.pieces = append(s.pieces, bytes.Clone(der))
	return nil
}
func (s *fixedStore) ReadCRL(_ context.Context, _ string, _ int64, f func([]byte) error) error {
	for _, p := range s.pieces {
		if err := f(p); err != nil {
			return err
		}
	}
	return nil
}
func (s *fixedStore) SaveCRL(_ context.Context, l status.CRL, head, tail []byte) error {
	s.saved, s.savedAs = slices.Concat(head, slices.Concat(s.pieces...), tail), l.Number
	s.pieces = nil
	return nil
}

func TestPublishRefuses(t *testing.T) {
	s := newSite(t, pki.SM2)
	if err := s.PublishCRL(ctx, "nobody"); !errors.Is(err, status.ErrUnknownCA) {
		t.Fatalf("unknown CA: %v", err)
	}
	publish := func(store *fixedStore) error {
		c := config(s.Tree, s.clock.now)
		c.Store = store
		service, err := status.New(c)
		must(t, err)
		return service.PublishCRL(ctx, "issuing")
	}
	again := &fixedStore{Store: s.Store, number: 5}
	must(t, publish(again))
	saved := again.saved
	if err := publish(again); err == nil || !bytes.Equal(saved, again.saved) {
		t.Fatalf("a number that does not grow: %v", err)
	}
	broken := &fixedStore{Store: s.Store, number: 5, fail: errors.New("cut off"), entries: []status.Entry{{SerialHex: "7F", At: s.clock.at}}}
	if err := publish(broken); err == nil || broken.saved != nil {
		t.Fatalf("half a list was published: %v", err)
	}
	for _, serial := range []string{"", "0", "XY", "00", strings.Repeat("FF", 21)} {
		bad := &fixedStore{Store: s.Store, number: 5, entries: []status.Entry{{SerialHex: serial, At: s.clock.at}}}
		if err := publish(bad); err == nil || bad.saved != nil {
			t.Fatalf("serial %q was published", serial)
		}
	}
}

func TestPublishDue(t *testing.T) {
	s := newSite(t, pki.SM2)
	number := func(id string) int64 {
		t.Helper()
		l, err := s.Store.LatestCRL(ctx, id)
		must(t, err)
		return l.Number
	}
	must(t, s.PublishDue(ctx))
	first, root := number("issuing"), number("root")
	s.clock.at = s.clock.at.Add(23 * time.Hour)
	must(t, s.PublishDue(ctx))
	if number("issuing") != first || number("root") != root {
		t.Fatal("published before it was due")
	}
	s.clock.at = s.clock.at.Add(time.Hour)
	must(t, s.PublishDue(ctx))
	if number("issuing") <= first || number("root") <= root {
		t.Fatal("not published when due")
	}
}

// TestNoGapInTenYears walks day by day: at every moment the latest list is valid.
func TestNoGapInTenYears(t *testing.T) {
	s := newSite(t, pki.P256)
	for s.clock.at.Before(s.Issuing.NotAfter) {
		must(t, s.PublishDue(ctx))
		l, err := s.Store.LatestCRL(ctx, "issuing")
		must(t, err)
		if left := l.NextUpdate.Sub(s.clock.at); left < l.NextUpdate.Sub(l.ThisUpdate)/2 {
			t.Fatalf("%s: only %s left", s.clock.at, left)
		}
		s.clock.at = s.clock.at.Add(25 * time.Hour)
	}
}

func certIDHash(t testing.TB, c, issuer *pki.Certificate) (*ocsp.Request, []byte) {
	t.Helper()
	var spki struct {
		Alg asn1.RawValue
		Key asn1.BitString
	}
	_, err := asn1.Unmarshal(issuer.SPKI, &spki)
	must(t, err)
	name, key := sha1.Sum(issuer.Subject.DER()), sha1.Sum(spki.Key.Bytes)
	req := &ocsp.Request{HashAlgorithm: 3 /* SHA-1 */, IssuerNameHash: name[:], IssuerKeyHash: key[:], SerialNumber: new(big.Int).SetBytes(c.Serial)}
	der, err := req.Marshal()
	must(t, err)
	return req, der
}

func (s *site) post(t testing.TB, der []byte) []byte {
	t.Helper()
	resp, err := http.Post(s.http.URL+"/ocsp", "application/ocsp-request", bytes.NewReader(der))
	must(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/ocsp-response" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%s %v", resp.Status, resp.Header)
	}
	return body
}

// TestOCSPStates asks as x/crypto/ocsp does, over POST and GET, and has it verify the answers.
func TestOCSPStates(t *testing.T) {
	s := newSite(t, pki.P256)

	good, gone, held := s.issue(t), s.issue(t), s.issue(t)
	s.revoke(t, gone, ca.KeyCompromise)
	s.revoke(t, held, ca.CertificateHold)
	unknown := *good
	unknown.Serial = bytes.Repeat([]byte{0x42}, 16)
	for _, c := range []struct {
		what   string
		cert   *pki.Certificate
		status int
		reason int
	}{{"good", good, ocsp.Good, 0}, {"revoked", gone, ocsp.Revoked, 1}, {"held", held, ocsp.Revoked, 6}, {"unknown", &unknown, ocsp.Unknown, 0}} {
		_, der := certIDHash(t, c.cert, s.Issuing)
		for _, how := range []string{"POST", "GET"} {
			body := []byte(nil)
			if how == "POST" {
				body = s.post(t, der)
			} else {
				resp, err := http.Get(s.http.URL + "/ocsp/" + url.PathEscape(base64.StdEncoding.EncodeToString(der)))
				must(t, err)
				body, err = io.ReadAll(resp.Body)
				must(t, err)
				must(t, resp.Body.Close())
				if cc := resp.Header.Get("Cache-Control"); !strings.HasPrefix(cc, "public, max-age=60") || resp.Header.Get("Etag") == "" || resp.Header.Get("Expires") == "" || resp.Header.Get("Last-Modified") == "" {
					t.Errorf("GET may not be cached: %v", resp.Header)
				}
			}
			got, err := ocsp.ParseResponse(body, stdCertificate(t, s.Issuing))
			if err != nil {
				t.Fatalf("%s %s: %v", how, c.what, err)
			}
			if got.Status != c.status || got.RevocationReason != c.reason || !got.ThisUpdate.Equal(s.clock.at) || !got.NextUpdate.Equal(s.clock.at.Add(time.Hour)) || got.SerialNumber.Cmp(new(big.Int).SetBytes(c.cert.Serial)) != 0 {
				t.Errorf("%s %s: %+v", how, c.what, got)
			}
		}
	}
}

// TestThreeWayAgreement: store, OCSP and list say the same of every serial.
func TestThreeWayAgreement(t *testing.T) {
	s := newSite(t, pki.P256)
	var certs []*pki.Certificate
	for i := range 30 {
		c := s.issue(t)
		certs = append(certs, c)
		switch i % 3 {
		case 1:
			s.revoke(t, c, ca.Superseded)
		case 2:
			s.revoke(t, c, ca.CertificateHold)
			if i%2 == 0 {
				s.revoke(t, c, ca.RemoveFromCRL)
			}
		}
	}
	must(t, s.PublishCRL(ctx, "issuing"))
	list := s.latest(t)
	for _, c := range certs {
		_, der := certIDHash(t, c, s.Issuing)
		answer, err := ocsp.ParseResponse(s.post(t, der), stdCertificate(t, s.Issuing))
		must(t, err)
		st, err := s.Store.Lookup(ctx, "issuing", c.SerialHex)
		must(t, err)
		inList := list.Find(c.Serial) != nil
		if inList != (st.State == status.Revoked) || inList != (answer.Status == ocsp.Revoked) || !inList && answer.Status != ocsp.Good {
			t.Fatalf("%s: store %s, OCSP %d, listed %v", c.SerialHex, st.State, answer.Status, inList)
		}
	}
}

func TestEvidence(t *testing.T) {
	s := newSite(t, pki.SM2)
	c := s.issue(t)
	at := s.clock.at
	s.clock.at = at.Add(10 * time.Hour)
	must(t, s.Authority.Revoke(ctx, ca.Revocation{CA: "issuing", SerialHex: c.SerialHex, Reason: ca.KeyCompromise, InvalidAt: at.Add(5 * time.Hour)}))
	for _, x := range []struct {
		after time.Duration
		want  status.State
	}{{time.Hour, status.Good}, {5 * time.Hour, status.Revoked}, {7 * time.Hour, status.Revoked}, {20 * time.Hour, status.Revoked}} {
		e, err := s.Evidence(ctx, "issuing", c.SerialHex, at.Add(x.after))
		must(t, err)
		if e.AsOf != x.want || e.State != status.Revoked || e.Reason != ca.KeyCompromise {
			t.Errorf("after %s: %+v, want %s", x.after, e, x.want)
		}
	}
	if e, err := s.Evidence(ctx, "issuing", "42", at); err != nil || e.AsOf != status.Unknown {
		t.Fatalf("unknown serial: %+v, %v", e, err)
	}
	if _, err := s.Evidence(ctx, "nobody", c.SerialHex, at); !errors.Is(err, status.ErrUnknownCA) {
		t.Fatalf("unknown CA: %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	tree := catest.Hierarchy(t, pki.SM2)
	leafKey := catest.Key(t, pki.SM2)
	leaf, err := tree.Authority.Issue(ctx, tree.Request(t, "r", "org-sign", leafKey))
	must(t, err)
	cert, err := pki.ParseCertificate(leaf.DER)
	must(t, err)
	other := catest.Hierarchy(t, pki.SM2)
	for what, change := range map[string]func(*status.Config, *status.CA){
		"no store":                  func(c *status.Config, _ *status.CA) { c.Store = nil },
		"lists shorter than rhythm": func(c *status.Config, _ *status.CA) { c.CRLEvery, c.CRLFor = 2*time.Hour, time.Hour },
		"no certificate":            func(_ *status.Config, a *status.CA) { a.Certificate = nil },
		"other list key":            func(_ *status.Config, a *status.CA) { a.Signer = tree.RootKey },
		"other responder key":       func(_ *status.Config, a *status.CA) { a.ResponderSigner = tree.RootKey },
		"responder without a key":   func(_ *status.Config, a *status.CA) { a.ResponderSigner = nil },
		"foreign responder": func(_ *status.Config, a *status.CA) {
			a.Responder, a.ResponderSigner = other.Responder, other.ResponderKey
		},
		"leaf as responder": func(_ *status.Config, a *status.CA) { a.Responder, a.ResponderSigner = cert, leafKey },
	} {
		c := config(tree, time.Now)
		a := c.CAs["issuing"]
		change(&c, &a)
		c.CAs["issuing"] = a
		if _, err := status.New(c); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}

func TestHTTPFiles(t *testing.T) {
	s := newSite(t, pki.SM2)
	get := func(method, path string, header ...string) (*http.Response, []byte) {
		t.Helper()
		req, err := http.NewRequest(method, s.http.URL+path, nil)
		must(t, err)
		if len(header) == 2 {
			req.Header.Set(header[0], header[1])
		}
		resp, err := http.DefaultClient.Do(req)
		must(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		must(t, err)
		return resp, body
	}
	if resp, _ := get("GET", "/crl/issuing.crl"); resp.StatusCode != 404 {
		t.Fatalf("no list yet: %s", resp.Status)
	}
	must(t, s.PublishCRL(ctx, "issuing"))
	resp, body := get("GET", "/crl/issuing.crl")
	if _, err := pki.ParseCRL(body); err != nil || resp.Header.Get("Content-Type") != "application/pkix-crl" || !strings.Contains(resp.Header.Get("Cache-Control"), "max-age=60") {
		t.Fatalf("list: %v %v", err, resp.Header)
	}
	if again, _ := get("GET", "/crl/issuing.crl", "If-None-Match", resp.Header.Get("Etag")); again.StatusCode != 304 {
		t.Fatalf("unchanged list: %s", again.Status)
	}
	head, none := get("HEAD", "/crl/issuing.crl")
	if head.StatusCode != 200 || len(none) != 0 || head.Header.Get("Content-Length") != strconv.Itoa(len(body)) {
		t.Fatalf("HEAD: %s %v", head.Status, head.Header)
	}
	if resp, body := get("GET", "/ca/issuing.cer"); !bytes.Equal(body, s.Issuing.Raw) || resp.Header.Get("Content-Type") != "application/pkix-cert" {
		t.Fatal("CA certificate differs")
	}
	_, body = get("GET", "/ca/issuing.p7b")
	p7, err := cms.ParseSigned(body)
	must(t, err)
	if len(p7.Certificates) != 2 || len(p7.Signers) != 0 {
		t.Fatalf("p7b of %d certificates", len(p7.Certificates))
	}
	for path, want := range map[string]int{"/": 404, "/crl/": 404, "/crl/nobody.crl": 404, "/crl/issuing": 404, "/crl/../issuing.crl": 404, "/ca/issuing": 404, "/ca/nobody.cer": 404, "/crl/issuing.cer": 404, "/ocspx": 404, "/ocsp": 405} {
		if resp, _ := get("GET", path); resp.StatusCode != want {
			t.Errorf("GET %s: %s, want %d", path, resp.Status, want)
		}
	}
	for _, path := range []string{"/crl/issuing.crl", "/ca/issuing.cer", "/ocsp/MAA="} {
		if resp, _ := get("DELETE", path); resp.StatusCode != 405 || resp.Header.Get("Allow") == "" {
			t.Errorf("DELETE %s: %s", path, resp.Status)
		}
	}
}

func openssl(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("no openssl command on this machine")
	}
	cmd := exec.Command("openssl", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestOpenSSLAsks has OpenSSL ask the real server. It verifies P-256 answers whole; of SM2 ones it can only read the text, as it has no way to
// be told the user ID for OCSP and CRL (measurements §1).
func TestOpenSSLAsks(t *testing.T) {
	for _, alg := range []pki.KeyAlg{pki.P256, pki.P384, pki.SM2} {
		t.Run(string(alg), func(t *testing.T) {
			s := newSite(t, alg)
			good, gone := s.issue(t), s.issue(t)
			s.revoke(t, gone, ca.KeyCompromise)
			must(t, s.PublishCRL(ctx, "issuing"))
			dir := t.TempDir()
			for name, certs := range map[string][]*pki.Certificate{"root.pem": {s.Root}, "issuing.pem": {s.Issuing}, "good.pem": {good}, "gone.pem": {gone}} {
				must(t, os.WriteFile(filepath.Join(dir, name), pki.EncodePEM(certs...), 0o600))
			}
			for _, hash := range []string{"-sha1", "-sha256", "-sm3"} {
				for _, nonce := range []string{"-nonce", "-no_nonce"} {
					args := []string{"ocsp", hash, "-issuer", "issuing.pem", "-cert", "good.pem", "-cert", "gone.pem", "-url", s.http.URL + "/ocsp", "-CAfile", "root.pem", "-verify_other", "issuing.pem", nonce, "-resp_text"}
					if alg == pki.SM2 {
						args = append(args, "-noverify")
					}
					out, err := openssl(t, dir, args...)
					must(t, err)
					want := []string{"good.pem: good", "gone.pem: revoked", "Reason: keyCompromise", "OCSP Response Status: successful"}
					if alg != pki.SM2 {
						want = append(want, "Response verify OK")
					}
					if nonce == "-nonce" {
						want = append(want, "OCSP Nonce")
					}
					for _, w := range want {
						if !strings.Contains(out, w) {
							t.Errorf("%s %s: openssl does not say %q:\n%s", hash, nonce, w, out)
						}
					}
					if strings.Contains(out, "WARNING") {
						t.Errorf("%s %s:\n%s", hash, nonce, out)
					}
				}
			}
			l, list, err := status.LoadCRL(ctx, s.Store, "issuing")
			must(t, err)
			must(t, os.WriteFile(filepath.Join(dir, "list.crl"), list, 0o600))
			args := []string{"crl", "-inform", "DER", "-in", "list.crl", "-noout", "-text"}
			if alg != pki.SM2 {
				args = append(args, "-CAfile", "issuing.pem")
			}
			out, err := openssl(t, dir, args...)
			must(t, err)
			for _, w := range []string{gone.SerialHex, "Key Compromise", fmt.Sprint("X509v3 CRL Number: \n                ", l.Number)} {
				if !strings.Contains(out, w) {
					t.Errorf("openssl crl does not say %q:\n%s", w, out)
				}
			}
			if alg != pki.SM2 && !strings.Contains(out, "verify OK") {
				t.Errorf("openssl crl does not verify:\n%s", out)
			}
		})
	}
}
