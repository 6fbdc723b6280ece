package acme

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/go-chi/chi/v5"
	stepacme "github.com/smallstep/certificates/acme"
	stepapi "github.com/smallstep/certificates/acme/api"
	"github.com/smallstep/certificates/authority"
	"github.com/smallstep/certificates/authority/config"
	"github.com/smallstep/certificates/authority/provisioner"

	"signet/api/store"
	"signet/ca"
	"signet/ca/pki"
)

// Config of a Server.
type Config struct {
	DB        *store.DB     // required
	Authority *ca.Authority // required
	CA        string        // required: id of the CA that issues; ECDSA or RSA
	Profile   string        // what it issues by; default server
	// Secret is what nonces and the keys of accounts are derived from, the same on every server. Required: at least 32 bytes.
	Secret []byte
	// URL is the server's own, such as https://portal.example: clients sign it. Required.
	URL string

	// Networks may be looked into though they are not public, such as 10.0.0.0/8. Default: none.
	Networks []netip.Prefix
	// Resolver answers DNS, host:port. Default: the system's.
	Resolver string
	// HTTPPort and TLSPort are where challenges are looked for. Default 80 and 443, which is what RFC 8555 wants.
	HTTPPort, TLSPort int

	SCEP *SCEP // default: none

	Now func() time.Time // default time.Now
	Log *slog.Logger     // default slog.Default
}

// Bounds of one request.
const (
	maxBody  = 64 << 10
	issueFor = 30 * time.Second
)

// prefix is where the protocol lives; smallstep takes it for the name of a provisioner.
const prefix = "acme"

// Server speaks ACME and SCEP.
//
// Concurrency: safe for concurrent use.
type Server struct {
	c      Config
	host   string // of URL
	store  *store.ACMEStore
	chain  []*x509.Certificate // of the CA that issues now, without the root
	client *looker
	auth   *authority.Authority
	linker stepacme.Linker
	steps  http.Handler // smallstep's routes
	scep   *scepSide
}

// New makes a Server.
//
// Errors: a missing or contradictory field; a CA that is not there, has no such profile or is SM2.
func New(c Config) (*Server, error) {
	if err := c.fill(); err != nil {
		return nil, fmt.Errorf("acme: %w", err)
	}
	s := &Server{c: c, store: c.DB.ACME(), client: newLooker(c)}
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.Scheme+"://"+u.Host != c.URL {
		return nil, fmt.Errorf("acme: %q is not an https address without a path (RFC 8555 §6.1)", c.URL)
	}
	s.host = u.Host
	if s.chain, err = s.chainOf(c.CA); err != nil {
		return nil, fmt.Errorf("acme: %w", err)
	}
	if err := s.openSteps(u.Hostname()); err != nil {
		return nil, fmt.Errorf("acme: %w", err)
	}
	if c.SCEP != nil {
		if s.scep, err = newSCEP(s, *c.SCEP); err != nil {
			return nil, fmt.Errorf("scep: %w", err)
		}
	}
	return s, nil
}

func (c *Config) fill() error {
	if c.DB == nil || c.Authority == nil || c.CA == "" || len(c.Secret) < 32 {
		return errors.New("Config needs DB, Authority, CA and a Secret of 32 bytes")
	}
	if c.Profile == "" {
		c.Profile = "server"
	}
	if c.HTTPPort == 0 {
		c.HTTPPort = 80
	}
	if c.TLSPort == 0 {
		c.TLSPort = 443
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	cert := c.Authority.Certificate(c.CA)
	if cert == nil {
		return fmt.Errorf("there is no authority %q", c.CA)
	}
	if alg, err := pki.AlgOf(cert.PublicKey); err != nil || alg == pki.SM2 {
		return fmt.Errorf("authority %s has an SM2 key: these protocols cannot carry it", c.CA)
	}
	if !slices.ContainsFunc(c.Authority.Profiles(c.CA), func(p *ca.Profile) bool { return p.ID == c.Profile && p.Kind.IsServer() }) {
		return fmt.Errorf("authority %s has no server profile %q", c.CA, c.Profile)
	}
	return nil
}

// chainOf gives a CA's certificate and what is above it, up to but without the root, as the standard library has them.
func (s *Server) chainOf(caID string) (chain []*x509.Certificate, err error) {
	for _, c := range append([]*pki.Certificate{s.c.Authority.Certificate(caID)}, s.c.Authority.Chain(caID)...) {
		if c == nil || c.IsSelfIssued() {
			continue
		}
		plain, err := x509.ParseCertificate(c.Raw)
		if err != nil {
			return nil, err
		}
		chain = append(chain, plain)
	}
	if len(chain) == 0 {
		return nil, fmt.Errorf("authority %s is a root, or not there", caID)
	}
	return chain, nil
}

// owned finds whose certificate has a serial number, under whatever CA: the one that issues may have been another then. Nil/zero: nil when it
// did not come by ACME.
func (s *Server) owned(ctx context.Context, serial string) (*store.ACMECertificate, error) {
	for _, id := range s.c.Authority.IDs() {
		row, err := s.store.CertificateBySerial(ctx, id, serial)
		if err != nil || row != nil {
			return row, err
		}
	}
	return nil, nil
}

// openSteps makes smallstep's part. Its authority asks ours for everything, and has no key, file or database.
func (s *Server) openSteps(name string) (err error) {
	p := &provisioner.ACME{Type: "ACME", Name: prefix, RequireEAB: true}
	s.auth, err = authority.NewEmbedded(
		authority.WithConfig(&config.Config{DNSNames: []string{name}, AuthorityConfig: &config.AuthConfig{Provisioners: provisioner.List{p}}}),
		authority.WithX509RootCerts(s.chain[len(s.chain)-1]), // it wants one, and shows it to nobody
		authority.WithX509IntermediateCerts(s.chain...),
		authority.WithX509CAService(&service{s}),
		authority.WithDatabase(revocations{s}),
		authority.WithQuietInit(),
	)
	if err != nil {
		return err
	}
	s.linker = &finalizing{stepacme.NewLinker(s.host, "")}
	routes := chi.NewRouter()
	routes.NotFound(unroutable(missing("resource")))
	routes.MethodNotAllowed(unroutable(with(http.StatusMethodNotAllowed, problemOf(stepacme.ErrorMalformedType, "this resource has no such method"))))
	stepapi.Route(routes)
	s.steps = routes
	return nil
}

// unroutable leaves it to finish to refuse a request.
func unroutable(err error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		visitOf(r.Context()).err = err
		w.WriteHeader(http.StatusNotFound) // refuse writes the one that goes with err
	}
}

// Handler serves /acme/.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serve) }

// SCEPHandler serves /scep. Nil/zero: nil without SCEP.
func (s *Server) SCEPHandler() http.Handler {
	if s.scep == nil {
		return nil
	}
	return s.scep
}
