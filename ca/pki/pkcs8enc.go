package pki

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/pem"
	"errors"
	"hash"
	"math/big"

	"golang.org/x/crypto/scrypt"

	"signet/ca/gm"
)

// ErrPassphrase means an encrypted private key does not open with the passphrase given, or needs one.
var ErrPassphrase = errors.New("pki: wrong or missing passphrase of a private key")

// ReadPrivateKey reads a private key as other software keeps it: PKCS#8, encrypted or not, PEM or DER.
//
// Nil/zero: passphrase is not looked at for a key that is not encrypted.
// Errors: ErrPassphrase; as ParsePrivateKey and DecryptPrivateKey. None carries key material.
func ReadPrivateKey(in, passphrase []byte) (crypto.Signer, error) {
	block, rest := pem.Decode(in)
	if block == nil {
		if key, err := ParsePrivateKey(in); err == nil {
			return key, nil
		}
		return DecryptPrivateKey(in, passphrase)
	}
	if len(bytes.TrimSpace(rest)) != 0 {
		return nil, malformed("text after the private key")
	}
	switch block.Type {
	case "PRIVATE KEY":
		return ParsePrivateKey(block.Bytes)
	case "ENCRYPTED PRIVATE KEY":
		return DecryptPrivateKey(block.Bytes, passphrase)
	}
	return nil, malformed("PEM block of type %q; convert the key to PKCS#8", block.Type)
}

// Bounds of what a key file may make us compute.
const (
	maxIterations   = 10_000_000
	maxScryptMemory = 512 << 20
)

// DecryptPrivateKey reads an EncryptedPrivateKeyInfo by PBES2: PBKDF2 with HMAC over SHA-1, SHA-2 or SM3, or scrypt; AES, SM4 or triple DES in CBC.
//
// Errors: ErrPassphrase; ErrMalformed; ErrUnsupported for other schemes, PKCS#12's and PBES1 among them.
// Source: RFC 5958 §3; RFC 8018 §6.2 and Appendix A; RFC 7914 §7; the SM3 and SM4 identifiers from GB/T 33560.
func DecryptPrivateKey(der, passphrase []byte) (crypto.Signer, error) {
	body, err := sequence(der, "encrypted private key")
	if err != nil {
		return nil, err
	}
	r := reader{b: body}
	alg := reader{b: r.take(tagSequence)}
	sealed := r.take(tagOctetString)
	if !r.done() {
		return nil, malformed("encrypted private key")
	}
	plain, err := openPBES2(&alg, sealed, passphrase)
	defer clear(plain)
	if err != nil {
		return nil, err
	}
	signer, err := ParsePrivateKey(plain)
	if errors.Is(err, ErrMalformed) {
		return nil, ErrPassphrase // one wrong passphrase in 256 leaves padding that looks right
	}
	return signer, err
}

// openPBES2 reads an AlgorithmIdentifier and decrypts what is under it.
//
// Errors: as DecryptPrivateKey; ErrPassphrase where the padding is wrong.
func openPBES2(alg *reader, sealed, passphrase []byte) ([]byte, error) {
	scheme := alg.oid()
	params := reader{b: alg.take(tagSequence)}
	if !alg.done() {
		return nil, malformed("encryption algorithm")
	}
	if scheme != oidPBES2 {
		return nil, unsupported("encryption scheme %s", scheme)
	}
	kdf, enc := params.take(tagSequence), reader{b: params.take(tagSequence)}
	encOID, iv := enc.oid(), enc.take(tagOctetString)
	if !params.done() || !enc.done() {
		return nil, malformed("encryption algorithm")
	}
	c, ok := keyCiphers[encOID]
	if !ok {
		return nil, unsupported("cipher %s", encOID)
	}
	key, err := deriveKey(kdf, passphrase, c.size)
	if err != nil {
		return nil, err
	}
	block, err := c.make(key)
	if err != nil {
		return nil, err
	}
	plain, ok := openCBC(block, iv, sealed)
	if !ok {
		clear(plain)
		return nil, ErrPassphrase
	}
	return plain, nil
}

const oidPBES2 = "1.2.840.113549.1.5.13" // RFC 8018 Appendix A.4

var keyCiphers = map[string]struct {
	size int
	make func([]byte) (cipher.Block, error)
}{
	"2.16.840.1.101.3.4.1.2":  {16, aes.NewCipher},
	"2.16.840.1.101.3.4.1.22": {24, aes.NewCipher},
	"2.16.840.1.101.3.4.1.42": {32, aes.NewCipher},
	"1.2.840.113549.3.7":      {24, des.NewTripleDESCipher},
	"1.2.156.10197.1.104.2":   {16, gm.NewSM4},
}

var keyPRFs = map[string]func() hash.Hash{
	"1.2.840.113549.2.7": sha1.New, "1.2.840.113549.2.9": sha256.New, "1.2.840.113549.2.10": sha512.New384, "1.2.840.113549.2.11": sha512.New,
	"1.2.156.10197.1.401.2": gm.NewSM3,
}

func deriveKey(kdf, passphrase []byte, size int) ([]byte, error) {
	r := reader{b: kdf}
	oid := r.oid()
	params := reader{b: r.take(tagSequence)}
	if !r.done() {
		return nil, malformed("key derivation")
	}
	salt := params.take(tagOctetString)
	switch oid {
	case "1.2.840.113549.1.5.12": // id-PBKDF2
		return derivePBKDF2(&params, salt, passphrase, size)
	case "1.3.6.1.4.1.11591.4.11": // id-scrypt
		return deriveScrypt(&params, salt, passphrase, size)
	}
	return nil, unsupported("key derivation %s", oid)
}

func derivePBKDF2(params *reader, salt, passphrase []byte, size int) ([]byte, error) {
	rounds := params.small(maxIterations)
	if n, ok := params.optional(tagInteger); ok && !new(big.Int).SetBytes(n).IsInt64() {
		return nil, malformed("key length")
	}
	prf := "1.2.840.113549.2.7" // the default, RFC 8018 Appendix A.2
	if alg, ok := params.optional(tagSequence); ok {
		a := reader{b: alg}
		prf = a.oid()
		a.optional(tagNull)
		params.bad = params.bad || !a.done()
	}
	if !params.done() || rounds == 0 {
		return nil, malformed("key derivation")
	}
	h, ok := keyPRFs[prf]
	if !ok {
		return nil, unsupported("key derivation with %s", prf)
	}
	return pbkdf2.Key(h, string(passphrase), salt, rounds, size)
}

func deriveScrypt(params *reader, salt, passphrase []byte, size int) ([]byte, error) {
	n, r, p := params.small(maxScryptMemory), params.small(1<<10), params.small(1<<10)
	params.optional(tagInteger)
	if !params.done() || n == 0 || r == 0 || p == 0 || n > maxScryptMemory/128/r {
		return nil, malformed("key derivation")
	}
	key, err := scrypt.Key(passphrase, salt, n, r, p, size)
	if err != nil {
		return nil, malformed("key derivation")
	}
	return key, nil
}

// small reads a positive INTEGER up to most; 0 is none.
func (r *reader) small(most int) int {
	n := r.take(tagInteger)
	v := new(big.Int).SetBytes(n)
	if r.bad || len(n) == 0 || n[0]&0x80 != 0 || !v.IsInt64() || v.Int64() > int64(most) {
		r.bad = true
		return 0
	}
	return int(v.Int64())
}

// openCBC decrypts and takes the padding of RFC 8018 §6.1.1 off.
func openCBC(block cipher.Block, iv, sealed []byte) (plain []byte, ok bool) {
	size := block.BlockSize()
	if len(iv) != size || len(sealed) == 0 || len(sealed)%size != 0 {
		return nil, false
	}
	plain = make([]byte, len(sealed))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, sealed)
	n := int(plain[len(plain)-1])
	if n == 0 || n > size || !bytes.Equal(plain[len(plain)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		return plain, false
	}
	return plain[:len(plain)-n], true
}
