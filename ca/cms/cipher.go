package cms

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"fmt"

	"signet/ca/gm"
)

const (
	oidSM4    = "1.2.156.10197.1.104"
	oidSM4ECB = "1.2.156.10197.1.104.1"
	oidSM4CBC = "1.2.156.10197.1.104.2"
	oidAES128 = "2.16.840.1.101.3.4.1.2"
	oidAES192 = "2.16.840.1.101.3.4.1.22"
	oidAES256 = "2.16.840.1.101.3.4.1.42"
)

const blockSize = 16 // of SM4 and AES

// contentCipher is a block cipher with PKCS#7 padding, in CBC mode or, without an IV, in ECB.
type contentCipher struct {
	name    string
	id      string
	keySize int
	new     func(key []byte) (cipher.Block, error)
	iv      []byte // nil = ECB
}

func sm4CBC(iv []byte) contentCipher {
	return contentCipher{"SM4-CBC", oidSM4CBC, 16, gm.NewSM4, iv}
}

func aesCBC(bits int, id string, iv []byte) contentCipher {
	return contentCipher{fmt.Sprintf("AES-%d-CBC", bits), id, bits / 8, aes.NewCipher, iv}
}

// cipherOf reads a content-encryption AlgorithmIdentifier. CFCA writes the bare SM4 identifier and an IV.
func cipherOf(a algorithm) (contentCipher, error) {
	if a.plain() && (a.id == oidSM4 || a.id == oidSM4ECB) {
		return sm4ECB(), nil
	}
	r := newReader(a.params)
	iv := r.body(tagOctetString, "initialisation vector")
	r.end("initialisation vector")
	if r.err() != nil || len(iv) != blockSize {
		return contentCipher{}, fmt.Errorf("%w: parameters of cipher %s", ErrUnsupported, a.id)
	}
	switch a.id {
	case oidSM4, oidSM4CBC:
		return sm4CBC(iv), nil
	case oidAES128:
		return aesCBC(128, a.id, iv), nil
	case oidAES192:
		return aesCBC(192, a.id, iv), nil
	case oidAES256:
		return aesCBC(256, a.id, iv), nil
	}
	return contentCipher{}, fmt.Errorf("%w: cipher %s", ErrUnsupported, a.id)
}

func sm4ECB() contentCipher { return contentCipher{"SM4-ECB", oidSM4ECB, 16, gm.NewSM4, nil} }

func (c contentCipher) node() node {
	if c.iv == nil {
		return seq(oid(c.id), null())
	}
	return seq(oid(c.id), octets(c.iv))
}

// seal pads and encrypts.
func (c contentCipher) seal(key, content []byte) ([]byte, error) {
	block, err := c.new(key)
	if err != nil {
		return nil, err
	}
	pad := blockSize - len(content)%blockSize
	out := make([]byte, len(content)+pad)
	copy(out, content)
	for i := len(content); i < len(out); i++ {
		out[i] = byte(pad)
	}
	if c.iv == nil {
		gm.EncryptECB(block, out, out)
	} else {
		cipher.NewCBCEncrypter(block, c.iv).CryptBlocks(out, out)
	}
	return out, nil
}

// open decrypts and strips the padding. Its one error says nothing about which step failed.
func (c contentCipher) open(key, sealed []byte) ([]byte, error) {
	if len(key) != c.keySize || len(sealed) == 0 || len(sealed)%blockSize != 0 {
		return nil, ErrDecrypt
	}
	block, err := c.new(key)
	if err != nil {
		return nil, ErrDecrypt
	}
	out := make([]byte, len(sealed))
	if c.iv == nil {
		gm.DecryptECB(block, out, sealed)
	} else {
		cipher.NewCBCDecrypter(block, c.iv).CryptBlocks(out, sealed)
	}
	n, ok := unpadded(out)
	if ok != 1 {
		clear(out)
		return nil, ErrDecrypt
	}
	return out[:n], nil
}

// unpadded finds the length without PKCS#7 padding, reading the whole last block whatever it holds.
func unpadded(b []byte) (n, ok int) {
	last := b[len(b)-blockSize:]
	pad := int(last[blockSize-1])
	ok = subtle.ConstantTimeLessOrEq(1, pad) & subtle.ConstantTimeLessOrEq(pad, blockSize)
	for i := range blockSize {
		inside := subtle.ConstantTimeLessOrEq(blockSize-i, pad)
		right := subtle.ConstantTimeByteEq(last[i], byte(pad))
		ok &= subtle.ConstantTimeSelect(inside, right, 1)
	}
	return len(b) - pad, ok
}
