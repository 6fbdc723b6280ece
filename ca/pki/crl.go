package pki

import (
	"bytes"
	"math/big"
	"time"
)

// Reasons for revocation, RFC 5280 §5.3.1.
const (
	ReasonUnspecified          = 0
	ReasonKeyCompromise        = 1
	ReasonCACompromise         = 2
	ReasonAffiliationChanged   = 3
	ReasonSuperseded           = 4
	ReasonCessationOfOperation = 5
	ReasonCertificateHold      = 6
	ReasonRemoveFromCRL        = 8 // in delta CRLs only
	ReasonPrivilegeWithdrawn   = 9
	ReasonAACompromise         = 10
)

// CRLEntry is one revoked certificate.
//
// Shape: Serial unsigned, big-endian, without leading zeros when read; At in whole seconds UTC.
// Nil/zero: Reason 0 is not written; a zero InvalidityDate is not written.
type CRLEntry struct {
	Serial         []byte
	At             time.Time
	Reason         int
	InvalidityDate time.Time
}

// CRLTemplate is what a CRL will say. Issuer, ThisUpdate, NextUpdate, Number and SigAlg are required.
//
// Shape: Extra extensions follow the authority key identifier and the number, in the order given.
type CRLTemplate struct {
	Issuer     Name
	ThisUpdate time.Time
	NextUpdate time.Time
	Number     *big.Int
	AKI        []byte
	Entries    []CRLEntry
	SigAlg     SigAlg
	Extra      []Extension
}

// TBS makes the to-be-signed bytes of a version 2 CRL.
//
// Errors: ErrMalformed.
// Source: RFC 5280 §5.1.
func (t CRLTemplate) TBS() ([]byte, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	thisUpdate, err := derTime(t.ThisUpdate)
	if err != nil {
		return nil, err
	}
	nextUpdate, err := derTime(t.NextUpdate)
	if err != nil {
		return nil, err
	}
	entries, err := t.entries()
	if err != nil {
		return nil, err
	}
	number := Extension{OIDCRLNumber, false, derUint(t.Number.Bytes())}
	exts := []Extension{number}
	if len(t.AKI) > 0 {
		exts = []Extension{ExtAKI(t.AKI), number}
	}
	list, err := extensionsDER(append(exts, t.Extra...))
	if err != nil {
		return nil, err
	}
	return tlv(tagSequence, derUint([]byte{1}), // v2
		t.SigAlg.DER(), t.Issuer.DER(), thisUpdate, nextUpdate, entries, tlv(context(0, true), list)), nil
}

func (t CRLTemplate) check() error {
	switch {
	case t.Issuer.der == "" || t.Issuer.IsEmpty():
		return malformed("no issuer")
	case t.SigAlg == SigAlg{}:
		return malformed("no signature algorithm")
	case t.Number == nil || t.Number.Sign() < 0 || t.Number.BitLen() > 8*maxSerial-1:
		return malformed("CRL number")
	case !t.NextUpdate.After(t.ThisUpdate):
		return malformed("next update is not after this one")
	}
	return nil
}

// entries encodes revokedCertificates, which is left out when there are none (RFC 5280 §5.1.2.6).
func (t CRLTemplate) entries() ([]byte, error) {
	if len(t.Entries) == 0 {
		return nil, nil
	}
	body := make([]byte, 0, 64*len(t.Entries))
	for i := range t.Entries {
		var err error
		if body, err = t.Entries[i].append(body); err != nil {
			return nil, err
		}
	}
	return tlv(tagSequence, body), nil
}

var oidInvalidityDER = mustOID(OIDInvalidityDate)

// reasonDER holds the whole reasonCode extension of each reason; a list may have a million entries.
var reasonDER = func() (all [ReasonAACompromise + 1][]byte) {
	for i := range all {
		all[i] = tlv(tagSequence, mustOID(OIDReason), tlv(tagOctetString, []byte{tagEnumerated, 1, byte(i)}))
	}
	return all
}()

// append adds the entry to dst.
func (e *CRLEntry) append(dst []byte) ([]byte, error) {
	serial := uintContents(e.Serial)
	if len(serial) > maxSerial || len(serial) == 1 && serial[0] == 0 {
		return nil, malformed("serial of a CRL entry")
	}
	if e.Reason < 0 || e.Reason > ReasonAACompromise || e.Reason == 7 {
		return nil, malformed("reason %d of a CRL entry", e.Reason)
	}
	var space [20]byte
	at, err := appendTime(space[:0], e.At)
	if err != nil {
		return nil, err
	}
	exts := e.extensions()
	dst = appendHeader(dst, tagSequence, 2+len(serial)+len(at)+len(exts))
	dst = append(dst, tagInteger, byte(len(serial)))
	dst = append(dst, serial...)
	dst = append(dst, at...)
	return append(dst, exts...), nil
}

func (e *CRLEntry) extensions() []byte {
	var reason, date []byte
	if e.Reason != 0 {
		reason = reasonDER[e.Reason]
	}
	if !e.InvalidityDate.IsZero() {
		date = tlv(tagSequence, oidInvalidityDER, tlv(tagOctetString, derGeneralized(e.InvalidityDate)))
	}
	if len(reason)+len(date) == 0 {
		return nil
	}
	return tlv(tagSequence, reason, date)
}

// AssembleCRL joins to-be-signed bytes, algorithm and signature to a CRL. It does not check the signature.
//
// Errors: ErrMalformed when tbs names another algorithm.
func AssembleCRL(tbs []byte, alg SigAlg, sig []byte) ([]byte, error) {
	r := reader{b: tbs}
	body := reader{b: r.take(tagSequence)}
	body.take(tagInteger)
	_, inner := body.takeWhole(tagSequence)
	if !r.done() || body.bad || !bytes.Equal(inner, alg.DER()) {
		return nil, malformed("CRL to be signed with %s", alg)
	}
	return signed(tbs, alg, sig), nil
}

// ExtIssuingPoint makes the critical issuingDistributionPoint of a partitioned CRL.
//
// Errors: ErrMalformed for an address that is not ASCII, or a scope that says nothing or contradicts itself.
func ExtIssuingPoint(scope CRLScope) (Extension, error) {
	var names, body []byte
	for _, u := range scope.URLs {
		name, err := uriName(u)
		if err != nil {
			return Extension{}, err
		}
		names = append(names, name...)
	}
	if len(names) > 0 {
		body = tlv(context(0, true), tlv(context(0, true), names))
	}
	if scope.OnlyUser {
		body = append(body, context(1, false), 1, 0xff)
	}
	if scope.OnlyCA {
		body = append(body, context(2, false), 1, 0xff)
	}
	if len(body) == 0 || scope.OnlyUser && scope.OnlyCA {
		return Extension{}, malformed("scope of a CRL")
	}
	return Extension{OIDIssuingPoint, true, tlv(tagSequence, body)}, nil
}

// ExtDeltaCRL makes the critical deltaCRLIndicator.
func ExtDeltaCRL(base *big.Int) Extension {
	return Extension{OIDDeltaCRL, true, derUint(base.Bytes())}
}
