package cms

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"signet/ca/gm"
	"signet/ca/pki"
)

// Encrypt makes an EnvelopedData that each recipient can open. With SM2 recipients only, the content is under
// SM4-CBC; as soon as one has an RSA key it is under AES-256-CBC, which every RSA reader knows. The content
// key goes to SM2 keys by SM2 encryption and to RSA keys by OAEP with SHA-256 (RFC5652) or PKCS#1 v1.5
// (GMT0010, as PKCS#7 has nothing else). CBC hides the content but does not protect it from change: sign first.
//
// Shape: ContentInfo, DER.
// Nil/zero: rand nil = the system's.
// Errors: ErrUnsupported for a recipient with neither an SM2 nor an RSA key.
// Source: GM/T 0010 §9; RFC 5652 §6; RFC 3560.
func Encrypt(random io.Reader, content []byte, recipients []*pki.Certificate, style Style) ([]byte, error) {
	if random == nil {
		random = rand.Reader
	}
	out, err := encrypt(random, content, recipients, style)
	if err != nil {
		return nil, fmt.Errorf("encrypting message: %w", err)
	}
	return out, nil
}

func encrypt(random io.Reader, content []byte, recipients []*pki.Certificate, style Style) ([]byte, error) {
	if len(recipients) == 0 || len(recipients) > maxRecipients {
		return nil, errors.New("number of recipients out of range")
	}
	iv := make([]byte, blockSize)
	if _, err := io.ReadFull(random, iv); err != nil {
		return nil, err
	}
	c := cipherFor(recipients, iv)
	key := make([]byte, c.keySize)
	defer clear(key)
	if _, err := io.ReadFull(random, key); err != nil {
		return nil, err
	}
	var infos []node
	for _, cert := range recipients {
		info, err := recipientNode(random, key, cert, style)
		if err != nil {
			return nil, err
		}
		infos = append(infos, info)
	}
	sealed, err := c.seal(key, content)
	if err != nil {
		return nil, err
	}
	return envelopedMessage(style, infos, c, sealed), nil
}

func envelopedMessage(style Style, infos []node, c contentCipher, sealed []byte) []byte {
	return seq(oid(style.enveloped()), wrap(tagContext0, seq(
		number(style.envelopeVersion()),
		set(infos...),
		seq(oid(style.data()), c.node(), leaf(tagImplicit0, sealed)),
	))).der()
}

// envelopeVersion is that of EnvelopedData and of its RecipientInfos: 1 in GM/T 0010; in CMS 0, as recipients
// are named by issuer and serial (RFC 5652 §6.1, §6.2.1).
func (s Style) envelopeVersion() byte {
	if s == RFC5652 {
		return 0
	}
	return 1
}

func cipherFor(recipients []*pki.Certificate, iv []byte) contentCipher {
	for _, c := range recipients {
		if _, ok := c.PublicKey.(*gm.PublicKey); !ok {
			return aesCBC(256, oidAES256, iv)
		}
	}
	return sm4CBC(iv)
}

func recipientNode(random io.Reader, key []byte, cert *pki.Certificate, style Style) (node, error) {
	alg, sealed, err := sealKey(random, key, cert.PublicKey, style)
	if err != nil {
		return node{}, fmt.Errorf("to %s: %w", cert.Subject, err)
	}
	return seq(number(style.envelopeVersion()),
		seq(encoded(cert.Issuer.DER()), unsigned(cert.Serial)),
		alg,
		octets(sealed)), nil
}

func sealKey(random io.Reader, key []byte, pub crypto.PublicKey, style Style) (alg node, sealed []byte, err error) {
	switch k := pub.(type) {
	case *gm.PublicKey:
		sealed, err = k.Encrypt(random, key)
		return seq(oid(oidSM2Encrypt)), sealed, err
	case *rsa.PublicKey:
		if style == GMT0010 {
			sealed, err = rsa.EncryptPKCS1v15(random, k, key)
			return seq(oid(oidRSA), null()), sealed, err
		}
		sealed, err = rsa.EncryptOAEP(sha256.New(), random, k, key, nil)
		return oaepNode(digestSHA256), sealed, err
	}
	return node{}, nil, fmt.Errorf("%w: cannot encrypt to a key of type %T", ErrUnsupported, pub)
}

// oaepNode is RSAES-OAEP with one hash for label and mask (RFC 4055 §4.1).
func oaepNode(d digest) node {
	h := seq(oid(d.id), null())
	return seq(oid(oidRSAOAEP), seq(
		wrap(tagContext0, h),
		wrap(tagContext1, seq(oid(oidMGF1), h))))
}
