package status

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/bits"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"signet/ca/pki"
)

// pieceSize is about how much of a list is in memory at once; a longer one is kept piece by piece in the store.
const pieceSize = 2 << 20

// list writes a revocation list: entries are appended as the store yields them, pieces that are full are kept in the store, and read back
// from there to be hashed. So a list of any length takes the memory of a piece.
type list struct {
	CRL
	issuer   *pki.Certificate
	alg      pki.SigAlg
	exts     []pki.Extension // after key identifier and number
	delta    bool
	lists    Lists
	piece    []byte     // entries that are not kept yet
	keeping  chan error // yields when the piece before is kept; nil: none is being kept
	before   []byte     // that piece
	n        int
	bodySize int64     // of all entries
	body     hash.Hash // SHA-256 of the entries as they were kept, to know them again
}

// tags of entries, written by hand because a million of them are.
const (
	tagInteger     = 0x02
	tagBits        = 0x03
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

func (l *list) add(ctx context.Context, e Entry) error {
	var octets [24]byte
	serial, err := hex.AppendDecode(octets[:0], []byte(e.SerialHex))
	if serial = bytes.TrimLeft(serial, "\x00"); err != nil || len(serial) == 0 || len(serial) > 20 {
		return fmt.Errorf("serial %q", e.SerialHex)
	}
	var scratch [96]byte
	body := append(scratch[:0], tagInteger, byte(len(serial)))
	if serial[0] >= 0x80 {
		body[1]++
		body = append(body, 0)
	}
	body = append(body, serial...)
	body = appendTime(body, e.At)
	body = appendEntryExtensions(body, e)
	l.piece = append(l.piece, tagSequence, byte(len(body))) // at most 22+17+52 bytes: the short form of length
	l.piece = append(l.piece, body...)
	l.n++
	l.bodySize += int64(len(body) + 2)
	if len(l.piece) < pieceSize {
		return nil
	}
	return l.keep(ctx)
}

// keep puts the piece in hand into the store, while the next is made. What goes wrong is told by the next keep or by settle.
func (l *list) keep(ctx context.Context) error {
	if err := l.settle(); err != nil || len(l.piece) == 0 {
		return err
	}
	l.Pieces++
	l.piece, l.before = l.before[:0], l.piece
	l.keeping = make(chan error, 1)
	go func(number int, der []byte) {
		l.body.Write(der)
		l.keeping <- l.lists.KeepCRL(ctx, l.List, l.Number, number, der)
	}(l.Pieces, l.before)
	return nil
}

// settle waits until nothing is being kept.
func (l *list) settle() error {
	if l.keeping == nil {
		return nil
	}
	err := <-l.keeping
	l.keeping = nil
	return err
}

// entries gives the entries again, as they are kept.
//
// Errors: entries that are not those which were written.
func (l *list) entries(ctx context.Context, f func(piece []byte) error) error {
	if l.Pieces == 0 {
		return f(l.piece)
	}
	body := sha256.New()
	err := l.lists.ReadCRL(ctx, l.List, l.Number, func(piece []byte) error {
		body.Write(piece)
		return f(piece)
	})
	if err == nil && !bytes.Equal(body.Sum(nil), l.body.Sum(nil)) {
		err = errors.New("pieces read differently from how they were kept")
	}
	return err
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

// sign completes the list and says what goes before and behind its entries. It may be called once.
func (l *list) sign(ctx context.Context, rand io.Reader, key crypto.Signer) (head, tail []byte, err error) {
	if l.Pieces > 0 {
		if err := errors.Join(l.keep(ctx), l.settle()); err != nil {
			return nil, nil, err
		}
	}
	fields := append([]byte{tagInteger, 1, 1}, l.alg.DER()...) // v2
	fields = append(fields, l.issuer.Subject.DER()...)
	fields = appendTime(appendTime(fields, l.ThisUpdate), l.NextUpdate)
	if l.n > 0 { // an empty revokedCertificates is not written, RFC 5280 §5.1.2.6
		fields = append(fields, header(tagSequence, int(l.bodySize))...)
	}
	tail, err = l.extensions()
	if err != nil {
		return nil, nil, err
	}
	head = append(header(tagSequence, len(fields)+int(l.bodySize)+len(tail)), fields...)
	digest, opts, err := pki.NewDigest(key.Public(), l.alg)
	if err != nil {
		return nil, nil, err
	}
	if err := l.write(ctx, digest, head, tail); err != nil {
		return nil, nil, err
	}
	sig, err := pki.SignDigest(rand, key, digest.Sum(nil), opts)
	if err != nil {
		return nil, nil, err
	}
	tail = append(tail, l.alg.DER()...)
	tail = append(tail, header(tagBits, len(sig)+1)...)
	tail = append(append(tail, 0), sig...)
	l.Size = int64(len(head)+len(tail)) + l.bodySize
	outer := header(tagSequence, int(l.Size))
	l.Size += int64(len(outer))
	return append(outer, head...), tail, nil
}

// write puts the parts of the list one after another.
func (l *list) write(ctx context.Context, w io.Writer, head, tail []byte) error {
	if _, err := w.Write(head); err != nil {
		return err
	}
	err := l.entries(ctx, func(piece []byte) error { _, err := w.Write(piece); return err })
	if err != nil {
		return err
	}
	_, err = w.Write(tail)
	return err
}

func (l *list) extensions() ([]byte, error) {
	var number cryptobyte.Builder
	number.AddASN1Int64(l.Number)
	exts := append([]pki.Extension{pki.ExtAKI(l.issuer.SKI), {OID: pki.OIDCRLNumber, Value: number.BytesOrPanic()}}, l.exts...)
	var b cryptobyte.Builder
	b.AddASN1(context0(), func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, e := range exts {
				addExtension(b, e)
			}
		})
	})
	return b.Bytes()
}

// addExtension writes an Extension.
func addExtension(b *cryptobyte.Builder, e pki.Extension) {
	oid, err := pki.EncodeOID(e.OID)
	if err != nil {
		b.SetError(err)
		return
	}
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(oid)
		if e.Critical {
			b.AddASN1Boolean(true)
		}
		b.AddASN1OctetString(e.Value)
	})
}

func context0() asn1.Tag { return asn1.Tag(0).Constructed().ContextSpecific() }

// header is tag and length of an element.
func header(tag byte, n int) []byte { return appendHeader(nil, tag, n) }

func appendHeader(dst []byte, tag byte, n int) []byte {
	if n < 0x80 {
		return append(dst, tag, byte(n))
	}
	octets := (bits.Len(uint(n)) + 7) / 8
	dst = append(dst, tag, 0x80|byte(octets))
	for i := octets - 1; i >= 0; i-- {
		dst = append(dst, byte(n>>(8*i)))
	}
	return dst
}
