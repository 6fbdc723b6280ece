package status

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"signet/ca/pki"
)

// PublishCRL makes a new revocation list and saves it as the latest.
//
// An entry leaves the list once the certificate has expired and a list made after that has shown it (RFC 5280 §3.3).
// Errors: ErrUnknownCA, also for a CA without a signer; those of store and key.
func (s *Service) PublishCRL(ctx context.Context, caID string) error {
	a := s.cas[caID]
	if a == nil || a.Signer == nil {
		return fmt.Errorf("%w: %q", ErrUnknownCA, caID)
	}
	last, err := s.c.Store.LatestCRL(ctx, caID)
	if err != nil && !errors.Is(err, ErrNoCRL) {
		return fmt.Errorf("reading the last list of %s: %w", caID, err)
	}
	number, err := s.c.Store.NextCRL(ctx, caID)
	if err != nil {
		return fmt.Errorf("numbering a list of %s: %w", caID, err)
	}
	if number <= last.Number {
		return fmt.Errorf("numbering a list of %s: %d does not follow %d", caID, number, last.Number)
	}
	now := s.c.Now().UTC().Truncate(time.Second)
	l := list{issuer: a.Certificate, alg: a.alg, number: number, thisUpdate: now, nextUpdate: now.Add(s.c.CRLFor)}
	err = s.c.Store.Revoked(ctx, caID, func(e Entry) error {
		if !e.NotAfter.IsZero() && e.NotAfter.Before(last.ThisUpdate) {
			return nil // the last list was made after its end and has shown it
		}
		return l.add(e)
	})
	if err != nil {
		return fmt.Errorf("listing what is revoked at %s: %w", caID, err)
	}
	der, err := l.sign(func(tbs []byte) ([]byte, error) { return pki.Sign(s.c.Rand, a.Signer, a.alg, tbs) })
	if err != nil {
		return fmt.Errorf("signing a list of %s: %w", caID, err)
	}
	if err := l.check(der); err != nil {
		return fmt.Errorf("checking a list of %s: %w", caID, err)
	}
	if err := s.c.Store.SaveCRL(ctx, caID, number, der, l.thisUpdate, l.nextUpdate); err != nil {
		return fmt.Errorf("saving a list of %s: %w", caID, err)
	}
	return nil
}

// PublishDue publishes for every CA whose latest list is CRLEvery old or missing. One CA's failure does not keep the others waiting.
func (s *Service) PublishDue(ctx context.Context) error {
	var errs []error
	for id, a := range s.cas {
		if a.Signer == nil {
			continue
		}
		last, err := s.c.Store.LatestCRL(ctx, id)
		if err == nil && s.c.Now().Sub(last.ThisUpdate) < s.c.CRLEvery {
			continue
		}
		errs = append(errs, s.PublishCRL(ctx, id))
	}
	return errors.Join(errs...)
}

// room is kept free before the entries for what must stand before them but is only known after: outer headers, algorithm, issuer, times.
const room = 8192

// list writes a revocation list into one buffer: entries are appended as the store yields them, the head is written backwards into
// the room before them. A million entries take their own 44 MB and nothing beside (measurements §6).
type list struct {
	issuer                 *pki.Certificate
	alg                    pki.SigAlg
	number                 int64
	thisUpdate, nextUpdate time.Time
	buf                    []byte // room, then entries
	n                      int
}

// tags of entries, written by hand because a million of them are.
const (
	tagInteger     = 0x02
	tagOctets      = 0x04
	tagEnumerated  = 0x0a
	tagUTCTime     = 0x17
	tagGeneralized = 0x18
	tagSequence    = 0x30
)

var (
	reasonOID     = []byte{0x06, 3, 0x55, 0x1d, 0x15} // 2.5.29.21
	invalidityOID = []byte{0x06, 3, 0x55, 0x1d, 0x18} // 2.5.29.24
)

func (l *list) add(e Entry) error {
	serial, err := hex.DecodeString(e.SerialHex)
	if serial = bytes.TrimLeft(serial, "\x00"); err != nil || len(serial) == 0 || len(serial) > 20 {
		return fmt.Errorf("serial %q", e.SerialHex)
	}
	if l.buf == nil {
		l.buf = make([]byte, room, room+4096)
	}
	if serial[0] >= 0x80 {
		serial = append([]byte{0}, serial...)
	}
	var scratch [96]byte
	body := append(scratch[:0], tagInteger, byte(len(serial)))
	body = append(body, serial...)
	body = appendTime(body, e.At)
	body = appendEntryExtensions(body, e)
	l.buf = append(l.buf, tagSequence, byte(len(body))) // at most 22+17+52 bytes: the short form of length
	l.buf = append(l.buf, body...)
	l.n++
	return nil
}

func appendEntryExtensions(dst []byte, e Entry) []byte {
	var scratch [64]byte
	exts := scratch[:0]
	if e.Reason != 0 { // unspecified is said by saying nothing, RFC 5280 §5.3.1
		exts = append(exts, tagSequence, 10)
		exts = append(exts, reasonOID...)
		exts = append(exts, tagOctets, 3, tagEnumerated, 1, byte(e.Reason))
	}
	if !e.InvalidAt.IsZero() {
		exts = append(exts, tagSequence, 24)
		exts = append(exts, invalidityOID...)
		exts = append(exts, tagOctets, 17)
		exts = appendGeneralized(exts, e.InvalidAt)
	}
	if len(exts) == 0 {
		return dst
	}
	dst = append(dst, tagSequence, byte(len(exts)))
	return append(dst, exts...)
}

func appendGeneralized(dst []byte, t time.Time) []byte {
	dst = append(dst, tagGeneralized, 15)
	return t.UTC().AppendFormat(dst, "20060102150405Z")
}

// appendTime writes UTCTime up to 2049, GeneralizedTime after. RFC 5280 §5.1.2.6
func appendTime(dst []byte, t time.Time) []byte {
	if t = t.UTC(); t.Year() >= 2050 {
		return appendGeneralized(dst, t)
	}
	dst = append(dst, tagUTCTime, 13)
	return t.AppendFormat(dst, "060102150405Z")
}

// sign completes the list. It may be called once.
func (l *list) sign(sign func(tbs []byte) ([]byte, error)) ([]byte, error) {
	if l.buf == nil {
		l.buf = make([]byte, room, room+1024)
	}
	start := room
	prepend := func(b []byte) {
		start -= len(b)
		copy(l.buf[start:], b)
	}
	if l.n > 0 { // an empty revokedCertificates is not written, RFC 5280 §5.1.2.6
		prepend(header(tagSequence, len(l.buf)-room))
	}
	head := append([]byte{tagInteger, 1, 1}, l.alg.DER()...) // v2
	head = append(head, l.issuer.Subject.DER()...)
	head = appendTime(appendTime(head, l.thisUpdate), l.nextUpdate)
	if len(head) > room-64 {
		return nil, fmt.Errorf("issuer name of %d bytes", len(l.issuer.Subject.DER()))
	}
	prepend(head)
	exts, err := l.extensions()
	if err != nil {
		return nil, err
	}
	l.buf = append(l.buf, exts...)
	prepend(header(tagSequence, len(l.buf)-start))
	sig, err := sign(l.buf[start:])
	if err != nil {
		return nil, err
	}
	l.buf = append(l.buf, l.alg.DER()...)
	l.buf = append(l.buf, header(0x03, len(sig)+1)...)
	l.buf = append(append(l.buf, 0), sig...)
	prepend(header(tagSequence, len(l.buf)-start))
	return l.buf[start:], nil
}

func (l *list) extensions() ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(asn1.Tag(0).Constructed().ContextSpecific(), func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			addExtension(b, pki.ExtAKI(l.issuer.SKI))
			var number cryptobyte.Builder
			number.AddASN1Int64(l.number)
			addExtension(b, pki.Extension{OID: pki.OIDCRLNumber, Value: number.BytesOrPanic()})
		})
	})
	return b.Bytes()
}

// addExtension writes an Extension that is not critical.
func addExtension(b *cryptobyte.Builder, e pki.Extension) {
	oid, err := pki.EncodeOID(e.OID)
	if err != nil {
		b.SetError(err)
		return
	}
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(oid)
		b.AddASN1OctetString(e.Value)
	})
}

// header is tag and length of an element.
func header(tag byte, n int) []byte {
	if n < 0x80 {
		return []byte{tag, byte(n)}
	}
	size := big.NewInt(int64(n)).Bytes()
	return append([]byte{tag, 0x80 | byte(len(size))}, size...)
}

// checkUpTo bounds the lists that are read back whole before they are saved; reading a larger one takes several times its size.
const checkUpTo = 4 << 20

// check reads a list back with the code that readers use.
func (l *list) check(der []byte) error {
	if len(der) > checkUpTo {
		return nil
	}
	c, err := pki.ParseCRL(der)
	if err != nil {
		return err
	}
	if len(c.Entries) != l.n || c.Number == nil || c.Number.Int64() != l.number || !c.ThisUpdate.Equal(l.thisUpdate) || !c.NextUpdate.Equal(l.nextUpdate) {
		return errors.New("list reads differently from how it was written")
	}
	return c.CheckSignatureFrom(l.issuer)
}
