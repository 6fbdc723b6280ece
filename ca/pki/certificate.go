package pki

import (
	"bytes"
	"crypto"
	"encoding/hex"
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Certificate is a certificate as it was read. The byte slices point into Raw.
//
// Concurrency: immutable; do not write to its slices.
type Certificate struct {
	Raw    []byte
	RawTBS []byte

	Version   int    // 1, 2 or 3
	Serial    []byte // magnitude, big-endian without leading zeros; one zero byte for 0
	SerialHex string // upper case, two digits per byte; with a leading "-" when negative
	SigAlg    SigAlg
	Signature []byte
	Issuer    Name
	Subject   Name
	NotBefore time.Time
	NotAfter  time.Time
	SPKI      []byte
	PublicKey crypto.PublicKey

	Extensions []Extension // all of them, in order

	KeyUsage            KeyUsage
	HasKeyUsage         bool
	IsCA                bool
	HasBasicConstraints bool
	PathLen             int // -1: none
	EKU                 []string
	SKI                 []byte
	AKI                 []byte
	CRLURLs             []string
	OCSPURLs            []string
	CAIssuers           []string
	Policies            []string
	DNSNames            []string
	Emails              []string
	IPs                 []netip.Addr
	UnhandledCritical   []string // critical extensions nothing here understands

	names       []generalName
	constraints *nameConstraints
	oddSerial   bool
	oddValidity bool
}

const maxSerialRead = 32 // octets; more than RFC 5280 allows, less than a flood

// ParseCertificate reads one certificate.
//
// Errors: ErrMalformed; ErrUnsupported for key or signature algorithms that are not SM2, ECDSA P-256/P-384 or RSA.
// Source: RFC 5280 §4.1.
func ParseCertificate(der []byte) (*Certificate, error) {
	if len(der) > maxCertSize {
		return nil, malformed("certificate of %d bytes", len(der))
	}
	raw := bytes.Clone(der)
	tbs, body, alg, sig, err := splitSigned(raw, "certificate")
	if err != nil {
		return nil, err
	}
	c := &Certificate{Raw: raw, RawTBS: tbs, SigAlg: alg, Signature: sig, PathLen: -1}
	if err := c.parseTBS(body); err != nil {
		return nil, err
	}
	for _, e := range c.Extensions {
		if err := c.readExtension(e); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *Certificate) parseTBS(body []byte) error {
	r := reader{b: body}
	if err := c.parseVersion(&r); err != nil {
		return err
	}
	serial := r.take(tagInteger)
	_, inner := r.takeWhole(tagSequence)
	_, issuer := r.takeWhole(tagSequence)
	validity := r.take(tagSequence)
	_, subject := r.takeWhole(tagSequence)
	_, c.SPKI = r.takeWhole(tagSequence)
	if r.bad {
		return malformed("certificate body")
	}
	if !bytes.Equal(inner, c.SigAlg.DER()) {
		return malformed("signature algorithm inside and outside differ")
	}
	if err := c.parseRest(&r); err != nil {
		return err
	}
	if err := c.setSerial(serial); err != nil {
		return err
	}
	if err := c.parseValidity(validity); err != nil {
		return err
	}
	return c.parseParties(issuer, subject)
}

func (c *Certificate) parseVersion(r *reader) error {
	c.Version = 1
	v, ok := r.optional(context(0, true))
	if !ok {
		return nil
	}
	n := reader{b: v}
	num := n.take(tagInteger)
	if !n.done() || len(num) != 1 || num[0] < 1 || num[0] > 2 { // the default, 0, is not written in DER
		return malformed("certificate version")
	}
	c.Version = int(num[0]) + 1
	return nil
}

// parseRest reads unique identifiers (ignored) and extensions.
func (c *Certificate) parseRest(r *reader) error {
	_, issuerUID := r.optional(context(1, false))
	_, subjectUID := r.optional(context(2, false))
	wrapped, hasExt := r.optional(context(3, true))
	if !r.done() || c.Version == 1 && (issuerUID || subjectUID) || c.Version < 3 && hasExt {
		return malformed("certificate body")
	}
	if !hasExt {
		return nil
	}
	e := reader{b: wrapped}
	list := e.take(tagSequence)
	if !e.done() {
		return malformed("extensions")
	}
	exts, err := parseExtensions(list)
	c.Extensions = exts
	return err
}

func (c *Certificate) setSerial(contents []byte) error {
	if len(contents) > maxSerialRead {
		return malformed("serial of %d octets", len(contents))
	}
	c.Serial = contents
	sign := ""
	if contents[0]&0x80 != 0 {
		v := new(big.Int).Lsh(big.NewInt(1), uint(8*len(contents)))
		c.Serial = v.Sub(v, new(big.Int).SetBytes(contents)).Bytes()
		sign = "-"
	} else if len(contents) > 1 && contents[0] == 0 {
		c.Serial = contents[1:]
	}
	c.oddSerial = sign != "" || len(contents) > maxSerial || len(c.Serial) == 1 && c.Serial[0] == 0
	c.SerialHex = sign + strings.ToUpper(hex.EncodeToString(c.Serial))
	return nil
}

func (c *Certificate) parseValidity(body []byte) error {
	v := reader{b: body}
	c.NotBefore, c.NotAfter = v.time(), v.time()
	if !v.done() {
		return malformed("validity")
	}
	// Odd is a GeneralizedTime where UTCTime belongs, or an end before the beginning.
	nb, err1 := derTime(c.NotBefore)
	na, err2 := derTime(c.NotAfter)
	c.oddValidity = err1 != nil || err2 != nil || !bytes.Equal(body, append(nb, na...)) || c.NotAfter.Before(c.NotBefore)
	return nil
}

func (c *Certificate) parseParties(issuer, subject []byte) (err error) {
	if c.Issuer, err = ParseName(issuer); err != nil {
		return fmt.Errorf("issuer: %w", err)
	}
	if c.Subject, err = ParseName(subject); err != nil {
		return fmt.Errorf("subject: %w", err)
	}
	c.PublicKey, err = ParsePublicKey(c.SPKI)
	return err
}

// Extension returns the extension with that identifier. Nil/zero: nil when the certificate has none.
func (c *Certificate) Extension(oid string) *Extension {
	for i := range c.Extensions {
		if c.Extensions[i].OID == oid {
			return &c.Extensions[i]
		}
	}
	return nil
}

// HasEKU reports whether the extended key usage is listed; a certificate without the extension lists none.
func (c *Certificate) HasEKU(oid string) bool { return slices.Contains(c.EKU, oid) }

// IsSelfIssued reports whether issuer and subject are the same name.
func (c *Certificate) IsSelfIssued() bool { return c.Issuer.Equal(c.Subject) }

// ValidAt reports whether t is within the validity, both ends included.
func (c *Certificate) ValidAt(t time.Time) bool {
	t = t.Truncate(time.Second)
	return !t.Before(c.NotBefore) && !t.After(c.NotAfter)
}

// CheckSignatureFrom checks that parent issued c: its name is c's issuer, it is a CA, it may sign certificates,
// and the signature verifies.
//
// Errors: ErrIssuer, ErrSignature, ErrUnsupported.
func (c *Certificate) CheckSignatureFrom(parent *Certificate) error {
	switch {
	case !c.Issuer.Equal(parent.Subject):
		return fmt.Errorf("%w: names do not chain", ErrIssuer)
	case !parent.IsCA:
		return fmt.Errorf("%w: not a CA", ErrIssuer)
	case parent.HasKeyUsage && parent.KeyUsage&KeyCertSign == 0:
		return fmt.Errorf("%w: key may not sign certificates", ErrIssuer)
	}
	return Verify(parent.PublicKey, c.SigAlg, c.RawTBS, c.Signature)
}

// CheckStrict holds a certificate to what RFC 5280 asks of a CA, where ParseCertificate tolerates running CAs' habits:
// version, serial, validity, key usage, path length, key.
//
// Errors: ErrMalformed; *WeakKeyError.
func (c *Certificate) CheckStrict() error {
	switch {
	case c.Version != 3:
		return malformed("version %d", c.Version)
	case c.oddSerial:
		return malformed("serial must be positive and at most %d octets", maxSerial)
	case c.oddValidity:
		return malformed("validity")
	case c.Issuer.IsEmpty():
		return malformed("no issuer")
	case c.HasKeyUsage && c.KeyUsage == 0:
		return malformed("key usage without a bit")
	case c.PathLen >= 0 && !c.IsCA:
		return malformed("path length without a CA")
	case c.IsCA && c.HasKeyUsage && c.KeyUsage&(KeyCertSign|CRLSign) == 0:
		return malformed("CA that may sign nothing")
	}
	return CheckKey(c.PublicKey)
}
