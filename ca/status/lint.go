package status

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"signet/ca"
	"signet/ca/pki"
)

// check reads a signed list back as it is kept, before anyone else sees it: every entry, the order, the count, and what stands around them
// through the parser that relying parties use. It also hashes the list.
func (l *list) check(ctx context.Context, head, tail []byte) error {
	hash := sha256.New()
	hash.Write(head)
	lint := entryLint{delta: l.delta}
	err := l.entries(ctx, func(piece []byte) error {
		hash.Write(piece)
		return lint.piece(piece)
	})
	if err != nil {
		return err
	}
	hash.Write(tail)
	l.Hash = [32]byte(hash.Sum(nil))
	if lint.n != l.n || lint.size != l.bodySize {
		return fmt.Errorf("%d entries of %d bytes are kept, %d of %d were written", lint.n, lint.size, l.n, l.bodySize)
	}
	if err := l.checkFrame(head, tail); err != nil {
		return err
	}
	if l.Pieces > 0 {
		return nil // the signature was verified over the same bytes when it was made
	}
	c, err := pki.ParseCRL(bytes.Join([][]byte{head, l.piece, tail}, nil))
	if err != nil {
		return err
	}
	if len(c.Entries) != l.n {
		return fmt.Errorf("%d entries are read, %d were written", len(c.Entries), l.n)
	}
	return c.CheckSignatureFrom(l.issuer)
}

var errFrame = errors.New("list reads differently from how it was written")

// checkFrame parses the list without its entries, which may be many.
func (l *list) checkFrame(head, tail []byte) error {
	in := cryptobyte.String(head)
	skip := func(s *cryptobyte.String) bool { // a SEQUENCE header whose contents are not all here
		_, rest, ok := cutHeader(*s)
		*s = rest
		return ok
	}
	if !skip(&in) || !skip(&in) {
		return errFrame
	}
	fields := []byte(in)
	if l.n > 0 {
		end := len(fields) - len(header(tagSequence, int(l.bodySize)))
		if size, _, ok := cutHeader(fields[max(end, 0):]); !ok || int64(size) != l.bodySize {
			return errFrame
		}
		fields = fields[:end]
	}
	rest := cryptobyte.String(tail)
	var exts cryptobyte.String
	if !rest.ReadASN1Element(&exts, context0()) {
		return errFrame
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(fields); b.AddBytes(exts) })
		b.AddBytes(rest)
	})
	der, err := b.Bytes()
	if err != nil {
		return err
	}
	c, err := pki.ParseCRL(der)
	if err != nil {
		return err
	}
	if len(c.Entries) != 0 || c.Number == nil || c.Number.Int64() != l.Number || !c.ThisUpdate.Equal(l.ThisUpdate) || !c.NextUpdate.Equal(l.NextUpdate) ||
		!c.Issuer.Equal(l.issuer.Subject) || !bytes.Equal(c.AKI, l.issuer.SKI) || (c.DeltaBase != nil) != l.delta {
		return errFrame
	}
	return nil
}

// cutHeader reads tag and length of a SEQUENCE, whose contents may be elsewhere.
func cutHeader(b []byte) (size int, rest []byte, ok bool) {
	if len(b) < 2 || b[0] != tagSequence {
		return 0, nil, false
	}
	if b[1] < 0x80 {
		return int(b[1]), b[2:], true
	}
	n := int(b[1] & 0x7f)
	if n == 0 || n > 4 || len(b) < 2+n || b[2] == 0 {
		return 0, nil, false
	}
	for _, c := range b[2 : 2+n] {
		size = size<<8 | int(c)
	}
	return size, b[2+n:], size >= 0x80
}

// entryLint reads entries and refuses what RFC 5280 §5.3 does not admit, or does not admit here.
type entryLint struct {
	delta bool
	n     int
	size  int64
	last  [20]byte // serial of the entry before
	long  int
}

func (l *entryLint) piece(der []byte) error {
	in := cryptobyte.String(der)
	for !in.Empty() {
		before := len(in)
		var e, serial, exts cryptobyte.String
		var tag asn1.Tag
		var at cryptobyte.String
		if !in.ReadASN1(&e, asn1.SEQUENCE) || !e.ReadASN1(&serial, asn1.INTEGER) || !e.ReadAnyASN1(&at, &tag) ||
			tag != asn1.UTCTime && tag != asn1.GeneralizedTime || !e.Empty() && !e.ReadASN1(&exts, asn1.SEQUENCE) || !e.Empty() {
			return fmt.Errorf("entry %d cannot be read", l.n)
		}
		if err := l.serial(serial); err != nil {
			return err
		}
		if err := l.extensions(exts); err != nil {
			return fmt.Errorf("entry %d: %w", l.n, err)
		}
		l.n++
		l.size += int64(before - len(in))
	}
	return nil
}

// serial wants positive numbers, each listed once: in the order in which the store yields them.
func (l *entryLint) serial(der []byte) error {
	s := bytes.TrimLeft(der, "\x00")
	if len(s) == 0 || len(s) > 20 || len(der) > len(s)+1 || der[0] >= 0x80 || len(der) > len(s) && s[0] < 0x80 {
		return fmt.Errorf("entry %d: serial %x", l.n, der)
	}
	if l.n > 0 && bytes.Compare(l.last[:l.long], s) >= 0 {
		return fmt.Errorf("entry %d: serial %x is out of order or listed twice", l.n, der)
	}
	l.long = copy(l.last[:], s)
	return nil
}

func (l *entryLint) extensions(exts cryptobyte.String) error {
	for !exts.Empty() {
		var e, oid, value, inner cryptobyte.String
		if !exts.ReadASN1(&e, asn1.SEQUENCE) || !e.ReadASN1Element(&oid, asn1.OBJECT_IDENTIFIER) || !e.ReadASN1(&value, asn1.OCTET_STRING) || !e.Empty() {
			return errors.New("extension cannot be read")
		}
		switch {
		case bytes.Equal(oid, reasonOID):
			if !value.ReadASN1(&inner, asn1.ENUM) || len(inner) != 1 || !l.reason(int(inner[0])) {
				return errors.New("reason is not admitted")
			}
		case bytes.Equal(oid, invalidityOID):
			if !value.ReadASN1(&inner, asn1.GeneralizedTime) {
				return errors.New("invalidity date cannot be read")
			}
		default:
			return errors.New("extension is not admitted")
		}
		if !value.Empty() {
			return errors.New("extension is too long")
		}
	}
	return nil
}

// reason admits what the authority does; unspecified is said by saying nothing, removeFromCRL in deltas only.
func (l *entryLint) reason(code int) bool {
	switch code {
	case ca.KeyCompromise, ca.AffiliationChanged, ca.Superseded, ca.CessationOfOperation, ca.CertificateHold:
		return true
	}
	return code == ca.RemoveFromCRL && l.delta
}
