package tsa_test

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/ca"
	"signet/ca/catest"
	"signet/ca/cms"
	"signet/ca/pki"
	"signet/ca/tsa"
)

var ctx = context.Background()

const policy = "1.2.156.99999.1.1"

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// clock is a tsa.Clock that tests set.
type clock struct {
	mu     sync.Mutex
	at     time.Time
	err    error
	within time.Duration
}

func (c *clock) Time() (time.Time, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at, c.err
}
func (c *clock) Within() time.Duration { return c.within }
func (c *clock) set(at time.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at, c.err = at, err
}

// site is a time stamper under a hierarchy.
type site struct {
	*catest.Tree
	cert  *pki.Certificate
	key   crypto.Signer
	clock *clock
}

func newSite(t testing.TB, alg pki.KeyAlg) *site {
	t.Helper()
	above := alg
	if alg == pki.RSA2048 { // no root of ours is RSA
		above = pki.P256
	}
	s := &site{Tree: catest.Hierarchy(t, above), key: catest.Key(t, alg), clock: &clock{at: time.Now(), within: time.Second}}
	var err error
	s.cert, err = ca.CreateTSA(ctx, s.Authority, ca.KeyRequest{ID: "tsa", CA: "issuing", Subject: catest.Name(t, "Signet 测试时间戳"), Key: s.key, By: "test"})
	must(t, err)
	return s
}

func (s *site) config() tsa.Config {
	return tsa.Config{
		Certificate: s.cert, Chain: []*pki.Certificate{s.Issuing, s.Root}, Key: s.key, Policies: []string{policy, "1.2.3.4"}, Clock: s.clock,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
}

func (s *site) stamper(t testing.TB, change ...func(*tsa.Config)) *tsa.Stamper {
	t.Helper()
	c := s.config()
	for _, f := range change {
		f(&c)
	}
	st, err := tsa.New(c)
	must(t, err)
	return st
}

func ask(t testing.TB, st *tsa.Stamper, r *tsa.Request) (*tsa.Token, error) {
	t.Helper()
	der, err := r.DER()
	must(t, err)
	return tsa.ParseResponse(st.Respond(ctx, der))
}

func request(t testing.TB, digest, message string) *tsa.Request {
	t.Helper()
	r, err := tsa.NewRequest(nil, digest, []byte(message))
	must(t, err)
	return r
}

func TestStamp(t *testing.T) {
	for _, alg := range []pki.KeyAlg{pki.SM2, pki.P256, pki.P384, pki.RSA2048} {
		s := newSite(t, alg)
		for _, gm := range []bool{false, true} {
			st := s.stamper(t, func(c *tsa.Config) { c.GM = gm })
			for _, digest := range []string{"SM3", "SHA-256", "SHA-384", "SHA-512"} {
				r := request(t, digest, "标书")
				r.Policy = "1.2.3.4"
				token, err := ask(t, st, r)
				must(t, err)
				signer, err := token.Verify(nil)
				must(t, err)
				must(t, token.Answers(r))
				must(t, token.Covers([]byte("标书")))
				must(t, signer.CheckSignatureFrom(s.Issuing))
				if err := token.Covers([]byte("别的")); !errors.Is(err, tsa.ErrImprint) {
					t.Errorf("another message: %v", err)
				}
				if !bytes.Equal(signer.Raw, s.cert.Raw) || token.Policy != "1.2.3.4" || token.AccuracyFor != time.Second || token.Ordering ||
					!token.At.Equal(s.clock.at.Truncate(time.Second)) || !bytes.Equal(token.TSA, s.cert.Subject.DER()) {
					t.Errorf("%s: %+v", alg, token.Info)
				}
				if len(token.Signed.Certificates) != 2 || gm != (token.Signed.Style == cms.GMT0010) {
					t.Errorf("%d certificates, style %s", len(token.Signed.Certificates), token.Signed.Style)
				}
			}
		}
	}
}

func TestWithoutCertificates(t *testing.T) {
	s := newSite(t, pki.SM2)
	r := request(t, "SM3", "x")
	r.CertReq, r.Nonce = false, nil
	token, err := ask(t, s.stamper(t), r)
	must(t, err)
	if len(token.Signed.Certificates) != 0 || token.Nonce != nil || token.Policy != policy {
		t.Fatalf("%+v", token.Info)
	}
	if _, err := token.Verify(nil); !errors.Is(err, cms.ErrNoCertificate) {
		t.Fatalf("without its certificate: %v", err)
	}
	signer, err := token.Verify(func(issuer, serial []byte) *pki.Certificate { return s.cert })
	must(t, err)
	must(t, signer.CheckSignatureFrom(s.Issuing))
}

func TestSerialsDiffer(t *testing.T) {
	s := newSite(t, pki.SM2)
	seen := map[string]bool{}
	for range 2 { // a restart between
		st := s.stamper(t)
		for range 50 {
			token, err := ask(t, st, request(t, "SM3", "x"))
			must(t, err)
			if seen[string(token.Serial)] || len(token.Serial) != 16 {
				t.Fatalf("serial %x", token.Serial)
			}
			seen[string(token.Serial)] = true
		}
	}
}

func TestRefusals(t *testing.T) {
	s := newSite(t, pki.P256)
	st := s.stamper(t)
	for _, c := range []struct {
		what   string
		change func(*tsa.Request)
		want   tsa.Failure
	}{
		{"SHA-1", func(r *tsa.Request) { r.Digest, r.Imprint = "1.3.14.3.2.26", make([]byte, 20) }, tsa.BadAlg},
		{"MD5", func(r *tsa.Request) { r.Digest, r.Imprint = "1.2.840.113549.2.5", make([]byte, 16) }, tsa.BadAlg},
		{"short imprint", func(r *tsa.Request) { r.Imprint = r.Imprint[1:] }, tsa.BadDataFormat},
		{"long imprint", func(r *tsa.Request) { r.Imprint = append(r.Imprint, 0) }, tsa.BadDataFormat},
		{"policy", func(r *tsa.Request) { r.Policy = "1.2.3.5" }, tsa.UnacceptedPolicy},
	} {
		r := request(t, "SHA-256", "x")
		c.change(r)
		_, err := ask(t, st, r)
		var refused *tsa.Refused
		if !errors.As(err, &refused) || refused.Failure != c.want || refused.Text == "" {
			t.Errorf("%s: %v, want %s", c.what, err, c.want)
		}
	}
	good, err := request(t, "SHA-256", "x").DER()
	must(t, err)
	for what, der := range map[string][]byte{
		"nothing": nil, "not DER": []byte("hello"), "trailing byte": append(bytes.Clone(good), 0), "cut": good[:len(good)-1],
		"version 2": bytes.Replace(good, []byte{0x02, 0x01, 0x01, 0x30}, []byte{0x02, 0x01, 0x02, 0x30}, 1), "long": append(bytes.Clone(good), make([]byte, 9000)...),
	} {
		var refused *tsa.Refused
		if _, err := tsa.ParseResponse(st.Respond(ctx, der)); !errors.As(err, &refused) || refused.Failure != tsa.BadDataFormat {
			t.Errorf("%s: %v", what, err)
		}
	}
	extended := append(bytes.Clone(good), 0xa0, 0x0a, 0x30, 0x08, 0x06, 0x03, 0x2a, 0x03, 0x04, 0x04, 0x01, 0x00) // 1.2.3.4, not critical
	extended[1] += 12
	var refused *tsa.Refused
	if _, err := tsa.ParseResponse(st.Respond(ctx, extended)); !errors.As(err, &refused) || refused.Failure != tsa.UnacceptedExtension {
		t.Errorf("extension: %v", err)
	}
	if granted, no := st.Stamped(); granted != 0 || no != 12 {
		t.Errorf("counted %d granted, %d refused", granted, no)
	}
}

func TestNoStampWithoutTime(t *testing.T) {
	s := newSite(t, pki.P256)
	st := s.stamper(t)
	now := s.clock.at
	for _, c := range []struct {
		what string
		at   time.Time
		err  error
		want tsa.Failure
	}{
		{"untrusted", now, tsa.ErrClock, tsa.TimeNotAvailable},
		{"before the certificate", s.cert.NotBefore.Add(-time.Second), nil, tsa.SystemFailure},
		{"after the certificate", s.cert.NotAfter.Add(time.Second), nil, tsa.SystemFailure},
	} {
		s.clock.set(c.at, c.err)
		var refused *tsa.Refused
		if _, err := ask(t, st, request(t, "SHA-256", "x")); !errors.As(err, &refused) || refused.Failure != c.want {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	s.clock.set(now, nil)
	_, err := ask(t, st, request(t, "SHA-256", "x"))
	must(t, err)
}

func TestStop(t *testing.T) {
	s := newSite(t, pki.P256)
	var stop error
	st := s.stamper(t, func(c *tsa.Config) { c.Stop = func() error { return stop } })
	_, err := ask(t, st, request(t, "SHA-256", "x"))
	must(t, err)
	stop = errors.New("revoked")
	var refused *tsa.Refused
	if _, err := ask(t, st, request(t, "SHA-256", "x")); !errors.As(err, &refused) || refused.Failure != tsa.SystemFailure || !strings.Contains(refused.Text, "revoked") {
		t.Fatalf("stopped: %v", err)
	}
}

func TestOrdering(t *testing.T) {
	s := newSite(t, pki.P256)
	st := s.stamper(t, func(c *tsa.Config) { c.Ordering = true })
	r := request(t, "SHA-256", "x")
	var refused *tsa.Refused
	if _, err := ask(t, st, r); !errors.As(err, &refused) || refused.Failure != tsa.TimeNotAvailable {
		t.Fatalf("right after the start: %v", err)
	}
	s.clock.set(s.clock.at.Add(2*time.Second), nil)
	var mu sync.Mutex
	seen := map[time.Time]bool{}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			last := time.Time{}
			for range 50 {
				token, err := ask(t, st, r)
				if err != nil || !token.Ordering || !token.At.After(last) {
					t.Errorf("%v after %s: %v", token, last, err)
					return
				}
				last = token.At
				mu.Lock()
				if seen[last] {
					t.Errorf("two stamps of %s", last)
				}
				seen[last] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	s.clock.set(s.clock.at.Add(-1500*time.Millisecond), nil)
	if _, err := ask(t, st, r); !errors.As(err, &refused) || refused.Failure != tsa.TimeNotAvailable {
		t.Fatalf("the clock went back: %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	s := newSite(t, pki.P256)
	leafKey := catest.Key(t, pki.P256)
	leaf, err := s.Authority.Issue(ctx, s.Request(t, "leaf", "org-sign", leafKey))
	must(t, err)
	cert, err := pki.ParseCertificate(leaf.DER)
	must(t, err)
	for what, change := range map[string]func(*tsa.Config){
		"no certificate":    func(c *tsa.Config) { c.Certificate = nil },
		"no key":            func(c *tsa.Config) { c.Key = nil },
		"no clock":          func(c *tsa.Config) { c.Clock = nil },
		"no policy":         func(c *tsa.Config) { c.Policies = nil },
		"bad policy":        func(c *tsa.Config) { c.Policies = []string{"1..2"} },
		"another's key":     func(c *tsa.Config) { c.Key = leafKey },
		"a leaf":            func(c *tsa.Config) { c.Certificate, c.Key = cert, leafKey },
		"a CA":              func(c *tsa.Config) { c.Certificate, c.Key = s.Issuing, s.IssuingKey },
		"an OCSP responder": func(c *tsa.Config) { c.Certificate, c.Key = s.Responder, s.ResponderKey },
	} {
		c := s.config()
		change(&c)
		if _, err := tsa.New(c); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}

// TestVerifyRefuses makes tokens that are signed well and wrong otherwise.
func TestVerifyRefuses(t *testing.T) {
	s := newSite(t, pki.SM2)
	good, err := s.stamper(t).Stamp(ctx, request(t, "SM3", "x"))
	must(t, err)
	whole, err := tsa.ParseToken(good)
	must(t, err)
	attributes := whole.Signed.Signers[0].SignedAttributes
	var named []cms.Attribute
	for _, a := range attributes {
		if a.Type == "1.2.840.113549.1.9.16.2.47" {
			named = append(named, a)
		}
	}
	sign := func(content []byte, o cms.SignOptions) []byte {
		o.Style = cms.RFC5652
		der, err := cms.Sign(nil, s.key, s.cert, content, o)
		must(t, err)
		return der
	}
	verify := func(der []byte) error {
		token, err := tsa.ParseToken(der)
		if err != nil {
			return err
		}
		_, err = token.Verify(nil)
		return err
	}
	content, tst := whole.Signed.Content, cms.ContentTypeTSTInfo
	must(t, verify(sign(content, cms.SignOptions{ContentType: tst, Attributes: named})))
	if err := verify(sign(content, cms.SignOptions{ContentType: tst})); !errors.Is(err, tsa.ErrCertificate) {
		t.Errorf("no certificate named: %v", err)
	}
	wrong := bytes.Clone(named[0].Values[0])
	wrong[40] ^= 1
	if err := verify(sign(content, cms.SignOptions{ContentType: tst, Attributes: []cms.Attribute{{Type: named[0].Type, Values: [][]byte{wrong}}}})); !errors.Is(err, tsa.ErrCertificate) {
		t.Errorf("another certificate named: %v", err)
	}
	if err := verify(sign(content, cms.SignOptions{Attributes: named})); err == nil {
		t.Error("content type data: accepted")
	}
	if err := verify(sign(content[:len(content)-1], cms.SignOptions{ContentType: tst, Attributes: named})); err == nil {
		t.Error("content cut: accepted")
	}
	tampered := bytes.Replace(good, whole.Imprint, bytes.Repeat([]byte{7}, 32), 1)
	if err := verify(tampered); !errors.Is(err, cms.ErrDigest) {
		t.Errorf("imprint replaced: %v", err)
	}
	past := bytes.Replace(content, []byte(whole.At.Format("20060102150405Z")), []byte("20200101000000Z"), 1)
	if err := verify(sign(past, cms.SignOptions{ContentType: tst, Attributes: named})); !errors.Is(err, tsa.ErrNotValid) {
		t.Errorf("time before the certificate: %v", err)
	}
	if err := whole.Answers(request(t, "SM3", "x")); err == nil {
		t.Error("answers a request with another nonce")
	}
}

// TestSignerForAnotherPurpose has an ordinary certificate sign a time stamp.
func TestSignerForAnotherPurpose(t *testing.T) {
	s := newSite(t, pki.P256)
	key := catest.Key(t, pki.P256)
	issued, err := s.Authority.Issue(ctx, s.Request(t, "leaf", "org-sign", key))
	must(t, err)
	leaf, err := pki.ParseCertificate(issued.DER)
	must(t, err)
	good, err := s.stamper(t).Stamp(ctx, request(t, "SHA-256", "x"))
	must(t, err)
	whole, err := tsa.ParseToken(good)
	must(t, err)
	der, err := cms.Sign(nil, key, leaf, whole.Signed.Content, cms.SignOptions{
		Style: cms.RFC5652, ContentType: cms.ContentTypeTSTInfo, Attributes: []cms.Attribute{tsa.SigningCertificate(t, leaf)}})
	must(t, err)
	token, err := tsa.ParseToken(der)
	must(t, err)
	if _, err := token.Verify(nil); !errors.Is(err, tsa.ErrNotTSA) {
		t.Fatalf("accepted: %v", err)
	}
}

func TestHandler(t *testing.T) {
	sm2, ecdsa := newSite(t, pki.SM2), newSite(t, pki.P256)
	service, err := tsa.NewService(tsa.Unit{ID: "sm2", Stamper: sm2.stamper(t, func(c *tsa.Config) { c.Policies = []string{policy, "1.2.5"} })}, tsa.Unit{ID: "ecdsa", Stamper: ecdsa.stamper(t)})
	must(t, err)
	server := httptest.NewServer(service.Handler())
	defer server.Close()
	post := func(path, media string, body []byte) (*http.Response, []byte) {
		t.Helper()
		resp, err := http.Post(server.URL+path, media, bytes.NewReader(body))
		must(t, err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		must(t, err)
		return resp, text
	}
	const query = "application/timestamp-query"
	for _, c := range []struct {
		path, digest, policy string
		want                 *site
	}{
		{"/tsa", "SM3", "", sm2}, {"/tsa", "SHA-256", "", ecdsa}, {"/tsa", "SHA-512", policy, ecdsa}, {"/tsa/sm2", "SHA-256", "", sm2},
		{"/tsa/ecdsa", "SM3", "", ecdsa}, {"/tsa", "SHA-256", "1.2.5", sm2}, {"/tsa", "SM3", "1.2.3.4", ecdsa},
	} {
		r := request(t, c.digest, "x")
		r.Policy = c.policy
		der, err := r.DER()
		must(t, err)
		resp, body := post(c.path, query, der)
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/timestamp-reply" || resp.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%v: %s %v", c, resp.Status, resp.Header)
		}
		token, err := tsa.ParseResponse(body)
		must(t, err)
		must(t, token.Answers(r))
		signer, err := token.Verify(nil)
		must(t, err)
		if !bytes.Equal(signer.Raw, c.want.cert.Raw) {
			t.Errorf("%s with %s: signed by the other", c.path, c.digest)
		}
	}
	r := request(t, "SM3", "x")
	r.Policy = "1.2.9"
	der, err := r.DER()
	must(t, err)
	_, body := post("/tsa", query, der)
	var refused *tsa.Refused
	if _, err := tsa.ParseResponse(body); !errors.As(err, &refused) || refused.Failure != tsa.UnacceptedPolicy {
		t.Errorf("nobody's policy: %v", err)
	}
	for _, c := range []struct {
		path, media string
		body        []byte
		want        int
	}{
		{"/tsa/nobody", query, der, 404}, {"/tsa/", query, der, 404}, {"/tsax", query, der, 404}, {"/tsa", "application/json", der, 415},
		{"/tsa", query, make([]byte, 10_000), 413}, {"/tsa", query, []byte("x"), 200},
	} {
		if resp, _ := post(c.path, c.media, c.body); resp.StatusCode != c.want {
			t.Errorf("POST %s: %s, want %d", c.path, resp.Status, c.want)
		}
	}
	resp, err := http.Get(server.URL + "/tsa")
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode != 405 || resp.Header.Get("Allow") != "POST" {
		t.Errorf("GET: %s", resp.Status)
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

// TestOpenSSLAsks has OpenSSL make the question, send nothing but bytes, and verify the answer. SM2 tokens it can read only: it has no way
// to verify them.
func TestOpenSSLAsks(t *testing.T) {
	for _, alg := range []pki.KeyAlg{pki.P256, pki.P384, pki.RSA2048, pki.SM2} {
		t.Run(string(alg), func(t *testing.T) {
			s := newSite(t, alg)
			service, err := tsa.NewService(tsa.Unit{ID: "one", Stamper: s.stamper(t)})
			must(t, err)
			server := httptest.NewServer(service.Handler())
			defer server.Close()
			dir := t.TempDir()
			must(t, os.WriteFile(filepath.Join(dir, "root.pem"), pki.EncodePEM(s.Root), 0o600))
			must(t, os.WriteFile(filepath.Join(dir, "chain.pem"), pki.EncodePEM(s.cert, s.Issuing), 0o600))
			must(t, os.WriteFile(filepath.Join(dir, "bid"), []byte("标书"), 0o600))
			must(t, os.WriteFile(filepath.Join(dir, "other"), []byte("别的"), 0o600))
			for _, how := range []string{"-sha256 -cert", "-sha512 -cert -no_nonce", "-sha384", "-sm3 -cert -tspolicy 1.2.3.4"} {
				args := append([]string{"ts", "-query", "-data", "bid", "-out", "q.tsq"}, strings.Fields(how)...)
				out, err := openssl(t, dir, args...)
				if err != nil {
					t.Fatal(out)
				}
				query, err := os.ReadFile(filepath.Join(dir, "q.tsq"))
				must(t, err)
				resp, err := http.Post(server.URL+"/tsa", "application/timestamp-query", bytes.NewReader(query))
				must(t, err)
				reply, err := io.ReadAll(resp.Body)
				must(t, err)
				resp.Body.Close()
				must(t, os.WriteFile(filepath.Join(dir, "r.tsr"), reply, 0o600))
				token, err := tsa.ParseResponse(reply)
				must(t, err)
				out, err = openssl(t, dir, "ts", "-reply", "-in", "r.tsr", "-text")
				want := []string{"Status: Granted.", fmt.Sprintf("0x%032X", token.Serial), "Accuracy: 0x01 seconds", "Ordering: no", "TSA: DirName:"}
				for _, w := range want {
					if err != nil || !strings.Contains(out, w) {
						t.Errorf("%s: openssl does not say %q: %v\n%s", how, w, err, out)
					}
				}
				if alg == pki.SM2 {
					continue
				}
				for _, c := range []struct {
					what, option, file string
					ok                 bool
				}{{"by data", "-data", "bid", true}, {"by query", "-queryfile", "q.tsq", true}, {"other data", "-data", "other", false}} {
					out, err := openssl(t, dir, "ts", "-verify", c.option, c.file, "-in", "r.tsr", "-CAfile", "root.pem", "-untrusted", "chain.pem")
					if c.ok != (err == nil && strings.Contains(out, "Verification: OK")) {
						t.Errorf("%s, %s: %v\n%s", how, c.what, err, out)
					}
				}
			}
		})
	}
}

// BenchmarkHTTP has 64 clients ask over HTTP.
func BenchmarkHTTP(b *testing.B) {
	for _, alg := range []pki.KeyAlg{pki.SM2, pki.P256} {
		b.Run(string(alg), func(b *testing.B) {
			s := newSite(b, alg)
			service, err := tsa.NewService(tsa.Unit{ID: "one", Stamper: s.stamper(b)})
			must(b, err)
			server := httptest.NewServer(service.Handler())
			defer server.Close()
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
			der, err := request(b, "SHA-256", "x").DER()
			must(b, err)
			b.SetParallelism(32)
			b.ResetTimer()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					resp, err := client.Post(server.URL+"/tsa", "application/timestamp-query", bytes.NewReader(der))
					if err != nil || resp.StatusCode != http.StatusOK {
						b.Error(resp, err)
						return
					}
					_, _ = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
			})
		})
	}
}

func BenchmarkStamp(b *testing.B) {
	for _, alg := range []pki.KeyAlg{pki.SM2, pki.P256} {
		b.Run(string(alg), func(b *testing.B) {
			s := newSite(b, alg)
			st := s.stamper(b)
			der, err := request(b, "SHA-256", "x").DER()
			must(b, err)
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					st.Respond(ctx, der)
				}
			})
			if granted, _ := st.Stamped(); granted == 0 {
				b.Fatal("nothing was stamped")
			}
		})
	}
}
