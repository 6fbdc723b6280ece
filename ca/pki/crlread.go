package pki

import (
	"bytes"
	"fmt"
	"math/big"
	"time"
)

// CRL is a revocation list as it was read. The byte slices point into Raw.
//
// Concurrency: immutable.
type CRL struct {
	Raw    []byte
	RawTBS []byte

	Version    int // 1 or 2
	SigAlg     SigAlg
	Signature  []byte
	Issuer     Name
	ThisUpdate time.Time
	NextUpdate time.Time // zero: not said
	Entries    []CRLEntry
	Extensions []Extension
	AKI        []byte
	Number     *big.Int // nil: not said

	// DeltaBase is the number of the CRL that this one only changes; nil for a complete CRL.
	DeltaBase *big.Int
	// Scope says which certificates the CRL speaks of; nil for all of the issuer's. Covers takes it into account.
	Scope *CRLScope
}

// CRLScope is issuingDistributionPoint, RFC 5280 §5.2.5. Indirect CRLs, CRLs of some reasons only and those of
// attribute certificates are refused when parsing.
type CRLScope struct {
	URLs     []string
	OnlyUser bool
	OnlyCA   bool
}

// ParseCRL reads a CRL.
//
// Errors: ErrMalformed; ErrUnsupported for unknown algorithms and for unknown critical extensions, of the list or of an entry.
func ParseCRL(der []byte) (*CRL, error) {
	raw := bytes.Clone(der)
	tbs, body, alg, sig, err := splitSigned(raw, "CRL")
	if err != nil {
		return nil, err
	}
	l := &CRL{Raw: raw, RawTBS: tbs, SigAlg: alg, Signature: sig, Version: 1}
	r := reader{b: body}
	if v, ok := r.optional(tagInteger); ok {
		if !bytes.Equal(v, []byte{1}) {
			return nil, malformed("CRL version")
		}
		l.Version = 2
	}
	if err := l.parseHead(&r); err != nil {
		return nil, err
	}
	if revoked, ok := r.optional(tagSequence); ok {
		if err := l.parseEntries(revoked); err != nil {
			return nil, err
		}
	}
	wrapped, hasExt := r.optional(context(0, true))
	if !r.done() || hasExt && l.Version != 2 {
		return nil, malformed("CRL body")
	}
	if hasExt {
		if err := l.parseExtensions(wrapped); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (l *CRL) parseHead(r *reader) error {
	_, inner := r.takeWhole(tagSequence)
	_, issuer := r.takeWhole(tagSequence)
	l.ThisUpdate = r.time()
	if r.peek(tagUTCTime) || r.peek(tagGenTime) {
		l.NextUpdate = r.time()
	}
	if r.bad {
		return malformed("CRL body")
	}
	if !bytes.Equal(inner, l.SigAlg.DER()) {
		return malformed("signature algorithm inside and outside differ")
	}
	name, err := ParseName(issuer)
	if err != nil {
		return fmt.Errorf("issuer: %w", err)
	}
	l.Issuer = name
	return nil
}

func (l *CRL) parseEntries(body []byte) error {
	r := reader{b: body}
	for !r.empty() {
		e := reader{b: r.take(tagSequence)}
		serial := e.take(tagInteger)
		entry := CRLEntry{At: e.time()}
		if r.bad || e.bad || len(serial) > maxSerialRead {
			return malformed("CRL entry")
		}
		entry.Serial = serial
		if len(serial) > 1 && serial[0] == 0 {
			entry.Serial = serial[1:]
		}
		exts, hasExt := e.optional(tagSequence)
		if !e.done() || hasExt && l.Version != 2 {
			return malformed("CRL entry")
		}
		if hasExt {
			if err := entry.parseExtensions(exts); err != nil {
				return err
			}
		}
		l.Entries = append(l.Entries, entry)
	}
	return nil
}

func (e *CRLEntry) parseExtensions(body []byte) error {
	exts, err := parseExtensions(body)
	if err != nil {
		return err
	}
	for _, x := range exts {
		if !checkDER(x.Value, 1) && (x.OID == OIDReason || x.OID == OIDInvalidityDate) {
			return malformed("extension of a CRL entry")
		}
		r := reader{b: x.Value}
		switch x.OID {
		case OIDReason:
			code := r.take(tagEnumerated)
			if !r.done() || len(code) != 1 || code[0] > ReasonAACompromise || code[0] == 7 {
				return malformed("reason of a CRL entry")
			}
			e.Reason = int(code[0])
		case OIDInvalidityDate:
			if e.InvalidityDate = r.time(); !r.done() {
				return malformed("invalidity date of a CRL entry")
			}
		default: // certificateIssuer, of indirect CRLs, is critical and so ends here
			if x.Critical {
				return unsupported("critical extension %s of a CRL entry", x.OID)
			}
		}
	}
	return nil
}

func (l *CRL) parseExtensions(wrapped []byte) error {
	w := reader{b: wrapped}
	list := w.take(tagSequence)
	if !w.done() {
		return malformed("CRL extensions")
	}
	exts, err := parseExtensions(list)
	if err != nil {
		return err
	}
	l.Extensions = exts
	for _, x := range exts {
		if err := l.readExtension(x); err != nil {
			return err
		}
	}
	return nil
}

func (l *CRL) readExtension(x Extension) error {
	read, known := crlReaders[x.OID]
	if !known {
		if x.Critical {
			return unsupported("critical extension %s of a CRL", x.OID)
		}
		return nil
	}
	if !checkDER(x.Value, 1) {
		return malformed("extension %s of a CRL", x.OID)
	}
	r := reader{b: x.Value}
	err := read(l, &r)
	if err == nil && !r.done() {
		err = malformed("extension %s of a CRL", x.OID)
	}
	return err
}

// crlReaders read their extension, which was checked to be DER, and leave a mistake in the reader or return it.
var crlReaders = map[string]func(*CRL, *reader) error{
	OIDCRLNumber:      func(l *CRL, r *reader) error { l.Number = r.number(); return nil },
	OIDDeltaCRL:       func(l *CRL, r *reader) error { l.DeltaBase = r.number(); return nil },
	OIDIssuingPoint:   (*CRL).readScope,
	OIDAuthorityKeyID: (*CRL).readAKI,
}

func (l *CRL) readAKI(r *reader) error {
	id, ok := parseAKI(r)
	l.AKI, r.bad = id, r.bad || !ok
	return nil
}

// number reads a non-negative INTEGER.
func (r *reader) number() *big.Int {
	n := r.take(tagInteger)
	if r.bad || len(n) > maxSerialRead || n[0]&0x80 != 0 {
		r.bad = true
		return nil
	}
	return new(big.Int).SetBytes(n)
}

func (l *CRL) readScope(r *reader) error {
	s := reader{b: r.take(tagSequence)}
	scope := &CRLScope{}
	if name, ok := s.optional(context(0, true)); ok {
		urls, good := pointURLs(name)
		if !good {
			return malformed("issuing distribution point")
		}
		scope.URLs = urls
	}
	flag := func(n byte) bool {
		b, ok := s.optional(context(n, false))
		if ok && (len(b) != 1 || b[0] != 0 && b[0] != 0xff) {
			s.bad = true
			return false
		}
		return ok && b[0] != 0
	}
	scope.OnlyUser, scope.OnlyCA = flag(1), flag(2)
	_, someReasons := s.optional(context(3, false))
	indirect, onlyAttributes := flag(4), flag(5)
	if !s.done() || !r.done() || scope.OnlyUser && scope.OnlyCA {
		return malformed("issuing distribution point")
	}
	if someReasons || indirect || onlyAttributes {
		return unsupported("indirect or partial CRL")
	}
	l.Scope = scope
	return nil
}

// CheckSignatureFrom checks that issuer signed the CRL and may do so.
//
// Errors: ErrIssuer, ErrSignature, ErrUnsupported.
func (l *CRL) CheckSignatureFrom(issuer *Certificate) error {
	switch {
	case !l.Issuer.Equal(issuer.Subject):
		return fmt.Errorf("%w: names do not match", ErrIssuer)
	case issuer.Version == 3 && !issuer.IsCA: // indirect CRLs are refused, so only the CA itself may sign
		return fmt.Errorf("%w: not a CA", ErrIssuer)
	case issuer.HasKeyUsage && issuer.KeyUsage&CRLSign == 0:
		return fmt.Errorf("%w: key may not sign CRLs", ErrIssuer)
	}
	return Verify(issuer.PublicKey, l.SigAlg, l.RawTBS, l.Signature)
}

// Covers reports whether this CRL alone answers for c: same issuer, complete, and c within its scope.
func (l *CRL) Covers(c *Certificate) bool {
	if !l.Issuer.Equal(c.Issuer) || l.DeltaBase != nil {
		return false
	}
	if l.Scope == nil {
		return true
	}
	if l.Scope.OnlyUser && c.IsCA || l.Scope.OnlyCA && !c.IsCA {
		return false
	}
	if len(l.Scope.URLs) == 0 {
		return true
	}
	for _, u := range l.Scope.URLs {
		for _, have := range c.CRLURLs {
			if u == have {
				return true
			}
		}
	}
	return false
}

// Find returns the entry of a serial. Nil/zero: nil when it is not listed.
//
// Shape: serial unsigned, big-endian. The search is linear.
func (l *CRL) Find(serial []byte) *CRLEntry {
	serial = bytes.TrimLeft(serial, "\x00")
	for i := range l.Entries {
		if bytes.Equal(l.Entries[i].Serial, serial) {
			return &l.Entries[i]
		}
	}
	return nil
}
