package cms

import (
	"encoding/binary"
	"fmt"

	"signet/ca/gm"
)

// sdfLayout is one of the forms in which SDF devices take an SM2 key pair. The 2012 edition leaves the size of
// unsigned long to the compiler, and some vendors give numbers 32 bytes instead of ECCref_MAX_LEN = 64.
type sdfLayout struct {
	old   bool // SDF_ENVELOPEDKEYBLOB of 2012: cipher first, no bit length
	long  int  // bytes of its unsigned long
	field int  // bytes of a number
}

// sdfLayouts all differ in size, which is how a reader tells them apart: 388, 228, 384, 392, 256 and 264 bytes.
var sdfLayouts = []sdfLayout{
	{false, 4, 64}, {false, 4, 32}, {true, 4, 64}, {true, 8, 64}, {true, 4, 32}, {true, 8, 32},
}

const (
	sdfSealedSize = 64         // cbEncryptedPriKey of 2012, whatever ECCref_MAX_LEN is
	sdfAnySM2     = 0x00020000 // SGD_SM2 and its uses, GM/T 0006: some fill ulAsymmAlgID in where others have Version
)

func (l sdfLayout) sealed() int {
	if l.old {
		return sdfSealedSize
	}
	return l.field
}

func (l sdfLayout) size() int {
	head := 3 * 4
	if l.old {
		head = 2 * l.long
	}
	return head + l.sealed() + (4 + 2*l.field) + (2*l.field + 32 + 4 + 16)
}

// SDF writes the envelope as SDF_ImportECCKeyPair-like calls of server HSMs take it.
//
// Shape: EnvelopedECCKey, 388 bytes, numbers little-endian of 4 bytes; the same layout as SKF's ENVELOPEDKEYBLOB.
// Source: GM/T 0018-2023 §5.9.
func (e *EnvelopedKey) SDF() ([]byte, error) { return e.sdf(sdfLayouts[0]) }

// SDF2012 writes the envelope for devices by the first edition, whose structure has the parts in another order.
//
// Shape: SDF_ENVELOPEDKEYBLOB, packed, little-endian; 384 bytes, or 392 with longBytes 8, which is unsigned long on 64-bit Linux.
// Errors: also for a longBytes that is neither 4 nor 8.
// Source: GM/T 0018-2012; header of GmSSL for the order.
func (e *EnvelopedKey) SDF2012(longBytes int) ([]byte, error) {
	if longBytes != 4 && longBytes != 8 {
		return nil, fmt.Errorf("writing SDF key blob: unsigned long of %d bytes", longBytes)
	}
	return e.sdf(sdfLayout{true, longBytes, 64})
}

func (e *EnvelopedKey) sdf(l sdfLayout) ([]byte, error) {
	if err := e.checked(); err != nil {
		return nil, fmt.Errorf("writing SDF key blob: %w", err)
	}
	w := blobWriter{layout: l}
	w.long(skfVersion)
	w.long(skfSM4ECB)
	if l.old {
		w.cipher(e.EncryptedSymKey)
		w.point(e.PublicKey)
		w.number(e.strictKey(), l.sealed())
	} else {
		w.uint32(skfBits)
		w.number(e.strictKey(), l.sealed())
		w.point(e.PublicKey)
		w.cipher(e.EncryptedSymKey)
	}
	return w.out, nil
}

// ParseSDFEnvelopedKey reads an EnvelopedECCKey of GM/T 0018-2023 or an SDF_ENVELOPEDKEYBLOB of 2012, with unsigned long of 4 or 8 bytes and
// numbers of 64 or 32. As in ParseSKFEnvelopedKey what stands before the encrypted key may be anything.
//
// Errors: ErrMalformed; ErrUnsupported for SM1 and SSF33, which exist only inside chips.
func ParseSDFEnvelopedKey(b []byte) (*EnvelopedKey, error) {
	for _, l := range sdfLayouts {
		if len(b) != l.size() {
			continue
		}
		e, err := parseSDF(b, l)
		if err != nil {
			return nil, fmt.Errorf("parsing SDF key blob: %w", err)
		}
		return e, nil
	}
	return nil, fmt.Errorf("parsing SDF key blob: %w: %d bytes are no known layout", ErrMalformed, len(b))
}

func parseSDF(b []byte, l sdfLayout) (*EnvelopedKey, error) {
	r := blobReader{layout: l, in: b}
	version, alg := r.long(), r.long()
	e := &EnvelopedKey{SymAlg: symAlgSM4ECB}
	if l.old {
		e.EncryptedSymKey, e.PublicKey = r.cipher(), r.point()
		e.EncryptedKey = r.tail(l.sealed())
	} else {
		r.want(r.uint32() == skfBits)
		e.EncryptedKey = r.tail(l.sealed())
		e.PublicKey, e.EncryptedSymKey = r.point(), r.cipher()
	}
	r.want(version == skfVersion || l.old && version&^0xffff == sdfAnySM2)
	if r.bad {
		return nil, ErrMalformed
	}
	if alg != skfSM4ECB {
		return nil, fmt.Errorf("%w: cipher %#x", ErrUnsupported, alg)
	}
	return e, nil
}

// blobWriter writes the parts that the layouts share.
type blobWriter struct {
	layout sdfLayout
	out    []byte
}

func (w *blobWriter) uint32(v uint32) { w.out = binary.LittleEndian.AppendUint32(w.out, v) }

func (w *blobWriter) long(v uint32) {
	w.uint32(v)
	if w.layout.long == 8 {
		w.uint32(0)
	}
}

// number writes a number right-aligned.
func (w *blobWriter) number(v []byte, size int) {
	w.out = append(append(w.out, make([]byte, size-len(v))...), v...)
}

func (w *blobWriter) point(p *gm.PublicKey) {
	w.uint32(skfBits)
	w.number(p.X[:], w.layout.field)
	w.number(p.Y[:], w.layout.field)
}

func (w *blobWriter) cipher(c gm.Ciphertext) {
	w.number(c.C1.X[:], w.layout.field)
	w.number(c.C1.Y[:], w.layout.field)
	w.out = append(w.out, c.C3[:]...)
	w.uint32(uint32(len(c.C2)))
	w.out = append(w.out, c.C2...)
}

// blobReader takes a blob apart; the first mistake sticks. Its input has the size of the layout, so nothing can run out.
type blobReader struct {
	layout sdfLayout
	in     []byte
	bad    bool
}

func (r *blobReader) want(ok bool) { r.bad = r.bad || !ok }

func (r *blobReader) take(n int) []byte {
	part := r.in[:n:n]
	r.in = r.in[n:]
	return part
}

func (r *blobReader) uint32() uint32 { return binary.LittleEndian.Uint32(r.take(4)) }

func (r *blobReader) long() uint32 {
	v := r.uint32()
	if r.layout.long == 8 {
		r.want(r.uint32() == 0)
	}
	return v
}

// tail gives the last 32 bytes of a field, whatever stands before them.
func (r *blobReader) tail(size int) []byte { return append([]byte(nil), r.take(size)[size-32:]...) }

func (r *blobReader) number() []byte {
	whole := r.take(r.layout.field)
	for _, c := range whole[:len(whole)-32] {
		r.want(c == 0)
	}
	return whole[len(whole)-32:]
}

// xy reads a point; nil if it is not on the curve.
func (r *blobReader) xy() *gm.PublicKey {
	point := append([]byte{4}, r.number()...)
	p, err := gm.NewPublicKey(append(point, r.number()...))
	r.want(err == nil)
	return p
}

func (r *blobReader) point() *gm.PublicKey {
	r.want(r.uint32() == skfBits)
	return r.xy()
}

func (r *blobReader) cipher() (c gm.Ciphertext) {
	if p := r.xy(); p != nil {
		c.C1 = *p
	}
	copy(c.C3[:], r.take(32))
	r.want(r.uint32() == 16)
	c.C2 = append([]byte(nil), r.take(16)...)
	return c
}
