package acme_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mholt/acmez/v3"
	acmeclient "github.com/mholt/acmez/v3/acme"
	"golang.org/x/net/dns/dnsmessage"

	"signet/api/acme"
	"signet/api/store"
	"signet/ca"
	"signet/ca/catest"
	"signet/ca/pki"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world is a server with a hierarchy, and the hosts that its clients command: every name ends at this computer.
type world struct {
	t      *testing.T
	db     *store.DB
	tree   *catest.Tree
	server *acme.Server
	url    string
	http   *http.Client
	log    *bytes.Buffer
	dns    *nameServer
	web    *webServer
	alpn   *alpnServer
	config acme.Config
}

var secret = []byte("a secret of the tests, 32 bytes at least")

// open makes a world on a database. change, if given, changes the configuration.
func open(t *testing.T, db *store.DB, change func(*acme.Config)) *world {
	t.Helper()
	w := &world{t: t, db: db, tree: catest.HierarchyWith(t, pki.P256, catest.Options{Store: db.CA()}), log: &bytes.Buffer{}}
	w.dns, w.web, w.alpn = newNameServer(t), newWebServer(t), newALPNServer(t)
	ts := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.server.Handler().ServeHTTP(rw, r) }))
	w.config = acme.Config{
		DB: db, Authority: w.tree.Authority, CA: "issuing", Secret: secret, URL: "https://" + ts.Listener.Addr().String(),
		Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Resolver: w.dns.address, HTTPPort: w.web.port, TLSPort: w.alpn.port,
		Log: slog.New(slog.NewTextHandler(&locked{to: w.log}, nil)),
	}
	if change != nil {
		change(&w.config)
	}
	var err error
	w.server, err = acme.New(w.config)
	must(t, err)
	ts.StartTLS()
	t.Cleanup(ts.Close)
	w.url, w.http = ts.URL, ts.Client()
	return w
}

type locked struct {
	mu sync.Mutex
	to *bytes.Buffer
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(b)
}

// key makes an external account binding key.
func (w *world) key(change func(*store.ACMEKeyRequest)) *store.ACMEKey {
	w.t.Helper()
	q := store.ACMEKeyRequest{
		Protocol: store.ProtocolACME, Name: "招标平台", OrgCode: catest.USCC, OrgName: "示例建设有限公司", By: "test",
		Names: []string{"a.acme.test", "b.acme.test", "*.wild.acme.test", "evil.acme.test"},
	}
	if change != nil {
		change(&q)
	}
	var k *store.ACMEKey
	must(w.t, w.db.Tx(w.t.Context(), func(tx *store.Tx) (err error) {
		k, err = store.AddACMEKey(tx, q)
		return err
	}))
	return k
}

// client is the library's, with solvers for the challenges named.
func (w *world) client(challenges ...string) *acmez.Client {
	all := map[string]acmez.Solver{"http-01": w.web, "dns-01": w.dns, "tls-alpn-01": w.alpn}
	c := &acmez.Client{
		Client: &acmeclient.Client{
			Directory: w.url + "/acme/directory", HTTPClient: w.http, PollInterval: 10 * time.Millisecond, PollTimeout: 10 * time.Second,
			Logger: slog.New(slog.DiscardHandler),
		},
		ChallengeSolvers: map[string]acmez.Solver{},
	}
	for _, name := range challenges {
		c.ChallengeSolvers[name] = all[name]
	}
	return c
}

// account makes an account bound by a key.
func (w *world) account(c *acmez.Client, k *store.ACMEKey, mac []byte) (acmeclient.Account, error) {
	w.t.Helper()
	a := acmeclient.Account{Contact: []string{"mailto:a@example.cn"}, TermsOfServiceAgreed: true, PrivateKey: catest.Key(w.t, pki.P256)}
	eab := acmeclient.EAB{KeyID: k.ID, MACKey: base64.RawURLEncoding.EncodeToString(mac)}
	if err := a.SetExternalAccountBinding(w.t.Context(), c.Client, eab); err != nil {
		return a, err
	}
	return c.NewAccount(w.t.Context(), a)
}

// member makes key and account at once.
func (w *world) member(c *acmez.Client) acmeclient.Account {
	w.t.Helper()
	k := w.key(nil)
	a, err := w.account(c, k, k.Secret(secret))
	must(w.t, err)
	return a
}

// obtain gets a certificate by whatever challenge the client has.
func (w *world) obtain(c *acmez.Client, a acmeclient.Account, key crypto.Signer, names ...string) []*x509.Certificate {
	w.t.Helper()
	list, err := c.ObtainCertificateForSANs(w.t.Context(), a, key, names)
	must(w.t, err)
	return parsePEM(w.t, list[0].ChainPEM)
}

func parsePEM(t *testing.T, text []byte) (chain []*x509.Certificate) {
	t.Helper()
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return chain
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		must(t, err)
		chain = append(chain, cert)
	}
}

// trusted verifies a chain as a browser would.
func (w *world) trusted(chain []*x509.Certificate, name string) {
	w.t.Helper()
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AppendCertsFromPEM(pki.EncodePEM(w.tree.Root))
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	if _, err := chain[0].Verify(x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: between}); err != nil {
		w.t.Errorf("%s: %v", name, err)
	}
}

// issued finds a certificate at the CA.
func (w *world) issued(c *x509.Certificate) *ca.Certificate {
	w.t.Helper()
	read, err := pki.ParseCertificate(c.Raw)
	must(w.t, err)
	found, err := w.db.CA().BySerial(w.t.Context(), "issuing", read.SerialHex)
	must(w.t, err)
	return found
}

// nameServer is a DNS server: names of acme.test are at 127.0.0.1, others where others says.
type nameServer struct {
	address string
	mu      sync.Mutex
	txt     map[string][]string
	others  map[string]string
}

func newNameServer(t *testing.T) *nameServer {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	s := &nameServer{address: conn.LocalAddr().String(), txt: map[string][]string{}, others: map[string]string{}}
	var done sync.WaitGroup
	done.Go(func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if out, err := s.answer(buf[:n]); err == nil {
				_, _ = conn.WriteTo(out, from)
			}
		}
	})
	t.Cleanup(func() { conn.Close(); done.Wait() })
	return s
}

func (s *nameServer) answer(in []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(in); err != nil {
		return nil, err
	}
	q := m.Questions[0]
	name := strings.TrimSuffix(strings.ToLower(q.Name.String()), ".")
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	head := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case q.Type == dnsmessage.TypeTXT:
		for _, text := range s.txt[name] {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.TXTResource{TXT: []string{text}}})
		}
	case q.Type == dnsmessage.TypeA:
		at := netip.MustParseAddr("127.0.0.1")
		if other := s.others[name]; other != "" {
			at = netip.MustParseAddr(other)
		}
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: at.As4()}})
	}
	return m.Pack()
}

func (s *nameServer) Present(_ context.Context, c acmeclient.Challenge) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.txt[c.DNS01TXTRecordName()] = append(s.txt[c.DNS01TXTRecordName()], c.DNS01KeyAuthorization())
	return nil
}

func (s *nameServer) CleanUp(_ context.Context, c acmeclient.Challenge) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.txt, c.DNS01TXTRecordName())
	return nil
}

// webServer answers http-01.
type webServer struct {
	port  int
	mu    sync.Mutex
	pages map[string]string
	moved string // where everything else is redirected to
	asked int
}

func newWebServer(t *testing.T) *webServer {
	s := &webServer{pages: map[string]string{}}
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked++
		text, found := s.pages[r.URL.Path]
		switch {
		case s.moved != "":
			http.Redirect(w, r, s.moved, http.StatusFound)
		case found:
			_, _ = w.Write([]byte(text))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(ts.Close)
	s.port = ts.Listener.Addr().(*net.TCPAddr).Port
	return s
}

func (s *webServer) Present(_ context.Context, c acmeclient.Challenge) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages[c.HTTP01ResourcePath()] = c.KeyAuthorization
	return nil
}

func (s *webServer) CleanUp(_ context.Context, c acmeclient.Challenge) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pages, c.HTTP01ResourcePath())
	return nil
}

// alpnServer answers tls-alpn-01.
type alpnServer struct {
	port  int
	mu    sync.Mutex
	certs map[string]*tls.Certificate
}

func newALPNServer(t *testing.T) *alpnServer {
	s := &alpnServer{certs: map[string]*tls.Certificate{}}
	config := &tls.Config{NextProtos: []string{"acme-tls/1"}, GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.certs[h.ServerName], nil
	}}
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	must(t, err)
	var done sync.WaitGroup
	done.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.(*tls.Conn).Handshake()
			conn.Close()
		}
	})
	t.Cleanup(func() { l.Close(); done.Wait() })
	s.port = l.Addr().(*net.TCPAddr).Port
	return s
}

func (s *alpnServer) Present(_ context.Context, c acmeclient.Challenge) error {
	cert, err := acmez.TLSALPN01ChallengeCert(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.certs[c.Identifier.Value] = cert
	return err
}

func (s *alpnServer) CleanUp(context.Context, acmeclient.Challenge) error { return nil }
