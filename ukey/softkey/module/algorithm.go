package main

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"math/big"

	"signet/ca/gm"
	"signet/ca/pki"
)

// capability is CK_MECHANISM_INFO.
type capability struct {
	mech     uint64
	min, max uint64
	flags    uint64
}

// Flags of a mechanism. Source: PKCS#11 2.40, CKF_*.
const (
	canEncrypt = 0x00000100
	canDecrypt = 0x00000200
	canDigest  = 0x00000400
	canSign    = 0x00000800
	canVerify  = 0x00002000
	canGen     = 0x00008000
	canGenPair = 0x00010000
	canWrap    = 0x00020000
	canUnwrap  = 0x00040000
	canDerive  = 0x00080000
	ecNamed    = 0x00100000 | 0x00800000 | 0x01000000 // F_p, named curve, uncompressed
)

var capabilities = []capability{
	{mechRSAGen, 2048, 4096, canGenPair},
	{mechRSA, 2048, 4096, canSign | canVerify | canEncrypt | canDecrypt},
	{mechOAEP, 2048, 4096, canEncrypt | canDecrypt | canUnwrap},
	{mechPSS, 2048, 4096, canSign | canVerify},
	{mechSHA256RSA, 2048, 4096, canSign | canVerify},
	{mechSHA384RSA, 2048, 4096, canSign | canVerify},
	{mechSHA512RSA, 2048, 4096, canSign | canVerify},
	{mechSHA256PSS, 2048, 4096, canSign | canVerify},
	{mechECGen, 256, 384, canGenPair | ecNamed},
	{mechECDSA, 256, 384, canSign | canVerify | ecNamed},
	{mechECDSASHA256, 256, 384, canSign | canVerify | ecNamed},
	{mechECDSASHA384, 256, 384, canSign | canVerify | ecNamed},
	{mechECDH, 256, 384, canDerive | ecNamed},
	{mechSHA1, 0, 0, canDigest}, {mechSHA256, 0, 0, canDigest}, {mechSHA384, 0, 0, canDigest}, {mechSHA512, 0, 0, canDigest},
	{mechGenericGen, 1, 4096, canGen},
	{mechAESGen, 16, 32, canGen},
	{mechAESCBCPad, 16, 32, canEncrypt | canDecrypt},
	{mechAESGCM, 16, 32, canEncrypt | canDecrypt},
	{mechAESWrapPad, 16, 32, canWrap | canUnwrap},
	{mechSM3, 0, 0, canDigest},
	{mechSM2Gen, 256, 256, canGenPair},
	{mechSM2, 256, 256, canSign | canVerify},
	{mechSM2SM3, 256, 256, canSign | canVerify},
	{mechSM2Encrypt, 256, 256, canEncrypt | canDecrypt},
	{mechSM2Enveloped, 256, 256, canUnwrap},
}

// family is the kind of key that a mechanism works with.
var family = map[uint64]uint64{mechRSA: typeRSA, mechOAEP: typeRSA, mechPSS: typeRSA, mechSHA256RSA: typeRSA,
	mechSHA384RSA: typeRSA, mechSHA512RSA: typeRSA, mechSHA256PSS: typeRSA, mechECDSA: typeEC, mechECDSASHA256: typeEC,
	mechECDSASHA384: typeEC, mechSM2: typeSM2, mechSM2SM3: typeSM2, mechSM2Encrypt: typeSM2, mechSM2Enveloped: typeSM2,
	mechAESCBCPad: typeAES, mechAESGCM: typeAES}

var verbFlag = map[verb]uint64{signing: canSign, verifying: canVerify, encrypting: canEncrypt, decrypting: canDecrypt}

// fits tells whether a key, a mechanism and its parameter go together.
func fits(v verb, m mechanism, o object) error {
	var flags uint64
	for _, c := range capabilities {
		if c.mech == m.number {
			flags = c.flags
		}
	}
	if flags&verbFlag[v] == 0 {
		return rvMechanismInvalid
	}
	kind, _ := o.number(attrKeyType)
	if want := family[m.number]; kind != want {
		return rvKeyTypeInconsistent
	}
	return m.checkParameter()
}

func (m mechanism) checkParameter() error {
	wrong := m.bad
	switch m.number {
	case mechPSS, mechSHA256PSS, mechOAEP:
		h := rsaHash(m.hash)
		wrong = wrong || h == 0 || m.mgf != mgfOf(m.hash)
		wrong = wrong || m.number != mechOAEP && m.salt == 0 // to crypto/rsa a salt of no bytes means "any length"
	case mechAESCBCPad:
		wrong = wrong || len(m.raw) != aes.BlockSize
	case mechAESGCM:
		wrong = wrong || len(m.iv) == 0 || m.tag != 128
	}
	if wrong {
		return rvMechanismParamInvalid
	}
	return nil
}

func rsaHash(mech uint64) crypto.Hash {
	return map[uint64]crypto.Hash{mechSHA1: crypto.SHA1, mechSHA256: crypto.SHA256, mechSHA384: crypto.SHA384,
		mechSHA512: crypto.SHA512}[mech]
}

// mgfOf is the CKG_MGF1_* of a hash.
func mgfOf(mech uint64) uint64 {
	return map[uint64]uint64{mechSHA1: 1, mechSHA256: 2, mechSHA384: 3, mechSHA512: 4}[mech]
}

// digestOf hashes first where the mechanism says so.
func digestOf(m mechanism, data []byte) ([]byte, crypto.Hash) {
	h := map[uint64]crypto.Hash{mechSHA256RSA: crypto.SHA256, mechSHA384RSA: crypto.SHA384, mechSHA512RSA: crypto.SHA512,
		mechSHA256PSS: crypto.SHA256, mechECDSASHA256: crypto.SHA256, mechECDSASHA384: crypto.SHA384}[m.number]
	if h == 0 {
		return data, 0
	}
	d := h.New()
	d.Write(data)
	return d.Sum(nil), h
}

func signatureSize(pub crypto.PublicKey) int {
	switch k := pub.(type) {
	case *rsa.PublicKey:
		return k.Size()
	case *ecdsa.PublicKey:
		return 2 * coordinate(k)
	}
	return 64
}

func coordinate(k *ecdsa.PublicKey) int { return (k.Params().BitSize + 7) / 8 }

func sign(key crypto.Signer, m mechanism, data []byte) ([]byte, error) {
	digest, h := digestOf(m, data)
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if m.number == mechPSS || m.number == mechSHA256PSS {
			if len(digest) != rsaHash(m.hash).Size() {
				return nil, rvDataLenRange
			}
			return rsa.SignPSS(rand.Reader, k, rsaHash(m.hash), digest, &rsa.PSSOptions{SaltLength: m.salt})
		}
		if len(digest) > k.Size()-11 {
			return nil, rvDataLenRange
		}
		return rsa.SignPKCS1v15(rand.Reader, k, h, digest)
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, k, digest)
		if err != nil {
			return nil, err
		}
		n := coordinate(&k.PublicKey)
		return append(r.FillBytes(make([]byte, n)), s.FillBytes(make([]byte, n))...), nil
	case *gm.PrivateKey:
		if m.number == mechSM2SM3 {
			digest = k.PublicKey().Digest(nil, data)
		}
		der, err := k.Sign(rand.Reader, digest, pki.SM2Opts)
		if err != nil {
			return nil, err
		}
		return gm.SignatureToRaw(der)
	}
	return nil, rvKeyTypeInconsistent
}

func verify(pub crypto.PublicKey, m mechanism, data, signature []byte) error {
	if len(signature) != signatureSize(pub) {
		return rvSignatureLenRange
	}
	digest, h := digestOf(m, data)
	good := false
	switch k := pub.(type) {
	case *rsa.PublicKey:
		if m.number == mechPSS || m.number == mechSHA256PSS {
			good = rsa.VerifyPSS(k, rsaHash(m.hash), digest, signature, &rsa.PSSOptions{SaltLength: m.salt}) == nil
		} else {
			good = rsa.VerifyPKCS1v15(k, h, digest, signature) == nil
		}
	case *ecdsa.PublicKey:
		n := coordinate(k)
		good = ecdsa.Verify(k, digest, new(big.Int).SetBytes(signature[:n]), new(big.Int).SetBytes(signature[n:]))
	case *gm.PublicKey:
		if m.number == mechSM2SM3 {
			digest = k.Digest(nil, data)
		}
		der, err := gm.SignatureFromRaw(signature)
		good = err == nil && len(digest) == 32 && k.Verify(digest, der)
	}
	if !good {
		return rvSignatureInvalid
	}
	return nil
}

func encrypt(pub crypto.PublicKey, m mechanism, data []byte) (out []byte, err error) {
	switch k := pub.(type) {
	case *rsa.PublicKey:
		if m.number == mechOAEP {
			out, err = rsa.EncryptOAEP(rsaHash(m.hash).New(), rand.Reader, k, data, m.label)
		} else {
			out, err = rsa.EncryptPKCS1v15(rand.Reader, k, data)
		}
		if err != nil {
			return nil, rvDataLenRange
		}
		return out, nil
	case *gm.PublicKey:
		der, err := k.Encrypt(rand.Reader, data)
		if err != nil {
			return nil, rvDataLenRange
		}
		c, err := gm.ParseCiphertext(der)
		return c.C1C3C2(), err
	}
	return nil, rvKeyTypeInconsistent
}

// decrypt never says why it did not work.
func decrypt(key crypto.Signer, m mechanism, data []byte) (out []byte, err error) {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if m.number == mechOAEP {
			out, err = rsa.DecryptOAEP(rsaHash(m.hash).New(), rand.Reader, k, data, m.label)
		} else {
			out, err = rsa.DecryptPKCS1v15(rand.Reader, k, data)
		}
	case *gm.PrivateKey:
		out, err = k.Decrypt(rand.Reader, data, nil)
	default:
		return nil, rvKeyTypeInconsistent
	}
	if err != nil {
		return nil, rvEncryptedDataInvalid
	}
	return out, nil
}

func symmetric(v verb, m mechanism, key, data []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, rvKeyTypeInconsistent
	}
	if m.number == mechAESGCM {
		aead, err := cipher.NewGCMWithNonceSize(block, len(m.iv))
		if err != nil {
			return nil, rvMechanismParamInvalid
		}
		if v == encrypting {
			return aead.Seal([]byte{}, m.iv, data, m.aad), nil
		}
		out, err := aead.Open([]byte{}, m.iv, data, m.aad)
		if err != nil {
			return nil, rvEncryptedDataInvalid
		}
		return out, nil
	}
	if v == encrypting {
		n := aes.BlockSize - len(data)%aes.BlockSize
		out := append([]byte{}, data...)
		for range n {
			out = append(out, byte(n))
		}
		cipher.NewCBCEncrypter(block, m.raw).CryptBlocks(out, out)
		return out, nil
	}
	return openCBC(block, m.raw, data)
}

func openCBC(block cipher.Block, iv, data []byte) ([]byte, error) {
	if len(data) == 0 || len(data)%aes.BlockSize != 0 {
		return nil, rvEncryptedDataInvalid
	}
	out := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, data)
	n := int(out[len(out)-1])
	if n < 1 || n > aes.BlockSize {
		return nil, rvEncryptedDataInvalid
	}
	for _, b := range out[len(out)-n:] {
		if int(b) != n {
			return nil, rvEncryptedDataInvalid
		}
	}
	return out[:len(out)-n], nil
}
