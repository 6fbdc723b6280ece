package cms

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"fmt"

	"signet/ca/gm"
	"signet/ca/pki"
)

// Enveloped is a parsed EnvelopedData.
//
// Concurrency: read-only once parsed.
type Enveloped struct {
	Style       Style
	ContentType string // of what is inside, dotted
	Cipher      string // SM4-CBC, SM4-ECB, AES-256-CBC …
	Recipients  []Recipient
	Others      int // recipients by key agreement, password or other means, which are not read

	cipher contentCipher
	sealed []byte
}

// Recipient is one key-transport recipient: how it is named and the content key encrypted to it.
type Recipient struct {
	IssuerRaw, Serial []byte // Name as DER, serial unsigned big-endian
	SKI               []byte // instead of the two, in version 2
	EncryptedKey      []byte // SM2: ASN.1 or a raw order; RSA: the modulus' length
	KeyAlg            string // SM2, RSA-PKCS1, RSA-OAEP-SHA256 …; dotted if unknown

	keySize int         // of the content cipher
	oaep    crypto.Hash // of RSA-OAEP
}

const maxRecipients = 1024

// ParseEnveloped reads an EnvelopedData of either style.
//
// Errors: ErrMalformed, ErrBER, ErrUnsupported (the content cipher; unknown recipients are kept).
// Source: GM/T 0010 §9; RFC 5652 §6; RFC 2315 §10.
func ParseEnveloped(der []byte) (*Enveloped, error) {
	e := &Enveloped{}
	r := newReader(der)
	info := r.into(tagSequence, "message")
	r.end("message")
	switch id := info.oid("content type"); {
	case info.err() != nil:
	case id == GMT0010.enveloped():
		e.Style = GMT0010
	case id == RFC5652.enveloped():
		e.Style = RFC5652
	default:
		info.fail(fmt.Errorf("%w: content type %s is not enveloped data", ErrMalformed, id), "message")
	}
	explicit := info.into(tagContext0, "enveloped data")
	info.end("message")
	e.read(explicit.into(tagSequence, "enveloped data"))
	explicit.end("enveloped data")
	if err := r.err(); err != nil {
		return nil, fmt.Errorf("parsing enveloped message: %w", err)
	}
	for i := range e.Recipients {
		e.Recipients[i].keySize = e.cipher.keySize
	}
	return e, nil
}

func (e *Enveloped) read(r *reader) {
	r.small("enveloped data version", 4)
	if r.at(tagContext0) {
		r.next("originator")
	}
	infos := r.into(tagSet, "recipients")
	for infos.more() {
		if len(e.Recipients)+e.Others == maxRecipients {
			r.fail(ErrMalformed, "recipients: too many")
			break
		}
		if !infos.at(tagSequence) {
			infos.next("recipient")
			e.Others++
			continue
		}
		e.Recipients = append(e.Recipients, readRecipient(infos.into(tagSequence, "recipient")))
	}
	e.readContent(r.into(tagSequence, "encrypted content"))
	if r.at(tagContext1) {
		r.next("unprotected attributes")
	}
	r.end("enveloped data")
}

func readRecipient(r *reader) Recipient {
	var rc Recipient
	r.small("recipient version", 2)
	rc.IssuerRaw, rc.Serial, rc.SKI = readIdentifier(r, "recipient")
	alg := r.algorithm("key encryption algorithm")
	rc.EncryptedKey = r.body(tagOctetString, "encrypted key")
	r.end("recipient")
	if r.err() == nil {
		rc.KeyAlg, rc.oaep = keyTransportOf(alg)
	}
	return rc
}

func (e *Enveloped) readContent(r *reader) {
	e.ContentType = r.oid("content type of the content")
	alg := r.algorithm("content encryption algorithm")
	switch {
	case r.at(tagContext0):
		e.sealed = joined(r.into(tagContext0, "encrypted content"))
	case r.err() == nil:
		e.sealed = r.body(tagImplicit0, "encrypted content")
	}
	for _, tag := range []byte{tagContext1, tagContext2, tagImplicit1, tagImplicit1 + 1} {
		if r.at(tag) { // sharedInfo1, sharedInfo2 of GM/T 0010: for key agreement by other means
			r.next("shared info")
		}
	}
	r.end("encrypted content")
	if r.err() != nil {
		return
	}
	var err error
	if e.cipher, err = cipherOf(alg); err != nil {
		r.fail(err, "content encryption algorithm")
		return
	}
	e.Cipher = e.cipher.name
}

// joined is the content that old GM writers put into [0] as a row of OCTET STRINGs instead of implicitly.
func joined(r *reader) []byte {
	var all []byte
	for r.more() {
		all = append(all, r.body(tagOctetString, "encrypted content")...)
	}
	return all
}

// keyTransportOf names a key-encryption algorithm. Several identifiers are seen for SM2 encryption.
func keyTransportOf(a algorithm) (name string, oaep crypto.Hash) {
	switch a.id {
	case oidSM2Encrypt, "1.2.156.10197.1.301.2", "1.2.156.10197.1.301": // GmSSL once wrote .2
		return "SM2", 0
	case oidRSA:
		return "RSA-PKCS1", 0
	case oidRSAOAEP:
		if d, err := oaepOf(a); err == nil {
			return "RSA-OAEP-" + d.short(), d.hash
		}
	}
	return a.id, 0
}

// oaepOf reads RSAES-OAEP-params with one hash for label and mask and no label; the defaults (SHA-1) are
// read too, as OpenSSL and Java write them and OAEP does not lean on collisions.
func oaepOf(a algorithm) (digest, error) {
	label, mask := digestSHA1, digestSHA1
	r := newReader(a.params)
	p := r.into(tagSequence, "OAEP parameters")
	if p.at(tagContext0) {
		h := p.into(tagContext0, "OAEP hash")
		label = digestOfOAEP(h)
	}
	if p.at(tagContext1) {
		m := p.into(tagContext1, "OAEP mask")
		alg := m.algorithm("OAEP mask")
		m.end("OAEP mask")
		if alg.id != oidMGF1 {
			m.fail(ErrUnsupported, "OAEP mask")
		}
		mask = digestOfOAEP(&reader{in: alg.params, fault: r.fault})
	}
	p.end("OAEP parameters")
	r.end("OAEP parameters")
	if r.err() == nil && label.id != mask.id {
		r.fail(ErrUnsupported, "OAEP parameters")
	}
	return label, r.err()
}

func digestOfOAEP(r *reader) digest {
	a := r.algorithm("OAEP hash")
	r.end("OAEP hash")
	if a.id == digestSHA1.id && a.plain() {
		return digestSHA1
	}
	d, err := digestOf(a)
	if err != nil || d.hash == 0 {
		r.fail(ErrUnsupported, "OAEP hash")
	}
	return d
}

// Open decrypts the content for the holder of a certificate.
//
// Shape: key is asked for SM2 with nil options and the ciphertext as ASN.1, for RSA with
// *rsa.PKCS1v15DecryptOptions or *rsa.OAEPOptions.
// Errors: ErrNotRecipient; ErrKeyMismatch if key is not the certificate's; ErrDecrypt for everything that the
// message itself may have caused. With RSA PKCS#1 v1.5 a wrong key may once in 256 times give garbage instead:
// telling the two apart would open the key to Bleichenbacher's attack (RFC 3218).
func (e *Enveloped) Open(cert *pki.Certificate, key crypto.Decrypter) ([]byte, error) {
	if !samePublicKey(cert.PublicKey, key.Public()) {
		return nil, fmt.Errorf("opening message: %w", ErrKeyMismatch)
	}
	tried := 0
	for _, rc := range e.Recipients {
		if tried == maxNamesakes || !naming(rc.IssuerRaw, rc.Serial, rc.SKI)(cert) {
			continue
		}
		tried++
		if content, err := e.openFor(rc, key); err == nil {
			return content, nil
		}
	}
	if tried == 0 {
		return nil, fmt.Errorf("opening message: %w", ErrNotRecipient)
	}
	return nil, fmt.Errorf("opening message: %w", ErrDecrypt)
}

// openFor goes through the content even when the key could not be had, so that time does not tell.
func (e *Enveloped) openFor(rc Recipient, key crypto.Decrypter) ([]byte, error) {
	contentKey, keyErr := rc.Unwrap(key)
	if keyErr != nil {
		contentKey = make([]byte, e.cipher.keySize)
		rand.Read(contentKey)
	}
	defer clear(contentKey)
	content, err := e.cipher.open(contentKey, e.sealed)
	if keyErr != nil {
		return nil, ErrDecrypt
	}
	return content, err
}

// OpenWithKey decrypts the content with a content key had by other means, as from Recipient.Unwrap.
//
// Errors: ErrDecrypt.
func (e *Enveloped) OpenWithKey(contentKey []byte) ([]byte, error) {
	content, err := e.cipher.open(contentKey, e.sealed)
	if err != nil {
		return nil, fmt.Errorf("opening message: %w", err)
	}
	return content, nil
}

// Unwrap decrypts the content key of this recipient.
//
// Errors: ErrDecrypt only; for RSA PKCS#1 v1.5 never: a random key comes back instead.
func (rc Recipient) Unwrap(key crypto.Decrypter) ([]byte, error) {
	switch key.Public().(type) {
	case *gm.PublicKey:
		if rc.KeyAlg == "SM2" {
			return openSM2(key, rc.EncryptedKey, rc.keySize)
		}
	case *rsa.PublicKey:
		switch {
		case rc.KeyAlg == "RSA-PKCS1":
			return openRSA(key, rc.EncryptedKey, rc.keySize), nil
		case rc.oaep != 0:
			return openOAEP(key, rc.EncryptedKey, rc.keySize, rc.oaep)
		}
	}
	return nil, ErrDecrypt
}

// openSM2 hands the ciphertext to the key as ASN.1, in both orders if it is raw: C3 decides which was meant.
func openSM2(key crypto.Decrypter, sealed []byte, size int) ([]byte, error) {
	var forms []gm.Ciphertext
	if c, err := gm.ParseCiphertext(sealed); err == nil {
		forms = append(forms, c)
	}
	if c, err := gm.ParseCiphertextC1C2C3(sealed); err == nil {
		forms = append(forms, c)
	}
	for _, c := range forms {
		if len(c.C2) != size {
			continue
		}
		if plain, err := key.Decrypt(rand.Reader, c.ASN1(), nil); err == nil && len(plain) == size {
			return plain, nil
		}
	}
	return nil, ErrDecrypt
}

// openRSA never fails: on bad padding the key is random (RFC 3218 §2.3.2), whether the Decrypter does so
// itself, as *rsa.PrivateKey does, or reports an error.
func openRSA(key crypto.Decrypter, sealed []byte, size int) []byte {
	instead := make([]byte, size)
	rand.Read(instead)
	plain, err := key.Decrypt(rand.Reader, sealed, &rsa.PKCS1v15DecryptOptions{SessionKeyLen: size})
	if err != nil || len(plain) != size {
		return instead
	}
	return plain
}

func openOAEP(key crypto.Decrypter, sealed []byte, size int, h crypto.Hash) ([]byte, error) {
	plain, err := key.Decrypt(rand.Reader, sealed, &rsa.OAEPOptions{Hash: h})
	if err != nil || len(plain) != size {
		return nil, ErrDecrypt
	}
	return plain, nil
}
