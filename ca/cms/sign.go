package cms

import (
	"crypto"
	"errors"
	"fmt"
	"io"
	"time"

	"signet/ca/gm"
	"signet/ca/pki"
)

// SignOptions says how a message is signed.
//
// Nil/zero: an attached GM/T 0010 message of type data with the attributes content type and message digest.
type SignOptions struct {
	Style        Style
	Detached     bool               // leave the content out
	SigningTime  time.Time          // zero = no signing-time attribute
	NoAttributes bool               // sign the content itself
	Chain        []*pki.Certificate // added after the signer's
	ContentType  string             // "" = data; ContentTypeTSTInfo for time stamps
	Attributes   []Attribute        // further signed attributes
	OmitSigner   bool               // leave the signer's certificate out (RFC 3161 certReq = FALSE)
}

// Sign makes a SignedData of one signer: SM2 with SM3, RSA and P-256 with SHA-256, P-384 with SHA-384.
//
// Shape: ContentInfo, DER.
// Nil/zero: rand nil = the system's.
// Errors: ErrKeyMismatch if key is not the certificate's; those of key and pki.
// Source: GM/T 0010 §8; RFC 5652 §5.
func Sign(rand io.Reader, key crypto.Signer, cert *pki.Certificate, content []byte, o SignOptions) ([]byte, error) {
	if !samePublicKey(cert.PublicKey, key.Public()) {
		return nil, fmt.Errorf("signing message: %w", ErrKeyMismatch)
	}
	d, err := draftSigned(cert, content, o)
	if err != nil {
		return nil, fmt.Errorf("signing message: %w", err)
	}
	alg, err := pki.SigAlgFor(cert.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("signing message: %w", err)
	}
	sig, err := pki.Sign(rand, key, alg, d.toSign) // verifies what the key gave
	if err != nil {
		return nil, fmt.Errorf("signing message: %w", err)
	}
	return d.message(sig), nil
}

// PrepareSigned splits signing for keys that live elsewhere: the bytes to sign (the SET OF attributes, or the
// content) and a function that completes the message. The key signs as pki.Sign does: for SM2 over
// SM3(ZA‖toSign), for ECDSA and RSA over the hash of toSign.
//
// Shape: finish takes the signature as DER (SM2, ECDSA), as r‖s from a token (SM2), or as RSA's octets.
// Errors: finish: ErrSignature if the signature is not one by the certificate's key.
func PrepareSigned(cert *pki.Certificate, content []byte, o SignOptions) (toSign []byte, finish func(sig []byte) ([]byte, error), err error) {
	d, err := draftSigned(cert, content, o)
	if err != nil {
		return nil, nil, fmt.Errorf("preparing signed message: %w", err)
	}
	return d.toSign, d.finish, nil
}

// draft is a SignedData that lacks only its signature.
type draft struct {
	o          SignOptions
	cert       *pki.Certificate
	digest     digest
	content    []byte
	attributes node // [0] IMPLICIT; empty with NoAttributes
	toSign     []byte
}

func draftSigned(cert *pki.Certificate, content []byte, o SignOptions) (*draft, error) {
	if o.ContentType == "" {
		o.ContentType = o.Style.data()
	}
	if _, err := encodeOID(o.ContentType); err != nil {
		return nil, err
	}
	dg, err := digestFor(cert.PublicKey)
	if err != nil {
		return nil, err
	}
	d := &draft{o: o, cert: cert, digest: dg, content: content}
	if o.NoAttributes {
		return d, d.signContent()
	}
	return d, d.signAttributes()
}

func (d *draft) signContent() error {
	if !d.o.SigningTime.IsZero() || len(d.o.Attributes) > 0 {
		return errors.New("attributes asked for in a message without attributes")
	}
	if d.o.Style == RFC5652 && d.o.ContentType != d.o.Style.data() {
		return errors.New("content other than data must be signed with attributes") // RFC 5652 §5.3
	}
	if looksLikeAttributes(d.content) {
		return errors.New("content is a set of signed attributes: signing it bare would sign another message")
	}
	d.toSign = d.content
	return nil
}

func (d *draft) signAttributes() error {
	list := []node{
		singleAttribute(AttrContentType, oid(d.o.ContentType)),
		singleAttribute(AttrMessageDigest, octets(d.digest.sum(d.content))),
	}
	if !d.o.SigningTime.IsZero() {
		list = append(list, singleAttribute(AttrSigningTime, writeTime(d.o.SigningTime)))
	}
	seen := map[string]bool{}
	for _, a := range d.o.Attributes {
		if err := checkAttribute(a); err != nil {
			return err
		}
		if seen[a.Type] {
			return fmt.Errorf("%w: attribute %s twice", ErrMalformed, a.Type)
		}
		seen[a.Type] = true
		list = append(list, attributeNode(a))
	}
	d.attributes = setOf(tagContext0, list...)
	d.toSign = setOf(tagSet, list...).der()
	return nil
}

func (d *draft) finish(sig []byte) ([]byte, error) {
	sig, err := d.checked(sig)
	if err != nil {
		return nil, fmt.Errorf("completing signed message: %w", err)
	}
	return d.message(sig), nil
}

func (d *draft) message(sig []byte) []byte {
	signer := seq(number(1),
		seq(encoded(d.cert.Issuer.DER()), unsigned(d.cert.Serial)),
		digestNode(d.digest),
		d.attributes,
		signatureNode(d.cert.PublicKey, d.digest, d.o.Style),
		octets(sig))
	return signedMessage(d.o.Style, d.version(), []node{digestNode(d.digest)}, d.encapsulated(), d.certificates(), []node{signer})
}

// checked verifies the signature, turning a token's r‖s into DER where that is what came.
func (d *draft) checked(sig []byte) ([]byte, error) {
	scheme := sigScheme{digest: d.digest, family: familyOf(d.cert.PublicKey)}
	if scheme.check(d.cert.PublicKey, d.toSign, sig) {
		return sig, nil
	}
	if scheme.family == "SM2" && len(sig) == 64 {
		if der, err := gm.SignatureFromRaw(sig); err == nil && scheme.check(d.cert.PublicKey, d.toSign, der) {
			return der, nil
		}
	}
	return nil, ErrSignature
}

// version of SignedData: 1 in PKCS#7; CMS wants 3 where the content is not data (RFC 5652 §5.1).
func (d *draft) version() byte {
	if d.o.Style == RFC5652 && d.o.ContentType != d.o.Style.data() {
		return 3
	}
	return 1
}

func (d *draft) encapsulated() node {
	if d.o.Detached {
		return seq(oid(d.o.ContentType))
	}
	return seq(oid(d.o.ContentType), wrap(tagContext0, octets(d.content)))
}

func (d *draft) certificates() []*pki.Certificate {
	var list []*pki.Certificate
	if !d.o.OmitSigner {
		list = append(list, d.cert)
	}
	for _, c := range d.o.Chain {
		if string(c.Raw) != string(d.cert.Raw) { // a chain as BuildPath gives it begins with the signer
			list = append(list, c)
		}
	}
	return list
}

// signedMessage writes ContentInfo{SignedData}. Certificates keep their order, the signer first, as many
// readers take the first for the signer's; the SET OF order of DER is not asked of them (RFC 5652 §5.1, BER).
func signedMessage(style Style, version byte, digests []node, content node, certs []*pki.Certificate, signers []node) []byte {
	parts := []node{number(version), set(digests...), content}
	if len(certs) > 0 {
		bag := node{tag: tagContext0}
		for _, c := range certs {
			bag.kids = append(bag.kids, encoded(c.Raw))
		}
		parts = append(parts, bag)
	}
	parts = append(parts, set(signers...))
	return seq(oid(style.signed()), wrap(tagContext0, seq(parts...))).der()
}

// DegenerateP7B writes a .p7b: a SignedData with certificates and no signer, in the order given.
//
// Source: RFC 2315 §9.1 note.
func DegenerateP7B(certs []*pki.Certificate, style Style) ([]byte, error) {
	if len(certs) == 0 {
		return nil, errors.New("writing p7b: no certificate")
	}
	return signedMessage(style, 1, nil, seq(oid(style.data())), certs, nil), nil
}
