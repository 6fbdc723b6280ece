package wiring

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"

	"signet/api/acme"
	"signet/api/store"
	"signet/ca"
	"signet/ca/pki"
	"signet/hsm"
)

// ACME says how ACME and SCEP are spoken; the fields are those of acme.Config.
type ACME struct {
	CA, Profile, URL, Resolver string
	Networks                   []netip.Prefix
	HTTPPort, TLSPort          int
	SCEP                       *ServerUnit // default: no SCEP
}

// ServerUnit is a key with a server certificate.
type ServerUnit struct {
	Certificate *pki.Certificate
	Chain       []*pki.Certificate // of its issuer, without the root
	Key         string             // label
}

func (s *System) openACME(ctx context.Context) error {
	a := s.c.ACME
	if a == nil {
		return nil
	}
	c := acme.Config{
		DB: s.DB, Authority: s.Authority, CA: a.CA, Profile: a.Profile, Secret: s.c.CodeKey, URL: a.URL, Networks: a.Networks, Resolver: a.Resolver,
		HTTPPort: a.HTTPPort, TLSPort: a.TLSPort, Now: s.c.Now, Log: s.c.Log,
	}
	if a.SCEP != nil {
		key, err := s.signer(ctx, a.SCEP.Key)
		if err != nil {
			return fmt.Errorf("scep: %w", err)
		}
		c.SCEP = &acme.SCEP{Certificate: a.SCEP.Certificate, Key: key}
	}
	var err error
	s.ACME, err = acme.New(c)
	return err
}

// TLS is the configuration of a listener that shows a unit's certificate.
func (s *System) TLS(ctx context.Context, u ServerUnit) (*tls.Config, error) {
	key, err := s.signer(ctx, u.Key)
	if err != nil {
		return nil, err
	}
	shown := tls.Certificate{PrivateKey: key, Certificate: [][]byte{u.Certificate.Raw}}
	for _, c := range u.Chain {
		shown.Certificate = append(shown.Certificate, c.Raw)
	}
	return &tls.Config{Certificates: []tls.Certificate{shown}, MinVersion: tls.VersionTLS12}, nil
}

// EnsureServer makes a key and a server certificate for hosts below an issuing CA that EnsureHierarchy made. One that ends soon is replaced.
//
// Shape: purpose is part of the key's label, and so is the first host.
func EnsureServer(ctx context.Context, db *store.DB, keys hsm.Keystore, statusURL string, h Hierarchy, issuing Authority, purpose string, alg pki.KeyAlg, hosts []string, log *slog.Logger) (ServerUnit, error) {
	m := &maker{base: ca.Config{Store: db.CA(), Now: db.Now, Log: log}, keys: keys, h: h, c: Config{StatusURL: statusURL}}
	u, err := m.server(ctx, issuing, purpose, alg, hosts)
	if err != nil {
		return u, fmt.Errorf("making the server certificate for %s: %w", purpose, err)
	}
	return u, nil
}

func (m *maker) server(ctx context.Context, issuing Authority, purpose string, alg pki.KeyAlg, hosts []string) (ServerUnit, error) {
	signer, err := m.keys.Signer(ctx, hsm.Ref{Label: issuing.Key})
	if err != nil {
		return ServerUnit{}, err
	}
	above, err := m.authority(ca.CAConfig{ID: issuing.ID, Certificate: issuing.Certificate, Chain: issuing.Chain, Signer: signer}, true)
	if err != nil {
		return ServerUnit{}, err
	}
	subject, err := pki.NewName(pki.Attr{Type: pki.OIDOrganization, Value: m.h.Organisation}, pki.Attr{Type: pki.OIDCommonName, Value: hosts[0]})
	if err != nil {
		return ServerUnit{}, err
	}
	const most = 1000 // one in two months: 160 years
	for n := 1; n <= most; n++ {
		label := strings.ReplaceAll(fmt.Sprintf("%s-%s-%s-%d", m.h.ID, purpose, hosts[0], n), ":", "_")
		key, err := ensureKey(ctx, m.keys, label, alg)
		if err != nil {
			return ServerUnit{}, err
		}
		spki, err := pki.MarshalPublicKey(key.Public())
		if err != nil {
			return ServerUnit{}, err
		}
		made, err := above.Issue(ctx, ca.Request{ID: m.request(label), CA: issuing.ID, Profile: "server", Subject: subject, SPKI: spki, Hosts: hosts, By: "operator"})
		if err != nil {
			return ServerUnit{}, err
		}
		if made.NotAfter.Sub(m.base.Now()) > renewEarlyFor {
			cert, err := pki.ParseCertificate(made.DER)
			return ServerUnit{Certificate: cert, Chain: []*pki.Certificate{issuing.Certificate}, Key: label}, err
		}
	}
	return ServerUnit{}, errors.New("there are too many server certificates")
}

// warnOfSCEPEnd looks at the certificate that devices encrypt to: after its end none of them comes through.
func (s *System) warnOfSCEPEnd() {
	if s.c.ACME == nil || s.c.ACME.SCEP == nil {
		return
	}
	if left := s.c.ACME.SCEP.Certificate.NotAfter.Sub(s.c.Now()); left < warnEndFor {
		s.c.Log.Error("scep certificate ends soon", slog.Duration("left", left))
	}
}
