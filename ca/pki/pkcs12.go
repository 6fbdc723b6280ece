package pki

import (
	"bytes"
	"crypto"
	"crypto/cipher"
	"crypto/des"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"hash"
	"unicode/utf16"

	"signet/ca/gm"
)

// PKCS12 is a private key with its certificate and those above it, as a .p12 or .pfx file carries them.
//
// Shape: Certificates begins with the key's own; the rest is in the order of the file.
// Nil/zero: Certificates empty = the file has none, or none of the key; Name "" = the file gives none.
type PKCS12 struct {
	Key          crypto.Signer
	Certificates []*Certificate
	Name         string
}

// Bounds of what a file may make us do.
const (
	maxPKCS12Size = 1 << 20
	maxSealed     = 4 // encrypted parts of one file; each may cost maxIterations
	maxBags       = 64
	maxMACRounds  = 2_000_000 // OpenSSL writes 2,048
)

// Identifiers of PKCS#12 and PKCS#7 (RFC 7292 Appendix D; RFC 9579 §3).
const (
	oidData           = "1.2.840.113549.1.7.1"
	oidEncryptedData  = "1.2.840.113549.1.7.6"
	oidKeyBag         = "1.2.840.113549.1.12.10.1.1"
	oidShroudedKeyBag = "1.2.840.113549.1.12.10.1.2"
	oidCertBag        = "1.2.840.113549.1.12.10.1.3"
	oidX509Bag        = "1.2.840.113549.1.9.22.1"
	oidFriendlyName   = "1.2.840.113549.1.9.20"
	oidLocalKeyID     = "1.2.840.113549.1.9.21"
	oidPBMAC1         = "1.2.840.113549.1.5.14"
	oidPBE3DES        = "1.2.840.113549.1.12.1.3"
	oidPBERC2         = "1.2.840.113549.1.12.1.5" // 128 bits
	oidPBERC2Short    = "1.2.840.113549.1.12.1.6" // 40 bits
)

// IsPKCS12 says whether bytes begin as a PKCS#12 file does: version 3 and a content of type data.
func IsPKCS12(der []byte) bool {
	r := reader{b: der}
	outer := reader{b: r.take(tagSequence)}
	version := outer.take(tagInteger)
	info := reader{b: outer.take(tagSequence)}
	return info.oid() == oidData && bytes.Equal(version, []byte{3}) && !outer.bad && !info.bad
}

// ParsePKCS12 reads a file with one private key, DER, protected by a MAC: encryption by PBES2 as for DecryptPrivateKey, or by PKCS#12's own triple
// DES and RC2; MAC by PKCS#12's own derivation over SHA-1, SHA-2 or SM3, or by PBMAC1.
//
// Shape: passphrase UTF-8.
// Errors: ErrPassphrase; ErrMalformed; ErrUnsupported for BER, for a file without MAC and for several keys. None carries key material.
// Source: RFC 7292; RFC 9579.
func ParsePKCS12(der, passphrase []byte) (*PKCS12, error) {
	if len(der) > maxPKCS12Size {
		return nil, malformed("PKCS#12 file of %d bytes", len(der))
	}
	if len(der) > 1 && der[0] == tagSequence && der[1] == 0x80 {
		return nil, unsupported("PKCS#12 in BER; openssl pkcs12 writes it anew in DER")
	}
	body, err := sequence(der, "PKCS#12 file")
	if err != nil {
		return nil, err
	}
	r := reader{b: body}
	version := r.take(tagInteger)
	kind, content := contentInfo(&r)
	mac, hasMAC := r.optional(tagSequence)
	if !r.done() || !bytes.Equal(version, []byte{3}) || kind != oidData {
		return nil, malformed("PKCS#12 file")
	}
	if !hasMAC {
		return nil, unsupported("PKCS#12 file without a MAC")
	}
	safe := reader{b: content}
	octets := safe.take(tagOctetString)
	if !safe.done() {
		return nil, malformed("PKCS#12 file")
	}
	if err := checkMAC(mac, octets, passphrase); err != nil {
		return nil, err
	}
	o := opener{passphrase: passphrase}
	if err := o.safe(octets); err != nil {
		return nil, err
	}
	return o.result()
}

// contentInfo reads type and [0] content.
func contentInfo(r *reader) (kind string, content []byte) {
	info := reader{b: r.take(tagSequence)}
	kind = info.oid()
	content = info.take(context(0, true))
	r.bad = r.bad || !info.done()
	return kind, content
}

// opener collects what is in a file.
type opener struct {
	passphrase   []byte
	sealed, bags int
	key          crypto.Signer
	certs        []*Certificate
	name         string
}

func (o *opener) safe(octets []byte) error {
	contents, err := sequence(octets, "PKCS#12 contents")
	if err != nil {
		return err
	}
	for r := (reader{b: contents}); !r.empty(); {
		kind, content := contentInfo(&r)
		if r.bad {
			return malformed("PKCS#12 contents")
		}
		bags, err := o.content(kind, content)
		if err == nil {
			err = o.readBags(bags)
		}
		clear(bags)
		if err != nil {
			return err
		}
	}
	return nil
}

// content gives the bags of one part, in a buffer of their own.
func (o *opener) content(kind string, content []byte) ([]byte, error) {
	r := reader{b: content}
	switch kind {
	case oidData:
		octets := r.take(tagOctetString)
		if !r.done() {
			return nil, malformed("PKCS#12 contents")
		}
		return bytes.Clone(octets), nil
	case oidEncryptedData:
		outer := reader{b: r.take(tagSequence)}
		version, info := outer.take(tagInteger), reader{b: outer.take(tagSequence)}
		inside, alg := info.oid(), reader{b: info.take(tagSequence)}
		sealed := info.take(context(0, false))
		if !r.done() || !outer.done() || !info.done() || inside != oidData || !bytes.Equal(version, []byte{0}) {
			return nil, malformed("encrypted part of a PKCS#12 file")
		}
		return o.open(&alg, sealed)
	}
	return nil, unsupported("part %s of a PKCS#12 file", kind)
}

// open decrypts. The MAC has shown by then that the passphrase is right.
func (o *opener) open(alg *reader, sealed []byte) ([]byte, error) {
	if o.sealed++; o.sealed > maxSealed {
		return nil, malformed("PKCS#12 file of more than %d encrypted parts", maxSealed)
	}
	if _, old := pbeCiphers[(&reader{b: alg.b}).oid()]; old {
		return openPBE(alg, sealed, o.passphrase)
	}
	return openPBES2(alg, sealed, o.passphrase)
}

func (o *opener) readBags(der []byte) error {
	list, err := sequence(der, "PKCS#12 bags")
	if err != nil {
		return err
	}
	for r := (reader{b: list}); !r.empty(); {
		bag := reader{b: r.take(tagSequence)}
		kind := bag.oid()
		value := bag.take(context(0, true))
		attrs, _ := bag.optional(tagSet)
		if r.bad || !bag.done() {
			return malformed("PKCS#12 bag")
		}
		if o.bags++; o.bags > maxBags {
			return malformed("PKCS#12 file of more than %d bags", maxBags)
		}
		if err := o.bag(kind, value, attrs); err != nil {
			return err
		}
	}
	return nil
}

func (o *opener) bag(kind string, value, attrs []byte) error {
	switch kind {
	case oidKeyBag:
		key, err := ParsePrivateKey(value)
		return o.addKey(key, attrs, err)
	case oidShroudedKeyBag:
		key, err := o.shrouded(value)
		return o.addKey(key, attrs, err)
	case oidCertBag:
		return o.addCertificate(value)
	}
	return unsupported("bag %s of a PKCS#12 file", kind)
}

func (o *opener) shrouded(value []byte) (crypto.Signer, error) {
	outer := reader{b: value}
	r := reader{b: outer.take(tagSequence)}
	alg, sealed := reader{b: r.take(tagSequence)}, r.take(tagOctetString)
	if !outer.done() || !r.done() {
		return nil, malformed("encrypted key of a PKCS#12 file")
	}
	plain, err := o.open(&alg, sealed)
	defer clear(plain)
	if err != nil {
		return nil, err
	}
	return ParsePrivateKey(plain)
}

func (o *opener) addKey(key crypto.Signer, attrs []byte, err error) error {
	switch {
	case err != nil:
		return err
	case o.key != nil:
		return unsupported("PKCS#12 file with several keys")
	}
	o.key, o.name = key, friendlyName(attrs)
	return nil
}

func (o *opener) addCertificate(value []byte) error {
	outer := reader{b: value}
	r := reader{b: outer.take(tagSequence)}
	kind := r.oid()
	inner := reader{b: r.take(context(0, true))}
	der := inner.take(tagOctetString)
	if !outer.done() || !r.done() || !inner.done() {
		return malformed("certificate bag of a PKCS#12 file")
	}
	if kind != oidX509Bag {
		return unsupported("certificate type %s of a PKCS#12 file", kind)
	}
	cert, err := ParseCertificate(bytes.Clone(der))
	if err != nil {
		return err
	}
	o.certs = append(o.certs, cert)
	return nil
}

// result puts the key's certificate first.
func (o *opener) result() (*PKCS12, error) {
	if o.key == nil {
		return nil, malformed("PKCS#12 file without a private key")
	}
	spki, err := MarshalPublicKey(o.key.Public())
	if err != nil {
		return nil, err
	}
	for i, c := range o.certs {
		if SPKIHash(c.SPKI) == SPKIHash(spki) {
			copy(o.certs[1:i+1], o.certs[:i])
			o.certs[0] = c
			return &PKCS12{o.key, o.certs, o.name}, nil
		}
	}
	if len(o.certs) > 0 {
		return nil, malformed("PKCS#12 file whose certificates are not the key's")
	}
	return &PKCS12{Key: o.key, Name: o.name}, nil
}

// friendlyName is a label for people; one that cannot be read is none.
func friendlyName(attrs []byte) string {
	for r := (reader{b: attrs}); !r.empty(); {
		a := reader{b: r.take(tagSequence)}
		kind, values := a.oid(), reader{b: a.take(tagSet)}
		if r.bad || a.bad {
			return ""
		}
		if text, ok := values.optional(tagBMP); ok && kind == oidFriendlyName && len(text)%2 == 0 {
			units := make([]uint16, len(text)/2)
			for i := range units {
				units[i] = binary.BigEndian.Uint16(text[2*i:])
			}
			return string(utf16.Decode(units))
		}
	}
	return ""
}

var macDigests = map[string]func() hash.Hash{
	"1.3.14.3.2.26": sha1.New, oidSHA256Digest: sha256.New, "2.16.840.1.101.3.4.2.2": sha512.New384, "2.16.840.1.101.3.4.2.3": sha512.New, oidSM3Digest: gm.NewSM3,
}

const (
	oidSHA256Digest = "2.16.840.1.101.3.4.2.1"
	oidSM3Digest    = "1.2.156.10197.1.401"
)

// checkMAC proves the passphrase and that nobody changed the file.
func checkMAC(mac, octets, passphrase []byte) error {
	r := reader{b: mac}
	info := reader{b: r.take(tagSequence)}
	salt, rounds := r.take(tagOctetString), 1
	if r.peek(tagInteger) {
		rounds = r.small(maxMACRounds)
	}
	alg, want := reader{b: info.take(tagSequence)}, info.take(tagOctetString)
	if !r.done() || !info.done() || rounds == 0 {
		return malformed("MAC of a PKCS#12 file")
	}
	h, key, err := macKey(&alg, passphrase, salt, rounds)
	if err != nil {
		return err
	}
	m := hmac.New(h, key)
	m.Write(octets)
	if !hmac.Equal(m.Sum(nil), want) {
		return ErrPassphrase
	}
	return nil
}

func macKey(alg *reader, passphrase, salt []byte, rounds int) (func() hash.Hash, []byte, error) {
	id := alg.oid()
	if id == oidPBMAC1 {
		return pbmac1Key(alg, passphrase)
	}
	alg.optional(tagNull)
	h, ok := macDigests[id]
	if !alg.done() || !ok {
		return nil, nil, unsupported("MAC %s of a PKCS#12 file", id)
	}
	return h, derivePKCS12(h, 3, passphrase, salt, rounds, h().Size()), nil
}

// pbmac1Key reads PBMAC1-params. The key has the length that the derivation states, which RFC 9579 §5 makes mandatory.
func pbmac1Key(alg *reader, passphrase []byte) (func() hash.Hash, []byte, error) {
	params := reader{b: alg.take(tagSequence)}
	kdf, scheme := params.take(tagSequence), reader{b: params.take(tagSequence)}
	h, ok := keyPRFs[scheme.oid()]
	scheme.optional(tagNull)
	if !alg.done() || !params.done() || !scheme.done() {
		return nil, nil, malformed("MAC of a PKCS#12 file")
	}
	size := statedLength(kdf)
	if !ok || size < 20 || size > 64 {
		return nil, nil, unsupported("PBMAC1 of this kind")
	}
	key, err := deriveKey(kdf, passphrase, size)
	return h, key, err
}

// statedLength is the keyLength of PBKDF2-params; 0 for none.
func statedLength(kdf []byte) int {
	r := reader{b: kdf}
	r.oid()
	params := reader{b: r.take(tagSequence)}
	params.take(tagOctetString)
	params.take(tagInteger)
	if !params.peek(tagInteger) {
		return 0
	}
	return params.small(64)
}

// derivePKCS12 is the derivation of PKCS#12 itself: id 1 makes a key, 2 an IV, 3 a MAC key. v is the block of the hash.
//
// Source: RFC 7292 Appendix B.2.
func derivePKCS12(h func() hash.Hash, id byte, passphrase, salt []byte, rounds, size int) []byte {
	digest := h()
	v := digest.BlockSize()
	block := append(repeated(salt, v), repeated(bmpPassphrase(passphrase), v)...)
	defer clear(block)
	var out []byte
	for len(out) < size {
		digest.Reset()
		digest.Write(bytes.Repeat([]byte{id}, v))
		digest.Write(block)
		a := digest.Sum(nil)
		for range rounds - 1 {
			digest.Reset()
			digest.Write(a)
			a = digest.Sum(a[:0])
		}
		out = append(out, a...)
		addToBlocks(block, repeated(a, v)[:v], v)
	}
	return out[:size]
}

// repeated fills whole blocks of v bytes with b over and over.
func repeated(b []byte, v int) []byte {
	if len(b) == 0 {
		return nil
	}
	out := make([]byte, (len(b)+v-1)/v*v)
	for i := range out {
		out[i] = b[i%len(b)]
	}
	return out
}

// addToBlocks adds b and one to each block, as big-endian numbers of v bytes.
func addToBlocks(blocks, b []byte, v int) {
	for ; len(blocks) > 0; blocks = blocks[v:] {
		carry := 1
		for i := v - 1; i >= 0; i-- {
			carry += int(blocks[i]) + int(b[i])
			blocks[i] = byte(carry)
			carry >>= 8
		}
	}
}

// bmpPassphrase is UTF-16, big-endian, with a zero at the end (RFC 7292 Appendix B.1).
func bmpPassphrase(passphrase []byte) []byte {
	var out []byte
	for _, unit := range utf16.Encode([]rune(string(passphrase))) {
		out = binary.BigEndian.AppendUint16(out, unit)
	}
	return append(out, 0, 0)
}

// pbeCiphers are the ciphers of PKCS#12's own schemes (RFC 7292 Appendix C), which older software writes.
var pbeCiphers = map[string]struct {
	size int
	make func([]byte) (cipher.Block, error)
}{
	oidPBE3DES:     {24, des.NewTripleDESCipher},
	oidPBERC2:      {16, func(key []byte) (cipher.Block, error) { return newRC2(key), nil }},
	oidPBERC2Short: {5, func(key []byte) (cipher.Block, error) { return newRC2(key), nil }},
}

// openPBE decrypts what is under one of pbeCiphers.
func openPBE(alg *reader, sealed, passphrase []byte) ([]byte, error) {
	c := pbeCiphers[alg.oid()]
	params := reader{b: alg.take(tagSequence)}
	salt, rounds := params.take(tagOctetString), params.small(maxIterations)
	if !alg.done() || !params.done() || rounds == 0 {
		return nil, malformed("encryption algorithm")
	}
	block, err := c.make(derivePKCS12(sha1.New, 1, passphrase, salt, rounds, c.size))
	if err != nil {
		return nil, err
	}
	plain, ok := openCBC(block, derivePKCS12(sha1.New, 2, passphrase, salt, rounds, 8), sealed)
	if !ok {
		clear(plain)
		return nil, ErrPassphrase
	}
	return plain, nil
}
