package status

import (
	"slices"
	"time"

	"signet/ca/pki"
)

// Parts of an answer that never change, with tag and length.
var (
	basicOID   = []byte{0x06, 9, 0x2b, 6, 1, 5, 5, 7, 48, 1, 1} // id-pkix-ocsp-basic
	nonceOID   = []byte{0x06, 9, 0x2b, 6, 1, 5, 5, 7, 48, 1, 2} // id-pkix-ocsp-nonce
	archiveOID = []byte{0x06, 9, 0x2b, 6, 1, 5, 5, 7, 48, 1, 6} // id-pkix-ocsp-archive-cutoff
	successful = []byte{tagEnumerated, 1, ocspSuccessful}
	goodState  = []byte{0x80, 0} // [0] IMPLICIT NULL
	noState    = []byte{0x82, 0} // [2] IMPLICIT NULL: unknown
)

const (
	tagContext0 = 0xa0 // constructed
	tagContext1 = 0xa1
	tagContext2 = 0xa2
)

// validity of an answer. Nothing is ever forgotten of what a CA issued, so its archive goes back to its beginning (RFC 6960 §4.4.4).
type validity struct{ from, until, archive time.Time }

// frame holds what all answers of one responder have in common, encoded once.
type frame struct {
	id    []byte // ResponderID
	alg   []byte // AlgorithmIdentifier of the signatures
	certs []byte // [0] with the responder's certificate
}

func newFrame(cert *pki.Certificate, alg pki.SigAlg) frame {
	var id, certs backward
	id.octets(pki.KeyID(cert.PublicKey)) // byKey, SHA-1
	id.wrap(tagContext2, 0)
	certs.put(cert.Raw...)
	certs.wrap(tagSequence, 0)
	certs.wrap(tagContext0, 0)
	return frame{id.bytes(), alg.DER(), certs.bytes()}
}

// data is ResponseData, which is signed. RFC 6960 §4.2.1
func (f *frame) data(req *ocspRequest, states []Status, v validity) []byte {
	b := newBackward(128 + len(req.nonce) + 192*len(states))
	if req.nonce != nil {
		b.extension(nonceOID, req.nonce)
		b.wrap(tagSequence, 0)
		b.wrap(tagContext1, 0)
	}
	list := b.size()
	for i, q := range slices.Backward(req.questions) {
		b.single(q, states[i], v)
	}
	b.wrap(tagSequence, list)
	b.time(v.from)
	b.put(f.id...)
	b.wrap(tagSequence, 0)
	return b.bytes()
}

// response is OCSPResponse around what was signed.
func (f *frame) response(tbs, sig []byte) []byte {
	b := newBackward(64 + len(f.certs) + len(sig) + len(f.alg) + len(tbs))
	b.put(f.certs...)
	bits := b.size()
	b.put(sig...)
	b.put(0) // no unused bits
	b.wrap(tagBits, bits)
	b.put(f.alg...)
	b.put(tbs...)
	b.wrap(tagSequence, 0)
	b.wrap(tagOctets, 0)
	b.put(basicOID...)
	b.wrap(tagSequence, 0)
	b.wrap(tagContext0, 0)
	b.put(successful...)
	b.wrap(tagSequence, 0)
	return b.bytes()
}

// single is SingleResponse.
func (b *backward) single(q question, st Status, v validity) {
	end := b.size()
	if st.State != Unknown {
		if st.State == Revoked && !st.InvalidAt.IsZero() { // as in a list, RFC 6960 §4.4.5
			b.timeExtension(invalidityOID, st.InvalidAt)
		}
		b.timeExtension(archiveOID, v.archive)
		b.wrap(tagSequence, end)
		b.wrap(tagContext1, end)
	}
	next := b.size()
	b.time(v.until)
	b.wrap(tagContext0, next)
	b.time(v.from)
	switch st.State {
	case Good:
		b.put(goodState...)
	case Revoked:
		b.revoked(st)
	default:
		b.put(noState...)
	}
	b.put(q.raw...)
	b.wrap(tagSequence, end)
}

// revoked is RevokedInfo.
func (b *backward) revoked(st Status) {
	end := b.size()
	if st.Reason != 0 {
		b.put(tagEnumerated, 1, byte(st.Reason))
		b.wrap(tagContext0, end)
	}
	b.time(st.At)
	b.wrap(tagContext1, end)
}

func (b *backward) timeExtension(oid []byte, t time.Time) {
	var value [17]byte
	b.extension(oid, appendGeneralized(value[:0], t))
}

// extension is an Extension that is not critical.
func (b *backward) extension(oid, value []byte) {
	end := b.size()
	b.octets(value)
	b.put(oid...)
	b.wrap(tagSequence, end)
}

// backward writes DER from its end to its beginning, so that every length is known when it is written.
type backward struct {
	buf []byte
	at  int // what was written begins here
}

// newBackward expects about n bytes; more are no error.
func newBackward(n int) backward { return backward{make([]byte, n), n} }

// put puts bytes before those that are there.
func (b *backward) put(p ...byte) {
	if len(p) > b.at {
		grown := make([]byte, 2*len(b.buf)+len(p))
		at := len(grown) - b.size()
		copy(grown[at:], b.bytes())
		b.buf, b.at = grown, at
	}
	b.at -= len(p)
	copy(b.buf[b.at:], p)
}

func (b *backward) size() int { return len(b.buf) - b.at }

func (b *backward) bytes() []byte { return b.buf[b.at:] }

// wrap makes an element of all that was put since there were end bytes.
func (b *backward) wrap(tag byte, end int) {
	var scratch [6]byte
	b.put(appendHeader(scratch[:0], tag, b.size()-end)...)
}

func (b *backward) octets(p []byte) {
	end := b.size()
	b.put(p...)
	b.wrap(tagOctets, end)
}

// time is a GeneralizedTime.
func (b *backward) time(t time.Time) {
	var value [17]byte
	b.put(appendGeneralized(value[:0], t)...)
}

// ocspError is an answer without a signature.
func ocspError(code byte) []byte { return []byte{tagSequence, 3, tagEnumerated, 1, code} }
