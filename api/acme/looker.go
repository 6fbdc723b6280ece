package acme

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	stepacme "github.com/smallstep/certificates/acme"
)

// Bounds of looking at one challenge.
const (
	lookFor       = 20 * time.Second
	dialFor       = 8 * time.Second
	longestAnswer = 1 << 10 // a key authorization has about 90 characters
	mostRedirects = 10      // RFC 8555 §8.3 asks to follow them
	longestHeader = 16 << 10
)

// looker fetches what challenges ask for. A client chooses where it looks, so it looks only at public addresses and those in Networks, at the
// ports of the protocols, and goes through no proxy.
type looker struct {
	networks          []netip.Prefix
	httpPort, tlsPort string
	resolver          *net.Resolver
	http              *http.Client
}

func newLooker(c Config) *looker {
	l := &looker{networks: c.Networks, httpPort: strconv.Itoa(c.HTTPPort), tlsPort: strconv.Itoa(c.TLSPort), resolver: net.DefaultResolver}
	if c.Resolver != "" {
		l.resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: dialFor}).DialContext(ctx, network, c.Resolver)
		}}
	}
	l.http = &http.Client{
		Timeout: lookFor,
		Transport: &http.Transport{
			DialContext: l.dial, TLSHandshakeTimeout: dialFor, ResponseHeaderTimeout: dialFor, MaxResponseHeaderBytes: longestHeader, DisableKeepAlives: true,
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // a redirect to https: the server has no certificate yet, which is why it asks
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > mostRedirects {
				return fmt.Errorf("more than %d redirects", mostRedirects)
			}
			return nil
		},
	}
	return l
}

var errPort = errors.New("only the ports of HTTP and HTTPS are looked at")

// dial connects to the first address of a host that may be looked at.
func (l *looker) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if port != l.httpPort && port != l.tlsPort {
		return nil, errPort
	}
	ips, err := l.resolver.LookupNetIP(ctx, "ip", absolute(host))
	if err != nil {
		return nil, err
	}
	err = fmt.Errorf("%s has no address", host)
	for _, ip := range ips[:min(len(ips), 4)] {
		if ip = ip.Unmap(); !l.mayLookAt(ip) {
			err = fmt.Errorf("%s is at %s, which is not public and not in the networks of this server", host, ip)
			continue
		}
		var conn net.Conn
		conn, err = (&net.Dialer{Timeout: dialFor}).DialContext(ctx, network, net.JoinHostPort(ip.String(), port))
		if err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// absolute keeps the search list of this computer out of a name; one without a dot may be in its hosts file only.
func absolute(host string) string {
	if net.ParseIP(host) != nil || !strings.Contains(host, ".") || strings.HasSuffix(host, ".") {
		return host
	}
	return host + "."
}

// notPublic are ranges that netip does not know to be special.
//
// Source: IANA's registries of special-purpose addresses.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("fec0::/10"),
	netip.MustParsePrefix("::/96"), // IPv4-compatible: would reach what IPv4 must not
}

func (l *looker) mayLookAt(ip netip.Addr) bool {
	ip = ip.Unmap()
	in := func(p netip.Prefix) bool { return p.Contains(ip) }
	if slices.ContainsFunc(l.networks, in) {
		return true
	}
	return ip.IsGlobalUnicast() && !ip.IsPrivate() && !slices.ContainsFunc(notPublic, in)
}

// with gives smallstep's client for the time of one request.
func (l *looker) with(ctx context.Context) stepacme.Client { return looking{ctx, l} }

type looking struct {
	ctx context.Context
	*looker
}

// Get implements acme.Client.
func (l looking) Get(url string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(l.ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	if l.httpPort != "80" { // else the URL is right as it is
		r.URL.Host = net.JoinHostPort(r.URL.Hostname(), l.httpPort)
	}
	r.Header.Set("User-Agent", "signet-acme")
	answer, err := l.http.Do(r)
	if err != nil {
		return nil, err
	}
	answer.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(answer.Body, longestAnswer), answer.Body}
	return answer, nil
}

// LookupTxt implements acme.Client.
func (l looking) LookupTxt(name string) ([]string, error) {
	ctx, cancel := context.WithTimeout(l.ctx, lookFor)
	defer cancel()
	return l.resolver.LookupTXT(ctx, absolute(name))
}

// TLSDial implements acme.Client.
func (l looking) TLSDial(network, address string, c *tls.Config) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(l.ctx, lookFor)
	defer cancel()
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	raw, err := l.dial(ctx, network, net.JoinHostPort(host, l.tlsPort))
	if err != nil {
		return nil, err
	}
	conn := tls.Client(raw, c)
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	return conn, nil
}
