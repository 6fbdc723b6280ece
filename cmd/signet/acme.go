package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"signet/api/demo"
	"signet/api/store"
	"signet/ca/pki"
	"signet/cmd/signet/wiring"
	"signet/hsm"
)

// acmeConfig makes the server give certificates to servers and devices by ACME (RFC 8555) at /acme/directory. The keys that bind accounts to
// organisations are made by `signetctl acme add`.
type acmeConfig struct {
	Authority string `yaml:"authority"` // id of the ECDSA or RSA authority that issues. Empty: neither ACME nor SCEP
	Profile   string `yaml:"profile"`   // of that authority, for servers. Default server
	URL       string `yaml:"url"`       // https address that clients use, which they sign. Default: the first of origins
	// Networks may be looked into when a name is proved though they are not public, such as 10.0.0.0/8. Default: none.
	Networks []string `yaml:"networks"`
	Resolver string   `yaml:"resolver"` // DNS server for proofs, host:port. Default: the system's
	HTTPPort int      `yaml:"httpPort"` // where http-01 looks. Default 80, as clients expect
	TLSPort  int      `yaml:"tlsPort"`  // where tls-alpn-01 looks. Default 443, as clients expect
	// SCEP is spoken at /scep too. Both come from `signetctl acme scep`.
	SCEP struct {
		Certificate string `yaml:"certificate"` // PEM file. Empty: no SCEP
		Key         string `yaml:"key"`         // label of an RSA key in the keystore
	} `yaml:"scep"`
}

// checkACME finds what can be seen to be wrong in acme.
func (c *config) checkACME() error {
	a := c.ACME
	if a.Authority == "" {
		if a.Profile != "" || a.URL != "" || len(a.Networks) > 0 || a.SCEP.Certificate != "" {
			return errors.New("acme.authority is missing")
		}
		return nil
	}
	if u, err := url.Parse(c.acmeURL()); err != nil || u.Scheme != "https" || u.Host == "" || u.Path != "" {
		return fmt.Errorf("acme.url %q is not an https address without a path", c.acmeURL())
	}
	for _, n := range a.Networks {
		if _, err := netip.ParsePrefix(n); err != nil {
			return fmt.Errorf("acme.networks: %q is not a network", n)
		}
	}
	if a.Resolver != "" {
		if _, _, err := net.SplitHostPort(a.Resolver); err != nil {
			return fmt.Errorf("acme.resolver %q is not host:port", a.Resolver)
		}
	}
	if (a.SCEP.Certificate == "") != (a.SCEP.Key == "") {
		return errors.New("acme.scep needs both certificate and key")
	}
	return nil
}

func (c *config) acmeURL() string {
	if c.ACME.URL == "" && len(c.Origins) > 0 {
		return c.Origins[0]
	}
	return strings.TrimSuffix(c.ACME.URL, "/")
}

func (c *config) openACME(w *wiring.Config) error {
	a := c.ACME
	if a.Authority == "" {
		return nil
	}
	w.ACME = &wiring.ACME{CA: a.Authority, Profile: a.Profile, URL: c.acmeURL(), Resolver: a.Resolver, HTTPPort: a.HTTPPort, TLSPort: a.TLSPort}
	for _, n := range a.Networks {
		w.ACME.Networks = append(w.ACME.Networks, netip.MustParsePrefix(n)) // checkACME has looked
	}
	if a.SCEP.Certificate == "" {
		return nil
	}
	certs, err := c.readCertificates(a.SCEP.Certificate)
	if err != nil {
		return err
	}
	w.ACME.SCEP = &wiring.ServerUnit{Certificate: certs[0], Key: a.SCEP.Key}
	return nil
}

// The demonstration's ACME, which must be HTTPS (RFC 8555 §6.1) while its portal is not, has a listener of its own beside it. Proofs are
// looked for on this computer, at ports that need no privilege.
const (
	demoHTTPPort = 5002
	demoTLSPort  = 5001
)

// devACME is that listener.
type devACME struct {
	at         net.Listener
	unit, scep wiring.ServerUnit
	eab        demo.DevEAB
}

// listenACME takes the port after the portal's, or where that is taken any.
func listenACME(portal net.Listener) (net.Listener, error) {
	host, port, err := net.SplitHostPort(portal.Addr().String())
	if err != nil {
		return nil, err
	}
	if n, err := strconv.Atoi(port); err == nil {
		if at, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(n+1))); err == nil {
			return at, nil
		}
	}
	return net.Listen("tcp", net.JoinHostPort(host, "0"))
}

func (a *devACME) url() string { return "https" + strings.TrimPrefix(origins(a.at)[0], "http") }

// ensure makes the keys and certificates of the listener and of SCEP.
func (a *devACME) ensure(ctx context.Context, db *store.DB, keys hsm.Keystore, statusURL string, made []wiring.Authority, log *slog.Logger) (err error) {
	h := hierarchies[1]
	i := slices.IndexFunc(made, func(m wiring.Authority) bool { return m.ID == h.ID })
	u, err := url.Parse(a.url())
	if err != nil || i < 0 {
		return errors.Join(err, fmt.Errorf("there is no authority %s", h.ID))
	}
	hosts := []string{u.Hostname(), "localhost"}
	if a.unit, err = wiring.EnsureServer(ctx, db, keys, statusURL, h, made[i], "acme", pki.P256, hosts, log); err != nil {
		return err
	}
	a.scep, err = wiring.EnsureServer(ctx, db, keys, statusURL, h, made[i], "scep", pki.RSA2048, hosts, log)
	return err
}

// configure writes the demonstration's ACME into its configuration.
func (a *devACME) configure(c *config, files map[string][]byte) {
	c.ACME = acmeConfig{
		Authority: hierarchies[1].ID, URL: a.url(), Networks: []string{"127.0.0.0/8", "::1/128"}, HTTPPort: demoHTTPPort, TLSPort: demoTLSPort,
	}
	c.ACME.SCEP.Certificate, c.ACME.SCEP.Key = "ca/"+hierarchies[1].ID+"-scep.pem", a.scep.Key
	files[c.ACME.SCEP.Certificate] = pki.EncodePEM(a.scep.Certificate)
}

// listener is the HTTPS listener once the system is there to answer.
func (a *devACME) listener(ctx context.Context, s *wiring.System) (listener, error) {
	secured, err := s.TLS(ctx, a.unit)
	return listener{"acme", tls.NewListener(a.at, secured), s.Public()}, err
}

// demoACMENames may be certified in the demonstration: what ends at this computer everywhere.
var demoACMENames = []string{"localhost"}

// demoACMEKey finds a key that an account can still be made with, or makes one.
func demoACMEKey(ctx context.Context, db *store.DB, secret []byte) (demo.DevEAB, error) {
	list, err := store.ListACMEKeys(ctx, db)
	if err != nil {
		return demo.DevEAB{}, err
	}
	var key *store.ACMEKey
	for i := range list {
		if list[i].Protocol == store.ProtocolACME && list[i].Usable(db.Now()) {
			key = &list[i]
		}
	}
	if key == nil {
		err = db.Tx(ctx, func(tx *store.Tx) (err error) {
			key, err = store.AddACMEKey(tx, store.ACMEKeyRequest{
				Protocol: store.ProtocolACME, Name: "demo", OrgCode: "91990000MA0000015Q", OrgName: "演示招标平台(虚构)", Names: demoACMENames, By: "operator",
			})
			return err
		})
	}
	if err != nil {
		return demo.DevEAB{}, err
	}
	return demo.DevEAB{KID: key.ID, HMAC: key.Shown(secret), Names: key.Names}, nil
}
