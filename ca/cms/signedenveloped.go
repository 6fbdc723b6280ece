package cms

import (
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"signet/ca/gm"
	"signet/ca/pki"
)

// RecipientKey is a recipient whose name and key need not come from one certificate: a key management centre encrypts to a
// signing key that has no certificate yet and names the CA's certificate instead (GM/T 0014).
type RecipientKey struct {
	Issuer pki.Name
	Serial []byte
	Key    *gm.PublicKey
}

// RecipientOf names the holder of a certificate with an SM2 key.
//
// Errors: ErrUnsupported for another kind of key.
func RecipientOf(cert *pki.Certificate) (RecipientKey, error) {
	key, ok := cert.PublicKey.(*gm.PublicKey)
	if !ok {
		return RecipientKey{}, fmt.Errorf("%w: cannot encrypt to a key of type %T", ErrUnsupported, cert.PublicKey)
	}
	return RecipientKey{cert.Issuer, cert.Serial, key}, nil
}

// SignedEnvelopedOptions says how a SignedAndEnvelopedData is written.
//
// Nil/zero: a ContentInfo, SM4-CBC, the signer's certificate inside.
type SignedEnvelopedOptions struct {
	ECB        bool // SM4-ECB, as GM/T 0014 has it for private keys
	Bare       bool // the SignedAndEnvelopedData without ContentInfo around it
	OmitSigner bool // leave the signer's certificate out
}

// SignAndEncrypt makes a SignedAndEnvelopedData: the content under SM4 for SM2 recipients, and an SM2 signature over the content
// itself, without attributes. PKCS#7 would encrypt the signature once more; GM implementations do not, nor does this.
//
// Shape: ContentInfo of type 1.2.156.10197.6.1.4.2.4, DER.
// Nil/zero: random nil = the system's.
// Errors: ErrKeyMismatch if key is not the certificate's; ErrUnsupported for a signer that is not SM2; those of key.
// Source: GM/T 0010 §10; RFC 2315 §11.
func SignAndEncrypt(random io.Reader, key crypto.Signer, cert *pki.Certificate, content []byte, to []RecipientKey, o SignedEnvelopedOptions) ([]byte, error) {
	if random == nil {
		random = rand.Reader
	}
	out, err := signAndEncrypt(random, key, cert, content, to, o)
	if err != nil {
		return nil, fmt.Errorf("signing and encrypting message: %w", err)
	}
	return out, nil
}

func signAndEncrypt(random io.Reader, key crypto.Signer, cert *pki.Certificate, content []byte, to []RecipientKey, o SignedEnvelopedOptions) ([]byte, error) {
	if !samePublicKey(cert.PublicKey, key.Public()) {
		return nil, ErrKeyMismatch
	}
	if familyOf(cert.PublicKey) != "SM2" {
		return nil, fmt.Errorf("%w: signer of type %T", ErrUnsupported, cert.PublicKey)
	}
	if looksLikeAttributes(content) {
		return nil, errors.New("content is a set of signed attributes: signing it bare would sign another message")
	}
	sig, err := pki.Sign(random, key, pki.SM2WithSM3, content)
	if err != nil {
		return nil, err
	}
	infos, encrypted, err := encryptTo(random, content, to, o.ECB)
	if err != nil {
		return nil, err
	}
	parts := []node{number(1), set(infos...), set(digestNode(digestSM3)), encrypted}
	if !o.OmitSigner {
		parts = append(parts, wrap(tagContext0, encoded(cert.Raw)))
	}
	parts = append(parts, set(seq(number(1),
		seq(encoded(cert.Issuer.DER()), unsigned(cert.Serial)),
		digestNode(digestSM3),
		signatureNode(cert.PublicKey, digestSM3, GMT0010),
		octets(sig))))
	body := seq(parts...)
	if o.Bare {
		return body.der(), nil
	}
	return seq(oid(oidSignedEnveloped), wrap(tagContext0, body)).der(), nil
}

// The content type in the two families (GM/T 0010; RFC 2315 §14).
const (
	oidSignedEnveloped     = arcGM + ".4"
	oidSignedEnvelopedPKCS = arcPKCS + ".4"
)

// encryptTo draws a content key, encrypts it to each recipient, and the content under it.
func encryptTo(random io.Reader, content []byte, to []RecipientKey, ecb bool) (infos []node, encrypted node, err error) {
	if len(to) == 0 || len(to) > maxRecipients {
		return nil, node{}, errors.New("number of recipients out of range")
	}
	c := sm4ECB()
	if !ecb {
		iv := make([]byte, blockSize)
		if _, err := io.ReadFull(random, iv); err != nil {
			return nil, node{}, err
		}
		c = sm4CBC(iv)
	}
	key := make([]byte, c.keySize)
	defer clear(key)
	if _, err := io.ReadFull(random, key); err != nil {
		return nil, node{}, err
	}
	for _, r := range to {
		if r.Key == nil || r.Issuer.IsEmpty() {
			return nil, node{}, errors.New("recipient without name or key")
		}
		alg, sealed, err := sealKey(random, key, r.Key, GMT0010)
		if err != nil {
			return nil, node{}, err
		}
		infos = append(infos, seq(number(1), seq(encoded(r.Issuer.DER()), unsigned(r.Serial)), alg, octets(sealed)))
	}
	sealed, err := c.seal(key, content)
	if err != nil {
		return nil, node{}, err
	}
	return infos, seq(oid(GMT0010.data()), c.node(), leaf(tagImplicit0, sealed)), nil
}

// SignedEnveloped is a parsed SignedAndEnvelopedData. Its content comes out of Open only, verified.
//
// Concurrency: one goroutine at a time.
type SignedEnveloped struct {
	Recipients   []Recipient
	Certificates []*pki.Certificate
	Signers      []SignerInfo

	enveloped Enveloped
	signed    SignedData
}

// ParseSignedEnveloped reads a SignedAndEnvelopedData, with or without ContentInfo around it.
//
// Errors: ErrMalformed, ErrBER, ErrUnsupported; never panics.
// Source: GM/T 0010 §10; RFC 2315 §11.
func ParseSignedEnveloped(der []byte) (*SignedEnveloped, error) {
	m := &SignedEnveloped{}
	r := newReader(der)
	outer := r.into(tagSequence, "message")
	r.end("message")
	if outer.at(tagOID) {
		if id := outer.oid("content type"); id != oidSignedEnveloped && id != oidSignedEnvelopedPKCS {
			outer.fail(fmt.Errorf("%w: content type %s is not signed and enveloped data", ErrMalformed, id), "message")
		}
		explicit := outer.into(tagContext0, "signed and enveloped data")
		outer.end("message")
		m.read(explicit.into(tagSequence, "signed and enveloped data"))
		explicit.end("signed and enveloped data")
	} else {
		m.read(outer)
	}
	if err := r.err(); err != nil {
		return nil, fmt.Errorf("parsing signed and enveloped message: %w", err)
	}
	return m, nil
}

func (m *SignedEnveloped) read(r *reader) {
	r.small("signed and enveloped data version", 1)
	infos := r.into(tagSet, "recipients")
	for infos.more() {
		if len(m.Recipients) == maxRecipients {
			r.fail(ErrMalformed, "recipients: too many")
			break
		}
		m.Recipients = append(m.Recipients, readRecipient(infos.into(tagSequence, "recipient")))
	}
	for digests := r.into(tagSet, "digest algorithms"); digests.more(); {
		digests.algorithm("digest algorithm")
	}
	m.enveloped.readContent(r.into(tagSequence, "encrypted content"))
	if r.at(tagContext0) {
		m.signed.readCertificates(r.into(tagContext0, "certificates"))
	}
	if r.at(tagContext1) {
		r.next("CRLs")
	}
	signers := r.into(tagSet, "signers")
	for signers.more() {
		if len(m.signed.Signers) == maxSigners {
			r.fail(ErrMalformed, "signers: too many")
			break
		}
		m.signed.Signers = append(m.signed.Signers, m.signed.readSigner(signers.into(tagSequence, "signer")))
	}
	r.end("signed and enveloped data")
	for i := range m.Recipients {
		m.Recipients[i].keySize = m.enveloped.cipher.keySize
	}
	m.signed.ContentType = m.enveloped.ContentType
	m.Certificates, m.Signers = m.signed.Certificates, m.signed.Signers
}

// Open decrypts with a recipient's key and checks every signer; without a signer, or with one that fails, there is no content.
// Recipients are found by trying the key, as the name in them may be another's (see RecipientKey). lookup is SignedData.Verify's.
//
// Errors: ErrDecrypt for everything that decryption meets; those of SignedData.Verify.
func (m *SignedEnveloped) Open(key crypto.Decrypter, lookup func(issuerRaw, serial []byte) *pki.Certificate) (content []byte, signers []*pki.Certificate, err error) {
	opened := false
	for i, rc := range m.Recipients {
		if i == maxTried {
			break
		}
		if content, err = m.enveloped.openFor(rc, key); err == nil {
			opened = true
			break
		}
	}
	if !opened {
		return nil, nil, fmt.Errorf("opening signed and enveloped message: %w", ErrDecrypt)
	}
	m.signed.Content = content
	signers, err = m.signed.Verify(nil, lookup)
	m.signed.Content = nil
	if err != nil {
		clear(content)
		return nil, nil, fmt.Errorf("opening signed and enveloped message: %w", err)
	}
	return content, signers, nil
}

// maxTried bounds how many recipients a key is tried on.
const maxTried = 16
