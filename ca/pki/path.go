package pki

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Pool is a set of certificates, found by subject.
//
// Nil/zero: a nil *Pool is empty. Concurrency: safe for reading once filled.
type Pool struct {
	bySubject map[string][]*Certificate
	seen      map[[32]byte]bool
}

// NewPool makes a pool of the certificates given.
func NewPool(certs ...*Certificate) *Pool {
	p := &Pool{bySubject: map[string][]*Certificate{}, seen: map[[32]byte]bool{}}
	for _, c := range certs {
		p.Add(c)
	}
	return p
}

// Add puts a certificate into the pool, once.
func (p *Pool) Add(c *Certificate) {
	sum := sha256.Sum256(c.Raw)
	if p.seen[sum] {
		return
	}
	p.seen[sum] = true
	key := c.Subject.canonical()
	p.bySubject[key] = append(p.bySubject[key], c)
}

// Contains reports whether exactly this certificate is in the pool.
func (p *Pool) Contains(c *Certificate) bool {
	return p != nil && p.seen[sha256.Sum256(c.Raw)]
}

// Len is the number of certificates.
func (p *Pool) Len() int {
	if p == nil {
		return 0
	}
	return len(p.seen)
}

func (p *Pool) named(n Name) []*Certificate {
	if p == nil {
		return nil
	}
	return p.bySubject[n.canonical()]
}

// PathOptions say what a path has to satisfy.
type PathOptions struct {
	Roots         *Pool     // required: the trust anchors
	Intermediates *Pool     // optional
	At            time.Time // zero: now
	Usage         KeyUsage  // the leaf needs one of these bits, unless it has no keyUsage; 0: any
	EKU           string    // extended key usage the path must allow; "": any
	MaxDepth      int       // most certificates in a path, leaf and root included; 0: 8
}

const (
	defaultDepth  = 8
	maxSignatures = 100 // signature checks in one search: crossed hierarchies must not eat the machine
)

// PathError says why there is no path.
//
// Shape: Code is one of expired, not_yet_valid, no_path, bad_signature, not_ca, path_len, usage, name_mismatch,
// critical_extension, weak_key, too_deep. Certificate is the subject of the certificate at fault.
type PathError struct {
	Code        string
	Detail      string
	Certificate string
}

func (e *PathError) Error() string {
	msg := "pki: no path: " + e.Code
	if e.Detail != "" {
		msg += ": " + e.Detail
	}
	return fmt.Sprintf("%s (%s)", msg, e.Certificate)
}

// BuildPath finds a path from leaf to a trust anchor on which everything holds: every signature, validity, CA flags and
// usages, path lengths (self-issued CAs not counted), name constraints, extended key usages, critical extensions,
// key strength. The anchors must be valid in time as well, but their own signature is not looked at.
// Policies are not processed: a critical policyConstraints or inhibitAnyPolicy is refused as critical_extension.
// Revocation is not looked at.
//
// Shape: leaf first, root last; the leaf alone when it is an anchor itself.
// Errors: *PathError, the one from furthest along the search.
// Source: RFC 5280 §6.1; RFC 4158 for the search.
func BuildPath(leaf *Certificate, o PathOptions) ([]*Certificate, error) {
	if o.At.IsZero() {
		o.At = time.Now()
	}
	if o.MaxDepth <= 0 {
		o.MaxDepth = defaultDepth
	}
	s := &search{o: o}
	if err := s.checkLeaf(leaf); err != nil {
		return nil, err
	}
	if path := s.extend([]*Certificate{leaf}); path != nil {
		return path, nil
	}
	if s.failure == nil {
		return nil, fault("no_path", leaf, "no issuer known: %s", leaf.Issuer)
	}
	return nil, s.failure
}

func fault(code string, c *Certificate, format string, args ...any) *PathError {
	return &PathError{code, fmt.Sprintf(format, args...), c.Subject.String()}
}

type search struct {
	o       PathOptions
	checked int
	failure *PathError
	depth   int // of failure
}

// note keeps the failure from furthest along; at the same depth a missing issuer yields to any other.
func (s *search) note(err *PathError, depth int) {
	if s.failure == nil || depth > s.depth || depth == s.depth && s.failure.Code == "no_path" {
		s.failure, s.depth = err, depth
	}
}

func (s *search) checkLeaf(leaf *Certificate) error {
	if err := s.checkAny(leaf); err != nil {
		return err
	}
	if s.o.Usage != 0 && leaf.HasKeyUsage && leaf.KeyUsage&s.o.Usage == 0 {
		return fault("usage", leaf, "key usage is %s", leaf.KeyUsage)
	}
	if !allowsEKU(leaf, s.o.EKU) || needsOwnEKU(s.o.EKU) && !leaf.HasEKU(s.o.EKU) {
		return fault("usage", leaf, "extended key usage %s is missing", s.o.EKU)
	}
	return nil
}

// needsOwnEKU tells the usages that a leaf must name; without the extension it has all others.
//
// Source: RFC 3161 §2.3, RFC 6960 §4.2.2.2.
func needsOwnEKU(oid string) bool { return oid == EKUTimeStamping || oid == EKUOCSPSigning }

func allowsEKU(c *Certificate, oid string) bool {
	return oid == "" || c.Extension(OIDExtKeyUsage) == nil || slices.Contains(c.EKU, oid) || slices.Contains(c.EKU, EKUAny)
}

// checkAny checks what holds for every certificate of a path by itself.
func (s *search) checkAny(c *Certificate) *PathError {
	at := s.o.At.Truncate(time.Second)
	switch {
	case at.Before(c.NotBefore):
		return fault("not_yet_valid", c, "from %s", c.NotBefore.Format(time.RFC3339))
	case at.After(c.NotAfter):
		return fault("expired", c, "since %s", c.NotAfter.Format(time.RFC3339))
	case len(c.UnhandledCritical) > 0:
		return fault("critical_extension", c, "%s", c.UnhandledCritical[0])
	}
	if k, ok := c.PublicKey.(*rsa.PublicKey); ok && k.N.BitLen() < MinRSA {
		return fault("weak_key", c, "RSA key of %d bits", k.N.BitLen())
	}
	return nil
}

// extend tries to complete the path upwards, depth first.
func (s *search) extend(path []*Certificate) []*Certificate {
	top := path[len(path)-1]
	if s.o.Roots.Contains(top) {
		if err := s.checkWhole(path); err != nil {
			s.note(err, len(path))
			return nil
		}
		return path
	}
	issuers := s.issuers(top)
	if len(issuers) == 0 {
		s.note(fault("no_path", top, "no issuer known: %s", top.Issuer), len(path)-1)
		return nil
	}
	if len(path) >= s.o.MaxDepth {
		s.note(fault("too_deep", top, "more than %d certificates", s.o.MaxDepth), len(path))
		return nil
	}
	for _, issuer := range issuers {
		if inPath(path, issuer) {
			continue
		}
		if err := s.checkIssued(top, issuer); err != nil {
			s.note(err, len(path))
			continue
		}
		if found := s.extend(append(slices.Clip(path), issuer)); found != nil {
			return found
		}
	}
	if s.failure == nil {
		s.note(fault("no_path", top, "issuers only go round in circles"), len(path))
	}
	return nil
}

// issuers lists who may have issued c: anchors first, and those whose key identifier fits first.
func (s *search) issuers(c *Certificate) []*Certificate {
	all := slices.Concat(s.o.Roots.named(c.Issuer), s.o.Intermediates.named(c.Issuer))
	slices.SortStableFunc(all, func(a, b *Certificate) int { return keyMismatch(c, a) - keyMismatch(c, b) })
	return all
}

// keyMismatch is 1 when the key identifiers of c's issuer and p are both there and differ. It only orders the search
// (RFC 4158 §3.5.12): the signature decides.
func keyMismatch(c, p *Certificate) int {
	if len(c.AKI) > 0 && len(p.SKI) > 0 && !bytes.Equal(c.AKI, p.SKI) {
		return 1
	}
	return 0
}

// inPath reports whether the path already went through that name and key.
func inPath(path []*Certificate, c *Certificate) bool {
	return slices.ContainsFunc(path, func(p *Certificate) bool {
		return bytes.Equal(p.SPKI, c.SPKI) && p.Subject.Equal(c.Subject)
	})
}

func (s *search) checkIssued(c, issuer *Certificate) *PathError {
	if err := s.checkAny(issuer); err != nil {
		return err
	}
	if s.checked++; s.checked > maxSignatures {
		return fault("no_path", c, "gave up after %d signatures", maxSignatures)
	}
	err := c.CheckSignatureFrom(issuer)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrIssuer):
		return fault("not_ca", issuer, "%v", err)
	case errors.Is(err, ErrUnsupported):
		return fault("weak_key", c, "signature algorithm %s", c.SigAlg)
	case keyMismatch(c, issuer) == 1:
		return fault("no_path", c, "the key of its issuer is not known: %s", c.Issuer)
	}
	return fault("bad_signature", c, "does not verify with the key of %s", issuer.Subject)
}

// checkWhole checks what depends on the whole path, from the root down.
func (s *search) checkWhole(path []*Certificate) *PathError {
	below := 0 // CAs below path[i] that are not self-issued, the leaf not counted
	for i := 1; i < len(path); i++ {
		ca := path[i]
		if ca.PathLen >= 0 && below > ca.PathLen {
			return fault("path_len", ca, "%d CAs below, %d allowed", below, ca.PathLen)
		}
		if !ca.IsSelfIssued() {
			below++
		}
		if i < len(path)-1 && !allowsEKU(ca, s.o.EKU) {
			return fault("usage", ca, "extended key usage %s is missing", s.o.EKU)
		}
		if err := checkConstraints(ca, path[:i]); err != nil {
			return err
		}
	}
	return nil
}

// checkConstraints holds the certificates below a CA to its name constraints. Self-issued CAs are exempt, a leaf is not.
func checkConstraints(ca *Certificate, below []*Certificate) *PathError {
	if ca.constraints == nil {
		return nil
	}
	for i, c := range below {
		if i > 0 && c.IsSelfIssued() {
			continue
		}
		if err := ca.constraints.check(c); err != nil {
			return fault("name_mismatch", c, "%v", err)
		}
	}
	return nil
}
