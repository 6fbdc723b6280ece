package path

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"signet/ca/pki"
)

// oidFreshest points to delta CRLs, which are given here, not fetched.
const oidFreshest = "2.5.29.46"

// crl is a CRL of any form: complete, delta, partitioned, indirect.
type crl struct {
	tbs, sig   []byte
	alg        pki.SigAlg
	issuer     pki.Name
	issuerKey  string
	thisUpdate time.Time
	nextUpdate time.Time // zero: not said
	entries    cryptobyte.String
	number     *big.Int // nil: not said
	base       *big.Int // nil: complete
	aki        []byte
	scope      scope
	scopeDER   string // issuingDistributionPoint, byte for byte
}

// scope is issuingDistributionPoint, RFC 5280 §5.2.5.
type scope struct {
	present                              bool
	name                                 pointName
	onlyUser, onlyCA, onlyAttr, indirect bool
	reasons                              reasonSet
}

var errForm = errors.New("not the structure of a CRL")

// parseCRL reads a CRL and all its entries, so that what is critical and not understood anywhere in it makes the whole
// of it unusable (RFC 5280 §5.2, §5.3).
func parseCRL(der []byte) (*crl, error) {
	whole, ok := only(der, asn1.SEQUENCE)
	if !ok {
		return nil, errForm
	}
	tbs, alg, sig, rest, err := splitSigned(whole)
	if err != nil {
		return nil, err
	}
	body, ok := only(tbs, asn1.SEQUENCE)
	if !ok || !rest.Empty() {
		return nil, errForm
	}
	l := &crl{tbs: tbs, alg: alg, sig: sig, scope: scope{reasons: allReasons}}
	if err := l.parseBody(body); err != nil {
		return nil, err
	}
	return l, l.scan(func(serial, []generalName, *revocation) bool { return true })
}

func (l *crl) parseBody(s cryptobyte.String) error {
	hasVersion := s.PeekASN1Tag(asn1.INTEGER)
	if hasVersion {
		if version, ok := readSmall(&s, asn1.INTEGER); !ok || version != 1 {
			return errForm
		}
	}
	var inner, issuer cryptobyte.String
	if !s.ReadASN1Element(&inner, asn1.SEQUENCE) || !bytes.Equal(inner, l.alg.DER()) || !s.ReadASN1Element(&issuer, asn1.SEQUENCE) {
		return errForm
	}
	name, err := pki.ParseName(issuer)
	if err != nil {
		return err
	}
	l.issuer, l.issuerKey = name, name.Key()
	var ok bool
	if l.thisUpdate, ok = readTime(&s); !ok {
		return errForm
	}
	if s.PeekASN1Tag(asn1.UTCTime) || s.PeekASN1Tag(asn1.GeneralizedTime) {
		if l.nextUpdate, ok = readTime(&s); !ok {
			return errForm
		}
	}
	if l.entries, _, ok = optional(&s, asn1.SEQUENCE); !ok {
		return errForm
	}
	wrapped, present, ok := optional(&s, explicit(0))
	if !ok || !s.Empty() || present && !hasVersion {
		return errForm
	}
	if present {
		return l.parseExtensions(wrapped)
	}
	return nil
}

func (l *crl) parseExtensions(wrapped cryptobyte.String) error {
	list, ok := only(wrapped, asn1.SEQUENCE)
	if !ok {
		return errForm
	}
	exts, ok := readExtensions(list)
	if !ok {
		return errForm
	}
	for _, e := range exts {
		ok := true
		switch e.oid {
		case pki.OIDCRLNumber:
			l.number, ok = readNumber(e.value)
		case pki.OIDDeltaCRL:
			l.base, ok = readNumber(e.value)
		case pki.OIDIssuingPoint:
			ok = l.readScope(e.value)
		case pki.OIDAuthorityKeyID:
			l.aki, ok = readKeyID(e.value)
		default:
			if e.critical {
				return fmt.Errorf("critical extension %s is not understood", e.oid)
			}
		}
		if !ok {
			return errForm
		}
	}
	return nil
}

func readNumber(value []byte) (*big.Int, bool) {
	n, ok := only(value, asn1.INTEGER)
	if !ok || !minimal(n) || n[0]&0x80 != 0 || len(n) > maxSerial {
		return nil, false
	}
	return new(big.Int).SetBytes(n), true
}

func readKeyID(value []byte) ([]byte, bool) {
	s, ok := only(value, asn1.SEQUENCE)
	if !ok {
		return nil, false
	}
	id, _, ok := optional(&s, implicit(0))
	return id, ok
}

func (l *crl) readScope(value []byte) bool {
	s, ok := only(value, asn1.SEQUENCE)
	if !ok {
		return false
	}
	c := scope{present: true}
	for _, read := range []func() bool{
		func() (ok bool) { c.name, ok = readPointName(&s); return },
		func() (ok bool) { c.onlyUser, ok = readFlag(&s, implicit(1)); return },
		func() (ok bool) { c.onlyCA, ok = readFlag(&s, implicit(2)); return },
		func() (ok bool) { c.reasons, ok = readReasons(&s, implicit(3)); return },
		func() (ok bool) { c.indirect, ok = readFlag(&s, implicit(4)); return },
		func() (ok bool) { c.onlyAttr, ok = readFlag(&s, implicit(5)); return },
	} {
		if !read() {
			return false
		}
	}
	l.scope, l.scopeDER = c, string(value)
	return s.Empty()
}

// maxSerial is more octets than any serial that is read has.
const maxSerial = 64

// serial is a serial number as the contents of its INTEGER, which in DER is one to one; it may be negative.
type serial string

// serialOf gives the serial of a certificate in that form.
func serialOf(c *pki.Certificate) serial {
	body, ok := only(c.RawTBS, asn1.SEQUENCE)
	if !ok {
		return ""
	}
	var number cryptobyte.String
	if _, _, ok := optional(&body, explicit(0)); !ok || !body.ReadASN1(&number, asn1.INTEGER) {
		return ""
	}
	return serial(number)
}

// revocation is what an entry says.
type revocation struct {
	at     time.Time
	reason int
}

// scan goes through the entries until visit says to stop. The issuer of an entry is nil where it is the CRL's own.
func (l *crl) scan(visit func(serial, []generalName, *revocation) bool) error {
	entries := l.entries
	var issuer []generalName
	for !entries.Empty() {
		var e, number cryptobyte.String
		if !entries.ReadASN1(&e, asn1.SEQUENCE) || !e.ReadASN1(&number, asn1.INTEGER) || !minimal(number) || len(number) > maxSerial {
			return errForm
		}
		r := revocation{}
		var ok bool
		if r.at, ok = readTime(&e); !ok {
			return errForm
		}
		if !e.Empty() {
			named, err := l.readEntry(&e, &r)
			if err != nil {
				return err
			}
			if named != nil { // and for those that follow, RFC 5280 §5.3.3
				issuer = named
			}
		}
		if !visit(serial(number), issuer, &r) {
			return nil
		}
	}
	return nil
}

func (l *crl) readEntry(e *cryptobyte.String, r *revocation) (issuer []generalName, err error) {
	var list cryptobyte.String
	if !e.ReadASN1(&list, asn1.SEQUENCE) || !e.Empty() {
		return nil, errForm
	}
	exts, ok := readExtensions(list)
	if !ok {
		return nil, errForm
	}
	for _, x := range exts {
		switch x.oid {
		case pki.OIDReason:
			code, ok := only(x.value, asn1.ENUM)
			if !ok || len(code) != 1 || code[0] > pki.ReasonAACompromise {
				return nil, errForm
			}
			r.reason = int(code[0])
		case pki.OIDCertIssuer:
			if !l.scope.indirect {
				return nil, errors.New("entries of other issuers in a CRL that is not indirect")
			}
			if issuer, ok = readGeneralNames(x.value); !ok || len(issuer) == 0 {
				return nil, errForm
			}
		case pki.OIDInvalidityDate:
		default:
			if x.critical {
				return nil, fmt.Errorf("critical entry extension %s is not understood", x.oid)
			}
		}
	}
	return issuer, nil
}

// find looks for a certificate by serial and issuer. Nil/zero: nil when it is not listed.
func (l *crl) find(f *facts, b *budget) *revocation {
	var found *revocation
	wanted, issuer := serialOf(f.cert), directoryName(f.cert.Issuer)
	_ = l.scan(func(s serial, of []generalName, r *revocation) bool { // was gone through without an error before
		b.entries++
		if s != wanted || of == nil && l.issuerKey != f.issuer || of != nil && !anyEqual(of, []generalName{issuer}) {
			return b.entries <= maxEntries
		}
		found = r
		return false
	})
	return found
}
