package pki

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"io"
	"unicode/utf16"

	"signet/ca/gm"
)

// sealingRounds is the work of one guess at a passphrase, for PBKDF2 and for the MAC: a hundred times what OpenSSL writes, and still
// well below a second for software that has SM3 without help of the processor.
const sealingRounds = 200_000

// PKCS12Style says by which algorithms a file is protected.
type PKCS12Style int

const (
	// PKCS12AES is AES-256 in CBC under PBES2 with HMAC-SHA-256 and a SHA-256 MAC: what OpenSSL 3, Java and Windows of today read.
	PKCS12AES PKCS12Style = iota
	// PKCS12SM is SM4 in CBC under PBES2 with HMAC-SM3 and an SM3 MAC, for software that is held to Chinese algorithms.
	PKCS12SM
)

// sealing is a style in its parts.
type sealing struct {
	prf, digest string // of PBKDF2 and of the MAC
	hash        func() hash.Hash
	cipher      string
}

var sealings = map[PKCS12Style]sealing{
	PKCS12AES: {"1.2.840.113549.2.9", oidSHA256Digest, sha256.New, "2.16.840.1.101.3.4.1.42"},
	PKCS12SM:  {"1.2.156.10197.1.401.2", oidSM3Digest, gm.NewSM3, "1.2.156.10197.1.104.2"},
}

// MarshalPKCS12 writes a .p12: certificates and key each encrypted, the whole under a MAC.
//
// Shape: DER; passphrase UTF-8, at least 8 bytes.
// Nil/zero: random nil = the system's; Certificates may be empty.
// Errors: text for a passphrase that is too short or a first certificate that is not the key's; ErrUnsupported for the kind of key; those of random.
// Source: RFC 7292.
func MarshalPKCS12(random io.Reader, p PKCS12, passphrase []byte, style PKCS12Style) ([]byte, error) {
	if random == nil {
		random = rand.Reader
	}
	s, known := sealings[style]
	switch {
	case !known || p.Key == nil:
		return nil, errors.New("pki: PKCS#12 needs a key and a style")
	case len(passphrase) < 8:
		return nil, errors.New("pki: the passphrase of a PKCS#12 file has fewer than 8 bytes")
	}
	spki, err := MarshalPublicKey(p.Key.Public())
	if err != nil {
		return nil, err
	}
	if len(p.Certificates) > 0 && SPKIHash(p.Certificates[0].SPKI) != SPKIHash(spki) {
		return nil, errors.New("pki: the first certificate of a PKCS#12 file is not the key's")
	}
	keyID := KeyID(p.Key.Public())
	keyPart, err := s.keyPart(random, p, keyID, passphrase)
	if err != nil {
		return nil, err
	}
	contents := keyPart
	if len(p.Certificates) > 0 {
		part, err := s.certificatePart(random, p.Certificates, keyID, passphrase)
		if err != nil {
			return nil, err
		}
		contents = append(part, contents...)
	}
	return s.file(random, tlv(tagSequence, contents), passphrase)
}

// keyPart is plain contents with the encrypted key in them.
func (s sealing) keyPart(random io.Reader, p PKCS12, keyID, passphrase []byte) ([]byte, error) {
	der, err := MarshalPrivateKey(p.Key)
	if err != nil {
		return nil, err
	}
	defer clear(der)
	alg, sealed, err := s.seal(random, der, passphrase)
	if err != nil {
		return nil, err
	}
	attrs := [][]byte{bagAttribute(oidLocalKeyID, tlv(tagOctetString, keyID))}
	if p.Name != "" {
		attrs = append([][]byte{bagAttribute(oidFriendlyName, bmpString(p.Name))}, attrs...)
	}
	bag := tlv(tagSequence, mustOID(oidShroudedKeyBag), tlv(context(0, true), tlv(tagSequence, alg, tlv(tagOctetString, sealed))), tlv(tagSet, attrs...))
	return infoOf(oidData, tlv(tagOctetString, tlv(tagSequence, bag))), nil
}

func (s sealing) certificatePart(random io.Reader, certs []*Certificate, keyID, passphrase []byte) ([]byte, error) {
	var bags [][]byte
	for i, c := range certs {
		x509 := tlv(tagSequence, mustOID(oidX509Bag), tlv(context(0, true), tlv(tagOctetString, c.Raw)))
		parts := [][]byte{mustOID(oidCertBag), tlv(context(0, true), x509)}
		if i == 0 { // how readers find the key's own
			parts = append(parts, tlv(tagSet, bagAttribute(oidLocalKeyID, tlv(tagOctetString, keyID))))
		}
		bags = append(bags, tlv(tagSequence, parts...))
	}
	alg, sealed, err := s.seal(random, tlv(tagSequence, bags...), passphrase)
	if err != nil {
		return nil, err
	}
	inner := tlv(tagSequence, mustOID(oidData), alg, tlv(context(0, false), sealed))
	return infoOf(oidEncryptedData, tlv(tagSequence, derUint(nil), inner)), nil
}

// file puts the MAC around the contents.
func (s sealing) file(random io.Reader, contents, passphrase []byte) ([]byte, error) {
	salt, err := draw(random, 16)
	if err != nil {
		return nil, err
	}
	m := hmac.New(s.hash, derivePKCS12(s.hash, 3, passphrase, salt, sealingRounds, s.hash().Size()))
	m.Write(contents)
	digest := tlv(tagSequence, tlv(tagSequence, mustOID(s.digest), derNull), tlv(tagOctetString, m.Sum(nil)))
	mac := tlv(tagSequence, digest, tlv(tagOctetString, salt), derRounds())
	return tlv(tagSequence, derUint([]byte{3}), infoOf(oidData, tlv(tagOctetString, contents)), mac), nil
}

// seal encrypts by PBES2 and gives the AlgorithmIdentifier with it.
func (s sealing) seal(random io.Reader, plain, passphrase []byte) (alg, sealed []byte, err error) {
	c := keyCiphers[s.cipher]
	salt, err := draw(random, 16)
	if err != nil {
		return nil, nil, err
	}
	iv, err := draw(random, 16)
	if err != nil {
		return nil, nil, err
	}
	key, err := pbkdf2.Key(s.hash, string(passphrase), salt, sealingRounds, c.size)
	if err != nil {
		return nil, nil, err
	}
	block, err := c.make(key)
	if err != nil {
		return nil, nil, err
	}
	padding := block.BlockSize() - len(plain)%block.BlockSize()
	sealed = append(make([]byte, 0, len(plain)+padding), plain...)
	for range padding {
		sealed = append(sealed, byte(padding))
	}
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(sealed, sealed)
	kdf := tlv(tagSequence, mustOID("1.2.840.113549.1.5.12"), tlv(tagSequence, tlv(tagOctetString, salt), derRounds(), tlv(tagSequence, mustOID(s.prf), derNull)))
	enc := tlv(tagSequence, mustOID(s.cipher), tlv(tagOctetString, iv))
	return tlv(tagSequence, mustOID(oidPBES2), tlv(tagSequence, kdf, enc)), sealed, nil
}

func draw(random io.Reader, n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(random, b)
	return b, err
}

func derRounds() []byte { return derUint(binary.BigEndian.AppendUint32(nil, sealingRounds)) }

func infoOf(kind string, content []byte) []byte {
	return tlv(tagSequence, mustOID(kind), tlv(context(0, true), content))
}

func bagAttribute(kind string, value []byte) []byte {
	return tlv(tagSequence, mustOID(kind), tlv(tagSet, value))
}

func bmpString(text string) []byte {
	var out []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		out = binary.BigEndian.AppendUint16(out, unit)
	}
	return tlv(tagBMP, out)
}
